//! Floods its WebSockets with messages: as fast as they go (`/await`), or without waiting for any (`G-20`, `W-18`).

use wasgi_guests::unless_ok;
use wasgi_sdk::{Error, Handshake, Message, Receive, Scope, Send};

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    let scope = match scope {
        Scope::WebSocket(scope) => scope,
        other => return unless_ok(other, &send).await.map(drop),
    };
    let waits = scope.path() == "/await";
    let socket = Handshake::new(scope, receive, send).accept().await?;
    let message = Message::binary(vec![b'x'; 1000]);
    loop {
        let sending = socket.send(message.clone());
        if waits {
            sending.await?;
        } else {
            drop(sending);
        }
    }
}

wasgi_sdk::app!(app);

fn main() {}
