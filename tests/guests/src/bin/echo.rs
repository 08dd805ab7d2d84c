//! Sends back what it receives while it receives (`Q-05`, `Q-14`).

use wasgi_guests::unless_ok;
use wasgi_sdk::{Error, Event, Receive, Scope, Send};

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    send.start(200, [("content-type", "application/octet-stream")])
        .await?;
    while let Event::Request { body, more_body } = receive.next().await {
        send.body(body, more_body).await?;
        if !more_body {
            break;
        }
    }
    Ok(())
}

wasgi_sdk::app!(app);

fn main() {}
