//! What several tests share. Each file of tests has its own copy of this module and uses a part of it.

#![allow(dead_code, reason = "no file of tests uses all of it")]

use wasgi_sdk::testing::Answer;
use wasgi_sdk::{App, Closed, Error, Handshake, Headers, Receive, Scope, Send, WebSocket};

/// An app for HTTP alone.
pub(crate) fn http<F, Fut>(handler: F) -> impl App
where
    F: Fn(Receive, Send) -> Fut + Clone + 'static,
    Fut: Future<Output = Result<(), Error>> + 'static,
{
    only(Scope::into_http, move |_, receive, send| {
        handler(receive, send)
    })
}

/// An app for WebSockets alone, on the raw layer.
pub(crate) fn raw<F, Fut>(handler: F) -> impl App
where
    F: Fn(Receive, Send) -> Fut + Clone + 'static,
    Fut: Future<Output = Result<(), Error>> + 'static,
{
    only(Scope::into_websocket, move |_, receive, send| {
        handler(receive, send)
    })
}

/// The same with the handshake accepted.
pub(crate) fn accepted<F, Fut>(handler: F) -> impl App
where
    F: Fn(WebSocket) -> Fut + Clone + 'static,
    Fut: Future<Output = Result<(), Error>> + 'static,
{
    only(Scope::into_websocket, move |scope, receive, send| {
        let handler = handler.clone();
        async move { handler(Handshake::new(scope, receive, send).accept().await?).await }
    })
}

/// An app for one kind of scope.
fn only<S: 'static, F, Fut>(kind: fn(Scope) -> Result<S, Error>, handler: F) -> impl App
where
    F: Fn(S, Receive, Send) -> Fut + Clone + 'static,
    Fut: Future<Output = Result<(), Error>> + 'static,
{
    move |scope: Scope, receive, send| {
        let handler = handler.clone();
        async move { handler(kind(scope)?, receive, send).await }
    }
}

pub(crate) fn closed(code: u16, reason: &str) -> Closed {
    Closed {
        code,
        reason: reason.to_owned(),
    }
}

/// Subprotocol and headers of an accepted handshake.
#[track_caller]
#[expect(clippy::panic, reason = "a test helper: a panic is how a test fails")]
pub(crate) fn accept(answer: Answer) -> (Option<String>, Headers) {
    match answer {
        Answer::Accepted {
            subprotocol,
            headers,
        } => (subprotocol, headers),
        other => panic!("{other:?}"),
    }
}
