//! Rooms in-process: no wasm, no sockets, no waiting.

#![expect(clippy::unwrap_used, reason = "a test may say what it expects")]

use serde_json::{Value, json};
use wasgi_sdk::testing::{Answer, CallId, TestClient};
use wasgi_sdk::{App, service};

fn start() -> TestClient<impl App> {
    TestClient::start(service::mount(chat::build))
}

fn join(client: &mut TestClient<impl App>, room: &str) -> CallId {
    let member = client
        .websocket(&format!("/rooms/{room}"))
        .subprotocols(["other", "chat"])
        .connect();
    let answer = client.answer(member);
    let chosen = matches!(answer, Answer::Accepted { subprotocol: Some(it), .. } if it == "chat");
    assert!(chosen, "not let in");
    member
}

fn hear(client: &mut TestClient<impl App>, member: CallId) -> Value {
    let message = client.receive_message(member);
    serde_json::from_str(message.as_text().unwrap()).unwrap()
}

#[test]
fn members_of_a_room_hear_each_other_and_nobody_else() {
    let mut client = start();
    let anna = join(&mut client, "tea");
    assert_eq!(hear(&mut client, anna), json!({ "history": [] }));
    assert_eq!(hear(&mut client, anna), json!({ "members": 1 }));
    let other = join(&mut client, "coffee");
    let line = json!({ "from": "Anna", "text": "hello" });
    client.send_message(anna, line.to_string());
    assert_eq!(hear(&mut client, anna), line);

    let ben = join(&mut client, "tea");
    assert_eq!(hear(&mut client, ben), json!({ "history": [line] }));
    assert_eq!(hear(&mut client, ben), json!({ "members": 2 }));
    assert_eq!(hear(&mut client, anna), json!({ "members": 2 }));
    client.close(ben, 1001, "");
    assert_eq!(hear(&mut client, anna), json!({ "members": 1 }));

    assert_eq!(hear(&mut client, other), json!({ "history": [] }));
    assert_eq!(hear(&mut client, other), json!({ "members": 1 }));
    client.shutdown().unwrap();
}

#[test]
fn what_is_no_line_closes_with_1003() {
    let mut client = start();
    for wrong in ["hello", "{}", r#"{"from":"","text":"x"}"#] {
        let member = join(&mut client, "tea");
        client.send_message(member, wrong);
        assert_eq!(client.closed(member).code, 1003, "{wrong}");
    }
}

#[test]
fn a_room_with_a_long_name_is_a_400() {
    let mut client = start();
    let name = "x".repeat(65);
    let member = client.websocket(&format!("/rooms/{name}")).connect();
    assert_eq!(client.answer(member).status(), 400);
}

#[test]
fn the_page_is_html() {
    let mut client = start();
    let page = client.get("/").send();
    assert_eq!(page.status(), 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
}
