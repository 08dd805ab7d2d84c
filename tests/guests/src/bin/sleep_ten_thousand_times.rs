//! Ten thousand sleeps at the same time; answers when all are over (`G-17`).

use std::time::Duration;

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    let mut sleeps = Vec::new();
    for number in 0..10_000_u64 {
        let time = Duration::from_millis(100 + number % 100);
        sleeps.push(wasgi_sdk::task::spawn(wasgi_sdk::task::sleep(time)));
    }
    for sleep in sleeps {
        if sleep.await.is_err() {
            return Err("nobody has given up a sleep".into());
        }
    }
    text(&send, 200, "slept").await
}

wasgi_sdk::app!(app);

fn main() {}
