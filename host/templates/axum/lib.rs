//! An axum app: `build` makes the router once per instance, each request gets a clone of it.

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::get,
};
use serde::Serialize;

/// What the handlers share.
#[derive(Clone)]
struct Shared {
    greeting: String,
}

#[derive(Serialize)]
struct Greeting {
    greeting: String,
}

/// Makes the router. `[env]` in `wasgi.toml` sets what the app finds in its environment.
pub fn build() -> Router {
    let greeting = std::env::var("GREETING").unwrap_or_else(|_| "Hello".to_owned());
    Router::new()
        .route("/", get(async || "Hello, world!\n"))
        .route("/greet/{name}", get(greet))
        .with_state(Shared { greeting })
}

async fn greet(State(shared): State<Shared>, Path(name): Path<String>) -> Json<Greeting> {
    let greeting = format!("{}, {name}!", shared.greeting);
    Json(Greeting { greeting })
}

wasgi_sdk::service!(build);

#[cfg(test)]
mod tests {
    use wasgi_sdk::{service::mount, testing::TestClient};

    use super::build;

    #[test]
    fn greets_by_name() {
        let mut client = TestClient::start(mount(build));
        let response = client.get("/greet/Ada").send();
        assert_eq!(response.status(), 200);
        assert_eq!(response.text(), r#"{"greeting":"Hello, Ada!"}"#);
        assert_eq!(client.get("/nowhere").send().status(), 404);
    }
}
