//! Starts unless there is a file `/data/broken`: an instance may start, and the next one not (`L-05`).

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    if let Scope::Lifespan(_) = &scope {
        receive.next().await;
        if std::fs::exists("/data/broken").unwrap_or(true) {
            send.startup_failed("told to fail").await?;
            return Ok(());
        }
        send.startup_complete().await?;
        receive.next().await;
        send.shutdown_complete().await?;
        return Ok(());
    }
    match unless_ok(scope, &send).await? {
        Some(_) => text(&send, 200, "served").await,
        None => Ok(()),
    }
}

wasgi_sdk::app!(app);

fn main() {}
