//! The wire guard through the front door: section 1.12 of the contract, and H-20 to H-23. What a bad request is answered,
//! that it ends the connection, and that the app never sees it, nor anything behind it.

use std::time::Duration;

use wasgi_tests::{Client, Running, Serve, guests};

/// The requests that were answered so far: path, status and outcome.
fn answered(server: &Running) -> Vec<(String, String, String)> {
    let log = server.log();
    let lines = log.iter().filter(|line| line.target == "wasgi::access");
    lines
        .map(|line| {
            let field = |name: &str| line.field(name).to_owned();
            (field("path"), field("status"), field("outcome"))
        })
        .collect()
}

const HOST: &str = "host: h\r\n";
const CHUNKED: &str = "host: h\r\ntransfer-encoding: chunked\r\n";

/// What is refused: its id, the request line and the fields with their ends, the status.
fn refused() -> Vec<(&'static str, String, u16)> {
    let get = |fields: &str| format!("GET /bad HTTP/1.1\r\n{fields}\r\n");
    let line = |line: &str| format!("{line}\r\n{HOST}\r\n");
    let post = |fields: &str| format!("POST /bad HTTP/1.1\r\n{HOST}{fields}\r\n");
    vec![
        ("P-01", get("x: y\r\n"), 400),
        ("P-01", "GET http://h/bad HTTP/1.1\r\n\r\n".into(), 400),
        ("P-02", get("host: h\r\nhost: h\r\n"), 400),
        ("P-02", get("host: h h\r\n"), 400),
        ("P-02", get("host: u@h\r\n"), 400),
        ("P-02", get("host: h:99999\r\n"), 400),
        (
            "P-03",
            post("content-length: 3\r\ntransfer-encoding: chunked\r\n"),
            400,
        ),
        (
            "P-03",
            post("transfer-encoding: chunked\r\ncontent-length: 3\r\n"),
            400,
        ),
        (
            "P-04",
            post("content-length: 3\r\ncontent-length: 3\r\n"),
            400,
        ),
        (
            "P-05",
            post("content-length: 3\r\ncontent-length: 4\r\n"),
            400,
        ),
        ("P-05", post("content-length: -3\r\n"), 400),
        ("P-05", post("content-length: +3\r\n"), 400),
        ("P-05", post("content-length: 3, 3\r\n"), 400),
        ("P-06", post("transfer-encoding: gzip, chunked\r\n"), 501),
        ("P-07", post("transfer-encoding: xchunked\r\n"), 400),
        (
            "P-07",
            post("transfer-encoding: chunked, identity\r\n"),
            400,
        ),
        ("P-07", format!("POST /bad HTTP/1.0\r\n{CHUNKED}\r\n"), 400),
        ("P-08", "GET /bad HTTP/1.1\nhost: h\n\n".into(), 400),
        ("P-08", get("host: h\n"), 400),
        ("P-08", get("host: h\r\nx: a\rb\r\n"), 400),
        ("P-09", get("host: h\r\nx: a\r\n b\r\n"), 400),
        ("P-10", get("host: h\r\nx : y\r\n"), 400),
        ("P-10", get("host: h\r\nx: \0\r\n"), 400),
        ("P-10", get("host: h\r\nno colon\r\n"), 400),
        (
            "P-12",
            get(&format!("host: h\r\nx: {}\r\n", "y".repeat(1000))),
            431,
        ),
        (
            "P-13",
            get(&format!("host: h\r\n{}", "x: y\r\n".repeat(20))),
            431,
        ),
        (
            "P-14",
            line(&format!("GET /{} HTTP/1.1", "x".repeat(300))),
            414,
        ),
        ("P-15", line("GET /bad HTTP/2.0"), 505),
        ("P-15", line("GET /bad HTTP/1.3"), 505),
        ("P-15", "GET /bad\r\n".into(), 400),
        ("P-16", "\r\n\r\n".into(), 400),
        ("P-17", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), 400),
        ("H-04", line("G@T /bad HTTP/1.1"), 400),
        ("H-04", line("GET  /bad HTTP/1.1"), 400),
        ("H-20", line("GET bad HTTP/1.1"), 400),
        ("H-20", line("GET http:///bad HTTP/1.1"), 400),
        ("H-20", line("GET ftp://h/bad HTTP/1.1"), 400),
        ("H-21", line("GET * HTTP/1.1"), 400),
        ("H-21", line("GET /bad#x HTTP/1.1"), 400),
        ("H-22", line("GET /b\u{e4}d HTTP/1.1"), 400),
        ("H-23", line("CONNECT h:443 HTTP/1.1"), 501),
    ]
}

fn strict() -> Running {
    let serve = Serve::guest(guests::ANSWER_AS_ASKED).set(|settings| {
        let sizes = &mut settings.wire.sizes;
        sizes.head_bytes_max = 1024;
        sizes.headers_max = 16;
        sizes.target_bytes_max = 256;
    });
    serve.start()
}

/// Two good requests, the bad one and one more, in one write or byte by byte: the answers come in turn, the connection ends
/// without a reset, and the log says so.
#[test]
fn what_is_refused_is_answered_in_its_turn_and_ends_the_connection() {
    let server = strict();
    let mut log = Vec::new();
    for (id, bad, status) in refused() {
        for at_once in [true, false] {
            let mut client = server.client();
            let bytes = format!(
                "GET /?body=one&pause=3 HTTP/1.1\r\n{HOST}\r\nGET /?body=two HTTP/1.1\r\n{HOST}\r\n\
                 {bad}GET /behind HTTP/1.1\r\n{HOST}\r\n"
            );
            send(&mut client, &bytes, at_once);
            let shown = format!("{id} {bad:?}, at once: {at_once}");
            assert_eq!(client.response().text(), "one", "{shown}");
            assert_eq!(client.response().text(), "two", "{shown}");
            let answer = client.response();
            assert_eq!(answer.status, status, "{shown}: {answer:?}");
            assert_eq!(answer.header("connection"), Some("close"), "{shown}");
            assert_eq!(answer.text(), answer.reason, "{shown}");
            assert!(client.is_closed(), "{shown}");
            log.extend([(200, "ok"), (200, "ok")].map(|(status, word)| (status.to_string(), word)));
            let word = match status {
                414 => "target-too-long",
                431 => "head-too-large",
                _ => "refused",
            };
            log.push((status.to_string(), word));
        }
    }
    let answered = answered(&server);
    assert!(!answered.iter().any(|(path, ..)| path.contains("behind")));
    let said: Vec<_> = answered
        .iter()
        .map(|(_, status, outcome)| (status.clone(), outcome.as_str()))
        .collect();
    assert_eq!(said, log);
    server.assert_serves();
}

fn send(client: &mut Client, bytes: &str, at_once: bool) {
    let pieces = if at_once { bytes.len() } else { 1 };
    for piece in bytes.as_bytes().chunks(pieces) {
        client.send(piece);
    }
}

/// `H-20`, `H-21`, `P-16` and what else is odd but good, byte by byte, and again on the same connection.
#[test]
fn what_is_odd_but_good_is_served_and_keeps_the_connection() {
    let server = Serve::guest(guests::REPORT_SCOPE).start();
    for (id, odd, key, value) in [
        (
            "P-16",
            format!("\r\nGET /x HTTP/1.1\r\n{HOST}\r\n"),
            "raw_path",
            "/x",
        ),
        (
            "P-10",
            "GET /x HTTP/1.1\r\nHOST:h\r\nx:\t\r\n\r\n".into(),
            "header",
            "host: h",
        ),
        (
            "H-20",
            format!("GET http://e.org:81/x?y HTTP/1.1\r\n{HOST}\r\n"),
            "header",
            "host: e.org:81",
        ),
        (
            "H-20",
            format!("GET HTTPS://e.org HTTP/1.1\r\n{HOST}\r\n"),
            "raw_path",
            "/",
        ),
        (
            "H-21",
            format!("OPTIONS * HTTP/1.1\r\n{HOST}\r\n"),
            "raw_path",
            "*",
        ),
        (
            "H-04",
            format!("x-verb /x HTTP/1.1\r\n{HOST}\r\n"),
            "method",
            "X-VERB",
        ),
        (
            "P-05",
            format!("POST /x HTTP/1.1\r\n{HOST}content-length: 0\r\n\r\n"),
            "raw_path",
            "/x",
        ),
        (
            "P-18",
            format!(
                "GET /x HTTP/1.1\r\n{HOST}connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AA\r\n\r\n"
            ),
            "http_version",
            "1.1",
        ),
        (
            "M-10",
            format!(
                "POST /x HTTP/1.1\r\n{HOST}connection: upgrade\r\nupgrade: x\r\ncontent-length: 3\r\n\r\nGET"
            ),
            "raw_path",
            "/x",
        ),
    ] {
        for at_once in [true, false] {
            let mut client = server.client();
            for _ in 0..2 {
                send(&mut client, &odd, at_once);
            }
            for _ in 0..2 {
                let response = client.response();
                assert_eq!(response.status, 200, "{id} {odd:?}: {response:?}");
                assert_eq!(response.value(key), value, "{id} {odd:?}: {response:?}");
            }
        }
    }
}

/// A request in a body is a body, however it is framed and cut.
#[test]
fn a_request_in_a_body_is_never_served() {
    let server = Serve::guest(guests::COUNT_BODY).start();
    let inner = format!("GET /inner HTTP/1.1\r\n{HOST}\r\n");
    let size = inner.len();
    let by_length = format!("POST /outer HTTP/1.1\r\n{HOST}content-length: {size}\r\n\r\n{inner}");
    let by_chunks = format!(
        "POST /outer HTTP/1.1\r\n{CHUNKED}\r\n{size:x};{inner_extension}\r\n{inner}\r\n0\r\nx: GET /inner\r\n\r\n",
        inner_extension = "GET /inner HTTP/1.1",
    );
    for request in [by_length, by_chunks] {
        for at_once in [true, false] {
            let mut client = server.client();
            send(&mut client, &request.repeat(3), at_once);
            for _ in 0..3 {
                let text = client.response().text();
                assert!(text.starts_with(&format!("bytes={size} ")), "{text}");
            }
            client.assert_kept();
        }
    }
    // What one server takes for the end of the request and another does not.
    for ambiguous in [
        format!("POST /outer HTTP/1.1\r\n{CHUNKED}content-length: 5\r\n\r\n0\r\n\r\n{inner}"),
        format!(
            "POST /outer HTTP/1.1\r\n{HOST}transfer-encoding: chunked, identity\r\ncontent-length: 5\r\n\r\n0\r\n\r\n{inner}"
        ),
        format!(
            "POST /outer HTTP/1.1\r\n{HOST}transfer-encoding:\x0bchunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n{inner}"
        ),
        format!(
            "POST /outer HTTP/1.1\r\n{HOST}transfer-encoding : chunked\r\n\r\n0\r\n\r\n{inner}"
        ),
        format!(
            "POST /outer HTTP/1.1\r\n{HOST}x: y\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{inner}"
        ),
        format!("POST /outer HTTP/1.0\r\n{CHUNKED}\r\n0\r\n\r\n{inner}"),
        format!(
            "POST /outer HTTP/1.1\r\n{HOST}content-length: 0\r\ncontent-length: 40\r\n\r\n{inner}"
        ),
        format!("POST /outer HTTP/1.1\r\n{CHUNKED}\r\n0\n\n{inner}"),
        format!("POST /outer HTTP/1.1\r\n{CHUNKED}\r\n10000000000000000\r\n{inner}"),
        format!("POST /outer HTTP/1.1\r\n{CHUNKED}\r\n0x5\r\n{inner}"),
        format!("POST /outer HTTP/1.1\r\n{CHUNKED}\r\n3\r\nabcX\r\n0\r\n\r\n{inner}"),
        format!("POST /outer HTTP/1.1\r\n{CHUNKED}\r\n0\r\nx\r\n\r\n{inner}"),
    ] {
        let mut client = server.client();
        client.send(&ambiguous);
        let answer = client.response();
        assert_eq!(answer.status, 400, "{ambiguous:?}");
        assert!(client.is_closed(), "{ambiguous:?}");
    }
    let inner: Vec<_> = answered(&server)
        .into_iter()
        .filter(|(path, ..)| path == "/inner")
        .collect();
    assert!(inner.is_empty(), "{inner:?}");
}

/// `P-11`, `Q-13`: nobody collects what nobody reads.
#[test]
fn chunk_extensions_and_trailers_are_bounded() {
    let server = Serve::guest(guests::COUNT_BODY).start();
    let ask = |rest: String| {
        let mut client = server.client();
        client.send(format!("POST / HTTP/1.1\r\n{CHUNKED}\r\n{rest}"));
        let status = client.response().status;
        if status == 200 {
            client.assert_kept();
        } else {
            assert!(client.is_closed());
        }
        status
    };
    let long = "x".repeat(4000);
    assert_eq!(ask(format!("1;{long}\r\n!\r\n0\r\nx: {long}\r\n\r\n")), 200);
    assert_eq!(
        ask(format!(
            "1;{long}\r\n!\r\n1;{long}\r\n!\r\n1;{long}\r\n!\r\n0\r\n\r\n"
        )),
        400
    );
    assert_eq!(ask(format!("0\r\n{}\r\n", "x: y\r\n".repeat(100))), 200);
    assert_eq!(ask(format!("0\r\n{}\r\n", "x: y\r\n".repeat(200))), 400);
    assert_eq!(ask(format!("0\r\nx: {long}{long}{long}\r\n\r\n")), 400);
    server.wait_line("disconnected after");
}

/// A refusal is read although the client goes on sending (RFC 9112 9.6), and HEAD gets no body.
#[test]
fn a_refusal_reaches_a_client_that_is_still_sending() {
    let server = Serve::guest(guests::COUNT_BODY).start();
    let mut client = server.client();
    let mut writer = client.writer();
    client.send(format!(
        "POST / HTTP/1.1\r\n{HOST}{HOST}content-length: 900000\r\n\r\n"
    ));
    wasgi_tests::pause(Duration::from_millis(50));
    for _ in 0..9 {
        std::io::Write::write_all(&mut writer, &[b'x'; 100_000]).unwrap();
    }
    let answer = client.response();
    assert_eq!((answer.status, answer.whole), (400, true));
    assert!(client.is_closed());

    let mut client = server.client();
    let answer = client.send("HEAD / HTTP/1.1\r\n\r\n").response_to("HEAD");
    assert_eq!(answer.status, 400);
    assert!(client.is_closed());
    assert!(server.printed().is_empty(), "the app was not asked");
}

/// `P-17`: HTTP/2 is known by its first bytes, however they come.
#[test]
fn http_2_is_known_by_its_first_bytes() {
    let server = Serve::guest(guests::COUNT_BODY).start();
    // The preface and an empty SETTINGS frame; the answer begins with a SETTINGS frame.
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for pieces in [1, 3, preface.len()] {
        let mut client = server.client();
        for piece in preface.chunks(pieces) {
            client.send(piece);
        }
        let frame = client.read_some(9);
        assert_eq!(frame.get(3..5), Some(&[4, 0][..]), "{frame:?}");
    }
    let mut client = server.client();
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\rGET");
    assert_eq!(client.response().status, 400);
}
