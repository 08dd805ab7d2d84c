//! One HTTP call as the app's handles have it: the state machine of `wasgi-sdk-core`, and who waits for which half of it.
//!
//! The loop feeds host events in (`on_*`), the handles [`Receive`](crate::Receive) and
//! [`Send`](crate::Send) work on it from the app's side, and what it says goes to the hub's outbox. It never
//! waits, never polls and never touches the host.

mod waiters;
mod websocket;

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use wasgi_sdk_core::{Effect, Offered, Outbox as Batches, Outcome, Received, Refused};

use self::waiters::{Ticket, Waiters};
pub(crate) use self::websocket::WebSocketCall;
use crate::SendError;
use crate::action::Body;
use crate::bindings::types::{Action, BodyChunk, Extensions, HttpScope, Method};
use crate::event::Event;
use crate::hub::{Hub, Outbox};
use crate::sync::lock;

/// A call of either protocol, as the loop has it.
#[derive(Clone)]
pub(crate) enum Open {
    Http(Arc<Call>),
    WebSocket(Arc<WebSocketCall>),
}

impl Open {
    pub(crate) fn id(&self) -> u64 {
        match self {
            Open::Http(call) => call.id,
            Open::WebSocket(call) => call.id,
        }
    }

    /// `bytes` have left the host's buffer. Answers whether the call has ended by that.
    pub(crate) fn on_writable(&self, bytes: u32) -> bool {
        match self {
            Open::Http(call) => call.on_writable(bytes),
            Open::WebSocket(call) => call.on_writable(bytes),
        }
    }

    /// The app has ended. Answers whether the call has too; if not, its last bytes still wait for credit.
    pub(crate) fn end(&self, outcome: Outcome) -> bool {
        match self {
            Open::Http(call) => call.end(outcome),
            Open::WebSocket(call) => call.end(outcome),
        }
    }

    /// Whether `finished` has been said.
    pub(crate) fn is_finished(&self) -> bool {
        match self {
            Open::Http(call) => call.is_finished(),
            Open::WebSocket(call) => call.is_finished(),
        }
    }
}

pub(crate) struct Call {
    pub(crate) id: u64,
    hub: Arc<Hub>,
    state: Mutex<CallState>,
}

struct CallState {
    call: wasgi_sdk_core::Call<Body>,
    receivers: Waiters,
    senders: Vec<Waker>,
    watchers: Vec<Waker>,
}

impl CallState {
    /// The first who waits in `receive`, if there is an event.
    fn next_receiver(&self) -> Option<Waker> {
        if self.call.has_event() {
            self.receivers.front()
        } else {
            None
        }
    }

    fn everyone(&mut self) -> Vec<Waker> {
        let mut woken = std::mem::take(&mut self.senders);
        woken.append(&mut self.watchers);
        woken.extend(self.receivers.all());
        woken
    }
}

/// A name for one `receive` that waits, so that several are served in order (`A-16`).
pub(crate) type ReceiveTicket = Option<Ticket>;

impl Call {
    pub(crate) fn new(
        id: u64,
        hub: Arc<Hub>,
        scope: &HttpScope,
        body: Vec<u8>,
        more: bool,
    ) -> Arc<Call> {
        let head = matches!(scope.method, Method::Head);
        let offered = Offered {
            trailers: scope.extensions.contains(Extensions::TRAILERS),
            early_hint: scope.extensions.contains(Extensions::EARLY_HINT),
            pathsend: scope.extensions.contains(Extensions::PATHSEND),
        };
        Arc::new(Call {
            id,
            hub,
            state: Mutex::new(CallState {
                call: wasgi_sdk_core::Call::new(id, head, offered, Body::new(body.into()), more),
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
            state
                .call
                .on_body(Body::new(chunk.body.into()), chunk.more_body);
            state.receivers.front()
        };
        wake(woken);
    }

    /// The client is gone. Answers whether the call has ended by that.
    pub(crate) fn on_disconnect(&self) -> bool {
        self.advance(
            |call, outbox| call.on_disconnect(&mut outbox.batches),
            CallState::everyone,
        )
    }

    /// `bytes` have left the host's buffer. Answers whether the call has ended by that.
    pub(crate) fn on_writable(&self, bytes: u32) -> bool {
        self.advance(
            |call, outbox| call.on_writable(bytes, &mut outbox.batches),
            |state| std::mem::take(&mut state.senders),
        )
    }

    /// The app has ended. Answers whether the call has too; if not, its last bytes still wait for credit.
    pub(crate) fn end(&self, outcome: Outcome) -> bool {
        self.advance(
            |call, outbox| call.end(outcome, &mut outbox.batches),
            CallState::everyone,
        )
    }

    /// Takes a step that may end the call, then wakes who waited for it.
    fn advance(
        &self,
        step: impl FnOnce(&mut wasgi_sdk_core::Call<Body>, &mut Outbox) -> bool,
        whom: impl FnOnce(&mut CallState) -> Vec<Waker>,
    ) -> bool {
        let (woken, ended) = {
            let mut state = lock(&self.state);
            let ended = step(&mut state.call, &mut lock(&self.hub.outbox));
            (whom(&mut state), ended)
        };
        wake(woken);
        ended
    }

    /// Whether `finished` has been said.
    pub(crate) fn is_finished(&self) -> bool {
        lock(&self.state).call.is_finished()
    }

    /// The turn is over and no body has come: the head goes out on its own (`R-04`).
    pub(crate) fn flush_start(&self) {
        lock(&self.state)
            .call
            .flush_start(&mut lock(&self.hub.outbox).batches);
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
            let state = &mut *state;
            let is_turn = !state.call.is_open() || state.receivers.is_turn(*ticket);
            let received = {
                let batches = &mut lock(&self.hub.outbox).batches;
                state.call.ask(batches);
                if is_turn {
                    state.call.take(batches)
                } else {
                    Received::Wait
                }
            };
            let (event, is_last) = match received {
                Received::Wait => {
                    state.receivers.wait(ticket, cx.waker());
                    return Poll::Pending;
                }
                Received::Disconnect => (Event::Disconnect, true),
                Received::Request(body, more_body) => {
                    let body = Body::into_bytes(body);
                    (Event::Request { body, more_body }, false)
                }
            };
            state.receivers.leave(ticket);
            // At the end everyone has been woken already.
            let next = if is_last { None } else { state.next_receiver() };
            (event, next)
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
            state.next_receiver()
        };
        wake(next);
    }

    /// Whether the request has no body bytes left to come, as far as is known without waiting.
    #[cfg(feature = "tower")]
    pub(crate) fn body_is_empty(&self) -> bool {
        lock(&self.state).call.body_is_empty()
    }

    // ------------------------------------------------------------ send

    /// Says something, wholly or not at all. What is said goes out even if nobody awaits (`G-22`).
    pub(crate) fn say(
        self: &Arc<Self>,
        event: impl FnOnce(
            &mut wasgi_sdk_core::Call<Body>,
            &mut Batches<Action>,
        ) -> Result<Effect, Refused>,
    ) -> Result<(), Refused> {
        let woken = {
            let mut state = lock(&self.state);
            let was_complete = state.call.is_complete();
            let mut outbox = lock(&self.hub.outbox);
            match event(&mut state.call, &mut outbox.batches)? {
                Effect::Held => outbox.hold(self.clone()),
                Effect::Released => outbox.release(self),
                Effect::Nothing => {}
            }
            drop(outbox);
            if state.call.is_complete() && !was_complete {
                // Whoever waits in `receive` learns that it is over (`Q-09`).
                Some(state.receivers.all().collect::<Vec<_>>())
            } else {
                None
            }
        };
        wake(woken.into_iter().flatten());
        Ok(())
    }

    /// Ready once what is unsent is within the mark (`A-11`).
    pub(crate) fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let mut state = lock(&self.state);
        match state.call.must_wait() {
            Err(refused) => Poll::Ready(Err(refused.into())),
            Ok(false) => Poll::Ready(Ok(())),
            Ok(true) => {
                register(&mut state.senders, cx.waker());
                Poll::Pending
            }
        }
    }

    /// Ready once the client is gone, or the call is finished.
    pub(crate) fn poll_disconnected(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.call.is_disconnected() || state.call.is_finished() {
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
