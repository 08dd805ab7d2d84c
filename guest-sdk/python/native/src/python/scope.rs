//! Scope dicts (`H-01`–`H-14`) from the records of the host.
//!
//! What comes again and again (the headers of a browser, the address of a connection) comes out of small tables:
//! without them a third of a request's cost in the guest is allocating the same bytes anew.

use std::cell::RefCell;
use std::net::{Ipv4Addr, Ipv6Addr};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use wasgi_sdk_core::target;

use crate::bindings::types::{
    Extensions, FieldsResult, HttpScope, HttpVersion, Method, Peer, Scheme, Tls, WebsocketScope,
};
use crate::table::{MAX_KEY, Table};

/// `asgi.spec_version` of the http scope. Frameworks take 2.4 as "`send` raises when the client is gone, do not
/// listen for it", which leaves an idle stream running; from 2.3 they listen (`D-08`).
const HTTP_SPEC_VERSION: &str = "2.3";

/// That of the websocket scope (`A-03`): a `disconnect` has its reason, and a denial response may be offered.
const WEBSOCKET_SPEC_VERSION: &str = "2.5";

thread_local! {
    static HEADERS: RefCell<Table<Py<PyTuple>, 512>> = const { RefCell::new(Table::new()) };
    static PEERS: RefCell<Table<Py<PyTuple>, 256>> = const { RefCell::new(Table::new()) };
}

/// Dicts with every key in its place, of which each scope starts as a copy.
pub(crate) struct Templates {
    http: Template,
    websocket: Template,
}

struct Template {
    scope: Py<PyDict>,
    asgi: Py<PyDict>,
}

impl Template {
    fn new(
        py: Python<'_>,
        kind: &Bound<'_, PyString>,
        spec_version: &Bound<'_, PyString>,
        own: &Bound<'_, PyString>,
    ) -> PyResult<Template> {
        let asgi = PyDict::new(py);
        asgi.set_item(intern!(py, "version"), intern!(py, "3.0"))?;
        asgi.set_item(intern!(py, "spec_version"), spec_version)?;
        let scope = PyDict::new(py);
        scope.set_item(intern!(py, "type"), kind)?;
        for key in [
            intern!(py, "asgi"),
            intern!(py, "http_version"),
            intern!(py, "server"),
            intern!(py, "client"),
            intern!(py, "scheme"),
            own,
            intern!(py, "root_path"),
            intern!(py, "path"),
            intern!(py, "raw_path"),
            intern!(py, "query_string"),
            intern!(py, "headers"),
            intern!(py, "extensions"),
        ] {
            scope.set_item(key, py.None())?;
        }
        scope.set_item(intern!(py, "root_path"), intern!(py, ""))?;
        Ok(Template {
            scope: scope.unbind(),
            asgi: asgi.unbind(),
        })
    }

    /// A scope with all that a request and a handshake have in common. `state` is what start-up made, of which the scope
    /// gets a copy (`L-09`).
    fn scope<'py>(
        &self,
        py: Python<'py>,
        wire: &HttpScope,
        scheme: &Bound<'py, PyString>,
        state: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let scope = self.scope.bind(py).copy()?;
        scope.set_item(intern!(py, "asgi"), self.asgi.bind(py).copy()?)?;
        scope.set_item(intern!(py, "http_version"), version(py, wire.version))?;
        scope.set_item(intern!(py, "scheme"), scheme)?;
        let (path, query) = target::split(&wire.target);
        scope.set_item(intern!(py, "path"), &*target::decode(path))?;
        scope.set_item(intern!(py, "raw_path"), PyBytes::new(py, path))?;
        scope.set_item(intern!(py, "query_string"), PyBytes::new(py, query))?;
        if let Some(root) = &wire.root_path {
            scope.set_item(intern!(py, "root_path"), root)?;
        }
        scope.set_item(intern!(py, "headers"), headers(py, &wire.headers)?)?;
        if let Some(client) = peer(py, wire.client.as_ref())? {
            scope.set_item(intern!(py, "client"), client)?;
        }
        if let Some(server) = peer(py, wire.server.as_ref())? {
            scope.set_item(intern!(py, "server"), server)?;
        }
        scope.set_item(
            intern!(py, "extensions"),
            extensions(py, wire.extensions, wire.tls.as_ref())?,
        )?;
        if let Some(state) = state {
            scope.set_item(intern!(py, "state"), state.copy()?)?;
        }
        Ok(scope)
    }
}

impl Templates {
    pub(crate) fn new(py: Python<'_>) -> PyResult<Templates> {
        Ok(Templates {
            http: Template::new(
                py,
                intern!(py, "http"),
                intern!(py, HTTP_SPEC_VERSION),
                intern!(py, "method"),
            )?,
            websocket: Template::new(
                py,
                intern!(py, "websocket"),
                intern!(py, WEBSOCKET_SPEC_VERSION),
                intern!(py, "subprotocols"),
            )?,
        })
    }

    /// The scope of an HTTP request.
    pub(crate) fn http<'py>(
        &self,
        py: Python<'py>,
        wire: &HttpScope,
        state: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let scheme = match wire.scheme {
            Scheme::Http => intern!(py, "http"),
            Scheme::Https => intern!(py, "https"),
        };
        let scope = self.http.scope(py, wire, scheme, state)?;
        scope.set_item(intern!(py, "method"), method(py, &wire.method))?;
        Ok(scope)
    }

    /// The scope of a WebSocket (`W-01`).
    pub(crate) fn websocket<'py>(
        &self,
        py: Python<'py>,
        wire: &WebsocketScope,
        state: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let scheme = match wire.http.scheme {
            Scheme::Http => intern!(py, "ws"),
            Scheme::Https => intern!(py, "wss"),
        };
        let scope = self.websocket.scope(py, &wire.http, scheme, state)?;
        scope.set_item(
            intern!(py, "subprotocols"),
            PyList::new(py, &wire.subprotocols)?,
        )?;
        Ok(scope)
    }
}

fn version(py: Python<'_>, version: HttpVersion) -> &Bound<'_, PyString> {
    match version {
        HttpVersion::Http10 => intern!(py, "1.0"),
        HttpVersion::Http11 => intern!(py, "1.1"),
        HttpVersion::Http2 => intern!(py, "2"),
        HttpVersion::Http3 => intern!(py, "3"),
    }
}

fn method<'py>(py: Python<'py>, method: &Method) -> Bound<'py, PyString> {
    match method {
        Method::Get => intern!(py, "GET").clone(),
        Method::Head => intern!(py, "HEAD").clone(),
        Method::Post => intern!(py, "POST").clone(),
        Method::Put => intern!(py, "PUT").clone(),
        Method::Delete => intern!(py, "DELETE").clone(),
        Method::Options => intern!(py, "OPTIONS").clone(),
        Method::Patch => intern!(py, "PATCH").clone(),
        Method::Trace => intern!(py, "TRACE").clone(),
        Method::Connect => intern!(py, "CONNECT").clone(),
        Method::Other(name) => PyString::new(py, name),
    }
}

/// A list of pairs of bytes (`H-10`, `F-01`).
fn headers<'py>(py: Python<'py>, wire: &FieldsResult) -> PyResult<Bound<'py, PyList>> {
    HEADERS.with_borrow_mut(|table| {
        let mut rest = wire.text.as_slice();
        PyList::new(
            py,
            wire.lengths.iter().map(|length| {
                let (name, value) = (length.name as usize, length.value as usize);
                let (field, after) = rest.split_at_checked(name + value).unwrap_or((rest, &[]));
                rest = after;
                header(py, table, field, name)
            }),
        )
    })
}

fn header<'py>(
    py: Python<'py>,
    table: &mut Table<Py<PyTuple>, 512>,
    field: &[u8],
    name: usize,
) -> Bound<'py, PyTuple> {
    let make = || {
        let (name, value) = field.split_at_checked(name).unwrap_or((field, &[]));
        PyTuple::new(py, [PyBytes::new(py, name), PyBytes::new(py, value)])
    };
    let secret = field.starts_with(b"cookie") || field.starts_with(b"authorization");
    let made = if secret || field.len() > MAX_KEY {
        make()
    } else {
        table
            .get(field, name, || make().map(Bound::unbind))
            .map(|pair| pair.bind(py).clone())
    };
    made.unwrap_or_else(|_| PyTuple::empty(py))
}

/// `(host, port)`, or `(path, None)` for a Unix socket (`H-11`, `H-12`, `H-15`).
fn peer<'py>(py: Python<'py>, peer: Option<&Peer>) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let mut key = [0; 18];
    let (key, host, port) = match peer {
        None => return Ok(None),
        Some(Peer::Unix(path)) if path.is_empty() => return Ok(None),
        Some(Peer::Unix(path)) => return (path, py.None()).into_pyobject(py).map(Some),
        // Not kept: what names a client may have thought of are many.
        Some(Peer::Named(peer)) => {
            return (&peer.host, peer.port).into_pyobject(py).map(Some);
        }
        Some(Peer::Ipv4(peer)) => {
            let (address, port) = (peer.address.to_be_bytes(), peer.port.to_be_bytes());
            for (to, from) in key.iter_mut().zip(address.into_iter().chain(port)) {
                *to = from;
            }
            let host = Ipv4Addr::from(peer.address).into();
            (
                key.first_chunk::<6>().map(<[u8; 6]>::as_slice),
                host,
                peer.port,
            )
        }
        Some(Peer::Ipv6(peer)) => {
            let address = (u128::from(peer.high) << 64) | u128::from(peer.low);
            let bytes = address
                .to_be_bytes()
                .into_iter()
                .chain(peer.port.to_be_bytes());
            for (to, from) in key.iter_mut().zip(bytes) {
                *to = from;
            }
            let host: std::net::IpAddr = Ipv6Addr::from(address).into();
            (Some(key.as_slice()), host, peer.port)
        }
    };
    PEERS.with_borrow_mut(|table| {
        let pair = table.get(key.unwrap_or_default(), 0, || {
            (host.to_string(), port)
                .into_pyobject(py)
                .map(Bound::unbind)
        })?;
        Ok(Some(pair.bind(py).clone()))
    })
}

/// One key per extension that may be used (`A-14`).
fn extensions<'py>(
    py: Python<'py>,
    offered: Extensions,
    tls: Option<&Tls>,
) -> PyResult<Bound<'py, PyDict>> {
    let extensions = PyDict::new(py);
    for (flag, key) in [
        (Extensions::TRAILERS, intern!(py, "http.response.trailers")),
        (
            Extensions::EARLY_HINT,
            intern!(py, "http.response.early_hint"),
        ),
        (Extensions::PATHSEND, intern!(py, "http.response.pathsend")),
        (
            Extensions::WEBSOCKET_DENIAL,
            intern!(py, "websocket.http.response"),
        ),
    ] {
        if offered.contains(flag) {
            extensions.set_item(key, PyDict::new(py))?;
        }
    }
    if let Some(tls) = tls {
        let values = PyDict::new(py);
        values.set_item("server_cert", &tls.server_cert)?;
        values.set_item("client_cert_chain", &tls.client_cert_chain)?;
        values.set_item("client_cert_name", &tls.client_cert_name)?;
        values.set_item("client_cert_error", &tls.client_cert_error)?;
        values.set_item("tls_version", tls.tls_version)?;
        values.set_item("cipher_suite", tls.cipher_suite)?;
        extensions.set_item(intern!(py, "tls"), values)?;
    }
    Ok(extensions)
}
