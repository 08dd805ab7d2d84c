//! One WebSocket call: its handshake, its messages both ways and its end, between the server and an instance.
//!
//! Two parties hold a [`WebSocket`], as with [`Call`]. The **server** takes the answer to the handshake and what there is
//! to send, pushes the messages that come, and says how it ended. The **guest's side** applies actions and asks for events. Every
//! rule of `W-02`–`W-21` is decided here, under one lock that is never held across a wait; frames, pings and sockets are
//! `server/websocket/`'s.

mod guest;
mod incoming;
mod outgoing;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use http::header::{HeaderMap, HeaderValue};

pub use outgoing::Next;

use self::incoming::Incoming;
use self::outgoing::Outgoing;
use super::budget::{Charge, OverBudget};
use super::call::{After, Effect, Failure, Inbox, keep, wake};
use super::{Call, Violation, fields};
use crate::bindings::types::{
    self, Accept, BodyChunk, CallId, Credit, Event, Extensions, Finished, Message, Payload,
    Response, ResponseStart, WebsocketScope,
};

/// What a message costs beside its length, in bytes (`wit/world.wit`, "Credit").
pub const MESSAGE_PRICE: usize = 512;

/// The connection was lost, or never became a WebSocket (`W-08`, `W-14`).
pub const LOST: u16 = 1006;

/// How a WebSocket ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// RFC 6455 7.4; 1005 for a close frame without one, 1006 for none.
    pub code: u16,
    /// At most 123 bytes.
    pub reason: String,
}

impl Close {
    fn of(code: u16) -> Self {
        Self {
            code,
            reason: String::new(),
        }
    }
}

/// The app's answer to the handshake.
pub enum Handshake {
    /// It becomes a WebSocket (`W-05`).
    Accepted {
        /// One of those that the client has offered (`W-06`).
        subprotocol: Option<HeaderValue>,
        /// The app's own, none of which is the handshake's.
        headers: HeaderMap,
    },
    /// `websocket.close`: 403 (`W-07`).
    Refused,
    /// A response (`E-01`), which the call gives as it does for a request.
    Denied(Arc<Call>),
}

/// One WebSocket call.
pub struct WebSocket {
    id: CallId,
    inbox: Arc<dyn Inbox>,
    /// What the client has offered, in its order.
    subprotocols: Vec<String>,
    can_deny: bool,
    message_bytes_max: usize,
    state: Mutex<State>,
}

struct State {
    stage: Stage,
    incoming: Incoming,
    outgoing: Outgoing,
    /// How it has ended, as far as the guest is concerned.
    end: Option<Close>,
    /// The guest has to hear of it.
    closed_due: bool,
    failure: Option<Failure>,
    /// What is queued both ways, and what has come of a message that is not whole.
    charge: Charge,
    assembling: usize,
    /// The app has said `websocket.close`.
    said_close: bool,
    /// The instance drains: a handshake that is still answered ends at once.
    going: bool,
    /// The inbox knows of this call.
    queued: bool,
    server: Option<Waker>,
    reader: Option<Waker>,
}

enum Stage {
    /// The app has not answered.
    Connecting,
    /// It has, and the server does not know.
    Answered(Handshake),
    Open,
    Refused,
    Denied(Arc<Call>),
}

impl WebSocket {
    /// A call that has just been opened. `message_bytes_max` bounds one message of the app's.
    pub fn new(
        id: CallId,
        inbox: Arc<dyn Inbox>,
        scope: &WebsocketScope,
        message_bytes_max: usize,
    ) -> Self {
        let charge = Charge::nothing(inbox.budget());
        Self {
            id,
            inbox,
            subprotocols: scope.subprotocols.clone(),
            can_deny: scope.http.extensions.contains(Extensions::WEBSOCKET_DENIAL),
            message_bytes_max,
            state: Mutex::new(State {
                stage: Stage::Connecting,
                incoming: Incoming::default(),
                outgoing: Outgoing::default(),
                end: None,
                closed_due: false,
                failure: None,
                charge,
                assembling: 0,
                said_close: false,
                going: false,
                queued: false,
                server: None,
                reader: None,
            }),
        }
    }

    /// The id that the guest knows it by.
    pub fn id(&self) -> CallId {
        self.id
    }

    /// Most bytes of one message, either way, assembled and decompressed (`W-23`).
    pub fn message_bytes_max(&self) -> usize {
        self.message_bytes_max
    }

    // ------------------------------------------------------------ the server's end

    /// Waits for the app's answer to the handshake.
    ///
    /// # Errors
    /// The failure of the call: its [status](Failure::status) is what the client gets (`W-19`).
    pub fn poll_handshake(&self, cx: &mut Context<'_>) -> Poll<Result<Handshake, Failure>> {
        let mut state = self.lock();
        if let Some(handshake) = state.take_answer() {
            return Poll::Ready(Ok(handshake));
        }
        if let Some(failure) = &state.failure {
            return Poll::Ready(Err(failure.clone()));
        }
        keep(&mut state.server, cx);
        Poll::Pending
    }

    /// Waits until another message may be read from the socket (`W-28`).
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.incoming.has_room() {
            return Poll::Ready(());
        }
        keep(&mut state.reader, cx);
        Poll::Pending
    }

    /// So many bytes of a message have come that is not whole yet. False if there is no room for them: the connection is to
    /// be closed.
    pub fn assembles(&self, bytes: usize) -> bool {
        let mut state = self.lock();
        let before = std::mem::replace(&mut state.assembling, bytes);
        if bytes == before {
            return true;
        }
        let held = state.held();
        let Err(over) = state.charge.set(held) else {
            return true;
        };
        state.assembling = before;
        drop(state);
        self.inbox.no_room(self.id, &over);
        false
    }

    /// A whole message came.
    pub fn push(&self, message: Payload) {
        let mut state = self.lock();
        state.assembling = 0;
        if let Err(over) = state.reserve(&message) {
            self.inbox.no_room(self.id, &over);
            self.fail_in(state, Failure::Memory(over));
            return;
        }
        state.incoming.push(message);
        let due = state.incoming.has_next();
        self.announce(state, due);
    }

    /// The next thing to send. After the close there is nothing more, and it is never ready again.
    pub fn poll_outgoing(&self, cx: &mut Context<'_>) -> Poll<Next> {
        let mut state = self.lock();
        let Some(next) = state.outgoing.take() else {
            keep(&mut state.server, cx);
            return Poll::Pending;
        };
        let due = state.outgoing.is_writable_due() && state.end.is_none();
        self.announce(state, due);
        Poll::Ready(next)
    }

    /// It has ended: with the closing handshake's code and reason, [`LOST`], or what the server has closed it for. The first
    /// end counts.
    pub fn closed(&self, code: u16, reason: &str) {
        let mut state = self.lock();
        if matches!(state.stage, Stage::Denied(_)) {
            // The response has its own way of hearing of it.
            return;
        }
        state.outgoing.discard();
        let reason = reason.to_owned();
        self.end(state, Close { code, reason });
    }

    /// What became of it, for the access line: how it ended, and the failure where that is why.
    pub fn outcome(&self) -> (Option<u16>, Option<Failure>) {
        let state = self.lock();
        (
            state.end.as_ref().map(|end| end.code),
            state.failure.clone(),
        )
    }

    // ------------------------------------------------------------ within

    /// Says 1012 to both sides. What the app has sent before goes out before it.
    fn part(&self, mut state: MutexGuard<'_, State>) {
        if state.end.is_none() && state.outgoing.close(Close::of(1012)) {
            self.end(state, Close::of(1012));
        }
    }

    fn act(&self, action: impl FnOnce(&mut State) -> Result<(), Violation>) -> Effect {
        self.act_in(self.lock(), action)
    }

    fn act_in(
        &self,
        mut state: MutexGuard<'_, State>,
        action: impl FnOnce(&mut State) -> Result<(), Violation>,
    ) -> Effect {
        if state.end.is_some() {
            // The client or the host has ended it: a race and nobody's fault (`G-23`).
            return Effect::Done;
        }
        if let Err(violation) = action(&mut state) {
            return self.fail_in(state, Failure::Violation(violation));
        }
        let server = state.server.take();
        if state.going && state.is_accepted() {
            self.part(state);
        } else {
            let due = state.closed_due;
            self.announce(state, due);
        }
        wake(server);
        Effect::Done
    }

    fn deny(&self, action: impl FnOnce(&Call) -> Effect) -> Effect {
        let mut state = self.lock();
        if let Some(call) = state.denial() {
            drop(state);
            return action(&call);
        }
        if state.end.is_some() {
            return Effect::Done;
        }
        if !self.can_deny {
            let violation = Violation::Unsupported("websocket-denial");
            return self.fail_in(state, Failure::Violation(violation));
        }
        if let Err(violation) = state.check_connecting("a denial after an answer") {
            return self.fail_in(state, Failure::Violation(violation));
        }
        let call = Arc::new(Call::denial(self.id, self.inbox.clone()));
        state.stage = Stage::Answered(Handshake::Denied(call.clone()));
        let server = state.server.take();
        drop(state);
        // Said before the server knows of it, so that it finds what has been said.
        let effect = action(&call);
        wake(server);
        effect
    }

    /// The subprotocol as a header's value, if the client has offered it.
    fn offered(&self, chosen: &str) -> Result<HeaderValue, Violation> {
        let value = HeaderValue::from_str(chosen);
        match value {
            Ok(value) if self.subprotocols.iter().any(|offered| offered == chosen) => Ok(value),
            _ => Err(Violation::InvalidEvent(
                "a subprotocol that the client has not offered".into(),
            )),
        }
    }

    /// Fails it: an answer for a handshake, 1011 for a WebSocket (`W-21`), 1012 when the host stops.
    fn fail_in(&self, mut state: MutexGuard<'_, State>, failure: Failure) -> Effect {
        if let Some(call) = state.denial() {
            drop(state);
            return call.fail(failure);
        }
        state.failure = Some(failure.clone());
        let code = match &failure {
            Failure::Stopped => 1012,
            _ => 1011,
        };
        let end = match state.stage {
            Stage::Connecting => Close::of(LOST),
            _ => Close::of(code),
        };
        state.outgoing.close(Close::of(code));
        self.end(state, end);
        Effect::Failed(failure)
    }

    fn end(&self, mut state: MutexGuard<'_, State>, end: Close) -> Effect {
        let first = state.end.is_none();
        if first {
            state.end = Some(end);
            state.closed_due = true;
        }
        state.incoming.finish();
        let wakers = (state.server.take(), state.reader.take());
        self.announce(state, first);
        wake(wakers.0);
        wake(wakers.1);
        Effect::Done
    }

    fn announce(&self, mut state: MutexGuard<'_, State>, due: bool) {
        let announce = due && !state.queued;
        state.queued |= due;
        state.settle();
        drop(state);
        if announce {
            self.inbox.ready(self.id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn held(&self) -> usize {
        self.incoming.held() + self.outgoing.held() + self.assembling
    }

    /// Charges a message that is about to be queued.
    fn reserve(&mut self, message: &Payload) -> Result<(), OverBudget> {
        self.charge.set(self.held() + price(message))
    }

    /// Charges what is held now, which is no more than was [reserved](Self::reserve).
    fn settle(&mut self) {
        // To hold less never fails.
        let _ = self.charge.set(self.held());
    }

    /// The answer, once.
    fn take_answer(&mut self) -> Option<Handshake> {
        if !matches!(self.stage, Stage::Answered(_)) {
            return None;
        }
        let answered = std::mem::replace(&mut self.stage, Stage::Connecting);
        let Stage::Answered(handshake) = answered else {
            return None;
        };
        self.stage = match &handshake {
            Handshake::Accepted { .. } => Stage::Open,
            Handshake::Refused => Stage::Refused,
            Handshake::Denied(call) => Stage::Denied(call.clone()),
        };
        Some(handshake)
    }

    fn denial(&self) -> Option<Arc<Call>> {
        match &self.stage {
            Stage::Denied(call) | Stage::Answered(Handshake::Denied(call)) => Some(call.clone()),
            _ => None,
        }
    }

    fn check_connecting(&self, what: &'static str) -> Result<(), Violation> {
        match self.stage {
            Stage::Connecting => Ok(()),
            _ => Err(Violation::InvalidState(what)),
        }
    }

    /// Whether the app has accepted it, be the server aware of that or not.
    fn is_accepted(&self) -> bool {
        matches!(
            self.stage,
            Stage::Open | Stage::Answered(Handshake::Accepted { .. })
        )
    }

    fn check_open(&self) -> Result<(), Violation> {
        if self.is_accepted() {
            return Ok(());
        }
        Err(Violation::InvalidState(
            "a WebSocket action without `websocket.accept`",
        ))
    }
}

/// The bytes of a message.
pub(crate) fn length(message: &Payload) -> usize {
    match message {
        Payload::Text(text) => text.len(),
        Payload::Bytes(bytes) => bytes.len(),
    }
}

/// What a message costs of the credit, in bytes.
fn price(message: &Payload) -> usize {
    length(message) + MESSAGE_PRICE
}
