//! Asks for more random bytes than there are numbers for, in one call (`G-07`).

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    let bytes = wasgi_guests::wasi::get_random_bytes(u64::MAX);
    text(&send, 200, bytes.len().to_string()).await
}

wasgi_sdk::app!(app);

fn main() {}
