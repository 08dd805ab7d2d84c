//! `scope`: what a call is about. Typed views over the record that the host made; nothing is derived
//! before somebody asks.

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use wasgi_sdk_core::target;

use crate::bindings::types::{self, Extensions, Method, Peer as WirePeer, Scheme};
use crate::headers::Headers;
use crate::lifespan::Lifespan;
use crate::{Error, State};

/// The first argument of an app: which protocol it is called for (`A-01`).
///
/// An app fails for a scope that it does not know (`A-13`); that is also how an app without lifespan says so
/// (`L-04`).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Scope {
    /// An HTTP request.
    Http(HttpScope),
    /// A WebSocket.
    WebSocket(WebSocketScope),
    /// The life of the instance.
    Lifespan(LifespanScope),
}

impl Scope {
    /// ASGI's `scope["type"]`.
    pub fn kind(&self) -> &'static str {
        match self {
            Scope::Http(_) => "http",
            Scope::WebSocket(_) => "websocket",
            Scope::Lifespan(_) => "lifespan",
        }
    }

    /// The HTTP scope, or the error that an app without other protocols ends with (`A-13`).
    ///
    /// # Errors
    ///
    /// For every other scope.
    pub fn into_http(self) -> Result<HttpScope, Error> {
        match self {
            Scope::Http(scope) => Ok(scope),
            other => Err(other.unknown()),
        }
    }

    /// The WebSocket scope, or the error that an app without other protocols ends with (`A-13`).
    ///
    /// # Errors
    ///
    /// For every other scope.
    pub fn into_websocket(self) -> Result<WebSocketScope, Error> {
        match self {
            Scope::WebSocket(scope) => Ok(scope),
            other => Err(other.unknown()),
        }
    }

    fn unknown(&self) -> Error {
        format!("this app has no {} protocol", self.kind()).into()
    }
}

/// An HTTP request's scope. Cloning is cheap.
#[derive(Clone)]
pub struct HttpScope {
    head: Arc<Head>,
    state: State,
}

struct Head {
    wire: types::HttpScope,
    headers: Headers,
}

impl HttpScope {
    pub(crate) fn new(mut wire: types::HttpScope, state: State) -> HttpScope {
        let empty = types::Fields {
            text: Vec::new(),
            lengths: Vec::new(),
        };
        let headers = Headers::new(std::mem::replace(&mut wire.headers, empty));
        HttpScope {
            head: Arc::new(Head { wire, headers }),
            state,
        }
    }

    /// `method` (`H-04`), in upper case.
    pub fn method(&self) -> &str {
        match &self.head.wire.method {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
            Method::Patch => "PATCH",
            Method::Trace => "TRACE",
            Method::Connect => "CONNECT",
            Method::Other(other) => other,
        }
    }

    /// Path and query as they came in the request, `root_path` included.
    pub fn target(&self) -> &[u8] {
        &self.head.wire.target
    }

    /// `path` (`H-06`): percent-decoded, U+FFFD for what is not UTF-8 (`H-16`, `H-17`). Contains `root_path`.
    pub fn path(&self) -> Cow<'_, str> {
        target::decode(self.raw_path())
    }

    /// The path without `root_path` (`H-09`): what an app that is mounted somewhere routes by.
    pub fn local_path(&self) -> Cow<'_, str> {
        let root = self.root_path();
        match self.path() {
            whole if root.is_empty() => whole,
            Cow::Borrowed(path) => Cow::Borrowed(path.strip_prefix(root).unwrap_or(path)),
            Cow::Owned(path) => match path.strip_prefix(root) {
                Some(local) => Cow::Owned(local.to_owned()),
                None => Cow::Owned(path),
            },
        }
    }

    /// `raw_path` (`H-07`): the bytes of the path, still percent-encoded.
    pub fn raw_path(&self) -> &[u8] {
        target::split(self.target()).0
    }

    /// `query_string` (`H-08`): still percent-encoded, without the `?`, empty when there is none.
    pub fn query_string(&self) -> &[u8] {
        target::split(self.target()).1
    }

    /// `root_path` (`H-09`): the prefix under which the app is mounted, empty for none.
    pub fn root_path(&self) -> &str {
        self.head.wire.root_path.as_deref().unwrap_or_default()
    }

    /// `headers` (`H-10`).
    pub fn headers(&self) -> &Headers {
        &self.head.headers
    }

    /// `scheme` (`H-05`): `"http"` or `"https"`.
    pub fn scheme(&self) -> &'static str {
        match self.head.wire.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    /// `http_version` (`H-03`): `"1.0"`, `"1.1"`, `"2"` or `"3"`.
    pub fn http_version(&self) -> &'static str {
        match self.head.wire.version {
            types::HttpVersion::Http10 => "1.0",
            types::HttpVersion::Http11 => "1.1",
            types::HttpVersion::Http2 => "2",
            types::HttpVersion::Http3 => "3",
        }
    }

    /// `client` (`H-11`).
    pub fn client(&self) -> Option<Peer<'_>> {
        self.head.wire.client.as_ref().map(Peer::new)
    }

    /// `server` (`H-12`).
    pub fn server(&self) -> Option<Peer<'_>> {
        self.head.wire.server.as_ref().map(Peer::new)
    }

    /// The host's name for this request, the same as in its logs.
    pub fn request_id(&self) -> RequestId {
        RequestId(self.head.wire.request_id)
    }

    /// `state` (`H-13`): what start-up made.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// This call's own copy of the state; changes are seen by this scope and clones made later (`L-09`).
    pub fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// Whether [`Send::trailers`](crate::Send::trailers) may be used (`A-14`, `E-06`).
    pub fn offers_trailers(&self) -> bool {
        self.head.wire.extensions.contains(Extensions::TRAILERS)
    }

    /// Whether [`Send::early_hint`](crate::Send::early_hint) may be used (`E-04`).
    pub fn offers_early_hint(&self) -> bool {
        self.head.wire.extensions.contains(Extensions::EARLY_HINT)
    }

    /// Whether [`Send::pathsend`](crate::Send::pathsend) may be used (`E-02`).
    pub fn offers_pathsend(&self) -> bool {
        self.head.wire.extensions.contains(Extensions::PATHSEND)
    }

    /// The `tls` extension (`E-08`), on TLS connections.
    pub fn tls(&self) -> Option<Tls<'_>> {
        self.head.wire.tls.as_ref().map(Tls)
    }
}

impl fmt::Debug for HttpScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpScope")
            .field("method", &self.method())
            .field("target", &String::from_utf8_lossy(self.target()))
            .field("http_version", &self.http_version())
            .field("headers", self.headers())
            .field("request_id", &self.request_id())
            .finish_non_exhaustive()
    }
}

/// A WebSocket's scope (`W-01`): that of the request which opens it, by [`Deref`](std::ops::Deref), and what the client offers.
/// Cloning is cheap.
#[derive(Debug, Clone)]
pub struct WebSocketScope {
    http: HttpScope,
    subprotocols: Arc<[String]>,
}

impl WebSocketScope {
    pub(crate) fn new(wire: types::WebsocketScope, state: State) -> WebSocketScope {
        WebSocketScope {
            http: HttpScope::new(wire.http, state),
            subprotocols: wire.subprotocols.into(),
        }
    }

    /// `scheme` (`H-05`): `"ws"` or `"wss"`.
    pub fn scheme(&self) -> &'static str {
        match self.http.head.wire.scheme {
            Scheme::Http => "ws",
            Scheme::Https => "wss",
        }
    }

    /// `subprotocols` (`W-01`), in the client's order.
    pub fn subprotocols(&self) -> &[String] {
        &self.subprotocols
    }

    /// Whether the handshake may be answered with a response of the app's (`A-14`, `E-01`).
    pub fn offers_denial(&self) -> bool {
        let extensions = self.http.head.wire.extensions;
        extensions.contains(Extensions::WEBSOCKET_DENIAL)
    }

    /// The scope of the request that opens it. Its method belongs to the protocol and says nothing.
    pub fn request(&self) -> &HttpScope {
        &self.http
    }

    /// This call's own copy of the state, see [`HttpScope::state_mut`].
    pub fn state_mut(&mut self) -> &mut State {
        self.http.state_mut()
    }
}

impl std::ops::Deref for WebSocketScope {
    type Target = HttpScope;

    fn deref(&self) -> &HttpScope {
        &self.http
    }
}

/// A request's name: 16 hexadecimal digits, as in the logs of host and app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(pub u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// One end of the connection (`H-11`, `H-12`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer<'a> {
    /// An internet address.
    Ip(SocketAddr),
    /// The path of a Unix socket; may be empty.
    Unix(&'a str),
    /// A host by its name, and a port: a `server` that a trusted proxy has named (`F-14`).
    Named(&'a str, u16),
}

impl<'a> Peer<'a> {
    fn new(wire: &'a WirePeer) -> Peer<'a> {
        match wire {
            WirePeer::Ipv4(peer) => Peer::Ip((Ipv4Addr::from(peer.address), peer.port).into()),
            WirePeer::Ipv6(peer) => {
                let address = (u128::from(peer.high) << 64) | u128::from(peer.low);
                Peer::Ip((Ipv6Addr::from(address), peer.port).into())
            }
            WirePeer::Unix(path) => Peer::Unix(path),
            WirePeer::Named(peer) => Peer::Named(&peer.host, peer.port),
        }
    }

    /// The internet address, if it is one.
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            Peer::Ip(address) => Some(*address),
            Peer::Unix(_) | Peer::Named(..) => None,
        }
    }
}

impl fmt::Display for Peer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Ip(address) => address.fmt(f),
            Peer::Unix(path) => write!(f, "unix:{path}"),
            Peer::Named(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

/// The `tls` extension, version 0.2 (`E-08`).
#[derive(Clone, Copy)]
pub struct Tls<'a>(&'a types::Tls);

impl<'a> Tls<'a> {
    /// PEM of the server's certificate.
    pub fn server_cert(&self) -> Option<&'a str> {
        self.0.server_cert.as_deref()
    }

    /// PEM of the client's certificates, leaf first.
    pub fn client_cert_chain(&self) -> &'a [String] {
        &self.0.client_cert_chain
    }

    /// RFC 4514 name of the client's certificate.
    pub fn client_cert_name(&self) -> Option<&'a str> {
        self.0.client_cert_name.as_deref()
    }

    /// Why the client's certificate was not accepted.
    pub fn client_cert_error(&self) -> Option<&'a str> {
        self.0.client_cert_error.as_deref()
    }

    /// 0x0303 for TLS 1.2, 0x0304 for 1.3.
    pub fn tls_version(&self) -> Option<u16> {
        self.0.tls_version
    }

    /// IANA number, for example 0x1301.
    pub fn cipher_suite(&self) -> Option<u16> {
        self.0.cipher_suite
    }
}

impl fmt::Debug for Tls<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("tls_version", &self.tls_version())
            .field("cipher_suite", &self.cipher_suite())
            .field("client_cert_name", &self.client_cert_name())
            .finish_non_exhaustive()
    }
}

/// The lifespan scope (`L-01`): one per instance, pending for its whole life.
///
/// ```
/// use wasgi_sdk::{Error, Event, LifespanScope, Receive, Send};
///
/// async fn lifespan(scope: LifespanScope, receive: Receive, send: Send) -> Result<(), Error> {
///     loop {
///         match receive.next().await {
///             Event::LifespanStartup => {
///                 scope.insert(String::from("made once"));
///                 send.startup_complete().await?;
///             }
///             _ => return Ok(send.shutdown_complete().await?),
///         }
///     }
/// }
/// ```
#[derive(Clone)]
pub struct LifespanScope(Arc<Lifespan>);

impl LifespanScope {
    pub(crate) fn new(lifespan: Arc<Lifespan>) -> LifespanScope {
        LifespanScope(lifespan)
    }

    /// Puts a value into the state that every later call gets a copy of (`L-09`).
    pub fn insert<T: std::any::Any + std::marker::Send + Sync>(&self, value: T) {
        self.0.change_state(|state| state.insert(value));
    }

    /// As [`insert`](LifespanScope::insert), under a name.
    pub fn set<T: std::any::Any + std::marker::Send + Sync>(
        &self,
        name: impl Into<Cow<'static, str>>,
        value: T,
    ) {
        self.0.change_state(|state| state.set(name, value));
    }

    /// A copy of the state as it is now. Still full at shutdown (`L-10`).
    pub fn state(&self) -> State {
        self.0.state()
    }
}

impl fmt::Debug for LifespanScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LifespanScope")
            .field("state", &self.state())
            .finish()
    }
}
