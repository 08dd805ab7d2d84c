//! One test per app of `apps/`: what its README promises, through the front door.

use wasgi_tests::{Serve, apps};

/// The specification's own example.
#[test]
pub(crate) fn hello() {
    let mut server = Serve::guest(apps::HELLO).start();
    let mut client = server.client();
    for _ in 0..3 {
        let response = client.get("/");
        assert_eq!(
            (response.status, response.text().as_str(), response.whole),
            (200, "Hello, world!", true)
        );
        assert_eq!(response.header("content-type"), Some("text/plain"));
    }
    let log = server.stop();
    assert!(
        !log.iter().any(|line| line.level <= tracing::Level::WARN),
        "{log:?}"
    );
}

/// An axum router: JSON, path and query parameters, shared state.
#[test]
pub(crate) fn api() {
    let mut server = Serve::guest(apps::API).start();
    let mut client = server.client();
    assert!(client.get("/").text().starts_with("try /items"));
    for (id, name) in [(1, "tea"), (2, "milk")] {
        let body = format!("{{\"name\": \"{name}\"}}");
        client.send(format!(
            "POST /items HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ));
        let made = client.response();
        assert_eq!(
            (made.status, made.text()),
            (201, format!("{{\"id\":{id},\"name\":\"{name}\"}}"))
        );
        assert_eq!(
            made.header("location"),
            Some(format!("/items/{id}").as_str())
        );
        assert_eq!(made.header("content-type"), Some("application/json"));
    }
    assert_eq!(
        client.get("/items/2").text(),
        "{\"id\":2,\"name\":\"milk\"}"
    );
    assert_eq!(
        client.get("/items?after=1&limit=10").text(),
        "[{\"id\":2,\"name\":\"milk\"}]"
    );
    let removed = client
        .send("DELETE /items/1 HTTP/1.1\r\nhost: h\r\n\r\n")
        .response();
    assert_eq!((removed.status, removed.body.len()), (204, 0));
    assert_eq!(client.get("/items/1").status, 404);
    assert_eq!(client.get("/items/x").status, 400);
    assert_eq!(client.get("/items?limit=x").status, 400);
    assert_eq!(client.get("/nothing").status, 404);
    assert_eq!(client.post("/ticks", b"").status, 405);
    assert_eq!(client.post("/items", b"{}").status, 415);
    // axum answers HEAD through GET.
    let head = client
        .send("HEAD /items/2 HTTP/1.1\r\nhost: h\r\n\r\n")
        .response_to("HEAD");
    assert_eq!(
        (head.status, head.header("content-length")),
        (200, Some("22"))
    );
    assert_eq!(client.get("/items/2").status, 200);
    drop(client);
    let log = server.stop();
    assert!(
        !log.iter().any(|line| line.level <= tracing::Level::WARN),
        "{log:?}"
    );
}

/// Its stream of events goes out event by event, and ends when it should or when the client leaves.
#[test]
fn api_streams_events() {
    let mut server = Serve::guest(apps::API).start();
    let mut client = server.client();
    let whole = client.get("/ticks?every=5&count=3");
    assert_eq!(
        (whole.text().as_str(), whole.whole),
        ("data: 1\n\ndata: 2\n\ndata: 3\n\n", true)
    );
    assert_eq!(whole.header("content-type"), Some("text/event-stream"));
    let mut endless = client.request("/ticks?every=5").head();
    client.chunk_bytes(&mut endless, 18);
    assert!(
        endless.text().starts_with("data: 1\n\ndata: 2\n\n"),
        "{}",
        endless.text()
    );
    drop(client);
    let access = server
        .wait_log(|line| line.target == "wasgi::access" && line.field("outcome") == "disconnected");
    assert_eq!(access.field("path"), "/ticks");
    let log = server.stop();
    assert!(
        !log.iter().any(|line| line.level <= tracing::Level::WARN),
        "{log:?}"
    );
}

/// Its upload is hashed while it streams.
#[test]
fn api_hashes_an_upload() {
    use sha2::{Digest, Sha256};
    let server = Serve::guest(apps::API).start();
    let body = wasgi_tests::noise(5_000_000);
    let hash: String = Sha256::digest(&body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let answer = server.client().post("/digest", &body);
    assert_eq!(
        answer.text(),
        format!("{{\"bytes\":5000000,\"sha256\":\"{hash}\"}}")
    );
    let empty = server.client().post("/digest", b"");
    assert!(
        empty
            .text()
            .starts_with("{\"bytes\":0,\"sha256\":\"e3b0c442"),
        "{}",
        empty.text()
    );
}
