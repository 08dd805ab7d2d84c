//! Each request leaves a task behind that wakes up every millisecond, for ever (`G-11`).

use std::time::Duration;

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    let _task = wasgi_sdk::task::spawn(async {
        loop {
            wasgi_sdk::task::sleep(Duration::from_millis(1)).await;
        }
    });
    text(&send, 200, "left one").await
}

wasgi_sdk::app!(app);

fn main() {}
