//! Panics during start-up: there is no shutdown then (`G-28`).

use wasgi_guests::text;
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    if let Scope::Http(_) = scope {
        return text(&send, 200, "ok").await;
    }
    receive.next().await;
    panic!("secret: no start")
}

wasgi_sdk::app!(app);

fn main() {}
