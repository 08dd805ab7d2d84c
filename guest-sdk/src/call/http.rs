//! One HTTP call: what a [`Shared`] has only here.

use std::sync::Arc;

use wasgi_sdk_core::{Call as Machine, Effect, Offered, Outbox, Outcome, Received, Refused};

use super::shared::{self, Shared, wake};
use crate::action::Body;
use crate::bindings::types::{Action, BodyChunk, Extensions, HttpScope, Method};
use crate::event::Event;
use crate::hub::Hub;
use crate::sync::lock;

pub(crate) type Call = Shared<Machine<Body>>;

impl shared::Machine for Machine<Body> {
    fn on_writable(&mut self, bytes: u32, outbox: &mut Outbox<Action>) -> bool {
        Machine::on_writable(self, bytes, outbox)
    }

    fn end(&mut self, outcome: Outcome, outbox: &mut Outbox<Action>) -> bool {
        Machine::end(self, outcome, outbox)
    }

    fn ask(&mut self, outbox: &mut Outbox<Action>) {
        Machine::ask(self, outbox);
    }

    fn take(&mut self, outbox: &mut Outbox<Action>) -> Option<Event> {
        match Machine::take(self, outbox) {
            Received::Wait => None,
            Received::Disconnect => Some(Event::Disconnect),
            Received::Request(body, more_body) => {
                let body = Body::into_bytes(body);
                Some(Event::Request { body, more_body })
            }
        }
    }

    fn has_event(&self) -> bool {
        Machine::has_event(self)
    }

    fn is_over(&self) -> bool {
        !self.is_open()
    }

    fn must_wait(&self) -> Result<bool, Refused> {
        Machine::must_wait(self)
    }

    fn is_gone(&self) -> bool {
        self.is_disconnected() || Machine::is_finished(self)
    }

    fn is_finished(&self) -> bool {
        Machine::is_finished(self)
    }
}

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
        let machine = Machine::new(id, head, offered, Body::new(body.into()), more);
        Call::open(id, hub, machine)
    }

    pub(crate) fn on_body(&self, chunk: BodyChunk) {
        let woken = {
            let mut state = lock(&self.state);
            state
                .machine
                .on_body(Body::new(chunk.body.into()), chunk.more_body);
            state.receivers.front()
        };
        wake(woken);
    }

    /// The client is gone. Answers whether the call has ended by that.
    pub(crate) fn on_disconnect(&self) -> bool {
        self.advance(Machine::on_disconnect)
    }

    /// The turn is over and no body has come: the head goes out on its own (`R-04`).
    pub(crate) fn flush_start(&self) {
        lock(&self.state)
            .machine
            .flush_start(&mut lock(&self.hub.outbox).batches);
    }

    /// Whether the request has no body bytes left to come, as far as is known without waiting.
    #[cfg(feature = "tower")]
    pub(crate) fn body_is_empty(&self) -> bool {
        lock(&self.state).machine.body_is_empty()
    }

    /// Says something, wholly or not at all. What is said goes out even if nobody awaits (`G-22`).
    pub(crate) fn say(
        self: &Arc<Self>,
        event: impl FnOnce(&mut Machine<Body>, &mut Outbox<Action>) -> Result<Effect, Refused>,
    ) -> Result<(), Refused> {
        let woken = {
            let mut state = lock(&self.state);
            let was_complete = state.machine.is_complete();
            let mut outbox = lock(&self.hub.outbox);
            match event(&mut state.machine, &mut outbox.batches)? {
                Effect::Held => outbox.hold(self.clone()),
                Effect::Released => outbox.release(self),
                Effect::Nothing => {}
            }
            drop(outbox);
            if state.machine.is_complete() && !was_complete {
                // Whoever waits in `receive` learns that it is over (`Q-09`).
                Some(state.receivers.all().collect::<Vec<_>>())
            } else {
                None
            }
        };
        wake(woken.into_iter().flatten());
        Ok(())
    }
}
