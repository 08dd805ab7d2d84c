//! A response that drips: a byte now and then, for ever (`T-06`).

use std::time::Duration;

use wasgi_guests::unless_ok;
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    send.start(200, [("content-type", "text/plain")]).await?;
    loop {
        send.body("x", true).await?;
        wasgi_sdk::task::sleep(Duration::from_millis(20)).await;
    }
}

wasgi_sdk::app!(app);

fn main() {}
