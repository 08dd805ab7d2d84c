//! Never answers `lifespan.startup` (`L-08`).

use wasgi_guests::text;
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    if let Scope::Http(_) = scope {
        return text(&send, 200, "ok").await;
    }
    receive.next().await;
    println!("starting for ever");
    std::future::pending().await
}

wasgi_sdk::app!(app);

fn main() {}
