//! Does nothing, for ever: before the start, after it (`/start`), or in the middle of the body (`/mid`); `/deaf` does not even
//! hear that its client is gone.

use wasgi_guests::unless_ok;
use wasgi_sdk::{Error, Event, Receive, Scope, Send};

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    let Some(scope) = unless_ok(scope, &send).await? else {
        return Ok(());
    };
    let path = scope.path();
    if path == "/start" || path == "/mid" {
        send.start(200, [("content-type", "text/event-stream")])
            .await?;
    }
    if path == "/mid" {
        send.body("part", true).await?;
    }
    println!("hanging at {path}");
    if path == "/deaf" {
        std::future::pending::<()>().await;
    }
    while receive.next().await != Event::Disconnect {}
    println!("disconnected at {path}");
    Ok(())
}

wasgi_sdk::app!(app);

fn main() {}
