//! Takes part in lifespan and tells the log when (`L-03`). `/slow` answers when `/release` has come, or after a second.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::task::sleep;
use wasgi_sdk::{Error, Receive, Scope, Send};

static RELEASED: AtomicBool = AtomicBool::new(false);

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    if let Scope::Lifespan(_) = &scope {
        println!("event {:?}", receive.next().await);
        send.startup_complete().await?;
        println!("event {:?}", receive.next().await);
        send.shutdown_complete().await?;
        println!("goodbye");
        return Ok(());
    }
    let Some(scope) = unless_ok(scope, &send).await? else {
        return Ok(());
    };
    if scope.path() == "/release" {
        RELEASED.store(true, Relaxed);
        return text(&send, 200, "released").await;
    }
    println!("the slow call has begun");
    for _ in 0..1000 {
        if RELEASED.load(Relaxed) {
            break;
        }
        sleep(Duration::from_millis(1)).await;
    }
    text(&send, 200, "slow but whole").await?;
    println!("the slow call is done");
    Ok(())
}

wasgi_sdk::app!(app);

fn main() {}
