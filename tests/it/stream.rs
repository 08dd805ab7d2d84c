//! Bodies both ways: events, back-pressure, credit (sections 1.4 and 1.5, `G-09`, `G-20`–`G-22`).

use std::time::Duration;

use h2::Reason;
use wasgi_tests::{H2, Serve, block_on, eventually, guests, noise};

const MIB: usize = 1024 * 1024;

/// As `count_body` has it.
fn hash(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// A number out of an answer of `count_body`.
fn counted(text: &str, key: &str) -> String {
    let found = text
        .split(' ')
        .find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    found
        .unwrap_or_else(|| panic!("no {key} in {text}"))
        .to_owned()
}

// ---------------------------------------------------------------- receive

/// `Q-01`, `Q-02`, `Q-04`, `G-21`: one event without a body, events of at most 64 KiB with one, and every byte once.
#[test]
pub(crate) fn count_body() {
    let server = Serve::guest(guests::COUNT_BODY).start();
    let mut client = server.client();
    assert!(
        client
            .get("/")
            .text()
            .starts_with("bytes=0 hash=cbf29ce484222325 events=1 ")
    );
    for length in [1, 1000, 65_535, 65_536, 65_537, MIB, 3 * MIB + 7] {
        let body = noise(length);
        let text = client.post("/", &body).text();
        assert_eq!(counted(&text, "bytes"), length.to_string());
        assert_eq!(counted(&text, "hash"), hash(&body));
        assert!(
            counted(&text, "largest").parse::<usize>().unwrap() <= 65_536,
            "{text}"
        );
    }
}

/// `Q-03`: the coding is gone, with extensions and trailers; chunk boundaries mean nothing.
#[test]
fn chunked_bodies_arrive_without_their_coding() {
    let server = Serve::guest(guests::ECHO).start();
    let mut client = server.client();
    client.send(
        "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n\
         5\r\nhello\r\n1;name=value\r\n,\r\n6 ;x\r\n world\r\n0\r\nx-trailer: dropped\r\n\r\n",
    );
    let response = client.response();
    assert_eq!(
        (response.text().as_str(), response.whole),
        ("hello, world", true)
    );
    client.assert_kept();
}

/// The same over HTTP/2.
#[test]
fn http_2_bodies_arrive_whole() {
    let server = Serve::guest(guests::COUNT_BODY).start();
    let body = noise(MIB);
    block_on(async {
        let mut client = server.h2().await;
        let reply = client
            .fetch(H2::request("POST", "/"), Some(&body))
            .await
            .unwrap();
        assert_eq!(counted(&reply.text(), "hash"), hash(&body));
        let empty = client
            .fetch(H2::request("POST", "/"), Some(b""))
            .await
            .unwrap();
        assert_eq!(counted(&empty.text(), "bytes"), "0");
    });
}

/// `Q-05`, `Q-14`, `R-05`: the app sees the beginning before the end is sent, and answers it.
#[test]
pub(crate) fn echo() {
    let server = Serve::guest(guests::ECHO).start();
    let mut client = server.client();
    client.send("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n");
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

/// `Q-14` over HTTP/2.
#[test]
fn http_2_bodies_go_both_ways_at_once() {
    let server = Serve::guest(guests::ECHO).start();
    block_on(async {
        let mut client = server.h2().await;
        let (response, mut upload) = client.open(H2::request("POST", "/"), false).await;
        upload.send_data("ping".into(), false).unwrap();
        let (_, mut body) = H2::head(response).await.unwrap();
        assert_eq!(body.frame().await.unwrap().unwrap(), "ping");
        upload.send_data("pong".into(), true).unwrap();
        assert_eq!(body.frame().await.unwrap().unwrap(), "pong");
        assert!(body.frame().await.is_none());
    });
}

/// `Q-07`: `100 Continue` goes out when the app first receives, and not before.
#[test]
fn expect_continue_is_answered_when_the_app_receives() {
    let server = Serve::guest(guests::COUNT_BODY).start();
    let mut client = server.client();
    client.send("POST / HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n");
    let interim = client.head();
    assert_eq!((interim.status, interim.headers.len()), (100, 0));
    let response = client.send("hello").response();
    assert_eq!(
        (response.status, counted(&response.text(), "bytes").as_str()),
        (200, "5")
    );
    client.assert_kept();
}

/// `Q-07`: an app that answers without receiving has its answer sent, no `100 Continue`, and the connection closes.
#[test]
fn expect_continue_without_a_receive_closes() {
    let server = Serve::guest(guests::NEVER_RECEIVE).start();
    let mut client = server.client();
    client.send("POST / HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n");
    let response = client.response();
    assert_eq!(
        (response.status, response.whole),
        (200, true),
        "{response:?}"
    );
    assert!(client.is_closed());
    server.assert_serves();
}

/// `Q-08`, `Q-12`: a small rest is thrown away and the connection kept; the app gets a disconnect, not the rest.
#[test]
fn a_small_unread_body_is_thrown_away() {
    let server = Serve::guest(guests::NEVER_RECEIVE).start();
    let mut client = server.client();
    for length in [1, 1000, 100_000] {
        let response = client.post("/", &noise(length));
        assert_eq!(response.text(), "answered without the body");
        client.assert_kept();
    }
    eventually("three disconnects", || {
        let lines = server.printed();
        lines
            .iter()
            .filter(|line| *line == "after the response: Disconnect")
            .count()
            == 3
    });
}

/// `Q-08`: a big rest is not read; the connection closes.
#[test]
fn a_big_unread_body_closes_the_connection() {
    let server = Serve::guest(guests::NEVER_RECEIVE)
        .limit("request_body", "100 MiB")
        .start();
    let mut client = server.client();
    client.send(format!(
        "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n",
        64 * MIB
    ));
    client.send(noise(1000));
    let response = client.response();
    assert_eq!(
        (response.text().as_str(), response.whole),
        ("answered without the body", true)
    );
    let chunk = noise(MIB);
    let mut taken = 0;
    while client.write_all(&chunk).is_ok() {
        taken += 1;
        assert!(taken < 32, "the server swallows it all");
    }
    assert!(client.is_closed());
    server.assert_serves();
}

/// `Q-13`: a body that is no HTTP is the client's fault, and a disconnect for the app.
#[test]
fn a_broken_chunk_is_a_400() {
    let server = Serve::guest(guests::COUNT_BODY).start();
    let mut client = server.client();
    client.send("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
    server.wait_line("the first event has come");
    client.send("zz\r\nhello\r\n");
    let response = client.response();
    assert_eq!(
        (response.status, response.text().as_str()),
        (400, "Bad Request")
    );
    assert!(client.is_closed());
    server.wait_line("disconnected after 5 bytes");
    server.assert_serves();
}

/// `Q-13`: so is one that ends too early.
#[test]
fn a_truncated_body_is_a_disconnect() {
    let server = Serve::guest(guests::COUNT_BODY).start();
    let mut client = server.client();
    client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nhello");
    server.wait_line("the first event has come");
    client.half_close();
    server.wait_line("disconnected after 5 bytes");
    let answer = String::from_utf8_lossy(&client.read_to_end()).into_owned();
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
        "{answer}"
    );
    server.assert_serves();
}

/// `Q-09`–`Q-11`: after the body `receive` waits; after the response it yields a disconnect, again and again.
#[test]
pub(crate) fn receive_after_the_body() {
    let server = Serve::guest(guests::RECEIVE_AFTER_THE_BODY).start();
    assert_eq!(server.client().post("/", b"body").text(), "Err(Elapsed)");
    server.wait_line("receive 3");
    assert_eq!(
        server.printed(),
        [
            "receive 1: Disconnect",
            "receive 2: Disconnect",
            "receive 3: Disconnect"
        ]
    );

    // The same when it is the client who goes.
    let mut client = server.client();
    client.send("POST /wait HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbody");
    server.wait_line("waiting");
    drop(client);
    eventually("three more disconnects", || {
        server
            .printed()
            .iter()
            .filter(|line| line.ends_with(": Disconnect"))
            .count()
            == 6
    });
}

/// `G-09`: `receive` is raced against a timer and dropped a hundred times and more; nothing is lost, nothing doubled.
#[test]
pub(crate) fn race_receive_with_a_timer() {
    let server = Serve::guest(guests::RACE_RECEIVE_WITH_A_TIMER).start();
    let mut client = server.client();
    client.send("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n");
    server.wait_line("a hundred timeouts");
    let mut sent = String::new();
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

/// `Q-06`, `G-20`: the body of a sleeping app is not read. What is taken is what sockets hold.
#[test]
pub(crate) fn never_receive() {
    let server = Serve::guest(guests::NEVER_RECEIVE)
        .limit("request_body", "100 MiB")
        .start();
    let mut client = server.client();
    client.send(format!(
        "POST /sleep HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n",
        64 * MIB
    ));
    server.wait_line("sleeping");
    let taken =
        client.write_until_stalled(std::iter::repeat_n(noise(MIB), 64), Duration::from_secs(1));
    assert!(taken < 16 * MIB as u64, "{taken} bytes were taken");
    server.assert_serves();
}

/// `Q-06` over HTTP/2: the stream's window closes, and the others go on.
#[test]
fn http_2_uploads_to_a_sleeping_app_stall_alone() {
    let server = Serve::guest(guests::NEVER_RECEIVE).start();
    block_on(async {
        let mut client = server.h2().await;
        let mut sleeping = Vec::new();
        for _ in 0..4 {
            let (response, mut upload) = client.open(H2::request("POST", "/sleep"), false).await;
            upload.reserve_capacity(MIB);
            let mut taken = 0;
            while let Ok(Some(granted)) = tokio::time::timeout(
                Duration::from_millis(300),
                std::future::poll_fn(|cx| upload.poll_capacity(cx)),
            )
            .await
            {
                let granted = granted.unwrap();
                taken += granted;
                upload.send_data(vec![b'x'; granted].into(), false).unwrap();
            }
            assert!(taken <= 256 * 1024, "{taken} bytes were taken");
            sleeping.push((response, upload));
        }
        assert_eq!(client.get("/ok").await.text(), "ok");
        for (_, upload) in &mut sleeping {
            upload.send_reset(Reason::CANCEL);
        }
        assert_eq!(client.get("/ok").await.text(), "ok");
    });
    eventually("four clients are gone", || {
        server
            .printed()
            .iter()
            .filter(|line| *line == "the client is gone")
            .count()
            == 4
    });
}

// ---------------------------------------------------------------- send

/// `R-04`: a head without a body is held for a moment, and then goes out.
#[test]
fn a_head_without_a_body_goes_out() {
    let server = Serve::guest(guests::HANG).start();
    let mut client = server.client();
    let head = client.request("/start").head();
    assert_eq!(
        (head.status, head.header("content-type")),
        (200, Some("text/event-stream"))
    );
    assert!(client.is_silent_for(Duration::from_millis(100)));
    block_on(async {
        let mut client = server.h2().await;
        let (response, _) = client.open(H2::request("GET", "/start"), true).await;
        assert_eq!(H2::head(response).await.unwrap().0.status, 200);
    });
}

/// `R-05`: what has been sent goes out although the app does nothing more.
#[test]
fn a_body_event_goes_out_at_once() {
    let server = Serve::guest(guests::HANG).start();
    let mut client = server.client();
    let mut head = client.request("/mid").head();
    client.chunk_bytes(&mut head, 4);
    assert_eq!(head.text(), "part");
}

/// `R-09`, `G-20`: an app whose client reads nothing is stopped within what sockets hold, goes on when the client
/// reads, and no byte is lost.
#[test]
pub(crate) fn flood_a_slow_reader() {
    let server = Serve::guest(guests::FLOOD_A_SLOW_READER).start();
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
    assert_eq!(sent(), 400 * 65_536);
    client.assert_kept();
}

/// `R-09` over HTTP/2: a stream that is not read stops alone, at its own window.
#[test]
fn a_slow_stream_stops_alone() {
    let server = Serve::guest(guests::FLOOD_A_SLOW_READER).start();
    block_on(async {
        let mut client = server.h2().await;
        let (response, _) = client.open(H2::request("GET", "/flood"), true).await;
        let (_, mut body) = H2::head(response).await.unwrap();
        let mut before = usize::MAX;
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let now = client.get("/sent").await.text().parse::<usize>().unwrap();
            if now == before {
                break;
            }
            before = now;
        }
        assert!(before < MIB, "{before} bytes were taken");
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            length += frame.unwrap().len();
        }
        assert_eq!(length, 400 * 65_536);
    });
}

/// `G-21`, `G-22`: what is sent without being awaited keeps its place, and one `send` may be larger than any buffer.
#[test]
pub(crate) fn send_without_awaiting() {
    let server = Serve::guest(guests::SEND_WITHOUT_AWAITING).start();
    let mut client = server.client();
    for (pieces, length) in [(3, 10), (2000, 1), (40, 65_537), (3, 3_000_000)] {
        let response = client.get(&format!("/?pieces={pieces}&length={length}"));
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
