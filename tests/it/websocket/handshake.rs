//! The handshake over HTTP/1.1 (`W-26`, `W-27`, `W-31`), and what is none (`M-10`).

use wasgi_tests::websocket::{handshake, masked};
use wasgi_tests::{Seen, WebSocket};

use super::{Connect, ask, ended, server};

const GOOD: [(&str, &str); 4] = [
    ("upgrade", "websocket"),
    ("connection", "Upgrade"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// The headers of a good handshake with one of them changed, or gone where it is empty.
fn with(name: &str, value: &str) -> String {
    let fields = GOOD.map(|(other, good)| match (other == name, value) {
        (false, _) => format!("{other}: {good}\r\n"),
        (true, "") => String::new(),
        (true, value) => format!("{other}: {value}\r\n"),
    });
    let more = if GOOD.iter().any(|(other, _)| *other == name) {
        String::new()
    } else {
        format!("{name}: {value}\r\n")
    };
    fields.concat() + &more
}

/// `W-26`: what is no handshake is said to be so, and the app never hears of it.
#[test]
fn handshakes_that_cannot_be_one_are_answered_for_what_is_wrong() {
    let server = server();
    for (method, name, value, status) in [
        ("GET", "sec-websocket-key", "", 400),
        ("GET", "sec-websocket-key", "dGhlIHNhbXBsZQ==", 400),
        (
            "GET",
            "sec-websocket-key",
            "not in base64 at all, is it",
            400,
        ),
        ("GET", "sec-websocket-version", "", 426),
        ("GET", "sec-websocket-version", "8", 426),
        ("GET", "sec-websocket-version", "14", 426),
        ("POST", "upgrade", "websocket", 405),
        ("HEAD", "upgrade", "websocket", 405),
        ("POST", "content-length", "5", 405),
        ("GET", "content-length", "5", 400),
        ("GET", "transfer-encoding", "chunked", 400),
    ] {
        let mut client = server.client();
        let response = ask(&mut client, method, &with(name, value));
        let what = format!("{method} {name}: {value}");
        assert_eq!(response.status, status, "{what}");
        assert_eq!(response.header("upgrade"), None, "{what}");
        let version = (status == 426).then_some("13");
        assert_eq!(response.header("sec-websocket-version"), version, "{what}");
        let allow = (status == 405).then_some("GET");
        assert_eq!(response.header("allow"), allow, "{what}");
        assert_eq!(response.header("connection"), Some("close"), "{what}");
    }
    server.assert_serves();
    assert_eq!(server.printed(), [""; 0]);
}

/// `W-26`: what browsers and their proxies write is good; a frame comes back.
#[test]
fn handshakes_as_browsers_write_them_are_good() {
    let server = server();
    for (name, value) in [
        ("connection", "keep-alive, Upgrade"),
        ("connection", "upgrade"),
        ("upgrade", "WebSocket"),
        ("content-length", "0"),
        ("origin", "http://test"),
    ] {
        let mut client = server.client();
        let response = ask(&mut client, "GET", &with(name, value));
        assert_eq!(response.status, 101, "{name}: {value}");
        client.send(masked(0x81, b"hello"));
        assert_eq!(client.read_some(7), b"\x81\x05hello", "{name}: {value}");
    }
}

/// `M-10`, `P-18`: another upgrade, half of one, and one over HTTP/1.0 is an ordinary request.
#[test]
fn other_upgrades_are_ignored() {
    let server = server();
    for (name, value) in [
        ("upgrade", "h2c"),
        ("upgrade", ""),
        ("connection", "keep-alive"),
        ("connection", ""),
    ] {
        let mut client = server.client();
        client.send(format!(
            "GET /ok HTTP/1.1\r\nhost: test\r\n{}\r\n",
            with(name, value)
        ));
        assert_eq!(client.response().text(), "ok", "{name}: {value}");
        client.assert_kept();
    }
    let mut old = server.client();
    old.send(format!(
        "GET /ok HTTP/1.0\r\nhost: test\r\n{}\r\n",
        with("origin", "x")
    ));
    assert_eq!(old.response().text(), "ok");
}

/// `W-31`, `W-05`, `W-06`: the 101 has what the server says of itself, the app's headers, the subprotocol; no length, no body.
#[test]
fn the_101_has_the_servers_headers_and_the_apps() {
    let server = server();
    let target = "/play?header=set-cookie:a%3Db&accept=chat&receive";
    let offers = [("sec-websocket-protocol", "v2, chat")];
    let socket = server.client().websocket(target, &offers);
    let head = socket.unwrap().head;
    assert!(head.header("date").is_some());
    assert_eq!(head.header("server"), Some("wasgi"));
    assert_eq!(head.header("set-cookie"), Some("a=b"));
    assert_eq!(head.header("sec-websocket-protocol"), Some("chat"));
    assert_eq!(head.header("upgrade"), Some("websocket"));
    assert_eq!(head.header("content-length"), None);
    assert_eq!(head.header("transfer-encoding"), None);
    assert_eq!(head.header("sec-websocket-extensions"), None);
}

/// `W-27`: frames that an eager client sends with its handshake, or while the app thinks, are not lost.
#[test]
fn frames_before_the_101_are_delivered() {
    let server = server();
    for delay in ["", "sleep=200&"] {
        let target = format!("/play?{delay}accept&echo");
        let mut client = server.client();
        let mut bytes = handshake(&target, &[]).into_bytes();
        bytes.extend(masked(0x81, b"first"));
        bytes.extend(masked(0x82, &vec![7; 20_000]));
        client.send(&bytes);
        client.send(masked(0x81, b"last"));
        let head = client.head();
        assert_eq!(head.status, 101);
        let mut socket = WebSocket { client, head };
        assert_eq!(socket.see_text(), "first");
        assert_eq!(socket.see(), Seen::Bytes(vec![7; 20_000]));
        assert_eq!(socket.see_text(), "last");
    }
}

/// `W-07`: a refusal is a 403, and HTTP goes on behind it.
#[test]
fn a_refusal_is_a_403_and_the_connection_is_kept() {
    let server = server();
    let mut client = server.client();
    for _ in 0..2 {
        client.send(handshake("/play?close=1000:&receive", &[]));
        let response = client.response();
        assert_eq!(
            (response.status, response.text().as_str()),
            (403, "Forbidden")
        );
        assert_eq!(response.header("upgrade"), None);
        client.assert_kept();
    }
    assert_eq!(ended(&server, "/play").0, "403");
}

/// `E-01`: a denial is streamed, has no header of an upgrade, and ends the connection.
#[test]
fn a_denial_is_a_response_and_ends_the_connection() {
    let server = server();
    let mut client = server.client();
    client.send(handshake(
        "/play?header=x-why:tea&deny=418&body=I%20am%20&sleep=50&last=a%20teapot",
        &[],
    ));
    let response = client.response();
    assert_eq!(
        (response.status, response.text().as_str()),
        (418, "I am a teapot")
    );
    assert_eq!(response.header("x-why"), Some("tea"));
    assert_eq!(response.header("connection"), Some("close"));
    assert_eq!(response.header("upgrade"), None);
    assert_eq!(response.header("sec-websocket-accept"), None);
    assert!(client.is_closed());
    let ended = ended(&server, "/play");
    assert_eq!((ended.0.as_str(), ended.1.as_str()), ("418", "ok"));
}

/// `W-19`: an app that ends without an answer is a 500.
#[test]
fn no_answer_is_a_500() {
    let server = server();
    for steps in ["return", "raise=secret"] {
        let response = server.refused(&format!("/play?{steps}"));
        assert_eq!(
            (response.status, response.text().as_str()),
            (500, "Internal Server Error")
        );
    }
}

/// `T-08`: an app that does not answer is a 504.
#[test]
fn an_answer_that_does_not_come_is_a_504() {
    let server = wasgi_tests::Serve::guest(wasgi_tests::guests::WEBSOCKET_AS_ASKED)
        .limit("websocket_accept", "200 ms")
        .start();
    assert_eq!(server.refused("/play?sleep=60000").status, 504);
    server.assert_serves();
}

/// `W-18`: a client that goes before the app has answered is lost, and the app hears it.
#[test]
fn a_client_that_goes_before_the_answer_is_lost() {
    let server = server();
    let mut client = server.client();
    client.send(handshake("/play?tag=gone&receive=2&accept&send=x", &[]));
    server.wait_line("gone: receive connect");
    drop(client);
    server.wait_line("gone: receive disconnect 1006");
    server.wait_line("gone: accept error disconnected");
    server.assert_serves();
}
