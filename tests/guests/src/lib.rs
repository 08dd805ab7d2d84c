//! What guests share: small helpers over the SDK, and [`raw`], the contract without the SDK.
//!
//! Each file in `src/bin` is one guest, named after its behaviour. `tests/build.rs` compiles them.

pub mod raw;
pub mod wasi;

use wasgi_sdk::{Error, Event, HttpScope, Receive, Scope, Send};

/// Serves the scopes that are the same in most guests: `/ok` gets "ok", `/sibling` a part of a response, and then nothing until its
/// client is gone; the lifespan scope raises, which is how an app says that it has none (`L-04`). Every other request is given back.
///
/// # Errors
/// For a lifespan scope.
pub async fn unless_ok(scope: Scope, send: &Send) -> Result<Option<HttpScope>, Error> {
    let scope = scope.into_http()?;
    if scope.path() == "/ok" {
        text(send, 200, "ok").await?;
        return Ok(None);
    }
    if scope.path() == "/sibling" {
        send.start(200, [("content-type", "text/plain")]).await?;
        send.body("part", true).await?;
        send.disconnected().await;
        return Ok(None);
    }
    Ok(Some(scope))
}

/// Responds with a text.
///
/// # Errors
/// When the client is gone.
pub async fn text(send: &Send, status: u16, body: impl Into<String>) -> Result<(), Error> {
    let headers = [("content-type", "text/plain; charset=utf-8")];
    send.respond(status, headers, body.into()).await?;
    Ok(())
}

/// The parameters of the query, in order, percent-decoded.
pub fn query(scope: &HttpScope) -> Vec<(String, Vec<u8>)> {
    parameters(scope.query_string())
}

/// As [`query`], of the raw query string.
pub fn parameters(query: &[u8]) -> Vec<(String, Vec<u8>)> {
    let pairs = query
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let cut = pair
                .iter()
                .position(|byte| *byte == b'=')
                .unwrap_or(pair.len());
            let name = String::from_utf8_lossy(&pair[..cut]).into_owned();
            (name, decode(pair.get(cut + 1..).unwrap_or_default()))
        })
        .collect()
}

/// The first parameter of this name as a number.
pub fn number(scope: &HttpScope, name: &str) -> Option<u64> {
    let found = query(scope).into_iter().find(|(key, _)| key == name)?;
    String::from_utf8(found.1).ok()?.parse().ok()
}

/// Reads the body to its end; `None` when the client left before it.
pub async fn read_all(receive: &Receive) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        match receive.next().await {
            Event::Request { body, more_body } => {
                whole.extend_from_slice(&body);
                if !more_body {
                    return Some(whole);
                }
            }
            _ => return None,
        }
    }
}

fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        let hex = (*first == b'%').then(|| tail.get(..2)).flatten();
        let byte = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match byte {
            Some(byte) => {
                decoded.push(byte);
                rest = &tail[2..];
            }
            None => {
                decoded.push(*first);
                rest = tail;
            }
        }
    }
    decoded
}
