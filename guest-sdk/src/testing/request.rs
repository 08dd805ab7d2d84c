//! A request that is being put together.

use bytes::Bytes;

use super::{CallId, Response, TestClient};
use crate::App;
use crate::bindings::types::{
    FieldLength, Fields, HttpScope, HttpVersion, Ipv4Peer, Method, Peer, Scheme,
};

/// See [`TestClient::request`].
#[must_use = "a request does nothing until `send` or `open`"]
pub struct Request<'a, A: App> {
    client: &'a mut TestClient<A>,
    method: Method,
    target: Vec<u8>,
    root_path: Option<String>,
    headers: Fields,
    body: Vec<Bytes>,
}

impl<'a, A: App> Request<'a, A> {
    pub(super) fn new(client: &'a mut TestClient<A>, method: &str, target: &str) -> Self {
        let method = match method.to_ascii_uppercase().as_str() {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "DELETE" => Method::Delete,
            "OPTIONS" => Method::Options,
            "PATCH" => Method::Patch,
            "TRACE" => Method::Trace,
            "CONNECT" => Method::Connect,
            other => Method::Other(other.to_owned()),
        };
        let request = Request {
            client,
            method,
            target: target.as_bytes().to_vec(),
            root_path: None,
            headers: Fields {
                text: Vec::new(),
                lengths: Vec::new(),
            },
            body: Vec::new(),
        };
        request.header("host", "test")
    }

    /// Adds a header; names are lowered as a host does (`F-03`).
    #[expect(clippy::cast_possible_truncation, reason = "headers of a test")]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self.headers.text.extend(name.to_ascii_lowercase().bytes());
        self.headers.text.extend_from_slice(value);
        self.headers.lengths.push(FieldLength {
            name: name.len() as u32,
            value: value.len() as u32,
        });
        self
    }

    /// Says where the app is mounted (`H-09`). The target has to begin with it.
    pub fn root_path(mut self, root_path: &str) -> Self {
        self.root_path = Some(root_path.to_owned());
        self
    }

    /// The whole body, with its `content-length`.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let length = body.len().to_string();
        self.body = vec![body];
        self.header("content-length", length)
    }

    /// The body in pieces, without `content-length`.
    pub fn chunks<T: Into<Bytes>>(mut self, chunks: impl IntoIterator<Item = T>) -> Self {
        self.body = chunks.into_iter().map(Into::into).collect();
        self
    }

    /// Sends it and waits until the response is complete or the app has ended. Timers of the app that are due before
    /// then fire at once, unless time is real.
    ///
    /// # Panics
    ///
    /// When no response will ever come, and when the SDK breaks the contract.
    #[track_caller]
    pub fn send(self) -> Response {
        let (client, scope, body) = self.into_scope();
        let call = client.open(scope, body, true);
        client.wait(call)
    }

    /// Opens the call with what is there of the body, and leaves the rest to [`TestClient::push`] and
    /// [`TestClient::end_body`].
    pub fn open(self) -> CallId {
        let (client, scope, body) = self.into_scope();
        client.open(scope, body, false)
    }

    /// Opens the call with its whole body, without waiting for the response.
    pub fn start(self) -> CallId {
        let (client, scope, body) = self.into_scope();
        client.open(scope, body, true)
    }

    pub(super) fn into_scope(self) -> (&'a mut TestClient<A>, HttpScope, Vec<Bytes>) {
        let local = |port| {
            Some(Peer::Ipv4(Ipv4Peer {
                address: 0x7F00_0001,
                port,
            }))
        };
        let scope = HttpScope {
            request_id: self.client.host.next_id(),
            version: HttpVersion::Http11,
            scheme: Scheme::Http,
            method: self.method,
            target: self.target,
            root_path: self.root_path,
            headers: self.headers,
            client: local(50_000),
            server: local(80),
            extensions: self.client.host.extensions(),
            tls: None,
        };
        (self.client, scope, self.body)
    }
}

impl<A: App> std::fmt::Debug for Request<'_, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("target", &String::from_utf8_lossy(&self.target))
            .finish_non_exhaustive()
    }
}
