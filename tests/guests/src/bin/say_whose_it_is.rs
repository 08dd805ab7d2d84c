//! Says whose app it is (`APP` in its environment), where it is mounted and what it was asked for: as text, or as the first message of
//! a WebSocket, which echoes from there on. `/crash` traps, `/hold` answers when its client is gone.

use wasgi_guests::{read_all, text};
use wasgi_sdk::{Error, Event, Handshake, HttpScope, Receive, Scope, Send};

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    match scope {
        Scope::Http(scope) => {
            match &*scope.local_path() {
                "/crash" => panic!("as it was asked to"),
                "/hold" => {
                    println!("holding");
                    while receive.next().await != Event::Disconnect {}
                    return Ok(());
                }
                _ => {}
            }
            let said = said(&scope);
            let body = read_all(&receive).await.unwrap_or_default();
            text(&send, 200, said + &String::from_utf8_lossy(&body)).await
        }
        Scope::WebSocket(scope) => {
            let said = said(&scope);
            let mut socket = Handshake::new(scope, receive, send).accept().await?;
            socket.send(said).await?;
            while let Some(message) = socket.recv().await {
                socket.send(message).await?;
            }
            Ok(())
        }
        other => other.into_http().map(drop),
    }
}

fn said(scope: &HttpScope) -> String {
    let app = std::env::var("APP").unwrap_or_default();
    format!(
        "app={app}\nroot_path={}\npath={}\nraw_path={}\nlocal_path={}\nhost={}\n",
        scope.root_path(),
        scope.path(),
        String::from_utf8_lossy(scope.raw_path()),
        scope.local_path(),
        String::from_utf8_lossy(scope.headers().get("host").unwrap_or_default()),
    )
}

wasgi_sdk::app!(app);

fn main() {}
