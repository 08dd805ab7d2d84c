//! `/work` answers and then works on until `/release` comes (`G-11`, `M-08`).

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::task::sleep;
use wasgi_sdk::{Error, Receive, Scope, Send};

static RELEASED: AtomicBool = AtomicBool::new(false);

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    let Some(scope) = unless_ok(scope, &send).await? else {
        return Ok(());
    };
    if scope.path() == "/release" {
        RELEASED.store(true, Relaxed);
        return text(&send, 200, "released").await;
    }
    text(&send, 200, "accepted").await?;
    while !RELEASED.load(Relaxed) {
        sleep(Duration::from_millis(1)).await;
    }
    println!("the work is done");
    Ok(())
}

wasgi_sdk::app!(app);

fn main() {}
