//! WebSockets of an axum router: the extractor, what becomes of routes without one, and what layers see.

mod common;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Extension, Router};
use common::{accept, closed};
use wasgi_sdk::service::{Mounted, WebSocketUpgrade, mount};
use wasgi_sdk::testing::{Answer, Builder, TestClient};
use wasgi_sdk::{HttpScope, WebSocket};

fn app() -> Mounted<Router> {
    mount(|| {
        Router::new()
            .route("/echo", get(upgrade))
            .route("/rooms/{room}", any(room))
            .route("/either", get(either))
            .route("/page", get(async || "a page"))
            .route("/guarded", get(guarded))
            .route("/fails", get(fails))
            .layer(from_fn(mark))
            .with_state("state")
    })
}

async fn upgrade(upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols(["json", "chat"]).on_upgrade(echo)
}

async fn echo(mut socket: WebSocket) {
    if let Some(protocol) = socket.protocol() {
        let _ = socket.send(format!("we speak {protocol}")).await;
    }
    while let Some(message) = socket.recv().await {
        if message.as_text() == Some("close") {
            let _ = socket.close(4000, "as you like").await;
        } else if socket.send(message).await.is_err() {
            return;
        }
    }
}

async fn room(
    Path(room): Path<String>,
    State(state): State<&'static str>,
    Extension(scope): Extension<HttpScope>,
    upgrade: WebSocketUpgrade,
) -> impl IntoResponse {
    assert_eq!(scope.path(), upgrade.scope().path());
    upgrade.on_upgrade(async move |socket| {
        socket.send(format!("{room} {state}")).await?;
        Ok::<_, wasgi_sdk::SendError>(())
    })
}

async fn either(upgrade: Option<WebSocketUpgrade>) -> Response {
    match upgrade {
        Some(upgrade) => upgrade.on_upgrade(echo),
        None => "no WebSocket".into_response(),
    }
}

async fn guarded(headers: HeaderMap, upgrade: WebSocketUpgrade) -> Result<Response, StatusCode> {
    if headers.get("cookie").is_none() {
        return Err(StatusCode::UNAUTHORIZED);
    }
    Ok(upgrade.on_upgrade(echo))
}

async fn fails(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |socket: WebSocket| {
        socket.send("about to fail").await?;
        Err::<(), wasgi_sdk::Error>("on purpose".into())
    })
}

async fn mark(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let mut response = next.run(request).await;
    let seen = format!("{method} {}", response.status().as_u16());
    if let Ok(seen) = seen.parse() {
        response.headers_mut().insert("x-seen", seen);
    }
    response
}

#[test]
fn a_route_upgrades_with_the_clients_first_known_subprotocol_w06() {
    let mut client = TestClient::start(app());
    let socket = client
        .websocket("/echo")
        .subprotocols(["soap", "chat", "json"])
        .connect();
    let (subprotocol, headers) = accept(client.answer(socket));
    assert_eq!(subprotocol.as_deref(), Some("chat"));
    let headers: Vec<_> = headers.iter().collect();
    assert_eq!(headers, [(&b"x-seen"[..], &b"GET 101"[..])]);
    assert_eq!(
        client.receive_message(socket).as_text(),
        Some("we speak chat")
    );
    client.send_message(socket, vec![1, 2]);
    assert_eq!(client.receive_message(socket).as_bytes(), [1, 2]);
    client.send_message(socket, "close");
    assert_eq!(client.closed(socket), closed(4000, "as you like"));
}

#[test]
fn other_extractors_work_beside_it_and_the_end_of_the_closure_closes_w20() {
    let mut client = TestClient::start(app());
    let socket = client.websocket("/rooms/7").connect();
    assert_eq!(client.receive_message(socket).as_text(), Some("7 state"));
    assert_eq!(client.closed(socket), closed(1000, ""));
}

#[test]
fn an_error_of_the_closure_is_the_apps_failure_w21() {
    let mut client = TestClient::start(app());
    let socket = client.websocket("/fails").connect();
    assert_eq!(
        client.receive_message(socket).as_text(),
        Some("about to fail")
    );
    assert_eq!(client.closed(socket).code, 1011);
}

#[test]
fn a_response_that_is_no_success_is_the_denial_e01() {
    let mut client = TestClient::start(app());
    for (path, status) in [("/guarded", 401), ("/nowhere", 404)] {
        let socket = client.websocket(path).connect();
        let answer = client.answer(socket);
        assert!(matches!(answer, Answer::Denied(_)), "{answer:?}");
        assert_eq!(answer.status(), status, "{path}");
    }
    let socket = client
        .websocket("/guarded")
        .header("cookie", "a=b")
        .connect();
    assert_eq!(client.answer(socket).status(), 101);
}

#[test]
fn a_route_without_a_websocket_is_a_403() {
    let mut client = TestClient::start(app());
    let socket = client.websocket("/page").connect();
    assert!(matches!(client.answer(socket), Answer::Refused));
    // And so is everything where denials are not offered (`A-14`).
    let mut client = Builder::new().withhold_denial().start(app());
    let socket = client.websocket("/nowhere").connect();
    assert!(matches!(client.answer(socket), Answer::Refused));
}

#[test]
fn a_plain_request_is_told_that_the_route_is_for_websockets() {
    let mut client = TestClient::start(app());
    assert_eq!(client.get("/echo").send().status(), 426);
    assert_eq!(client.get("/either").send().text(), "no WebSocket");
    let socket = client.websocket("/either").connect();
    assert_eq!(client.answer(socket).status(), 101);
}
