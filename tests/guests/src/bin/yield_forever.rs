//! Yields for ever, and never waits: a loop that looks polite (`G-06`).

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    text(&send, 200, "yielding").await?;
    loop {
        wasgi_sdk::task::yield_now().await;
    }
}

wasgi_sdk::app!(app);

fn main() {}
