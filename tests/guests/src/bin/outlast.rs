//! Calls that go on when their client has what it gets, or is gone (`G-10`, `G-11`): `/deaf` in the middle of its body and
//! `/work` after its response, both for ever; `/brief` for a while; `/ticks` until `send` fails. `/join` ends with its
//! request's body, and `/which` says in which instance.

use std::future::pending;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::time::Duration;

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::task::sleep;
use wasgi_sdk::{Error, Event, Receive, Scope, Send};

static INSTANCE: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one("instance"));

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    let Some(scope) = unless_ok(scope, &send).await? else {
        return Ok(());
    };
    match &*scope.path() {
        "/deaf" => {
            send.start(200, [("x-outlasts", "yes")]).await?;
            send.body("part", true).await?;
            println!("deaf");
            pending().await
        }
        "/work" => {
            text(&send, 200, "accepted").await?;
            println!("working");
            pending().await
        }
        "/brief" => {
            text(&send, 200, "accepted").await?;
            sleep(Duration::from_millis(700)).await;
            println!("the work is done");
            Ok(())
        }
        "/ticks" => {
            send.start(200, [("x-outlasts", "yes")]).await?;
            println!("ticking");
            while send.body("tick", true).await.is_ok() {
                sleep(Duration::from_millis(5)).await;
            }
            println!("ticking ends");
            Ok(())
        }
        "/join" => {
            println!("joining");
            while let Event::Request { more_body, .. } = receive.next().await {
                if !more_body {
                    return text(&send, 200, format!("joined {}", *INSTANCE)).await;
                }
            }
            Ok(())
        }
        _ => text(&send, 200, INSTANCE.to_string()).await,
    }
}

wasgi_sdk::app!(app);

fn main() {}
