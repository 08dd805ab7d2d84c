//! WebSockets: an echo, and a hundred messages for each that comes; `benches/python/websockets` is the same in Python.

use wasgi_sdk::{Error, Handshake, Receive, Scope, Send};

/// Messages for one, at `/push`.
const PUSHED: usize = 100;

/// `/echo` and `/push`.
pub async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    let scope = scope.into_websocket()?;
    let times = if scope.path() == "/push" { PUSHED } else { 1 };
    let mut socket = Handshake::new(scope, receive, send).accept().await?;
    while let Some(message) = socket.recv().await {
        for _ in 1..times {
            socket.send(message.clone()).await?;
        }
        socket.send(message).await?;
    }
    Ok(())
}

wasgi_sdk::app!(app);
