//! One HTTP call: its receiving half, its sending half, and who waits for which.
//!
//! The loop feeds host events in (`on_*`), the handles [`Receive`](crate::Receive) and
//! [`Send`](crate::Send) work on it from the app's side, and what it says goes to the hub's outbox. It never
//! waits, never polls and never touches the host.

mod framing;
mod inbound;
mod outbound;
mod waiters;

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use self::inbound::Inbound;
use self::outbound::Outbound;
use self::waiters::{Ticket, Waiters};
use crate::SendError;
use crate::bindings::types::{Action, BodyChunk, Credit, Extensions, Finished, Outcome};
use crate::event::Event;
use crate::headers::Written;
use crate::hub::{Hub, Outbox};
use crate::sync::lock;

/// Bytes of body that may be on their way or unread, per call and direction (`G-20`): `mark` of the WIT.
pub(crate) const MARK: usize = 65_536;
/// Most bytes of body in one action.
pub(crate) const MAX_PIECE: usize = 262_144;

pub(crate) struct Call {
    pub(crate) id: u64,
    hub: Arc<Hub>,
    state: Mutex<CallState>,
}

struct CallState {
    inbound: Inbound,
    outbound: Outbound,
    /// The host said so: nobody is listening any more.
    disconnected: bool,
    /// How the app ended, while the rest of its response still waits for credit.
    ending: Option<Outcome>,
    /// `finished` has been said: nothing may be said for this id again.
    finished: bool,
    receivers: Waiters,
    senders: Vec<Waker>,
    watchers: Vec<Waker>,
}

impl CallState {
    /// Whether `receive` has nothing left to tell but the end (`Q-09`, `Q-12`).
    fn is_over(&self) -> bool {
        self.disconnected || self.finished || self.ending.is_some() || self.outbound.is_complete()
    }
}

/// A name for one `receive` that waits, so that several are served in order (`A-16`).
pub(crate) type ReceiveTicket = Option<Ticket>;

impl Call {
    pub(crate) fn new(
        id: u64,
        hub: Arc<Hub>,
        head: bool,
        offered: Extensions,
        body: Vec<u8>,
        more: bool,
    ) -> Arc<Call> {
        Arc::new(Call {
            id,
            hub,
            state: Mutex::new(CallState {
                inbound: Inbound::new(body, more),
                outbound: Outbound::new(head, offered),
                disconnected: false,
                ending: None,
                finished: false,
                receivers: Waiters::default(),
                senders: Vec::new(),
                watchers: Vec::new(),
            }),
        })
    }

    // ------------------------------------------------------------ the host's side

    pub(crate) fn on_body(&self, chunk: BodyChunk) {
        let woken = {
            let mut state = lock(&self.state);
            state.inbound.push(chunk.body, chunk.more_body);
            state.receivers.front()
        };
        wake(woken);
    }

    /// The client is gone. Answers whether the call has ended by that.
    pub(crate) fn on_disconnect(&self) -> bool {
        let (woken, ended) = {
            let mut state = lock(&self.state);
            state.disconnected = true;
            state.outbound.abandon();
            let ended = self.try_end(&mut state);
            (Self::everyone(&mut state), ended)
        };
        wake(woken);
        ended
    }

    /// `bytes` have left the host's buffer. Answers whether the call has ended by that.
    pub(crate) fn on_writable(&self, bytes: u32) -> bool {
        let (woken, ended) = {
            let mut state = lock(&self.state);
            state.outbound.drained(bytes as usize);
            state.outbound.pump(self.id, &mut lock(&self.hub.outbox));
            let ended = self.try_end(&mut state);
            (std::mem::take(&mut state.senders), ended)
        };
        wake(woken);
        ended
    }

    /// The app has ended. Answers whether the call has too; if not, its last bytes still wait for credit.
    pub(crate) fn end(&self, outcome: Outcome) -> bool {
        let (woken, ended) = {
            let mut state = lock(&self.state);
            state.outbound.flush_start(&mut lock(&self.hub.outbox));
            state.ending = Some(outcome);
            let ended = self.try_end(&mut state);
            (Self::everyone(&mut state), ended)
        };
        wake(woken);
        ended
    }

    /// Whether `finished` has been said.
    pub(crate) fn is_finished(&self) -> bool {
        lock(&self.state).finished
    }

    /// The turn is over and no body has come: the head goes out on its own (`R-04`).
    pub(crate) fn flush_start(&self) {
        let mut state = lock(&self.state);
        state.outbound.flush_start(&mut lock(&self.hub.outbox));
    }

    fn try_end(&self, state: &mut CallState) -> bool {
        if !state.outbound.has_backlog()
            && let Some(outcome) = state.ending.take()
        {
            state.finished = true;
            state.inbound.clear();
            lock(&self.hub.outbox).push(Action::Finished(Finished {
                call: self.id,
                outcome,
            }));
        }
        state.finished
    }

    fn everyone(state: &mut CallState) -> Vec<Waker> {
        let mut woken = std::mem::take(&mut state.senders);
        woken.append(&mut state.watchers);
        woken.extend(state.receivers.all());
        woken
    }

    // ------------------------------------------------------------ receive

    /// One `receive`. `ticket` is the caller's and stays with it from poll to poll.
    pub(crate) fn poll_receive(
        &self,
        ticket: &mut ReceiveTicket,
        cx: &mut Context<'_>,
    ) -> Poll<Event> {
        let (event, next) = {
            let mut state = lock(&self.state);
            if state.is_over() {
                state.receivers.leave(ticket);
                (Event::Disconnect, None)
            } else {
                if let Some(bytes) = state.inbound.ask() {
                    self.read(bytes);
                }
                if !state.receivers.is_turn(*ticket) {
                    state.receivers.wait(ticket, cx.waker());
                    return Poll::Pending;
                }
                let Some((body, more_body)) = state.inbound.take() else {
                    state.receivers.wait(ticket, cx.waker());
                    return Poll::Pending;
                };
                if let Some(bytes) = state.inbound.top_up() {
                    self.read(bytes);
                }
                state.receivers.leave(ticket);
                let next = if state.inbound.has_event() {
                    state.receivers.front()
                } else {
                    None
                };
                (Event::Request { body, more_body }, next)
            }
        };
        wake(next);
        Poll::Ready(event)
    }

    /// The `receive` with this ticket is dropped. It had consumed nothing (`G-09`).
    pub(crate) fn cancel_receive(&self, ticket: &mut ReceiveTicket) {
        if ticket.is_none() {
            return;
        }
        let next = {
            let mut state = lock(&self.state);
            state.receivers.leave(ticket);
            if state.inbound.has_event() {
                state.receivers.front()
            } else {
                None
            }
        };
        wake(next);
    }

    /// Whether the request has no body bytes left to come, as far as is known without waiting.
    #[cfg(feature = "tower")]
    pub(crate) fn body_is_empty(&self) -> bool {
        lock(&self.state).inbound.is_empty()
    }

    fn read(&self, bytes: u32) {
        lock(&self.hub.outbox).push(Action::Read(Credit {
            call: self.id,
            bytes,
        }));
    }

    // ------------------------------------------------------------ send

    /// Says something, wholly or not at all. What is said goes out even if nobody awaits (`G-22`).
    fn say(
        self: &Arc<Self>,
        what: impl FnOnce(&mut Outbound, u64, &mut Outbox) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let woken = {
            let mut state = lock(&self.state);
            if state.outbound.is_complete() {
                return Ok(()); // `R-06`
            }
            if state.disconnected || state.finished || state.ending.is_some() {
                return Err(SendError::Disconnected);
            }
            let mut outbox = lock(&self.hub.outbox);
            let held = state.outbound.holds_start();
            what(&mut state.outbound, self.id, &mut outbox)?;
            match (held, state.outbound.holds_start()) {
                (false, true) => outbox.hold(self.clone()),
                (true, false) => outbox.release(self),
                _ => {}
            }
            drop(outbox);
            if state.outbound.is_complete() {
                // Whoever waits in `receive` learns that it is over (`Q-09`).
                Some(state.receivers.all().collect::<Vec<_>>())
            } else {
                None
            }
        };
        wake(woken.into_iter().flatten());
        Ok(())
    }

    pub(crate) fn start(
        self: &Arc<Self>,
        status: u16,
        headers: Written,
        trailers: bool,
    ) -> Result<(), SendError> {
        self.say(|out, id, _| out.start(id, status, headers, trailers))
    }

    pub(crate) fn body(self: &Arc<Self>, body: Bytes, more: bool) -> Result<(), SendError> {
        self.say(|out, id, outbox| out.body(id, body, more, outbox))
    }

    pub(crate) fn respond(
        self: &Arc<Self>,
        status: u16,
        headers: Written,
        body: Bytes,
    ) -> Result<(), SendError> {
        self.say(|out, id, outbox| out.respond(id, status, headers, body, outbox))
    }

    pub(crate) fn trailers(
        self: &Arc<Self>,
        headers: Written,
        more: bool,
    ) -> Result<(), SendError> {
        self.say(|out, id, outbox| out.trailers(id, headers, more, outbox))
    }

    pub(crate) fn early_hint(self: &Arc<Self>, links: Vec<Vec<u8>>) -> Result<(), SendError> {
        self.say(|out, id, outbox| out.early_hint(id, links, outbox))
    }

    pub(crate) fn pathsend(self: &Arc<Self>, path: String) -> Result<(), SendError> {
        self.say(|out, id, outbox| out.pathsend(id, path, outbox))
    }

    /// Ready once what is unsent is within the mark (`A-11`).
    pub(crate) fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let mut state = lock(&self.state);
        if state.disconnected && !state.outbound.is_complete() {
            return Poll::Ready(Err(SendError::Disconnected));
        }
        if state.disconnected || state.finished || state.outbound.unsent() <= MARK {
            return Poll::Ready(Ok(()));
        }
        register(&mut state.senders, cx.waker());
        Poll::Pending
    }

    /// Ready once the client is gone, or the call is finished.
    pub(crate) fn poll_disconnected(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.disconnected || state.finished {
            return Poll::Ready(());
        }
        register(&mut state.watchers, cx.waker());
        Poll::Pending
    }
}

fn register(wakers: &mut Vec<Waker>, waker: &Waker) {
    if !wakers.iter().any(|kept| kept.will_wake(waker)) {
        wakers.push(waker.clone());
    }
}

fn wake(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        waker.wake();
    }
}
