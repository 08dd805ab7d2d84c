//! `X-01`: raises before it has said anything.

use wasgi_guests::unless_ok;
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    Err("secret: raised before the start".into())
}

wasgi_sdk::app!(app);

fn main() {}
