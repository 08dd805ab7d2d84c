//! WebSockets for routers: the extractor [`WebSocketUpgrade`], and how its answer becomes an accept.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use http::request::Parts;
use http::{HeaderMap, HeaderName, Response, StatusCode, header};

use crate::sync::lock;
use crate::websocket::choose;
use crate::{Error, WebSocket, WebSocketScope};

/// A WebSocket that a client wants, for a handler of a router: it has the face of axum's extractor, which does not build for
/// guests, and is an axum extractor with the feature `axum`.
///
/// ```
/// # #[cfg(feature = "axum")] mod with_axum {
/// use axum_core::response::Response; // axum::response::Response
/// use wasgi_sdk::WebSocket;
/// use wasgi_sdk::service::WebSocketUpgrade;
///
/// async fn handler(upgrade: WebSocketUpgrade) -> Response {
///     upgrade.protocols(["chat"]).on_upgrade(echo)
/// }
///
/// async fn echo(mut socket: WebSocket) {
///     while let Some(message) = socket.recv().await {
///         if socket.send(message).await.is_err() {
///             return; // the client is gone
///         }
///     }
/// }
/// # }
/// ```
///
/// A handler that answers without [`on_upgrade`](WebSocketUpgrade::on_upgrade) refuses the handshake: a response that is no
/// success goes to the client as it is where the scope offers that (`E-01`), anything else becomes a 403, as does the answer
/// of a route that knows nothing of WebSockets.
///
/// Layers see a GET request, over HTTP/2 too, and a response with status 101. Headers that they add go into the handshake's
/// answer, but for `connection`, `upgrade`, framing and `sec-websocket-*`, which are the server's.
#[derive(Debug)]
#[must_use = "a handshake that is not upgraded is refused"]
pub struct WebSocketUpgrade {
    scope: WebSocketScope,
    protocol: Option<String>,
}

impl WebSocketUpgrade {
    /// What the request opens, for services without axum.
    ///
    /// # Errors
    ///
    /// [`NotAWebSocket`] for a request that opens none.
    pub fn from_parts(parts: &Parts) -> Result<WebSocketUpgrade, NotAWebSocket> {
        let scope = parts.extensions.get::<WebSocketScope>();
        let scope = scope.ok_or(NotAWebSocket)?.clone();
        Ok(WebSocketUpgrade {
            scope,
            protocol: None,
        })
    }

    /// The scope of the WebSocket.
    pub fn scope(&self) -> &WebSocketScope {
        &self.scope
    }

    /// Chooses the first of the client's subprotocols that is among these. None of them is no error: the client decides
    /// whether it goes on without.
    pub fn protocols<P: AsRef<str>>(mut self, known: impl IntoIterator<Item = P>) -> Self {
        self.protocol = choose(self.scope.subprotocols(), known);
        self
    }

    /// The subprotocol that [`protocols`](WebSocketUpgrade::protocols) has chosen.
    pub fn selected_protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// The response that accepts, with any body that has a default. `serve` runs once the handshake is complete, in the
    /// call's own task. When it ends, the WebSocket is closed where nobody has closed it: with 1000, or with 1011 when it
    /// answers with an error (`W-20`, `W-21`). A panic is a trap and ends the instance (`G-04`); the client sees 1011.
    pub fn response<F, Fut, B>(self, serve: F) -> Response<B>
    where
        F: FnOnce(WebSocket) -> Fut + std::marker::Send + 'static,
        Fut: Future<Output: Served> + 'static,
        B: Default,
    {
        let run = |socket| -> Serving {
            let serving = serve(socket);
            Box::pin(async move { serving.await.into_result() })
        };
        let mut response = Response::new(B::default());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.extensions_mut().insert(Upgrade {
            protocol: self.protocol,
            run: Arc::new(Mutex::new(Some(Box::new(run)))),
        });
        response
    }

    /// [`response`](WebSocketUpgrade::response) as axum has it.
    #[cfg(feature = "axum")]
    pub fn on_upgrade<F, Fut>(self, serve: F) -> axum_core::response::Response
    where
        F: FnOnce(WebSocket) -> Fut + std::marker::Send + 'static,
        Fut: Future<Output: Served> + 'static,
    {
        self.response(serve)
    }
}

/// The request opens no WebSocket: 426.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAWebSocket;

impl std::fmt::Display for NotAWebSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("this route is for WebSockets")
    }
}

impl std::error::Error for NotAWebSocket {}

#[cfg(feature = "axum")]
impl axum_core::response::IntoResponse for NotAWebSocket {
    fn into_response(self) -> axum_core::response::Response {
        (StatusCode::UPGRADE_REQUIRED, self.to_string()).into_response()
    }
}

#[cfg(feature = "axum")]
impl<S: Sync> axum_core::extract::FromRequestParts<S> for WebSocketUpgrade {
    type Rejection = NotAWebSocket;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NotAWebSocket> {
        WebSocketUpgrade::from_parts(parts)
    }
}

/// Optional, for routes that answer plain requests too.
#[cfg(feature = "axum")]
impl<S: Sync> axum_core::extract::OptionalFromRequestParts<S> for WebSocketUpgrade {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> Result<Option<Self>, std::convert::Infallible> {
        Ok(WebSocketUpgrade::from_parts(parts).ok())
    }
}

/// What the function that serves a WebSocket may answer with: nothing, or a `Result` whose error is the app's failure (unless it
/// is that the client has gone, `A-09`).
pub trait Served: sealed::Sealed {
    #[doc(hidden)]
    fn into_result(self) -> Result<(), Error>;
}

impl Served for () {
    fn into_result(self) -> Result<(), Error> {
        Ok(())
    }
}

impl<E: Into<Error>> Served for Result<(), E> {
    fn into_result(self) -> Result<(), Error> {
        self.map_err(Into::into)
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}
    impl<E> Sealed for Result<(), E> {}
}

type Serving = Pin<Box<dyn Future<Output = Result<(), Error>>>>;
type Run = Box<dyn FnOnce(WebSocket) -> Serving + std::marker::Send>;

/// Travels in the response through whatever layers there are.
#[derive(Clone)]
pub(super) struct Upgrade {
    pub(super) protocol: Option<String>,
    run: Arc<Mutex<Option<Run>>>,
}

impl Upgrade {
    /// What serves the WebSocket; once.
    pub(super) fn take(&self) -> Option<Run> {
        lock(&self.run).take()
    }
}

/// What of a response's headers may stand in the answer to a handshake.
pub(super) fn accepted(headers: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &[u8])> {
    headers
        .iter()
        .filter(|(name, _)| {
            let servers = [
                header::CONNECTION,
                header::UPGRADE,
                header::CONTENT_LENGTH,
                header::TRANSFER_ENCODING,
            ];
            !servers.contains(name) && !name.as_str().starts_with("sec-websocket-")
        })
        .map(|(name, value)| (name, value.as_bytes()))
}
