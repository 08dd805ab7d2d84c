//! What a call is in both protocols: its state machine under one lock, those who wait for a half of it, and whom a step of
//! the machine lets go on. What only one protocol has is added by [`http`](super::http) and
//! [`websocket`](super::websocket).

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use wasgi_sdk_core::{Outbox, Outcome, Refused};

use super::waiters::{Ticket, Waiters};
use crate::SendError;
use crate::bindings::types::Action;
use crate::event::Event;
use crate::hub::Hub;
use crate::sync::lock;

/// A name for one `receive` that waits, so that several are served in order (`A-16`).
pub(crate) type ReceiveTicket = Option<Ticket>;

/// What the state machines have in common.
pub(crate) trait Machine {
    fn on_writable(&mut self, bytes: u32, outbox: &mut Outbox<Action>) -> bool;
    fn end(&mut self, outcome: Outcome, outbox: &mut Outbox<Action>) -> bool;

    /// Somebody is in `receive`: the host may be asked.
    fn ask(&mut self, outbox: &mut Outbox<Action>);
    /// The next event for the app, if there is one.
    fn take(&mut self, outbox: &mut Outbox<Action>) -> Option<Event>;
    /// Whether `take` would yield.
    fn has_event(&self) -> bool;
    /// Whether `take` yields nothing but the end, to everyone and for ever.
    fn is_over(&self) -> bool;

    /// Whether a `send` has to wait, and whether it waits in vain.
    fn must_wait(&self) -> Result<bool, Refused>;

    /// Whether nobody is there any more: the host said so, or `finished` has been said.
    fn is_gone(&self) -> bool;
    /// Whether `finished` has been said.
    fn is_finished(&self) -> bool;
}

/// One call, with its state machine `M`.
pub(crate) struct Shared<M> {
    pub(crate) id: u64,
    pub(super) hub: Arc<Hub>,
    pub(super) state: Mutex<State<M>>,
}

pub(super) struct State<M> {
    pub(super) machine: M,
    pub(super) receivers: Waiters,
    senders: Vec<Waker>,
    watchers: Vec<Waker>,
}

impl<M: Machine> State<M> {
    /// Who may take an event now: the first who waits, and at the end everyone.
    pub(super) fn next_receivers(&self) -> impl Iterator<Item = Waker> + use<M> {
        let (first, all) = if self.machine.is_over() {
            (None, self.receivers.all().collect())
        } else if self.machine.has_event() {
            (self.receivers.front(), Vec::new())
        } else {
            (None, Vec::new())
        };
        first.into_iter().chain(all)
    }

    /// Whoever need not wait any longer.
    fn released(&mut self) -> Vec<Waker> {
        let mut woken = Vec::new();
        if !matches!(self.machine.must_wait(), Ok(true)) {
            woken = std::mem::take(&mut self.senders);
        }
        if self.machine.is_gone() {
            woken.append(&mut self.watchers);
        }
        woken.extend(self.next_receivers());
        woken
    }
}

impl<M: Machine> Shared<M> {
    pub(super) fn open(id: u64, hub: Arc<Hub>, machine: M) -> Arc<Self> {
        Arc::new(Shared {
            id,
            hub,
            state: Mutex::new(State {
                machine,
                receivers: Waiters::default(),
                senders: Vec::new(),
                watchers: Vec::new(),
            }),
        })
    }

    // ------------------------------------------------------------ the host's side

    /// `bytes` have left the host's buffer. Answers whether the call has ended by that.
    pub(crate) fn on_writable(&self, bytes: u32) -> bool {
        self.advance(|machine, outbox| machine.on_writable(bytes, outbox))
    }

    /// The app has ended. Answers whether the call has too; if not, what it said last still waits for credit.
    pub(crate) fn end(&self, outcome: Outcome) -> bool {
        self.advance(|machine, outbox| machine.end(outcome, outbox))
    }

    /// Takes a step that may end the call, then wakes who waited for it.
    pub(super) fn advance(&self, step: impl FnOnce(&mut M, &mut Outbox<Action>) -> bool) -> bool {
        let (woken, ended) = {
            let mut state = lock(&self.state);
            let ended = step(&mut state.machine, &mut lock(&self.hub.outbox).batches);
            (state.released(), ended)
        };
        wake(woken);
        ended
    }

    /// Whether `finished` has been said.
    pub(crate) fn is_finished(&self) -> bool {
        lock(&self.state).machine.is_finished()
    }

    // ------------------------------------------------------------ the app's side

    /// One `receive`. `ticket` is the caller's and stays with it from poll to poll.
    pub(crate) fn poll_receive(
        &self,
        ticket: &mut ReceiveTicket,
        cx: &mut Context<'_>,
    ) -> Poll<Event> {
        let (event, next) = {
            let mut state = lock(&self.state);
            let state = &mut *state;
            let was_over = state.machine.is_over();
            let is_turn = was_over || state.receivers.is_turn(*ticket);
            let event = {
                let batches = &mut lock(&self.hub.outbox).batches;
                state.machine.ask(batches);
                if is_turn {
                    state.machine.take(batches)
                } else {
                    None
                }
            };
            let Some(event) = event else {
                state.receivers.wait(ticket, cx.waker());
                return Poll::Pending;
            };
            state.receivers.leave(ticket);
            // Once it is over everyone has been woken already.
            let next = (!was_over).then(|| state.next_receivers());
            (event, next)
        };
        wake(next.into_iter().flatten());
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
            state.next_receivers()
        };
        wake(next);
    }

    /// Ready once what is unsent is within the mark (`A-11`).
    pub(crate) fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let mut state = lock(&self.state);
        match state.machine.must_wait() {
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
        if state.machine.is_gone() {
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

/// Never under a lock.
pub(super) fn wake(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        waker.wake();
    }
}
