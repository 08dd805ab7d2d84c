//! Answers, and computes for ever after that (`G-06`, `G-11`).

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    text(&send, 200, "accepted").await?;
    // The answer is out by then.
    wasgi_sdk::task::sleep(std::time::Duration::from_millis(20)).await;
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

wasgi_sdk::app!(app);

fn main() {}
