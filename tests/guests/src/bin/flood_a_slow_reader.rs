//! `/flood` sends 26 MB as fast as it may (`R-09`); `/sent` says how much of it `send` has taken so far.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

static SENT: AtomicU64 = AtomicU64::new(0);

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    let Some(scope) = unless_ok(scope, &send).await? else {
        return Ok(());
    };
    if scope.path() != "/flood" {
        return text(&send, 200, SENT.load(Relaxed).to_string()).await;
    }
    let chunk = vec![b'x'; 65_536];
    send.start(200, [("content-type", "application/octet-stream")])
        .await?;
    for _ in 0..400 {
        send.body(chunk.clone(), true).await?;
        SENT.fetch_add(65_536, Relaxed);
    }
    send.body("", false).await?;
    Ok(())
}

wasgi_sdk::app!(app);

fn main() {}
