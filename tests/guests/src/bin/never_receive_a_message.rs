//! Accepts WebSockets and never receives (`G-20`, `W-17`).

use wasgi_guests::unless_ok;
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    if let Scope::Http(_) | Scope::Lifespan(_) = scope {
        return unless_ok(scope, &send).await.map(drop);
    }
    receive.next().await;
    send.accept(None, [("x-app", "deaf")]).await?;
    std::future::pending().await
}

wasgi_sdk::app!(app);

fn main() {}
