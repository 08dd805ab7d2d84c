//! Guests that break the contract of `wit/` without the SDK (`G-08`, `G-23`): the client sees a status and never a
//! malformed response, the log has the reason, the server answers the next request.

use tracing::Level;
use wasgi_tests::{Folder, Guest, Response, Running, Serve, guests};

/// A violation that a call is to blame for ends the call: 500, the instance lives on, and the reason is in the log.
#[track_caller]
fn fails_its_call(server: &Running, target: &str, reason: &str) {
    let (mut client, mark) = (server.client(), server.mark());
    let response = client.get(target);
    assert_eq!(
        (response.status, response.text().as_str()),
        (500, "Internal Server Error"),
        "{target}: {response:?}"
    );
    is_blamed(server, mark, target, &response, reason);
    client.assert_kept();
}

/// As [`fails_its_call`], when the response has begun: it is cut, and visibly so.
#[track_caller]
fn cuts_its_call(server: &Running, target: &str, body: &str, reason: &str) {
    let (mut client, mark) = (server.client(), server.mark());
    let response = client.get(target);
    assert_eq!(
        (response.status, response.whole),
        (200, false),
        "{target}: {response:?}"
    );
    assert_eq!(response.text(), body, "{target}: {response:?}");
    assert!(
        client.is_closed(),
        "{target}: a cut response, and the connection goes on"
    );
    is_blamed(server, mark, target, &response, reason);
}

#[track_caller]
fn is_blamed(server: &Running, mark: usize, target: &str, response: &Response, reason: &str) {
    for word in ["secret", "forged", reason] {
        assert!(!response.mentions(word), "{target}: {response:?}");
    }
    let path = target.split('?').next().unwrap_or_default();
    let access = server.wait_since(mark, |line| {
        line.target == "wasgi::access" && line.field("path") == path
    });
    assert_eq!(access.field("outcome"), "violation", "{target}: {access}");
    let line = server.wait_log(|line| {
        line.level == Level::ERROR && line.field("request") == access.field("request")
    });
    assert!(
        line.message.contains("the app broke the contract"),
        "{target}: {line}"
    );
    assert!(line.message.contains(reason), "{target}: {line}");
    server.assert_serves();
    let ended = server
        .log()
        .iter()
        .any(|line| line.message.contains("the instance ended"));
    assert!(
        !ended,
        "{target}: one bad call is no reason to end the instance"
    );
}

/// A violation that no call is to blame for traps: the instance ends, and every call in it.
#[track_caller]
fn ends_its_instance(guest: Guest, reason: &str) {
    let server = Serve::guest(guest).start();
    let response = server.get("/");
    // 500 when the guest had said that it works for this call, else 502 (`G-13`).
    assert!(matches!(response.status, 500 | 502), "{response:?}");
    assert!(
        !response.mentions("secret") && !response.mentions(reason),
        "{response:?}"
    );
    let end = server.wait_line("the instance ended; a new one starts");
    assert!(end.message.contains("contract broken"), "{end}");
    assert!(end.message.contains(reason), "{end}");
    server.assert_serves();
}

#[test]
pub(crate) fn unknown_call_id() {
    ends_its_instance(guests::UNKNOWN_CALL_ID, "never given out");
}

#[test]
pub(crate) fn second_exchange() {
    ends_its_instance(
        guests::SECOND_EXCHANGE,
        "a second `exchange` while one is pending",
    );
}

#[test]
pub(crate) fn return_from_run_early() {
    ends_its_instance(
        guests::RETURN_FROM_RUN_EARLY,
        "`run` returned before shutdown",
    );
}

#[test]
pub(crate) fn startup_said_twice() {
    ends_its_instance(guests::STARTUP_SAID_TWICE, "`startup` said twice");
}

#[test]
pub(crate) fn shutdown_said_unasked() {
    ends_its_instance(guests::SHUTDOWN_SAID_UNASKED, "`shutdown` said before");
}

#[test]
pub(crate) fn too_many_actions() {
    ends_its_instance(guests::TOO_MANY_ACTIONS, "more than 1024 actions");
}

#[test]
pub(crate) fn too_many_bytes() {
    ends_its_instance(guests::TOO_MANY_BYTES, "more than 1048576 bytes");
}

/// A guest that never gets as far as start-up makes the server fail to start, and the reason is in the error.
#[test]
pub(crate) fn call_before_startup() {
    does_not_start(guests::CALL_BEFORE_STARTUP, "contract broken");
}

#[test]
pub(crate) fn return_before_startup() {
    does_not_start(
        guests::RETURN_BEFORE_STARTUP,
        "`run` returned before shutdown",
    );
}

#[track_caller]
fn does_not_start(guest: Guest, reason: &str) {
    let (error, _) = Serve::guest(guest)
        .try_start()
        .err()
        .expect("it cannot start");
    assert!(error.to_string().contains("does not start"), "{error:?}");
    let why = std::error::Error::source(&error)
        .expect("a reason")
        .to_string();
    assert!(why.contains(reason), "{why}");
    assert!(error.hint_text().is_some());
}

/// `R-07`.
#[test]
pub(crate) fn body_before_start() {
    let server = Serve::guest(guests::BODY_BEFORE_START).start();
    fails_its_call(&server, "/", "body before the start");
}

/// `R-07`: a 500 while nothing has been sent, else the response is cut.
#[test]
pub(crate) fn second_start() {
    let server = Serve::guest(guests::SECOND_START).start();
    fails_its_call(&server, "/", "started before");
    cuts_its_call(&server, "/mid", "part", "started before");
}

/// `G-20`: the action that crosses the mark is taken whole, the next one is the violation.
#[test]
pub(crate) fn more_than_the_credit() {
    let server = Serve::guest(guests::MORE_THAN_THE_CREDIT).start();
    cuts_its_call(&server, "/", &"x".repeat(2 * 65_536), "before `writable`");
}

/// `R-10`: 101 above all must be impossible.
#[test]
pub(crate) fn illegal_status() {
    let server = Serve::guest(guests::ILLEGAL_STATUS).start();
    for status in ["0", "99", "100", "101", "103", "199", "1000", "65535"] {
        fails_its_call(&server, &format!("/respond?status={status}"), "not within");
        fails_its_call(&server, &format!("/start?status={status}"), "not within");
    }
}

/// `F-05`, `F-08`: what is no legal field never reaches the wire.
#[test]
pub(crate) fn header_with_line_break() {
    let server = Serve::guest(guests::HEADER_WITH_LINE_BREAK).start();
    for which in 0..=7 {
        fails_its_call(&server, &format!("/?which={which}"), "invalid event");
    }
}

#[test]
pub(crate) fn header_lengths_lie() {
    let server = Serve::guest(guests::HEADER_LENGTHS_LIE).start();
    for which in 0..=3 {
        fails_its_call(&server, &format!("/?which={which}"), "invalid event");
    }
}

/// `M-02`, `M-03`: never a byte more than announced, and never a response that looks whole and is not.
#[test]
pub(crate) fn wrong_content_length() {
    let server = Serve::guest(guests::WRONG_CONTENT_LENGTH).start();
    fails_its_call(&server, "/respond-more", "content-length mismatch");
    fails_its_call(&server, "/respond-less", "content-length mismatch");
    fails_its_call(&server, "/not-a-number", "`content-length` is not a number");
    fails_its_call(&server, "/less", "content-length mismatch");
    for target in ["/more", "/mid-more"] {
        let (mut client, mark) = (server.client(), server.mark());
        let response = client.get(target);
        assert_eq!(
            (response.status, response.whole, response.text().as_str()),
            (200, false, "123"),
            "{response:?}"
        );
        assert!(client.is_closed());
        is_blamed(&server, mark, target, &response, "content-length mismatch");
    }
}

/// `X-07`.
#[test]
pub(crate) fn finished_mid_body() {
    let server = Serve::guest(guests::FINISHED_MID_BODY).start();
    let mut client = server.client();
    let response = client.get("/");
    assert_eq!(
        (response.status, response.whole, response.text().as_str()),
        (200, false, "part"),
        "{response:?}"
    );
    assert!(client.is_closed());
    server.wait_line("returned before its response was complete");
    server.assert_serves();
}

#[test]
pub(crate) fn oversized_body_action() {
    let server = Serve::guest(guests::OVERSIZED_BODY_ACTION).start();
    fails_its_call(&server, "/respond", "more than 256 KiB");
    fails_its_call(&server, "/body", "more than 256 KiB");
}

/// `G-20`, the other direction.
#[test]
pub(crate) fn read_beyond_the_mark() {
    let server = Serve::guest(guests::READ_BEYOND_THE_MARK).start();
    for target in ["/once", "/twice", "/huge"] {
        fails_its_call(&server, target, "more than 64 KiB of `read` credit");
    }
}

/// `G-23`: ignored, with a line in the log; the response that was finished stands.
#[test]
pub(crate) fn action_after_finished() {
    let server = Serve::guest(guests::ACTION_AFTER_FINISHED).start();
    let mut client = server.client();
    let response = client.get("/");
    assert_eq!(
        (response.status, response.text().as_str(), response.whole),
        (200, "first", true),
        "{response:?}"
    );
    let line = server.wait_line("an action for a call that has been `finished`");
    assert_eq!(line.level, Level::WARN);
    client.assert_kept();
}

#[test]
pub(crate) fn websocket_action() {
    let server = Serve::guest(guests::WEBSOCKET_ACTION).start();
    for which in 0..=2 {
        fails_its_call(&server, &format!("/?which={which}"), "WebSocket action");
    }
}

/// `A-14`: early hints never, pathsend not without files, trailers not over HTTP/1.0.
#[test]
pub(crate) fn extension_not_offered() {
    let server = Serve::guest(guests::EXTENSION_NOT_OFFERED).start();
    for which in [0, 1] {
        fails_its_call(&server, &format!("/?which={which}"), "unsupported");
    }
    for which in [2, 3] {
        let mark = server.mark();
        let target = format!("/?which={which}");
        let request = format!("GET {target} HTTP/1.0\r\n\r\n");
        let response = server.client().send(request).response();
        assert_eq!(
            (response.status, response.text().as_str()),
            (500, "Internal Server Error"),
            "{response:?}"
        );
        is_blamed(&server, mark, &target, &response, "unsupported: trailers");
    }
}

/// `E-02`, `E-06`: what was offered, and not in its turn.
#[test]
fn an_extension_out_of_turn() {
    let folder = Folder::new("out-of-turn");
    let server = Serve::guest(guests::EXTENSION_NOT_OFFERED)
        .live("1", &folder.path("."))
        .start();
    fails_its_call(&server, "/?which=2", "that `start` did not announce");
    let reason = "pathsend beside a body or trailers";
    fails_its_call(&server, "/?which=6", reason);
    cuts_its_call(&server, "/?which=7", "", reason);
    for (which, reason) in [
        (4, "`content-length` is no field for trailers"),
        (5, "a body after the last one"),
    ] {
        let target = format!("/?which={which}");
        let (mut client, mark) = (server.client(), server.mark());
        let request = format!("GET {target} HTTP/1.1\r\nhost: h\r\nte: trailers\r\n\r\n");
        let response = client.send(request).response();
        assert_eq!(
            (response.status, response.text().as_str(), response.whole),
            (200, "part", false),
            "{response:?}"
        );
        assert!(client.is_closed());
        is_blamed(&server, mark, &target, &response, reason);
    }
}

/// The server takes a thousand bad calls as it takes one.
#[test]
fn a_thousand_violations_leave_nothing_behind() {
    let server = Serve::guest(guests::BODY_BEFORE_START).start();
    let mut client = server.client();
    for _ in 0..1000 {
        assert_eq!(client.get("/").status, 500);
    }
    client.assert_kept();
}

#[test]
pub(crate) fn too_many_headers() {
    let server = Serve::guest(guests::TOO_MANY_HEADERS).start();
    fails_its_call(&server, "/many", "more than 256 response headers");
    fails_its_call(&server, "/long", "more than 64 KiB of response headers");
}

/// `G-06`: legal, if unkind: others on the thread get their turn, and it can be stopped.
#[test]
pub(crate) fn poll_without_waiting() {
    let mut server = Serve::guest(guests::POLL_WITHOUT_WAITING)
        .instances(2)
        .start();
    for _ in 0..20 {
        server.assert_serves();
    }
    let log = server.stop();
    assert!(!log.iter().any(|line| line.level <= Level::WARN), "{log:?}");
}
