//! One send of more than the app may have memory for (`G-07`, `G-21`): 100 MiB.

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    text(&send, 200, "x".repeat(100 * 1024 * 1024)).await
}

wasgi_sdk::app!(app);

fn main() {}
