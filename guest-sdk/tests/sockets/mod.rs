//! What the tests of WebSockets share.

use wasgi_sdk::{App, Closed, Error, Handshake, Receive, Scope, Send, WebSocket};

/// An app for WebSockets alone, on the raw layer.
pub(crate) fn raw<F, Fut>(handler: F) -> impl App
where
    F: Fn(Receive, Send) -> Fut + Clone + 'static,
    Fut: Future<Output = Result<(), Error>> + 'static,
{
    move |scope: Scope, receive, send| {
        let handler = handler.clone();
        async move {
            scope.into_websocket()?;
            handler(receive, send).await
        }
    }
}

/// The same with the handshake accepted.
pub(crate) fn accepted<F, Fut>(handler: F) -> impl App
where
    F: Fn(WebSocket) -> Fut + Clone + 'static,
    Fut: Future<Output = Result<(), Error>> + 'static,
{
    move |scope: Scope, receive, send| {
        let handler = handler.clone();
        async move {
            let scope = scope.into_websocket()?;
            handler(Handshake::new(scope, receive, send).accept().await?).await
        }
    }
}

pub(crate) fn closed(code: u16, reason: &str) -> Closed {
    Closed {
        code,
        reason: reason.to_owned(),
    }
}
