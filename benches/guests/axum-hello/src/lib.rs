//! The bytes of `apps/hello`, said by an axum router: the difference is what axum and its adapter cost.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

/// One route and its answer.
pub fn build() -> Router {
    // axum's own `text/plain; charset=utf-8` would be other bytes than those of the raw app.
    Router::new().route(
        "/",
        get(async || ([(CONTENT_TYPE, "text/plain")], "Hello, world!")),
    )
}

wasgi_sdk::service!(build);
