//! The state machine of a call, whichever of the two it is, and the events that come of it as Python's dicts.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict};
use wasgi_sdk_core::{
    Call as Http, Effect, Incoming, Outcome, Payload, Received, Refused, WebSocket,
};

use super::body::Body;
use super::sent::Sent;
use super::{hub, sent};

/// One call, with everything in it that is not Python's.
pub(super) enum State {
    Http(Http<Body>),
    WebSocket(WebSocket<Body>),
}

/// Asks the same of either.
macro_rules! either {
    ($state:expr, $it:ident => $answer:expr) => {
        match $state {
            State::Http($it) => $answer,
            State::WebSocket($it) => $answer,
        }
    };
}

impl State {
    pub(super) fn id(&self) -> u64 {
        either!(self, it => it.id())
    }

    // ------------------------------------------------------------ the host's side

    pub(super) fn on_writable(&mut self, bytes: u32) -> bool {
        hub::outbox(|outbox| either!(self, it => it.on_writable(bytes, outbox)))
    }

    pub(super) fn end(&mut self, outcome: Outcome) -> bool {
        hub::outbox(|outbox| either!(self, it => it.end(outcome, outbox)))
    }

    pub(super) fn is_finished(&self) -> bool {
        either!(self, it => it.is_finished())
    }

    /// Only a response has a head that waits.
    pub(super) fn flush_start(&mut self) {
        if let State::Http(call) = self {
            hub::outbox(|outbox| call.flush_start(outbox));
        }
    }

    // ------------------------------------------------------------ receive

    pub(super) fn ask(&mut self) {
        hub::outbox(|outbox| either!(self, it => it.ask(outbox)));
    }

    pub(super) fn has_event(&self) -> bool {
        either!(self, it => it.has_event())
    }

    /// Whether everyone who waits may have the end.
    pub(super) fn is_over(&self) -> bool {
        match self {
            State::Http(call) => !call.is_open(),
            State::WebSocket(socket) => socket.is_over(),
        }
    }

    /// The next event for the app, None if there is none yet.
    pub(super) fn take<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        match self {
            State::Http(call) => request(py, hub::outbox(|outbox| call.take(outbox))),
            State::WebSocket(socket) => incoming(py, hub::outbox(|outbox| socket.take(outbox))),
        }
    }

    // ------------------------------------------------------------ send

    /// Whether whatever is sent is ignored (`R-06`).
    pub(super) fn ignores_sends(&self) -> bool {
        matches!(self, State::Http(call) if call.is_complete())
    }

    /// How an event of `send` is to be read now.
    pub(super) fn reader(&self) -> fn(&Bound<'_, PyAny>) -> PyResult<Sent> {
        match self {
            State::Http(_) => sent::http,
            State::WebSocket(socket) if socket.is_answered() => sent::websocket,
            State::WebSocket(_) => sent::handshake,
        }
    }

    /// Says it, wholly or not at all.
    pub(super) fn say(&mut self, sent: Sent) -> Result<Effect, Refused> {
        match (self, sent) {
            (State::Http(call), Sent::Http(event)) => hub::outbox(|outbox| event.say(call, outbox)),
            (State::WebSocket(socket), Sent::WebSocket(event)) => {
                hub::outbox(|outbox| event.say(socket, outbox)).map(|()| Effect::Nothing)
            }
            // `reader` is of this state.
            _ => Ok(Effect::Nothing),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        either!(self, it => it.is_full())
    }

    pub(super) fn must_wait(&self) -> Result<bool, Refused> {
        either!(self, it => it.must_wait())
    }
}

fn request(py: Python<'_>, received: Received<Body>) -> PyResult<Option<Bound<'_, PyDict>>> {
    match received {
        Received::Wait => Ok(None),
        Received::Disconnect => {
            let event = PyDict::new(py);
            event.set_item(intern!(py, "type"), intern!(py, "http.disconnect"))?;
            Ok(Some(event))
        }
        Received::Request(body, more) => {
            let event = PyDict::new(py);
            event.set_item(intern!(py, "type"), intern!(py, "http.request"))?;
            event.set_item(intern!(py, "body"), Body::bytes(body, py))?;
            event.set_item(intern!(py, "more_body"), PyBool::new(py, more))?;
            Ok(Some(event))
        }
    }
}

/// A message has one of the two keys (`W-09`): apps take the other one's absence and its None alike, and uvicorn leaves
/// it out.
fn incoming(py: Python<'_>, incoming: Incoming<Body>) -> PyResult<Option<Bound<'_, PyDict>>> {
    if matches!(incoming, Incoming::Wait) {
        return Ok(None);
    }
    let event = PyDict::new(py);
    let kind = intern!(py, "type");
    match incoming {
        Incoming::Wait => {}
        Incoming::Connect => event.set_item(kind, intern!(py, "websocket.connect"))?,
        Incoming::Message(message) => {
            event.set_item(kind, intern!(py, "websocket.receive"))?;
            match message {
                Payload::Text(text) => event.set_item(intern!(py, "text"), text.string(py))?,
                Payload::Bytes(bytes) => {
                    event.set_item(intern!(py, "bytes"), Body::bytes(bytes, py))?;
                }
            }
        }
        Incoming::Disconnect(closed) => {
            event.set_item(kind, intern!(py, "websocket.disconnect"))?;
            event.set_item(intern!(py, "code"), closed.code)?;
            event.set_item(intern!(py, "reason"), closed.reason)?;
        }
    }
    Ok(Some(event))
}
