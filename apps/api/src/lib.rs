//! A small JSON API on axum.
//!
//! [`build`] makes the router, once per instance; the host calls it at start-up through `service!`.

mod digest;
mod items;
mod ticks;

use axum::Router;
use axum::routing::{get, post};

/// Builds the router. Runs at `lifespan.startup`: here is the place to read files or open connections, and an
/// error here would fail the deployment.
pub async fn build() -> Router {
    Router::new()
        .route("/", get(index))
        .route("/items", get(items::list).post(items::create))
        .route("/items/{id}", get(items::show).delete(items::remove))
        .route("/ticks", get(ticks::ticks))
        .route("/digest", post(digest::digest))
        .with_state(items::Items::default())
}

async fn index() -> &'static str {
    "try /items, /items/1, /ticks?every=500&count=3, and POST to /digest\n"
}

wasgi_sdk::service!(build);
