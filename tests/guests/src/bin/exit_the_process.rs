//! Leaves by `exit`, as a program would.

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    if std::env::var_os("NEVER").is_none() {
        #[allow(clippy::disallowed_methods, reason = "it is what this guest is about")]
        std::process::exit(0);
    }
    text(&send, 200, "never").await
}

wasgi_sdk::app!(app);

fn main() {}
