//! `/meet?n=N` answers when N calls are in this instance at the same time (`G-01`).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use wasgi_guests::{number, text, unless_ok};
use wasgi_sdk::task::sleep;
use wasgi_sdk::{Error, Receive, Scope, Send};

static HERE: AtomicU64 = AtomicU64::new(0);

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    let Some(scope) = unless_ok(scope, &send).await? else {
        return Ok(());
    };
    let wanted = number(&scope, "n").unwrap_or(1);
    HERE.fetch_add(1, Relaxed);
    while HERE.load(Relaxed) < wanted {
        sleep(Duration::from_millis(2)).await;
    }
    text(&send, 200, format!("{} met", HERE.load(Relaxed))).await
}

wasgi_sdk::app!(app);

fn main() {}
