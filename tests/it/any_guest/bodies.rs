//! The request's body on its way to the app (section 1.4, `G-09`, `G-20`, `G-21`).

use std::time::Duration;

use wasgi_tests::{H2, Running, block_on, eventually, noise};

pub(crate) const MIB: usize = 1024 * 1024;

/// A number out of the answer of a guest that counts its body.
pub(crate) fn counted(text: &str, key: &str) -> String {
    let found = text
        .split(' ')
        .find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    found
        .unwrap_or_else(|| panic!("no {key} in {text}"))
        .to_owned()
}

/// How often the app has printed this line.
pub(crate) fn times(server: &Running, text: &str) -> usize {
    server.printed().iter().filter(|line| *line == text).count()
}

/// `Q-02`, `Q-04`, `G-21`: one event without a body, events of at most 64 KiB with one, and every byte once.
#[track_caller]
pub(crate) fn every_byte_arrives_once(server: &Running, target: &str, hash: fn(&[u8]) -> String) {
    let mut client = server.client();
    let text = client.get(target).text();
    let nothing = format!("bytes=0 hash={} events=1 largest=0", hash(b""));
    assert_eq!(text, nothing);
    for length in [1, 1000, 65_535, 65_536, 65_537, MIB, 3 * MIB + 7] {
        let body = noise(length);
        let text = client.post(target, &body).text();
        assert_eq!(counted(&text, "bytes"), length.to_string());
        assert_eq!(counted(&text, "hash"), hash(&body));
        assert!(
            counted(&text, "largest").parse::<usize>().unwrap() <= 65_536,
            "{text}"
        );
    }
}

/// The same over HTTP/2.
#[track_caller]
pub(crate) fn http_2_bodies_arrive_whole(
    server: &Running,
    target: &str,
    hash: fn(&[u8]) -> String,
) {
    block_on(async {
        let mut client = server.h2().await;
        for body in [noise(MIB), Vec::new()] {
            let request = H2::request("POST", target);
            let reply = client.fetch(request, Some(&body)).await.unwrap();
            assert_eq!(counted(&reply.text(), "hash"), hash(&body));
        }
    });
}

/// `Q-03`: the coding is gone, with extensions and trailers; chunk boundaries mean nothing.
#[track_caller]
pub(crate) fn chunked_bodies_arrive_without_their_coding(server: &Running, target: &str) {
    let mut client = server.client();
    client.send(format!(
        "POST {target} HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n\
         5\r\nhello\r\n1;name=value\r\n,\r\n6 ;x\r\n world\r\n0\r\nx-trailer: dropped\r\n\r\n",
    ));
    let response = client.response();
    assert_eq!(
        (response.text().as_str(), response.whole),
        ("hello, world", true)
    );
    client.assert_kept();
}

/// `Q-05`, `Q-14`, `R-05`: the app sees the beginning before the end is sent, and answers it.
#[track_caller]
pub(crate) fn bodies_go_both_ways_at_once(server: &Running, target: &str) {
    let mut client = server.client();
    client.send(format!(
        "POST {target} HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
    ));
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

/// `Q-07`: `100 Continue` goes out when the app first receives, and not before.
#[track_caller]
pub(crate) fn expect_continue_is_answered_when_the_app_receives(server: &Running, target: &str) {
    let mut client = server.client();
    client.send(expecting(target));
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
#[track_caller]
pub(crate) fn expect_continue_without_a_receive_closes(server: &Running, target: &str) {
    let mut client = server.client();
    let response = client.send(expecting(target)).response();
    assert_eq!(
        (response.status, response.whole),
        (200, true),
        "{response:?}"
    );
    assert!(client.is_closed());
    server.assert_serves();
}

fn expecting(target: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n"
    )
}

/// `Q-08`, `Q-12`: a small rest is thrown away and the connection kept; the app gets a disconnect, which it prints, and not
/// the rest.
#[track_caller]
pub(crate) fn a_small_unread_body_is_thrown_away(server: &Running, target: &str, printed: &str) {
    let mut client = server.client();
    for length in [1, 1000, 100_000] {
        let response = client.post(target, &noise(length));
        assert_eq!(response.text(), "answered without the body");
        client.assert_kept();
    }
    eventually("three disconnects", || times(server, printed) == 3);
}

/// `Q-13`: a body that is no HTTP is the client's fault, and a disconnect for the app.
#[track_caller]
pub(crate) fn a_broken_chunk_is_a_400(server: &Running, target: &str) {
    let mut client = server.client();
    client.send(format!(
        "POST {target} HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"
    ));
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

/// `Q-09`–`Q-11`: after the body `receive` waits, and the guest answers with `blocked`; after the response it yields a
/// disconnect, again and again. The same at `waits`, where it is the client who goes.
#[track_caller]
pub(crate) fn receive_after_the_body(
    server: &Running,
    (target, blocked): (&str, &str),
    waits: &str,
    disconnect: &str,
) {
    assert_eq!(server.client().post(target, b"body").text(), blocked);
    server.wait_line("receive 3");
    let expected = [1, 2, 3].map(|number| format!("receive {number}: {disconnect}"));
    let received = || {
        let mut lines = server.printed();
        lines.retain(|line| line.starts_with("receive "));
        lines
    };
    assert_eq!(received(), expected);

    let mut client = server.client();
    client.send(format!(
        "POST {waits} HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbody"
    ));
    server.wait_line("waiting");
    drop(client);
    eventually("three more disconnects", || received().len() == 6);
    assert_eq!(received(), [expected.clone(), expected].concat());
}

/// `G-09`: `receive` is raced against a timer and dropped or cancelled a hundred times and more, before, between and within
/// the pieces; nothing is lost, nothing doubled. `first` has come before the race begins.
#[track_caller]
pub(crate) fn receive_races_a_timer(server: &Running, target: &str, first: &str) {
    let chunk = |piece: &str| format!("{:x}\r\n{piece}\r\n", piece.len());
    let mut client = server.client();
    client.send(format!(
        "POST {target} HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
    ));
    if !first.is_empty() {
        client.send(chunk(first));
    }
    server.wait_line("a hundred timeouts");
    let mut sent = first.to_owned();
    for number in 0..300 {
        let piece = format!("<{number}>");
        client.send(chunk(&piece));
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

/// `Q-06`, `G-20`: the body of a sleeping app is not read. What is taken is what sockets hold. Needs a `request_body` of more
/// than 64 MiB.
#[track_caller]
pub(crate) fn the_body_of_a_sleeping_app_is_not_read(server: &Running, target: &str) {
    let mut client = server.client();
    client.send(format!(
        "POST {target} HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n",
        64 * MIB
    ));
    server.wait_line("sleeping");
    let pieces = std::iter::repeat_n(noise(MIB), 64);
    let taken = client.write_until_stalled(pieces, Duration::from_secs(1));
    assert!(taken < 16 * MIB as u64, "{taken} bytes were taken");
    server.assert_serves();
}
