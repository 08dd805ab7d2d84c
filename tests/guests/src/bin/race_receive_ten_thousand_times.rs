//! Begins to `receive` ten thousand times and gives up each time at once (`G-09`); then answers with the body.

use std::pin::pin;
use std::task::{Context, Waker};

use wasgi_guests::{read_all, text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    for _ in 0..10_000 {
        let next = pin!(receive.next());
        if next
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
        {
            return Err("the client is to send nothing yet".into());
        }
    }
    println!("given up ten thousand times");
    let body = read_all(&receive).await.unwrap_or_default();
    text(&send, 200, String::from_utf8_lossy(&body)).await
}

wasgi_sdk::app!(app);

fn main() {}
