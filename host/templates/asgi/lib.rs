//! A raw ASGI app: one async function of scope, receive and send, called once per request.

use wasgi_sdk::{Error, Receive, Scope, Send};

/// Greets whoever is named in the path.
pub async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    // An app fails for scopes that it does not know; that is how it says that it has no lifespan.
    let request = scope.into_http()?;
    let name = request.path().trim_matches('/').to_owned();
    let name = if name.is_empty() { "world" } else { &name };
    let headers = [("content-type", "text/plain; charset=utf-8")];
    send.start(200, headers).await?;
    send.body(format!("Hello, {name}!\n"), false).await?;
    Ok(())
}

wasgi_sdk::app!(app);

#[cfg(test)]
mod tests {
    use wasgi_sdk::testing::TestClient;

    use super::app;

    #[test]
    fn greets_by_name() {
        let mut client = TestClient::start(app);
        let response = client.get("/Ada").send();
        assert_eq!(response.status(), 200);
        assert_eq!(response.text(), "Hello, Ada!\n");
        assert_eq!(client.get("/").send().text(), "Hello, world!\n");
    }
}
