//! A thousand tasks that sleep for no time at all, again and again: each turn yields, and none ever waits (`G-06`).

use std::time::Duration;

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    for _ in 0..1000 {
        let _task = wasgi_sdk::task::spawn(async {
            loop {
                wasgi_sdk::task::sleep(Duration::ZERO).await;
            }
        });
    }
    text(&send, 200, "a thousand loops").await
}

wasgi_sdk::app!(app);

fn main() {}
