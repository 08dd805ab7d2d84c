//! Calls itself until the stack is used up.

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    text(&send, 200, deeper(1).to_string()).await
}

/// Twice, so that neither call is a tail call.
#[inline(never)]
fn deeper(depth: u64) -> u64 {
    if depth == u64::MAX {
        return 0;
    }
    let left = deeper(depth + 1);
    left ^ deeper(depth.wrapping_add(left) | 1)
}

wasgi_sdk::app!(app);

fn main() {}
