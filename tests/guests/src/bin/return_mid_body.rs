//! `X-07`: returns in the middle of a body.

use wasgi_guests::unless_ok;
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    send.start(200, [("x-app", "started")]).await?;
    send.body("part", true).await?;
    Ok(())
}

wasgi_sdk::app!(app);

fn main() {}
