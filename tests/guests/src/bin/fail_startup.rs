//! Says `lifespan.startup.failed` (`L-05`).

use wasgi_guests::text;
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    if let Scope::Http(_) = scope {
        return text(&send, 200, "ok").await;
    }
    receive.next().await;
    send.startup_failed("secret: the database is away").await?;
    println!("shutdown is not to come: {:?}", receive.next().await);
    Ok(())
}

wasgi_sdk::app!(app);

fn main() {}
