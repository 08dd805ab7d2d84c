//! What an app may use, and what happens when it wants more (`G-01`, `G-04`, `G-06`, `G-12`, `G-13`).

use std::time::Duration;

use tracing::Level;
use wasgi_tests::{Running, block_on};

/// The app's own failure: 500, a reason in the log beside the request's id, and nothing of it for the client.
#[track_caller]
pub(crate) fn is_a_500(server: &Running, target: &str, reason: &str) {
    let (mut client, mark) = (server.client(), server.mark());
    let response = client.get(target);
    assert_eq!(
        (response.status, response.text().as_str()),
        (500, "Internal Server Error"),
        "{target}: {response:?}"
    );
    let access = server.wait_since(mark, |line| line.target == "wasgi::access");
    let line = server.wait_since(mark, |line| {
        line.level == Level::ERROR && line.field("request") == access.field("request")
    });
    assert!(line.message.contains(reason), "{target}: {line}");
    assert!(!response.mentions(reason));
    client.assert_kept();
}

/// `G-06`: a guest that spins holds up its siblings, but neither another instance, even on the same thread, nor the
/// server itself. Needs two instances and a `cpu` of some seconds.
#[track_caller]
pub(crate) fn a_spinning_instance_blocks_nobody_else(server: &Running) {
    let mut spins = server.client();
    spins.request("/spin");
    server.wait_line("spinning");
    for _ in 0..20 {
        server.assert_serves();
    }
    assert!(
        spins.is_silent_for(Duration::from_millis(1)),
        "it was still spinning all the while"
    );
    assert_eq!(spins.response().status, 500);
    server.wait_line("the CPU budget is used up");
}

/// `G-12`, `G-13`: 504 when nothing has been said in time; the app hears of it as a disconnect, and goes on. What has started
/// in time, at `streams`, may go on as well. Needs a `first_response` of 200 ms.
#[track_caller]
pub(crate) fn a_silent_app_is_a_504(server: &Running, (target, gone): (&str, &str), streams: &str) {
    let mut client = server.client();
    let response = client.get(target);
    assert_eq!(
        (response.status, response.text().as_str()),
        (504, "Gateway Timeout")
    );
    let line = server.wait_line("the deadline `first_response` passed");
    let access = server.wait_log(|line| line.target == "wasgi::access");
    assert_eq!(
        (access.field("outcome"), access.field("request")),
        ("deadline", line.field("request"))
    );
    server.wait_line(gone);
    client.assert_kept();
    let mut client = server.client();
    let mut head = client.request(streams).head();
    client.chunk_bytes(&mut head, 4);
    assert!(client.is_silent_for(Duration::from_millis(600)));
}

/// `T-06`, `G-12`: a limit for the whole request, where it is asked for, cuts what has begun at `streams`, and is a 504 at
/// `waits`. Needs a `request` of some 300 ms.
#[track_caller]
pub(crate) fn a_request_deadline_cuts_the_response(server: &Running, streams: &str, waits: &str) {
    let mut client = server.client();
    let response = client.get(streams);
    assert_eq!(
        (response.status, response.text().as_str(), response.whole),
        (200, "part", false)
    );
    assert!(client.is_closed());
    server.wait_line("the deadline `request` passed");
    assert_eq!(server.get(waits).status, 504);
    let reply = block_on(async { server.h2().await.get(streams).await });
    assert_eq!(
        (reply.text().as_str(), reply.reset),
        ("part", Some(h2::Reason::INTERNAL_ERROR))
    );
}

/// `T-04`: a client that stops in the middle of its body is answered, and the app hears of a disconnect. Needs a
/// `stalled_read` of some 200 ms.
#[track_caller]
pub(crate) fn a_stalled_body_is_a_408(server: &Running, target: &str, gone: &str) {
    let mut client = server.client();
    client.send(format!(
        "POST {target} HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nhello"
    ));
    let response = client.response();
    assert_eq!(
        (response.status, response.text().as_str()),
        (408, "Request Timeout")
    );
    server.wait_line(gone);
    assert!(client.is_closed());
    server.assert_serves();
}

/// `G-01`: two hundred calls are in one instance at the same time.
#[track_caller]
pub(crate) fn two_hundred_calls_meet(server: &Running) {
    let mut clients: Vec<_> = (0..200).map(|_| server.client()).collect();
    for client in &mut clients {
        client.request("/meet?n=200");
    }
    for client in &mut clients {
        assert_eq!(client.response().text(), "200 met");
    }
}

/// Nothing that a guest does to itself is felt by another app's server in the same process.
#[track_caller]
pub(crate) fn one_app_does_not_feel_another<'a>(
    quiet: &Running,
    bad: impl IntoIterator<Item = (Running, &'a str)>,
) {
    for (server, target) in bad {
        assert_eq!(server.get(target).status, 500, "{target}");
        quiet.assert_serves();
    }
    assert!(!quiet.log().iter().any(|line| line.level <= Level::WARN));
}
