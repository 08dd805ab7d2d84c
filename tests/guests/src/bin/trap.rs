//! `X-08`: panics, which is a trap, at the point that the path names. `/wait` and `/stream` are siblings in flight.

use std::time::Duration;

use wasgi_guests::unless_ok;
use wasgi_sdk::task::sleep;
use wasgi_sdk::{Error, Event, Receive, Scope, Send};

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    let Some(scope) = unless_ok(scope, &send).await? else {
        return Ok(());
    };
    match &*scope.path() {
        "/before" => {}
        "/start" => send.start(200, [("x-app", "started")]).await?,
        "/mid" => {
            send.start(200, [("x-app", "started")]).await?;
            send.body("part", true).await?;
            // The host has it by then.
            sleep(Duration::from_millis(1)).await;
        }
        "/after" => {
            send.respond(200, [("x-app", "started")], "whole").await?;
            sleep(Duration::from_millis(1)).await;
        }
        path => {
            if path == "/stream" {
                send.start(200, [("x-app", "started")]).await?;
                send.body("part", true).await?;
            }
            println!("waiting at {path}");
            while receive.next().await != Event::Disconnect {}
            return Ok(());
        }
    }
    panic!("secret: the guest panics")
}

wasgi_sdk::app!(app);

fn main() {}
