//! A million resources of WASI that nobody gives back.

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    let mut hoard = Vec::new();
    for _ in 0..1_000_000 {
        hoard.push(wasgi_guests::wasi::subscribe_duration(u64::MAX));
    }
    text(&send, 200, hoard.len().to_string()).await
}

wasgi_sdk::app!(app);

fn main() {}
