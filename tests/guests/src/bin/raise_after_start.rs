//! `X-02`: raises after the start, without a body.

use wasgi_guests::unless_ok;
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    send.start(200, [("x-app", "started")]).await?;
    Err("secret: raised after the start".into())
}

wasgi_sdk::app!(app);

fn main() {}
