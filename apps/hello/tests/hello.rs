//! The app in-process: no wasm, no sockets.

use wasgi_sdk::testing::{Started, TestClient};

#[test]
fn every_request_gets_hello_world() {
    let mut client = TestClient::start(hello::app);
    let response = client.get("/any/path?and=query").send();
    assert_eq!(response.status(), 200);
    assert_eq!(response.header("content-type"), Some("text/plain"));
    assert_eq!(response.text(), "Hello, world!");
    assert!(response.came_in_one());
}

#[test]
fn it_has_no_lifespan_l04() {
    let client = TestClient::start(hello::app);
    assert!(matches!(client.started(), Started::Unsupported(_)));
    assert_eq!(client.shutdown(), Ok(()));
}
