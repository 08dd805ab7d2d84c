//! One WebSocket call: what a [`Shared`] has only here.

use std::sync::Arc;

use wasgi_sdk_core::{Closed, Incoming, Outbox, Outcome, Refused, WebSocket as Machine};

use super::shared::{self, Shared, wake};
use crate::action::{Body, Text};
use crate::bindings::types::{Action, Close, Extensions, Payload, WebsocketScope};
use crate::event::Event;
use crate::hub::Hub;
use crate::sync::lock;

pub(crate) type WebSocketCall = Shared<Machine<Body>>;

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
            Incoming::Wait => None,
            Incoming::Connect => Some(Event::WebSocketConnect),
            Incoming::Message(payload) => Some(Event::WebSocketReceive(payload.into())),
            Incoming::Disconnect(closed) => Some(Event::WebSocketDisconnect(closed)),
        }
    }

    fn has_event(&self) -> bool {
        Machine::has_event(self)
    }

    fn is_over(&self) -> bool {
        Machine::is_over(self)
    }

    fn must_wait(&self) -> Result<bool, Refused> {
        Machine::must_wait(self)
    }

    fn is_gone(&self) -> bool {
        Machine::is_gone(self)
    }

    fn is_finished(&self) -> bool {
        Machine::is_finished(self)
    }
}

impl WebSocketCall {
    pub(crate) fn new(id: u64, hub: Arc<Hub>, scope: &WebsocketScope) -> Arc<WebSocketCall> {
        let denial = scope.http.extensions.contains(Extensions::WEBSOCKET_DENIAL);
        let machine = Machine::new(id, scope.subprotocols.clone(), denial);
        WebSocketCall::open(id, hub, machine)
    }

    pub(crate) fn on_message(&self, payload: Payload) {
        let woken = {
            let mut state = lock(&self.state);
            state.machine.on_message(match payload {
                Payload::Text(text) => wasgi_sdk_core::Payload::Text(Text(text)),
                Payload::Bytes(bytes) => wasgi_sdk_core::Payload::Bytes(Body::new(bytes.into())),
            });
            state.next_receivers()
        };
        wake(woken);
    }

    /// It is closed. Answers whether the call has ended by that.
    pub(crate) fn on_closed(&self, close: Close) -> bool {
        let closed = Closed {
            code: close.code,
            reason: close.reason,
        };
        self.advance(|machine, outbox| machine.on_closed(closed, outbox))
    }

    /// Says something, wholly or not at all. What is said goes out even if nobody awaits (`G-22`).
    pub(crate) fn say(
        &self,
        event: impl FnOnce(&mut Machine<Body>, &mut Outbox<Action>) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let woken = {
            let mut state = lock(&self.state);
            event(&mut state.machine, &mut lock(&self.hub.outbox).batches)?;
            // A refused handshake is over at once (`W-08`).
            state.next_receivers()
        };
        wake(woken);
        Ok(())
    }

    /// Whether a `send` would return at once.
    pub(crate) fn has_room(&self) -> bool {
        !lock(&self.state).machine.is_full()
    }
}
