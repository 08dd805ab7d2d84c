//! The response on its way to the client (section 1.5, `G-20`–`G-22`).

use std::time::Duration;

use wasgi_tests::{Running, eventually};

use super::bodies::MIB;

/// `R-04`: a head without a body is held for a moment, and then goes out.
#[track_caller]
pub(crate) fn a_head_without_a_body_goes_out(server: &Running, target: &str) {
    let mut client = server.client();
    let head = client.request(target).head();
    assert_eq!(
        (head.status, head.header("content-type")),
        (200, Some("text/event-stream"))
    );
    assert!(client.is_silent_for(Duration::from_millis(100)));
}

/// `R-05`: what has been sent goes out although the app does nothing more.
#[track_caller]
pub(crate) fn a_body_event_goes_out_at_once(server: &Running, target: &str) {
    let mut client = server.client();
    let mut head = client.request(target).head();
    client.chunk_bytes(&mut head, 4);
    assert_eq!(head.text(), "part");
}

/// `R-09`, `G-20`: an app whose client reads nothing is stopped within what sockets hold, goes on when the client
/// reads, and no byte is lost. `/flood` sends 400 times 64 KiB, `/sent` says how much of it `send` has taken.
#[track_caller]
pub(crate) fn a_slow_reader_stops_the_app(server: &Running) {
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

/// `G-21`, `G-22`: what is sent without being awaited in between keeps its place, and one `send` may be larger than any
/// buffer.
#[track_caller]
pub(crate) fn sends_keep_their_places(server: &Running, target: &str) {
    let mut client = server.client();
    for (pieces, length) in [(3, 10), (2000, 1), (40, 65_537), (3, 3_000_000)] {
        let response = client.get(&format!("{target}?pieces={pieces}&length={length}"));
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
