//! Reads an event that the app gave to `send`. Everything in it is checked here, before anything changes
//! (`A-06`); keys that ASGI does not know are ignored (`A-07`).
//!
//! Which events there are is said by `http` and `websocket`, one for each scope; here is what they have in common.

mod http;
mod websocket;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyInt, PyList, PyMapping, PyString, PyTuple};
use pyo3::{PyTypeInfo, intern};
use wasgi_sdk_core::{Fields, Refused, Start};

use super::body::Body;
use super::errors;
use super::hashing::{bytes, copied};
use crate::error::describe;

/// An event of either scope.
pub(crate) enum Sent {
    Http(http::Event),
    WebSocket(websocket::Event),
}

/// The event of an http scope, or the exception that tells its author what is wrong with it.
pub(crate) fn http(event: &Bound<'_, PyAny>) -> PyResult<Sent> {
    as_dict(event, http::read).map(Sent::Http)
}

/// The same of a websocket scope.
pub(crate) fn websocket(event: &Bound<'_, PyAny>) -> PyResult<Sent> {
    as_dict(event, |event| websocket::read(event, true)).map(Sent::WebSocket)
}

/// The same of one whose handshake is not answered.
pub(crate) fn handshake(event: &Bound<'_, PyAny>) -> PyResult<Sent> {
    as_dict(event, |event| websocket::read(event, false)).map(Sent::WebSocket)
}

/// Reads the event itself, or a copy of any other mapping.
fn as_dict<'py, R>(
    event: &Bound<'py, PyAny>,
    read: impl FnOnce(&Bound<'py, PyDict>) -> PyResult<R>,
) -> PyResult<R> {
    if let Ok(event) = event.cast::<PyDict>() {
        return read(event);
    }
    let Ok(mapping) = event.cast::<PyMapping>() else {
        return Err(PyTypeError::new_err(format!(
            "an ASGI event must be a dict, not {}",
            type_name(event)
        )));
    };
    let dict = PyDict::new(event.py());
    dict.update(mapping)?;
    read(&dict)
}

/// Its `type`.
fn kind<'py>(event: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
    event
        .get_item(intern!(event.py(), "type"))?
        .ok_or_else(|| PyValueError::new_err("an ASGI event must have a \"type\""))
}

fn name<'a>(kind: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    match kind.cast::<PyString>() {
        Ok(kind) => kind.to_str(),
        Err(_) => Err(wrong("event", "type", "a str", kind)),
    }
}

fn unknown(name: &str, scope: &str) -> PyErr {
    PyValueError::new_err(format!(
        "unknown event type {:?} in {scope} scope",
        shorten(name)
    ))
}

/// The head of a response, or of one in place of a WebSocket.
fn start(event: &Bound<'_, PyDict>, event_type: &str) -> PyResult<Start> {
    let py = event.py();
    let status = required(event, event_type, intern!(py, "status"))?;
    if status.cast::<PyInt>().is_err() || status.is_instance_of::<PyBool>() {
        return Err(wrong(event_type, "status", "an int", &status));
    }
    let status = match status.extract::<u16>() {
        Ok(status) if Start::STATUS.contains(&status) => status,
        _ => {
            return Err(PyValueError::new_err(format!(
                "{event_type}: \"status\" must be within 200..=999, not {}",
                shown(&status)
            )));
        }
    };
    Ok(Start {
        status,
        headers: headers(event, event_type)?,
        trailers: flag(event, event_type, intern!(py, "trailers"))?,
    })
}

/// A body and whether more follows.
fn body(event: &Bound<'_, PyDict>, event_type: &str) -> PyResult<(Option<Body>, bool)> {
    let py = event.py();
    let body = match event.get_item(intern!(py, "body"))? {
        None => None,
        Some(body) => Some(exact_bytes(&body, event_type, "body")?),
    };
    let more = flag(event, event_type, intern!(py, "more_body"))?;
    Ok((body.and_then(Body::new), more))
}

/// Exactly bytes: what a subclass does when it is dropped must not happen in the middle of our work.
fn exact_bytes<'py>(
    value: &Bound<'py, PyAny>,
    event_type: &str,
    key: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    match value.cast_exact::<PyBytes>() {
        Ok(value) => Ok(value.clone()),
        Err(_) => copied(value).map_err(|_| wrong(event_type, key, "bytes", value)),
    }
}

/// A value that may be missing, or None.
fn optional<'py>(
    event: &Bound<'py, PyDict>,
    key: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(event.get_item(key)?.filter(|value| !value.is_none()))
}

/// `headers`: any iterable of pairs of bytes, an iterator included (`F-12`).
fn headers(event: &Bound<'_, PyDict>, kind: &str) -> PyResult<Fields> {
    let Some(given) = event.get_item(intern!(event.py(), "headers"))? else {
        return Ok(Fields::default());
    };
    if let Ok(list) = given.cast::<PyList>() {
        let mut fields = Fields::with_capacity(list.len());
        for pair in list {
            header(&mut fields, kind, &pair)?;
        }
        return Ok(fields);
    }
    let Ok(pairs) = given.try_iter() else {
        return Err(wrong(
            kind,
            "headers",
            "an iterable of pairs of bytes",
            &given,
        ));
    };
    let mut fields = Fields::default();
    for pair in pairs {
        header(&mut fields, kind, &pair?)?;
    }
    Ok(fields)
}

fn header(fields: &mut Fields, kind: &str, pair: &Bound<'_, PyAny>) -> PyResult<()> {
    let (name, value) = if let Ok(pair) = pair.cast::<PyTuple>() {
        match pair.len() {
            2 => (pair.get_item(0)?, pair.get_item(1)?),
            _ => return Err(not_a_pair(kind, pair)),
        }
    } else if let Ok(pair) = pair.cast::<PyList>() {
        match pair.len() {
            2 => (pair.get_item(0)?, pair.get_item(1)?),
            _ => return Err(not_a_pair(kind, pair)),
        }
    } else {
        let items = match pair.try_iter() {
            Ok(items)
                if !pair.is_instance_of::<PyBytes>() && !pair.is_instance_of::<PyString>() =>
            {
                items.take(3).collect::<PyResult<Vec<_>>>()?
            }
            _ => return Err(not_a_pair(kind, pair)),
        };
        match <[_; 2]>::try_from(items) {
            Ok([name, value]) => (name, value),
            Err(_) => return Err(not_a_pair(kind, pair)),
        }
    };
    let pushed = match (name.cast::<PyBytes>(), value.cast::<PyBytes>()) {
        (Ok(name), Ok(value)) => push(fields, name, value),
        _ => push(
            fields,
            &header_bytes(kind, "name", &name)?,
            &header_bytes(kind, "value", &value)?,
        ),
    };
    pushed.map_err(|refused| match refused {
        Refused::Header { .. } => PyValueError::new_err(format!("{kind}: {}", describe(&refused))),
        _ => errors::raise(pair.py(), &refused),
    })
}

#[inline(never)]
fn push(
    fields: &mut Fields,
    name: &Bound<'_, PyBytes>,
    value: &Bound<'_, PyBytes>,
) -> Result<(), Refused> {
    fields.push(name.as_bytes(), value.as_bytes())
}

fn header_bytes<'py>(
    kind: &str,
    what: &str,
    part: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    bytes(part).map_err(|_| {
        let hint = if part.is_instance_of::<PyString>() {
            "; encode it, for example with .encode(\"latin-1\")"
        } else {
            ""
        };
        PyTypeError::new_err(format!(
            "{kind}: the {what} of a header must be bytes, not {}{hint}",
            type_name(part)
        ))
    })
}

/// A value that is true or false; a missing one is false, and so is None.
fn flag(event: &Bound<'_, PyDict>, kind: &str, key: &Bound<'_, PyString>) -> PyResult<bool> {
    match event.get_item(key)? {
        None => Ok(false),
        Some(value) => match value.cast::<PyBool>() {
            Ok(value) => Ok(value.is_true()),
            Err(_) if value.is_none() => Ok(false),
            Err(_) if value.is_instance_of::<PyInt>() => value.is_truthy(),
            Err(_) => Err(wrong(kind, &key.to_string(), "a bool", &value)),
        },
    }
}

fn required<'py>(
    event: &Bound<'py, PyDict>,
    kind: &str,
    key: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyAny>> {
    event
        .get_item(key)?
        .ok_or_else(|| PyValueError::new_err(format!("{kind}: \"{key}\" is required")))
}

fn wrong(kind: &str, key: &str, expected: &str, value: &Bound<'_, PyAny>) -> PyErr {
    PyTypeError::new_err(format!(
        "{kind}: \"{key}\" must be {expected}, not {}",
        type_name(value)
    ))
}

fn not_a_pair(kind: &str, value: &Bound<'_, PyAny>) -> PyErr {
    PyTypeError::new_err(format!(
        "{kind}: each of \"headers\" must be a pair of bytes, not {}",
        type_name(value)
    ))
}

fn type_name(value: &Bound<'_, PyAny>) -> String {
    if value.is_none() {
        return "None".to_owned();
    }
    if value
        .is_instance(PyTuple::type_object(value.py()).as_any())
        .unwrap_or(false)
        || value.is_instance_of::<PyList>()
    {
        let length = value.len().unwrap_or(0);
        return format!(
            "a {} of {length}",
            if value.is_instance_of::<PyList>() {
                "list"
            } else {
                "tuple"
            }
        );
    }
    value
        .get_type()
        .name()
        .map_or_else(|_| "something else".to_owned(), |name| name.to_string())
}

fn shorten(text: &str) -> String {
    text.chars().take(100).collect()
}

/// A value in the words of its `str`.
fn shown(value: &Bound<'_, PyAny>) -> String {
    shorten(
        &value
            .str()
            .map_or_else(|_| String::new(), |text| text.to_string()),
    )
}
