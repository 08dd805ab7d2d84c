//! Calls whose client gets nothing more, and whose app goes on (`G-10`, `G-11`): within `disconnect_grace` and `background` they
//! are left alone; after that their instance is replaced, and nobody else is harmed.

use std::sync::Arc;

use tracing::Level;
use wasgi_tests::{Client, Line, Running, eventually};

use crate::twins;

fn which(server: &Running) -> String {
    let response = server.get("/which");
    assert_eq!(response.status, 200, "a request is lost: {response:?}");
    response.text()
}

/// A call that ends when it is told to, in the instance that serves.
fn join(server: &Running) -> Client {
    let mut client = server.client();
    client.send("POST /join HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nhello");
    server.wait_line("joining");
    client
}

/// Waits until another instance serves; no request waits for it or is lost.
#[track_caller]
fn is_replaced(server: &Running, before: &str) -> String {
    let mut now = String::new();
    eventually("another instance serves", || {
        now = which(server);
        now != before
    });
    now
}

/// Says which call, which limit and its value, and what to do.
#[track_caller]
fn is_named(server: &Running, path: &str, limit: &str) {
    let access = server.wait_log(|line| line.field("path") == path);
    let line = server.wait_log(|line| line.message.contains("over time"));
    assert_eq!(line.level, Level::WARN);
    assert_eq!(
        (
            line.field("limit"),
            line.field("request"),
            line.field("so_far")
        ),
        (limit, access.field("request"), "1")
    );
    let says = [limit, "300ms", "[limits] in wasgi.toml"];
    assert!(says.iter().all(|it| line.message.contains(it)), "{line}");
}

/// It stopped as it was asked to. (Python says where the cancelled call was, as an error.)
#[track_caller]
fn ended_well(log: &[Arc<Line>]) {
    let words = ["the instance ended", "the deadline"];
    let is_bad = |line: &&Arc<Line>| words.iter().any(|it| line.message.contains(it));
    let bad: Vec<_> = log.iter().filter(is_bad).collect();
    assert!(bad.is_empty(), "{bad:?}");
}

/// The sibling ends in peace, and then its instance is gone, although the one call never ends. The new one goes on.
#[track_caller]
fn leaves_in_peace(server: &Running, before: &str, after: &str, mut sibling: Client) {
    sibling.send("world");
    assert_eq!(sibling.response().text(), format!("joined {before}"));
    server.wait_line("the instance has been replaced");
    ended_well(&server.log());
    assert_eq!(which(server), after);
}

/// `G-10`: after a client that has left.
#[test]
pub(crate) fn outlast() {
    for serve in twins::outlast() {
        let server = serve
            .limit("disconnect_grace", "300 ms")
            .limit("queued", "1 ms")
            .start();
        let before = which(&server);
        let sibling = join(&server);
        let mut client = server.client();
        let mut head = client.request("/deaf").head();
        client.chunk_bytes(&mut head, 4);
        server.wait_line("deaf");
        drop(client);
        is_named(&server, "/deaf", "disconnect_grace");
        let after = is_replaced(&server, &before);
        leaves_in_peace(&server, &before, &after, sibling);
    }
}

/// `G-11`: after its response.
#[test]
fn work_that_never_ends_is_over_time() {
    for serve in twins::outlast() {
        let server = serve
            .limit("background", "300 ms")
            .limit("queued", "1 ms")
            .start();
        let before = which(&server);
        let sibling = join(&server);
        let mut client = server.client();
        assert_eq!(client.get("/work").text(), "accepted");
        is_named(&server, "/work", "background");
        let after = is_replaced(&server, &before);
        client.assert_kept();
        leaves_in_peace(&server, &before, &after, sibling);
    }
}

/// `G-11`, `D-04`: whatever keeps within its limit is left alone, and so is a call whose client listens.
#[test]
fn who_keeps_to_the_limits_is_left_alone() {
    for serve in twins::outlast() {
        let server = serve
            .limit("disconnect_grace", "300 ms")
            .limit("background", "1 min")
            .start();
        let before = which(&server);
        let (mut listens, mut leaves) = (server.client(), server.client());
        let mut deaf = listens.request("/deaf").head();
        listens.chunk_bytes(&mut deaf, 4);
        leaves.request("/ticks").head();
        server.wait_line("ticking");
        drop(leaves);
        server.wait_line("ticking ends");
        assert_eq!(server.get("/brief").text(), "accepted");
        server.wait_line("the work is done");
        assert_eq!(which(&server), before);
        assert!(!server.log().iter().any(|line| line.level <= Level::WARN));
    }
}

/// `M-04`: the client of a HEAD has its response with the head. An app that goes on sending to it is told, after
/// `background`, that nobody listens.
#[test]
fn an_app_that_streams_to_a_head_request_is_told() {
    for serve in twins::outlast() {
        let server = serve.limit("background", "300 ms").start();
        let before = which(&server);
        let mut client = server.client();
        client.send("HEAD /ticks HTTP/1.1\r\nhost: h\r\n\r\n");
        assert_eq!(client.head().status, 200);
        server.wait_line("ticking ends");
        client.assert_kept();
        assert_eq!(which(&server), before);
        assert!(!server.log().iter().any(|line| line.level <= Level::WARN));
    }
}

/// `G-14`: what does not end within `drain` is ended with the instance that is replaced.
#[test]
fn siblings_have_the_drain_time() {
    for serve in twins::outlast() {
        let server = serve
            .limit("background", "300 ms")
            .limit("drain", "300 ms")
            .start();
        let before = which(&server);
        let mut sibling = join(&server);
        assert_eq!(server.get("/work").text(), "accepted");
        is_replaced(&server, &before);
        assert_eq!(sibling.response().status, 503);
        server.wait_line("the instance has been replaced");
        server.assert_serves();
    }
}

/// One after the other leaves, so that there are never more than two: each time the next one waits for its turn.
#[test]
fn an_instance_may_be_replaced_again_and_again() {
    for serve in twins::outlast() {
        let server = serve
            .limit("background", "100 ms")
            .limit("queued", "1 ms")
            .start();
        let mut instance = which(&server);
        for _ in 0..4 {
            assert_eq!(server.get("/work").text(), "accepted");
            instance = is_replaced(&server, &instance);
        }
        ended_well(&server.log());
    }
}

/// `G-14`: a server that stops does not wait for a call that is over time.
#[test]
fn a_stop_does_not_wait_for_them() {
    for serve in twins::outlast() {
        let mut server = serve
            .limit("background", "300 ms")
            .limit("drain", "1 h")
            .start();
        assert_eq!(server.get("/work").text(), "accepted");
        server.wait_line("working");
        let log = server.stop();
        ended_well(&log);
    }
}
