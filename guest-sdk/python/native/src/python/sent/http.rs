//! Events of an http scope.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use wasgi_sdk_core::{Call, Effect, Fields, Outbox, Refused, Said, Start};

use super::super::body::Body;
use super::super::hashing::bytes;
use super::{body, flag, headers, kind, name, required, start, unknown, wrong};

const START: &str = "http.response.start";
const BODY: &str = "http.response.body";
const TRAILERS: &str = "http.response.trailers";
const EARLY_HINT: &str = "http.response.early_hint";
const PATHSEND: &str = "http.response.pathsend";

/// An event, checked on its own: every value in it is one that a response can have.
pub(crate) enum Event {
    Start(Start),
    /// `None` is an empty body.
    Body(Option<Body>, bool),
    Trailers(Fields, bool),
    EarlyHint(Vec<Vec<u8>>),
    Pathsend(String),
}

impl Event {
    /// Says it in `call`, wholly or not at all.
    pub(crate) fn say(
        self,
        call: &mut Call<Body>,
        outbox: &mut Outbox<Said<Body>>,
    ) -> Result<Effect, Refused> {
        match self {
            Event::Start(start) => call.start(start),
            Event::Body(body, more) => call.body(body, more, outbox),
            Event::Trailers(headers, more) => call.trailers(headers, more, outbox),
            Event::EarlyHint(links) => call.early_hint(links, outbox),
            Event::Pathsend(path) => call.pathsend(path, outbox),
        }
    }
}

/// The event, or the exception that tells its author what is wrong with it.
pub(super) fn read(event: &Bound<'_, PyDict>) -> PyResult<Event> {
    let py = event.py();
    let kind = kind(event)?;
    // The usual two are mostly the very objects that the compiler interned.
    if kind.is(intern!(py, BODY)) {
        return body(event, BODY).map(of_body);
    }
    if kind.is(intern!(py, START)) {
        return start(event, START).map(Event::Start);
    }
    match name(&kind)? {
        BODY => body(event, BODY).map(of_body),
        START => start(event, START).map(Event::Start),
        TRAILERS => Ok(Event::Trailers(
            headers(event, TRAILERS)?,
            flag(event, TRAILERS, intern!(py, "more_trailers"))?,
        )),
        EARLY_HINT => early_hint(event),
        PATHSEND => pathsend(event),
        other => Err(unknown(other, "an http")),
    }
}

fn of_body((body, more): (Option<Body>, bool)) -> Event {
    Event::Body(body, more)
}

fn early_hint(event: &Bound<'_, PyDict>) -> PyResult<Event> {
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
    Ok(Event::EarlyHint(links))
}

fn pathsend(event: &Bound<'_, PyDict>) -> PyResult<Event> {
    let path = required(event, PATHSEND, intern!(event.py(), "path"))?;
    let Ok(path) = path.cast::<PyString>() else {
        return Err(wrong(PATHSEND, "path", "a str", &path));
    };
    if path.to_str()?.starts_with('/') {
        return Ok(Event::Pathsend(path.to_str()?.to_owned()));
    }
    // ASGI wants it absolute. Frameworks pass on what they were given, which `open` would take.
    let os_path = path.py().import(intern!(path.py(), "os.path"))?;
    let absolute = os_path.call_method1(intern!(path.py(), "abspath"), (path,))?;
    Ok(Event::Pathsend(absolute.extract()?))
}
