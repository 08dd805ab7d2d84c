//! Asks what time it is and rolls dice, again and again, and does nothing else (`G-06`).

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    let mut sum = 0_u64;
    loop {
        sum = sum.wrapping_add(wasgi_guests::wasi::now());
        sum = sum.wrapping_add(wasgi_guests::wasi::get_random_bytes(1024).len() as u64);
        if sum == u64::MAX {
            return text(&send, 200, "never").await;
        }
    }
}

wasgi_sdk::app!(app);

fn main() {}
