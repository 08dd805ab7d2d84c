//! Chat rooms over WebSockets, on axum.
//!
//! Rooms live in the memory of one instance ([`rooms`]); whoever is in one has a WebSocket ([`talk`]). The page is what a
//! browser shows.

mod rooms;
mod talk;

use axum::Router;
use axum::response::Html;
use axum::routing::get;

/// Builds the router, once per instance.
pub async fn build() -> Router {
    Router::new()
        .route("/", get(page))
        .route("/rooms/{room}", get(talk::join))
        .with_state(rooms::Rooms::default())
}

async fn page() -> Html<&'static str> {
    Html(include_str!("page.html"))
}

wasgi_sdk::service!(build);
