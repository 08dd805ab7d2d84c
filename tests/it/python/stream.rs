//! Bodies both ways through a Python app: events, back-pressure, credit, cancelled receives (`Q-*`, `R-*`, `G-09`, `G-20`–`G-22`).

use std::time::Duration;

use wasgi_tests::{H2, Running, block_on, eventually, noise};

use super::behaviours;

const MIB: usize = 1024 * 1024;

fn hash(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A number out of an answer of `/count`.
fn counted(text: &str, key: &str) -> String {
    let found = text
        .split(' ')
        .find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    found
        .unwrap_or_else(|| panic!("no {key} in {text}"))
        .to_owned()
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
    eventually("four go on, and one has nobody to tell", || gone() == 4);
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

fn times(server: &Running, text: &str) -> usize {
    server.printed().iter().filter(|line| *line == text).count()
}

/// `Q-01`, `Q-02`, `Q-04`, `G-21`: one event without a body, events of at most 64 KiB with one, and every byte once.
#[test]
fn every_byte_arrives_once() {
    let server = behaviours().start();
    let mut client = server.client();
    assert!(client.get("/count").text().ends_with("events=1 largest=0"));
    for length in [1, 1000, 65_535, 65_536, 65_537, MIB, 3 * MIB + 7] {
        let body = noise(length);
        let text = client.post("/count", &body).text();
        assert_eq!(counted(&text, "bytes"), length.to_string());
        assert_eq!(counted(&text, "hash"), hash(&body));
        assert!(
            counted(&text, "largest").parse::<usize>().unwrap() <= 65_536,
            "{text}"
        );
    }
    block_on(async {
        let mut client = server.h2().await;
        let body = noise(MIB);
        let reply = client
            .fetch(H2::request("POST", "/count"), Some(&body))
            .await
            .unwrap();
        assert_eq!(counted(&reply.text(), "hash"), hash(&body));
    });
}

/// `Q-03`: the coding is gone, with extensions and trailers.
#[test]
fn chunked_bodies_arrive_without_their_coding() {
    let server = behaviours().start();
    let mut client = server.client();
    client.send(
        "POST /echo HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n\
         5\r\nhello\r\n1;name=value\r\n,\r\n6 ;x\r\n world\r\n0\r\nx-trailer: dropped\r\n\r\n",
    );
    let response = client.response();
    assert_eq!(
        (response.text().as_str(), response.whole),
        ("hello, world", true)
    );
    client.assert_kept();
}

/// `Q-05`, `Q-14`, `R-05`: the app sees the beginning before the end is sent, and answers it.
#[test]
fn bodies_go_both_ways_at_once() {
    let server = behaviours().start();
    let mut client = server.client();
    client.send("POST /echo HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n");
    let mut response = None;
    for turn in 1..=5 {
        client.send("4\r\nping\r\n");
        let response = response.get_or_insert_with(|| client.head());
        client.chunk_bytes(response, turn * 4);
    }
    client.send("0\r\n\r\n");
    let mut response = response.unwrap();
    client.body(&mut response, "POST");
    assert_eq!(
        (response.text().as_str(), response.whole),
        ("pingpingpingpingping", true)
    );
    client.assert_kept();
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
    let ask = |target: &str| {
        let mut client = server.client();
        client.send(format!(
            "POST {target} HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n"
        ));
        client
    };
    let mut client = ask("/count");
    let interim = client.head();
    assert_eq!((interim.status, interim.headers.len()), (100, 0));
    let response = client.send("hello").response();
    assert_eq!(counted(&response.text(), "bytes"), "5");
    client.assert_kept();

    let mut client = ask("/return?at=after");
    let response = client.response();
    assert_eq!((response.status, response.text().as_str()), (200, "whole"));
    assert!(client.is_closed());
}

/// `Q-08`, `Q-12`: a small rest is thrown away and the connection kept; the app gets a disconnect, not the rest.
#[test]
fn a_small_unread_body_is_thrown_away() {
    let server = behaviours().start();
    let mut client = server.client();
    for length in [1, 1000, 100_000] {
        let response = client.post("/never-receive", &noise(length));
        assert_eq!(response.text(), "answered without the body");
        client.assert_kept();
    }
    eventually("three disconnects", || {
        times(&server, "after the response: http.disconnect") == 3
    });
}

/// `Q-13`: a broken or truncated body is a disconnect for the app.
#[test]
fn a_broken_body_is_a_disconnect() {
    let server = behaviours().start();
    let mut client = server.client();
    client.send(
        "POST /count HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    );
    server.wait_line("the first event has come");
    client.send("zz\r\nhello\r\n");
    assert_eq!(client.response().status, 400);
    server.wait_line("disconnected after 5 bytes");
    server.assert_serves();
}

/// `Q-09`–`Q-11`: after the body `receive` waits; after the response it yields a disconnect, again and again.
#[test]
fn receive_after_the_body() {
    let server = behaviours().start();
    assert_eq!(
        server.client().post("/receive-after", b"body").text(),
        "it blocks"
    );
    server.wait_line("receive 3: http.disconnect");
    // The same when it is the client who goes.
    let mut client = server.client();
    client.send("POST /receive-after?wait HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbody");
    server.wait_line("waiting");
    drop(client);
    eventually("disconnects again", || {
        times(&server, "receive 3: http.disconnect") == 2
    });
    for number in 1..=3 {
        assert_eq!(
            times(&server, &format!("receive {number}: http.disconnect")),
            2
        );
    }
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
    let mut client = server.client();
    client.send("POST /race HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n1\r\n^\r\n");
    server.wait_line("a hundred timeouts");
    let mut sent = String::from("^");
    for number in 0..300 {
        let piece = format!("<{number}>");
        client.send(format!("{:x}\r\n{piece}\r\n", piece.len()));
        sent.push_str(&piece);
        if number % 3 == 0 {
            // Now and then between two timeouts, now and then several at once.
            wasgi_tests::pause(Duration::from_millis(number % 4));
        }
    }
    client.send("0\r\n\r\n");
    let response = client.response();
    assert_eq!(response.text(), sent);
    let timeouts: u64 = response.header("x-timeouts").unwrap().parse().unwrap();
    assert!(timeouts >= 100, "{timeouts}");
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
    let mut client = server.client();
    client.send(format!(
        "POST /never-receive?sleep HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n",
        64 * MIB
    ));
    server.wait_line("sleeping");
    let pieces = std::iter::repeat_n(noise(MIB), 64);
    let taken = client.write_until_stalled(pieces, Duration::from_secs(1));
    assert!(taken < 16 * MIB as u64, "{taken} bytes were taken");
    server.assert_serves();
}

/// `R-04`: a head without a body is held for a moment, and then goes out; `R-05`: what is sent goes out at once.
#[test]
fn heads_and_pieces_go_out() {
    let server = behaviours().start();
    let mut client = server.client();
    let head = client.request("/hang?at=start").head();
    assert_eq!(
        (head.status, head.header("content-type")),
        (200, Some("text/event-stream"))
    );
    assert!(client.is_silent_for(Duration::from_millis(100)));
    let mut client = server.client();
    let mut head = client.request("/hang?at=mid").head();
    client.chunk_bytes(&mut head, 4);
    assert_eq!(head.text(), "part");
}

/// `R-09`, `G-20`: an app whose client reads nothing is stopped, goes on when the client reads, and no byte is lost.
#[test]
fn a_slow_reader_stops_the_app() {
    let server = behaviours().start();
    let sent = || server.get("/sent").text().parse::<usize>().unwrap();
    let mut client = server.client();
    let mut response = client.request("/flood").head();
    let mut before = 0;
    eventually("the app is stopped", || {
        wasgi_tests::pause(Duration::from_millis(200));
        let now = sent();
        std::mem::replace(&mut before, now) == now && now > 0
    });
    assert!(before < 16 * MIB, "{before} bytes were taken");
    client.body(&mut response, "GET");
    assert_eq!((response.body.len(), response.whole), (400 * 65_536, true));
    assert!(response.body.iter().all(|byte| *byte == b'x'));
    client.assert_kept();
}

/// `G-21`, `G-22`: sends of many tasks keep their places, and one `send` may be larger than any buffer.
#[test]
fn sends_of_many_tasks_keep_their_places() {
    let server = behaviours().start();
    let mut client = server.client();
    for (pieces, length) in [(3, 10), (2000, 1), (40, 65_537), (3, 3_000_000)] {
        let response = client.get(&format!("/unawaited?pieces={pieces}&length={length}"));
        assert!(response.whole);
        assert_eq!(response.body.len(), pieces * length + 3);
        let mut rest = &response.body[..];
        for piece in 0..pieces {
            let (these, after) = rest.split_at(length);
            let letter = b'a' + u8::try_from(piece % 26).unwrap();
            assert!(these.iter().all(|byte| *byte == letter), "piece {piece}");
            rest = after;
        }
        assert_eq!(rest, b"end");
    }
    client.assert_kept();
}
