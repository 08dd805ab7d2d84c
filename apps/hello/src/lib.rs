//! The ASGI specification's own example: every request gets `Hello, world!`.

use wasgi_sdk::{Error, Receive, Scope, Send};

/// Answers HTTP and fails for any other scope, which is how an app says that it has no lifespan (`L-04`).
pub async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    scope.into_http()?;
    send.start(200, [("content-type", "text/plain")]).await?;
    send.body("Hello, world!", false).await?;
    Ok(())
}

wasgi_sdk::app!(app);
