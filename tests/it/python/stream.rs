//! Bodies both ways through a Python app: events, back-pressure, credit, cancelled receives (`Q-*`, `R-*`, `G-09`, `G-20`–`G-22`).

use std::time::Duration;

use wasgi_tests::{eventually, noise};

use super::behaviours;
use crate::any_guest::bodies::{self, MIB, counted, times};
use crate::any_guest::responses;

fn hash(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `A-11`, `G-11`: the `send` of a last body comes back when its bytes have left, or the client has; nothing is left behind.
#[test]
fn an_app_goes_on_after_a_large_last_body() {
    let mut server = behaviours().start();
    let mut client = server.client();
    let before = client.get("/memory").text();
    let tasks = counted(&before, "tasks");
    for bytes in [65_536, 65_537, 300_000, 2 * MIB] {
        let response = client.get(&format!("/large?bytes={bytes}"));
        assert_eq!((response.body.len(), response.whole), (bytes, true));
    }
    let mut leaves = server.client();
    leaves.request("/large?bytes=100000000").head();
    drop(leaves);
    let gone = || times(&server, "goes on after the last body");
    eventually("all five go on", || gone() == 5);
    eventually("no task is left", || {
        counted(&client.get("/memory").text(), "tasks") == tasks
    });
    drop(client);
    let log = server.stop();
    assert!(
        !log.iter().any(|line| line.level <= tracing::Level::WARN),
        "{log:?}"
    );
}

/// `Q-01`, `Q-02`, `Q-04`, `G-21`: one event without a body, events of at most 64 KiB with one, and every byte once.
#[test]
fn every_byte_arrives_once() {
    let server = behaviours().start();
    bodies::every_byte_arrives_once(&server, "/count", hash);
    bodies::http_2_bodies_arrive_whole(&server, "/count", hash);
}

/// `Q-03`: the coding is gone, with extensions and trailers.
#[test]
fn chunked_bodies_arrive_without_their_coding() {
    let server = behaviours().start();
    bodies::chunked_bodies_arrive_without_their_coding(&server, "/echo");
}

/// `Q-05`, `Q-14`, `R-05`: the app sees the beginning before the end is sent, and answers it.
#[test]
fn bodies_go_both_ways_at_once() {
    let server = behaviours().start();
    bodies::bodies_go_both_ways_at_once(&server, "/echo");
}

/// `Q-14`, `G-20`: 8 MiB through the app and back, byte for byte.
#[test]
fn a_long_echo_is_byte_for_byte() {
    let server = behaviours().start();
    let body = noise(8 * MIB);
    let mut client = server.client();
    let mut writer = client.writer();
    std::thread::scope(|scope| {
        use std::io::Write as _;
        let body = &body;
        scope.spawn(move || {
            let length = body.len();
            let head =
                format!("POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: {length}\r\n\r\n");
            writer.write_all(head.as_bytes()).unwrap();
            writer.write_all(body).unwrap();
        });
        let response = client.response();
        assert!(response.whole, "after {} bytes", response.body.len());
        assert!(
            response.body == *body,
            "the bytes are not those that were sent"
        );
    });
}

/// `Q-07`: `100 Continue` goes out when the app first receives, and not before; without a receive there is none.
#[test]
fn expect_continue_is_answered_when_the_app_receives() {
    let server = behaviours().start();
    bodies::expect_continue_is_answered_when_the_app_receives(&server, "/count");
    bodies::expect_continue_without_a_receive_closes(&server, "/return?at=after");
}

/// `Q-08`, `Q-12`: a small rest is thrown away and the connection kept; the app gets a disconnect, not the rest.
#[test]
fn a_small_unread_body_is_thrown_away() {
    let server = behaviours().start();
    let printed = "after the response: http.disconnect";
    bodies::a_small_unread_body_is_thrown_away(&server, "/never-receive", printed);
}

/// `Q-13`: a broken or truncated body is a disconnect for the app.
#[test]
fn a_broken_body_is_a_disconnect() {
    let server = behaviours().start();
    bodies::a_broken_chunk_is_a_400(&server, "/count");
}

/// `Q-09`–`Q-11`: after the body `receive` waits; after the response it yields a disconnect, again and again.
#[test]
fn receive_after_the_body() {
    let server = behaviours().start();
    bodies::receive_after_the_body(
        &server,
        ("/receive-after", "it blocks"),
        "/receive-after?wait",
        "http.disconnect",
    );
}

/// `G-09`: `receive` is cancelled a hundred times after 50 ms, then one message comes, and arrives exactly once.
#[test]
fn a_hundred_cancelled_receives_lose_nothing() {
    let server = behaviours().start();
    let mut client = server.client();
    client.send("POST /race?seconds=0.05 HTTP/1.1\r\nhost: h\r\ncontent-length: 13\r\n\r\na");
    server.wait_line("a hundred timeouts");
    client.send("only once ;)");
    let response = client.response();
    assert_eq!(response.text(), "aonly once ;)");
    assert_eq!(response.header("x-timeouts"), Some("100"));
}

/// `G-09`: cancelled between and within the pieces; nothing is lost, nothing doubled.
#[test]
fn receive_races_a_timer() {
    let server = behaviours().start();
    bodies::receive_races_a_timer(&server, "/race", "^");
}

/// `A-16`: two tasks may wait at once, and are served in their order.
#[test]
fn two_receives_are_served_in_order() {
    let server = behaviours().start();
    let mut client = server.client();
    client.send("POST /two-receives HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n");
    wasgi_tests::pause(Duration::from_millis(50));
    client.send("6\r\nsecond\r\n0\r\n\r\n");
    assert_eq!(client.response().text(), "first|second");
}

/// `Q-06`, `G-20`: the body of a sleeping app is not read. What is taken is what sockets hold.
#[test]
fn the_body_of_a_sleeping_app_is_not_read() {
    let server = behaviours().limit("request_body", "100 MiB").start();
    bodies::the_body_of_a_sleeping_app_is_not_read(&server, "/never-receive?sleep");
}

/// `R-04`: a head without a body is held for a moment, and then goes out; `R-05`: what is sent goes out at once.
#[test]
fn heads_and_pieces_go_out() {
    let server = behaviours().start();
    responses::a_head_without_a_body_goes_out(&server, "/hang?at=start");
    responses::a_body_event_goes_out_at_once(&server, "/hang?at=mid");
}

/// `R-09`, `G-20`: an app whose client reads nothing is stopped, goes on when the client reads, and no byte is lost.
#[test]
fn a_slow_reader_stops_the_app() {
    let server = behaviours().start();
    responses::a_slow_reader_stops_the_app(&server);
}

/// `G-21`, `G-22`: sends of many tasks keep their places, and one `send` may be larger than any buffer.
#[test]
fn sends_of_many_tasks_keep_their_places() {
    let server = behaviours().start();
    responses::sends_keep_their_places(&server, "/unawaited");
}
