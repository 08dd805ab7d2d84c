//! One line of 100 MB on stdout (`G-24`).

use std::io::Write;

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    let part = "x".repeat(1_000_000);
    let mut out = std::io::stdout();
    for _ in 0..100 {
        out.write_all(part.as_bytes())?;
    }
    out.flush()?;
    text(&send, 200, "printed").await
}

wasgi_sdk::app!(app);

fn main() {}
