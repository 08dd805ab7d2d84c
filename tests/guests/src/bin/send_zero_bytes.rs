//! A million sends of no bytes (`R-08`).

use wasgi_guests::unless_ok;
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    send.start(200, [("content-type", "text/plain")]).await?;
    for _ in 0..1_000_000 {
        send.body("", true).await?;
    }
    send.body("end", false).await?;
    Ok(())
}

wasgi_sdk::app!(app);

fn main() {}
