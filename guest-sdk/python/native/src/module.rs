//! First version: tuples in, tuples out.
use std::cell::RefCell;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::bindings;
use crate::bindings::types::{self, Action, Event, FieldLength, Fields};

thread_local! { static OUT: RefCell<Vec<Action>> = const { RefCell::new(Vec::new()) }; }

fn push(action: Action) {
    OUT.with_borrow_mut(|out| out.push(action));
}

#[pyfunction]
fn exchange(py: Python<'_>, until: Option<u64>) -> PyResult<Bound<'_, PyList>> {
    let said = OUT.take();
    let events = bindings::exchange(&said, until);
    let list = PyList::empty(py);
    for event in events {
        match event {
            Event::LifespanStartup => list.append(("startup",))?,
            Event::LifespanShutdown => list.append(("shutdown",))?,
            Event::Http(call) => {
                let scope = scope(py, &call.scope)?;
                list.append((
                    "http",
                    call.call,
                    scope,
                    PyBytes::new(py, &call.body),
                    call.more_body,
                ))?;
            }
            Event::Body(chunk) => list.append((
                "body",
                chunk.call,
                PyBytes::new(py, &chunk.body),
                chunk.more_body,
            ))?,
            Event::Disconnect(call) => list.append(("disconnect", call))?,
            Event::Writable(credit) => list.append(("writable", credit.call, credit.bytes))?,
            _ => {}
        }
    }
    Ok(list)
}

fn scope<'py>(py: Python<'py>, scope: &types::HttpScope) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    let asgi = PyDict::new(py);
    asgi.set_item("version", "3.0")?;
    asgi.set_item("spec_version", "2.3")?;
    dict.set_item("type", "http")?;
    dict.set_item("asgi", asgi)?;
    dict.set_item("http_version", "1.1")?;
    dict.set_item(
        "method",
        match &scope.method {
            types::Method::Get => "GET",
            types::Method::Head => "HEAD",
            types::Method::Post => "POST",
            types::Method::Put => "PUT",
            types::Method::Delete => "DELETE",
            types::Method::Options => "OPTIONS",
            types::Method::Patch => "PATCH",
            types::Method::Trace => "TRACE",
            types::Method::Connect => "CONNECT",
            types::Method::Other(name) => name,
        },
    )?;
    dict.set_item("scheme", "http")?;
    let (path, query) = scope
        .target
        .iter()
        .position(|byte| *byte == b'?')
        .map_or((&scope.target[..], &b""[..]), |at| {
            (&scope.target[..at], &scope.target[at + 1..])
        });
    let mut decoded = Vec::new();
    let mut rest = path.iter();
    while let Some(byte) = rest.next() {
        let hex = rest
            .as_slice()
            .get(..2)
            .and_then(|two| std::str::from_utf8(two).ok())
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        match hex {
            Some(value) if *byte == b'%' => {
                decoded.push(value);
                rest.next();
                rest.next();
            }
            _ => decoded.push(*byte),
        }
    }
    dict.set_item("path", String::from_utf8_lossy(&decoded))?;
    dict.set_item("raw_path", PyBytes::new(py, path))?;
    dict.set_item("query_string", PyBytes::new(py, query))?;
    dict.set_item("root_path", scope.root_path.as_deref().unwrap_or(""))?;
    let headers = PyList::empty(py);
    let mut at = 0;
    for length in &scope.headers.lengths {
        let name = at + length.name as usize;
        let value = name + length.value as usize;
        headers.append((
            PyBytes::new(py, &scope.headers.text[at..name]),
            PyBytes::new(py, &scope.headers.text[name..value]),
        ))?;
        at = value;
    }
    dict.set_item("headers", headers)?;
    let peer = |peer: &Option<types::Peer>| match peer {
        Some(types::Peer::Ipv4(peer)) => Some((
            std::net::Ipv4Addr::from(peer.address).to_string(),
            Some(peer.port),
        )),
        Some(types::Peer::Unix(path)) => Some((path.clone(), None)),
        _ => None,
    };
    dict.set_item("client", peer(&scope.client))?;
    dict.set_item("server", peer(&scope.server))?;
    dict.set_item("extensions", PyDict::new(py))?;
    Ok(dict)
}

fn fields(headers: Vec<(Vec<u8>, Vec<u8>)>) -> Fields {
    let mut fields = Fields {
        text: Vec::new(),
        lengths: Vec::new(),
    };
    for (name, value) in headers {
        fields.text.extend_from_slice(&name);
        fields.text.extend_from_slice(&value);
        fields.lengths.push(FieldLength {
            name: name.len() as u32,
            value: value.len() as u32,
        });
    }
    fields
}

#[pyfunction]
fn start(call: u64, status: u16, headers: Vec<(Vec<u8>, Vec<u8>)>) {
    push(Action::Start(types::ResponseStart {
        call,
        status,
        headers: fields(headers),
        trailers: false,
    }));
}
#[pyfunction]
fn body(call: u64, body: Vec<u8>, more_body: bool) {
    push(Action::Body(types::BodyChunk {
        call,
        body,
        more_body,
    }));
}
#[pyfunction]
fn read(call: u64, bytes: u32) {
    push(Action::Read(types::Credit { call, bytes }));
}
#[pyfunction]
fn finished(call: u64, raised: Option<String>) {
    let outcome = raised.map_or(types::Outcome::Returned, types::Outcome::Raised);
    push(Action::Finished(types::Finished { call, outcome }));
}
#[pyfunction]
fn startup(kind: &str, text: String) {
    push(Action::Startup(match kind {
        "complete" => types::Startup::Complete,
        "failed" => types::Startup::Failed(text),
        _ => types::Startup::Unsupported(text),
    }));
}
#[pyfunction]
fn shutdown(failed: Option<String>) {
    push(Action::Shutdown(
        failed.map_or(types::Shutdown::Complete, types::Shutdown::Failed),
    ));
}
#[pyfunction]
fn say() {
    bindings::say(&OUT.take());
}
#[pyfunction]
fn enter(call: u64) {
    bindings::enter(call);
}

#[pymodule]
fn _wasgi(module: &Bound<'_, PyModule>) -> PyResult<()> {
    for function in [
        wrap_pyfunction!(exchange, module)?,
        wrap_pyfunction!(start, module)?,
        wrap_pyfunction!(body, module)?,
        wrap_pyfunction!(read, module)?,
        wrap_pyfunction!(finished, module)?,
        wrap_pyfunction!(startup, module)?,
        wrap_pyfunction!(shutdown, module)?,
        wrap_pyfunction!(say, module)?,
        wrap_pyfunction!(enter, module)?,
    ] {
        module.add_function(function)?;
    }
    Ok(())
}
