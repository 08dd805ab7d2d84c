//! Says `lifespan.startup.failed` with a text that must not do harm in a terminal.

use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(_scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    receive.next().await;
    send.startup_failed("red \u{1b}[31m\u{1b}[2J bell \u{7}\rforged \u{9b}2J end")
        .await?;
    Ok(())
}

wasgi_sdk::app!(app);

fn main() {}
