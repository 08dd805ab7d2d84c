//! Blocks in a sleep of WASI, for ever: it never makes an exchange again (`G-12`).

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    wasgi_guests::wasi::subscribe_duration(u64::MAX).block();
    text(&send, 200, "never").await
}

wasgi_sdk::app!(app);

fn main() {}
