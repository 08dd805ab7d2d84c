//! `/crash` traps, while requests wait (any path) and WebSockets are open (`G-04`, `X-08`).

use wasgi_guests::unless_ok;
use wasgi_sdk::{Error, Event, Handshake, Receive, Scope, Send};

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    if let Scope::WebSocket(scope) = scope {
        let mut socket = Handshake::new(scope, receive, send).accept().await?;
        while let Some(message) = socket.recv().await {
            socket.send(message).await?;
        }
        return Ok(());
    }
    let Some(scope) = unless_ok(scope, &send).await? else {
        return Ok(());
    };
    if scope.path() == "/crash" {
        panic!("as it was asked to");
    }
    println!("waiting");
    while receive.next().await != Event::Disconnect {}
    Ok(())
}

wasgi_sdk::app!(app);

fn main() {}
