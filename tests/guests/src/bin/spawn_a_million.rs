//! A million tasks, each of which waits for ever.

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    for _ in 0..1_000_000 {
        let _task = wasgi_sdk::task::spawn(std::future::pending::<()>());
    }
    text(&send, 200, "a million").await
}

wasgi_sdk::app!(app);

fn main() {}
