//! Raises a text of 900,000 bytes (`G-24`).

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    let long = "long ".repeat(180_000);
    text(&send, 200, "answered").await?;
    Err(long.into())
}

wasgi_sdk::app!(app);

fn main() {}
