//! Raises for the lifespan scope, after it has received (`L-04`).

use wasgi_guests::text;
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    if let Scope::Http(_) = scope {
        return text(&send, 200, "ok").await;
    }
    receive.next().await;
    Err("raised in lifespan".into())
}

wasgi_sdk::app!(app);

fn main() {}
