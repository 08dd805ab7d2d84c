//! Events of a websocket scope.

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyString};
use wasgi_sdk_core::{Fields, Outbox, Payload, Refused, Said, Start, WebSocket};

use super::super::body::{Body, Text};
use super::{body, exact_bytes, headers, kind, name, optional, shown, start, unknown, wrong};

const ACCEPT: &str = "websocket.accept";
const SEND: &str = "websocket.send";
const CLOSE: &str = "websocket.close";
const START: &str = "websocket.http.response.start";
const BODY: &str = "websocket.http.response.body";

/// An event, checked on its own.
pub(crate) enum Event {
    Accept(Option<String>, Fields),
    Send(Payload<Body>),
    Close(u16, String),
    DenyStart(Start),
    /// `None` is an empty body.
    DenyBody(Option<Body>, bool),
}

impl Event {
    /// Says it in `socket`, wholly or not at all.
    pub(crate) fn say(
        self,
        socket: &mut WebSocket<Body>,
        outbox: &mut Outbox<Said<Body>>,
    ) -> Result<(), Refused> {
        match self {
            Event::Accept(subprotocol, headers) => socket.accept(subprotocol, headers, outbox),
            Event::Send(message) => socket.send(message, outbox),
            Event::Close(code, reason) => socket.close(code, reason, outbox),
            Event::DenyStart(start) => socket.deny_start(start, outbox),
            Event::DenyBody(body, more) => socket.deny_body(body, more, outbox),
        }
    }
}

/// The event, or the exception that tells its author what is wrong with it. `answered`: the handshake has been.
pub(super) fn read(event: &Bound<'_, PyDict>, answered: bool) -> PyResult<Event> {
    let py = event.py();
    let kind = kind(event)?;
    if kind.is(intern!(py, SEND)) {
        return message(event).map(Event::Send);
    }
    match name(&kind)? {
        SEND => message(event).map(Event::Send),
        ACCEPT => Ok(Event::Accept(
            text(event, ACCEPT, intern!(py, "subprotocol"))?,
            headers(event, ACCEPT)?,
        )),
        // A refusal is a 403, which has no reason (`W-07`). FastAPI gives it a list of errors, of any length.
        CLOSE if !answered => Ok(Event::Close(code(event)?, String::new())),
        CLOSE => Ok(Event::Close(
            code(event)?,
            text(event, CLOSE, intern!(py, "reason"))?.unwrap_or_default(),
        )),
        START => start(event, START).map(Event::DenyStart),
        BODY => body(event, BODY).map(|(body, more)| Event::DenyBody(body, more)),
        other => Err(unknown(other, "a websocket")),
    }
}

/// Exactly one of `text` and `bytes` (`W-09`, `W-10`).
fn message(event: &Bound<'_, PyDict>) -> PyResult<Payload<Body>> {
    let py = event.py();
    let (text, bytes) = (
        optional(event, intern!(py, "text"))?,
        optional(event, intern!(py, "bytes"))?,
    );
    match (text, bytes) {
        (Some(text), None) => match text.cast_into::<PyString>() {
            Ok(text) => Text::new(text).map(Payload::Text),
            Err(error) => Err(wrong(SEND, "text", "a str", &error.into_inner())),
        },
        (None, Some(bytes)) => {
            exact_bytes(&bytes, SEND, "bytes").map(|bytes| Payload::Bytes(Body::new(bytes)))
        }
        (Some(_), Some(_)) => Err(PyValueError::new_err(
            "websocket.send: has \"text\" and \"bytes\"; a message is one of the two",
        )),
        (None, None) => Err(PyValueError::new_err(
            "websocket.send: \"text\" or \"bytes\" is required",
        )),
    }
}

/// `code`, 1000 when there is none; which codes are legal is the WebSocket's to say (`W-12`).
fn code(event: &Bound<'_, PyDict>) -> PyResult<u16> {
    let Some(code) = optional(event, intern!(event.py(), "code"))? else {
        return Ok(1000);
    };
    if !code.is_instance_of::<PyInt>() || code.is_instance_of::<PyBool>() {
        return Err(wrong(CLOSE, "code", "an int", &code));
    }
    code.extract().map_err(|_| {
        PyValueError::new_err(format!(
            "{CLOSE}: \"code\" must be within 1000..=4999, not {}",
            shown(&code)
        ))
    })
}

/// A `str`, or None.
fn text(
    event: &Bound<'_, PyDict>,
    kind: &str,
    key: &Bound<'_, PyString>,
) -> PyResult<Option<String>> {
    let Some(value) = optional(event, key)? else {
        return Ok(None);
    };
    match value.cast::<PyString>() {
        Ok(text) => Ok(Some(text.to_str()?.to_owned())),
        Err(_) => Err(wrong(kind, &key.to_string(), "a str", &value)),
    }
}
