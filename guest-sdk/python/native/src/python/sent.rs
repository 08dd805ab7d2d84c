//! Reads an event that the app gave to `send`. Everything in it is checked here, before anything changes
//! (`A-06`); keys that ASGI does not know are ignored (`A-07`).

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyInt, PyList, PyMapping, PyString, PyTuple};
use pyo3::{PyTypeInfo, intern};
use wasgi_sdk_core::{Call, Effect, Fields, Outbox, Refused, Said, Start};

use super::call::Body;
use super::errors;
use super::hashing::{bytes, copied};
use crate::error::describe;

const START: &str = "http.response.start";
const BODY: &str = "http.response.body";
const TRAILERS: &str = "http.response.trailers";
const EARLY_HINT: &str = "http.response.early_hint";
const PATHSEND: &str = "http.response.pathsend";

/// An event, checked on its own: every value in it is one that a response can have.
pub(crate) enum Sent {
    Start(Start),
    /// `None` is an empty body.
    Body(Option<Body>, bool),
    Trailers(Fields, bool),
    EarlyHint(Vec<Vec<u8>>),
    Pathsend(String),
}

impl Sent {
    /// Says it in `call`, wholly or not at all.
    pub(crate) fn say(
        self,
        call: &mut Call<Body>,
        outbox: &mut Outbox<Said<Body>>,
    ) -> Result<Effect, Refused> {
        match self {
            Sent::Start(start) => call.start(start),
            Sent::Body(body, more) => call.body(body, more, outbox),
            Sent::Trailers(headers, more) => call.trailers(headers, more, outbox),
            Sent::EarlyHint(links) => call.early_hint(links, outbox),
            Sent::Pathsend(path) => call.pathsend(path, outbox),
        }
    }
}

/// The event, or the exception that tells its author what is wrong with it.
pub(crate) fn read(event: &Bound<'_, PyAny>) -> PyResult<Sent> {
    match event.cast::<PyDict>() {
        Ok(event) => read_dict(event),
        Err(_) => read_dict(&to_dict(event)?),
    }
}

/// Any other mapping, copied.
fn to_dict<'py>(event: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let Ok(mapping) = event.cast::<PyMapping>() else {
        return Err(PyTypeError::new_err(format!(
            "an ASGI event must be a dict, not {}",
            type_name(event)
        )));
    };
    let dict = PyDict::new(event.py());
    dict.update(mapping)?;
    Ok(dict)
}

fn read_dict(event: &Bound<'_, PyDict>) -> PyResult<Sent> {
    let py = event.py();
    let Some(kind) = event.get_item(intern!(py, "type"))? else {
        return Err(PyValueError::new_err("an ASGI event must have a \"type\""));
    };
    // The usual two are mostly the very objects that the compiler interned.
    if kind.is(intern!(py, BODY)) {
        return body(event);
    }
    if kind.is(intern!(py, START)) {
        return start(event);
    }
    let Ok(kind) = kind.cast::<PyString>() else {
        return Err(wrong("event", "type", "a str", &kind));
    };
    match kind.to_str()? {
        BODY => body(event),
        START => start(event),
        TRAILERS => Ok(Sent::Trailers(
            headers(event, TRAILERS)?,
            flag(event, TRAILERS, intern!(py, "more_trailers"))?,
        )),
        EARLY_HINT => early_hint(event),
        PATHSEND => pathsend(event),
        other => Err(PyValueError::new_err(format!(
            "unknown event type {:?} in an http scope",
            shorten(other)
        ))),
    }
}

fn start(event: &Bound<'_, PyDict>) -> PyResult<Sent> {
    let py = event.py();
    let status = required(event, START, intern!(py, "status"))?;
    if status.cast::<PyInt>().is_err() || status.is_instance_of::<PyBool>() {
        return Err(wrong(START, "status", "an int", &status));
    }
    let status = match status.extract::<u16>() {
        Ok(status) if Start::STATUS.contains(&status) => status,
        _ => {
            return Err(PyValueError::new_err(format!(
                "{START}: \"status\" must be within 200..=999, not {}",
                shorten(
                    &status
                        .str()
                        .map_or_else(|_| String::new(), |text| text.to_string())
                )
            )));
        }
    };
    Ok(Sent::Start(Start {
        status,
        headers: headers(event, START)?,
        trailers: flag(event, START, intern!(py, "trailers"))?,
    }))
}

fn body(event: &Bound<'_, PyDict>) -> PyResult<Sent> {
    let py = event.py();
    let body = match event.get_item(intern!(py, "body"))? {
        None => None,
        // Exactly bytes: what a subclass does when it is dropped must not happen in the middle of our work.
        Some(body) => Some(match body.cast_exact::<PyBytes>() {
            Ok(body) => body.clone(),
            Err(_) => copied(&body).map_err(|_| wrong(BODY, "body", "bytes", &body))?,
        }),
    };
    let more = flag(event, BODY, intern!(py, "more_body"))?;
    Ok(Sent::Body(body.and_then(Body::new), more))
}

fn early_hint(event: &Bound<'_, PyDict>) -> PyResult<Sent> {
    let given = required(event, EARLY_HINT, intern!(event.py(), "links"))?;
    if given.is_instance_of::<PyBytes>() || given.is_instance_of::<PyString>() {
        return Err(wrong(EARLY_HINT, "links", "an iterable of bytes", &given));
    }
    let mut links = Vec::new();
    for link in given
        .try_iter()
        .map_err(|_| wrong(EARLY_HINT, "links", "an iterable of bytes", &given))?
    {
        let link = link?;
        let bytes =
            bytes(&link).map_err(|_| wrong(EARLY_HINT, "links", "an iterable of bytes", &link))?;
        links.push(bytes.as_bytes().to_vec());
    }
    Ok(Sent::EarlyHint(links))
}

fn pathsend(event: &Bound<'_, PyDict>) -> PyResult<Sent> {
    let path = required(event, PATHSEND, intern!(event.py(), "path"))?;
    let Ok(path) = path.cast::<PyString>() else {
        return Err(wrong(PATHSEND, "path", "a str", &path));
    };
    if path.to_str()?.starts_with('/') {
        return Ok(Sent::Pathsend(path.to_str()?.to_owned()));
    }
    // ASGI wants it absolute. Frameworks pass on what they were given, which `open` would take.
    let os_path = path.py().import(intern!(path.py(), "os.path"))?;
    let absolute = os_path.call_method1(intern!(path.py(), "abspath"), (path,))?;
    Ok(Sent::Pathsend(absolute.extract()?))
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
