//! The router in-process: no wasm, no sockets, no waiting.

#![expect(clippy::unwrap_used, reason = "a test may say what it expects")]

use std::time::Duration;

use serde_json::{Value, json};
use wasgi_sdk::testing::{Outcome, Response, TestClient};
use wasgi_sdk::{App, service};

fn start() -> TestClient<impl App> {
    TestClient::start(service::mount(api::build))
}

fn json(response: &Response) -> Value {
    serde_json::from_slice(&response.body()).unwrap()
}

fn create(client: &mut TestClient<impl App>, name: &str) -> Response {
    let body = json!({ "name": name }).to_string();
    client
        .post("/items")
        .header("content-type", "application/json")
        .body(body)
        .send()
}

#[test]
fn items_are_created_listed_shown_and_removed() {
    let mut client = start();
    let created = create(&mut client, "tea");
    assert_eq!(created.status(), 201);
    assert_eq!(created.header("location"), Some("/items/1"));
    assert!(created.came_in_one());
    create(&mut client, "milk");

    assert_eq!(
        json(&client.get("/items/1").send()),
        json!({ "id": 1, "name": "tea" })
    );
    assert_eq!(
        json(&client.get("/items?after=1&limit=5").send()),
        json!([{ "id": 2, "name": "milk" }])
    );
    assert_eq!(client.request("DELETE", "/items/1").send().status(), 204);
    assert_eq!(client.get("/items/1").send().status(), 404);
    assert_eq!(client.get("/items/seven").send().status(), 400);
    assert_eq!(client.shutdown(), Ok(()));
}

#[test]
fn wrong_requests_are_told_so() {
    let mut client = start();
    let wrong = client
        .post("/items")
        .header("content-type", "application/json")
        .body("{}")
        .send();
    assert_eq!(wrong.status(), 422);
    assert_eq!(client.post("/items").body("x").send().status(), 415);
    assert_eq!(client.request("PUT", "/items").send().status(), 405);
    assert_eq!(client.get("/nothing").send().status(), 404);
    assert!(client.request("HEAD", "/items").send().body().is_empty());
}

#[test]
fn ticks_come_one_by_one() {
    let mut client = start();
    let call = client.get("/ticks?every=500&count=3").start();
    assert_eq!(
        client.response(call).header("content-type"),
        Some("text/event-stream")
    );
    assert!(client.response(call).body().is_empty());
    client.advance(Duration::from_millis(500));
    assert_eq!(client.response(call).text(), "data: 1\n\n");
    client.advance(Duration::from_millis(500));
    assert_eq!(client.response(call).text(), "data: 1\n\ndata: 2\n\n");
    assert_eq!(
        client.wait(call).text(),
        "data: 1\n\ndata: 2\n\ndata: 3\n\n"
    );
}

#[test]
fn ticks_stop_where_they_wait_when_the_client_leaves() {
    let mut client = start();
    let call = client.get("/ticks?every=60000").start();
    client.advance(Duration::from_secs(90));
    client.disconnect(call);
    assert_eq!(client.response(call).outcome(), Some(&Outcome::Returned));
}

#[test]
fn an_upload_is_hashed_as_it_streams() {
    let mut client = start();
    let call = client.post("/digest").open();
    for _ in 0..100 {
        client.push(call, vec![0; 100_000]);
    }
    client.end_body(call);
    let answer = json(&client.wait(call));
    assert_eq!(answer["bytes"], 10_000_000);
    assert_eq!(
        answer["sha256"],
        "f5e02aa71e67f41d79023a128ca35bad86cf7b6656967bfe0884b3a3c4325eaf"
    );
}

#[test]
fn an_upload_that_breaks_off_is_no_digest() {
    let mut client = start();
    let call = client.post("/digest").chunks(["half of it"]).open();
    client.disconnect(call);
    assert_eq!(client.response(call).outcome(), Some(&Outcome::Returned));
    assert!(!client.response(call).is_complete());
}

#[test]
fn a_mount_prefix_is_not_part_of_the_routes_h09() {
    let mut client = start();
    let response = client.get("/shop/items?limit=1").root_path("/shop").send();
    assert_eq!((response.status(), response.text().as_str()), (200, "[]"));
    assert_eq!(client.get("/shop").root_path("/shop").send().status(), 200);
}
