//! Never answers `lifespan.shutdown` (`L-12`).

use wasgi_guests::text;
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    if let Scope::Http(_) = scope {
        return text(&send, 200, "ok").await;
    }
    receive.next().await;
    send.startup_complete().await?;
    receive.next().await;
    println!("stopping for ever");
    std::future::pending().await
}

wasgi_sdk::app!(app);

fn main() {}
