//! An axum router with WebSockets: `/echo` (subprotocols "json" and "chat"), `/greet/{name}`, `/guarded` (401 without a cookie),
//! `/fails` (an error after a message), `/page` (none), and whatever else is a 404.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use wasgi_sdk::service::WebSocketUpgrade;
use wasgi_sdk::{Error, SendError, WebSocket};

fn build() -> Router {
    Router::new()
        .route("/ok", get(async || "ok"))
        .route("/page", get(async || "a page"))
        .route("/echo", get(echo))
        .route("/greet/{name}", get(greet))
        .route("/guarded", get(guarded))
        .route("/fails", get(fails))
}

async fn echo(upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .protocols(["json", "chat"])
        .on_upgrade(async |mut socket: WebSocket| {
            while let Some(message) = socket.recv().await {
                socket.send(message).await?;
            }
            Ok::<_, SendError>(())
        })
}

async fn greet(Path(name): Path<String>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |socket: WebSocket| {
        socket.send(format!("hello {name}")).await?;
        socket.close(4000, "greeted").await
    })
}

async fn guarded(headers: HeaderMap, upgrade: WebSocketUpgrade) -> Result<Response, StatusCode> {
    if headers.contains_key("cookie") {
        Ok(upgrade.on_upgrade(async |_socket| ()))
    } else {
        Err(StatusCode::UNAUTHORIZED)
    }
}

async fn fails(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |socket: WebSocket| {
        socket.send("about to fail").await?;
        Err::<(), Error>("on purpose".into())
    })
}

wasgi_sdk::service!(build);

fn main() {}
