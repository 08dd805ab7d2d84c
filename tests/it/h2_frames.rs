//! HTTP/2, frame by frame: what the server announces, and what it does with clients that mean no good.
//!
//! The names of the attacks are those under which they were published: rapid reset (CVE-2023-44487), `MadeYouReset`
//! (CVE-2025-8671), CONTINUATION flood (CVE-2024-27316), and the floods of 2019 (CVE-2019-9511 to 9518).

use std::time::Duration;

use wasgi_tests::frames::{Frames, field, frame, get};
use wasgi_tests::{Client, Program, Running, Serve, guests, resident_bytes};

use crate::tls::Site;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const NO_ERROR: u32 = 0;
const PROTOCOL_ERROR: u32 = 1;
const INTERNAL_ERROR: u32 = 2;
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;

fn begin(server: &Running) -> Frames {
    Frames::begin(server.client()).0
}

/// The head of `POST http://test/`.
fn post() -> Vec<u8> {
    let method_and_scheme = vec![0x83, 0x86];
    [
        method_and_scheme,
        field(":path", "/"),
        field(":authority", "test"),
    ]
    .concat()
}

/// The status of a response: one of the table that every client has, or three digits by Huffman's code.
fn status(block: &[u8]) -> u16 {
    // The first head says that there is no other table.
    match block.strip_prefix(&[0x20]).unwrap_or(block) {
        [0x88, ..] => 200,
        [0x08 | 0x48, 0x83, 0x69, 0x90, 0xff, ..] => 431,
        [0x08 | 0x48, 0x83, 0x6c, 0x0c, 0xff, ..] => 503,
        other => panic!("another status: {other:x?}"),
    }
}

/// What `docs/limits.md` says is announced.
#[test]
fn limits_are_announced() {
    let server = Serve::guest(guests::ANSWER_AS_ASKED).start();
    let (mut client, settings) = Frames::begin(server.client());
    let announced = settings.settings();
    for (what, number) in [
        ("streams", (3, 100)),
        ("window", (4, 65_536)),
        ("frame", (5, 16_384)),
        ("header list", (6, 65_536)),
        ("WebSocket (W-30)", (8, 1)),
    ] {
        assert!(announced.contains(&number), "{what} in {announced:?}");
    }
    client.assert_serves();
}

/// `M-09`: the stream above the cap is refused, so that its client may send it again; the others are served.
#[test]
fn streams_are_capped() {
    let server = Serve::guest(guests::HANG).start();
    let mut client = begin(&server);
    for _ in 0..100 {
        client.get("/");
    }
    let over = client.get("/ok");
    let refused = client.next(RST_STREAM);
    assert_eq!((refused.stream, refused.code()), (over, REFUSED_STREAM));
    client.send(RST_STREAM, 0, 1, &CANCEL.to_be_bytes());
    client.assert_serves();
}

/// A head above the limit is answered with 431, one far above it ends the connection; a table that multiplies does not help.
#[test]
fn header_lists_are_capped() {
    let server = Serve::guest(guests::ANSWER_AS_ASKED).start();
    let mut client = begin(&server);
    let long = |total: usize| {
        let mut block = get("/ok");
        for _ in 0..total / 1000 {
            block.extend(field("x-long", &"x".repeat(1000 - 38)));
        }
        block
    };
    let send = |client: &mut Frames, block: &[u8]| {
        let stream = client.stream();
        let mut pieces = block.chunks(16_384).peekable();
        let mut kind = HEADERS;
        while let Some(piece) = pieces.next() {
            let end = if pieces.peek().is_none() { 4 } else { 0 };
            let flags = if kind == HEADERS { end | 1 } else { end };
            client.send(kind, flags, stream, piece);
            kind = CONTINUATION;
        }
        stream
    };
    let fits = send(&mut client, &long(60_000));
    let head = client.next(HEADERS);
    assert_eq!((head.stream, status(&head.payload)), (fits, 200));
    let over = send(&mut client, &long(70_000));
    let head = client.next(HEADERS);
    assert_eq!((head.stream, status(&head.payload)), (over, 431));
    client.assert_serves();

    // As many fields as over HTTP/1; the crumbs of a cookie are one.
    for (name, fields, expected) in [("x", 99, 200), ("x", 101, 431), ("cookie", 300, 200)] {
        let stream = send(
            &mut client,
            &[get("/ok"), field(name, "y").repeat(fields)].concat(),
        );
        let head = client.next(HEADERS);
        let found = (head.stream, status(&head.payload));
        assert_eq!(found, (stream, expected), "{fields} of {name}");
    }

    // 4 KiB once, then one byte for each repetition: 40 MiB in a frame.
    let mut bomb = get("/ok");
    bomb.push(0x40);
    bomb.extend(field("x-bomb", &"x".repeat(4000)).split_off(1));
    bomb.extend([0xbe; 10_000]);
    let mut client = begin(&server);
    send(&mut client, &bomb);
    assert_eq!(client.goes_away(), ENHANCE_YOUR_CALM);
    let mut client = begin(&server);
    send(&mut client, &long(400_000));
    assert_eq!(client.goes_away(), ENHANCE_YOUR_CALM);
    server.assert_serves();
}

/// CONTINUATION flood: a head that never ends.
#[test]
fn endless_heads_are_ended() {
    let server = Serve::guest(guests::ANSWER_AS_ASKED).start();
    for piece in [&b""[..], &field("x", "y")] {
        let mut client = begin(&server);
        let stream = client.stream();
        client.send(HEADERS, 1, stream, &get("/ok"));
        for _ in 0..1000 {
            client.send(CONTINUATION, 0, stream, piece);
        }
        assert_eq!(client.goes_away(), ENHANCE_YOUR_CALM);
    }
    server.assert_serves();
}

/// Rapid reset, all at once: requests that are taken back before anybody has looked at them.
#[test]
fn a_burst_of_resets_ends_the_connection() {
    let server = Serve::guest(guests::HANG).start();
    let mut client = begin(&server);
    let mut burst = Vec::new();
    for _ in 0..1000 {
        let stream = client.stream();
        burst.extend(frame(HEADERS, 5, stream, &get("/")));
        burst.extend(frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()));
    }
    client.client.send(burst);
    assert_eq!(client.goes_away(), ENHANCE_YOUR_CALM);
    server.assert_serves();
}

/// Sends requests one after the other, each reset once it has reached the app: the statuses of what is answered instead.
fn reset_each(client: &mut Frames, target: &str, times: u64) -> Vec<u16> {
    let mut statuses = Vec::new();
    for number in 0..times {
        let stream = client.get(target);
        // Answered once the frames before it have been dealt with.
        client.send(PING, 0, 0, &number.to_be_bytes());
        let answer = client.frame().expect("a connection");
        if answer.kind == HEADERS {
            statuses.push(status(&answer.payload));
            client.next(DATA);
        }
        if answer.kind != PING {
            client.next(PING);
        }
        client.send(RST_STREAM, 0, stream, &CANCEL.to_be_bytes());
    }
    statuses
}

/// Rapid reset, one after the other: each request has reached the app, which nobody can cancel (`D-04`). One connection
/// has no more such calls at work than streams; one whose calls end when they hear of it (`D-06`) may go on.
#[test]
fn calls_that_outlive_their_streams_are_capped() {
    let mut server = Serve::guest(guests::HANG).start();
    let mut client = begin(&server);
    for _ in 0..10 {
        assert_eq!(reset_each(&mut client, "/", 50), [0; 0]);
        // The app, which may run on another thread, has heard of them when it answers what came behind them.
        client.assert_serves();
    }
    let mut other = begin(&server);
    let refused = reset_each(&mut other, "/deaf", 150);
    assert!(refused.iter().all(|status| *status == 503), "{refused:?}");
    // Some are reset while they are being answered, and some before the reset ahead of them has been dealt with.
    assert!((40..=50).contains(&refused.len()), "{}", refused.len());
    client.assert_serves();
    server.assert_serves();
    let log = server.stop();
    let outcomes = log.iter().map(|line| line.field("outcome"));
    let counted = outcomes.filter(|outcome| *outcome == "abandoned").count();
    assert!((refused.len()..=50).contains(&counted), "{counted}");
}

/// `MadeYouReset`: the client makes the server reset its streams.
#[test]
fn provoked_resets_end_the_connection() {
    let server = Serve::guest(guests::HANG).start();
    let mut client = begin(&server);
    for _ in 0..3000 {
        let stream = client.stream();
        client.send(HEADERS, 5, stream, &get("/"));
        // More window than there may be.
        client.send(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes());
    }
    assert_eq!(client.goes_away(), ENHANCE_YOUR_CALM);
    server.assert_serves();
}

/// Floods of what asks for an answer: a client that does not read the answers is not read either, and nothing piles up.
#[test]
fn floods_stall_and_cost_no_memory() {
    // In a process of its own, for its memory.
    let program = Program::serve(guests::ANSWER_AS_ASKED.path(), &[]);
    program.client().assert_kept();
    let before = resident_bytes(program.pid());
    for (kind, payload) in [(PING, &[7; 8][..]), (SETTINGS, &[0, 4, 0, 1, 0, 0])] {
        let mut client = Frames::begin(program.client()).0;
        let flood = std::iter::repeat_with(|| frame(kind, 0, 0, payload).repeat(10_000));
        let accepted = client
            .client
            .write_until_stalled(flood.take(2000), Duration::from_millis(500));
        // What the kernel has buffered on both sides.
        assert!(accepted < 64 << 20, "{accepted} bytes");
        program.client().assert_kept();
        let grown = resident_bytes(program.pid()).saturating_sub(before);
        assert!(grown < 8 << 20, "{grown} bytes of memory");
    }
    let mut client = Frames::begin(program.client()).0;
    // One that reads them is answered for as long as it likes.
    for number in 0..5000_u64 {
        client.send(PING, 0, 0, &number.to_be_bytes());
        if number % 100 == 99 {
            for _ in 0..100 {
                client.next(PING);
            }
        }
    }
    client.assert_serves();
}

/// Frames that carry nothing.
#[test]
fn a_flood_of_empty_data_ends_the_connection() {
    let server = Serve::guest(guests::COUNT_BODY).start();
    let mut client = begin(&server);
    let stream = client.stream();
    client.send(HEADERS, 4, stream, &post());
    client
        .client
        .send(frame(DATA, 0, stream, &[]).repeat(50_000));
    assert_eq!(client.goes_away(), ENHANCE_YOUR_CALM);
    server.assert_serves();
}

/// What is no HTTP/2 ends the connection, what is no request its stream.
#[test]
fn nonsense_is_named() {
    let server = Serve::guest(guests::ANSWER_AS_ASKED).start();
    for (what, kind, flags, stream, payload) in [
        ("DATA on no stream", DATA, 0, 0, &b"x"[..]),
        ("DATA on an idle stream", DATA, 1, 99, b"x"),
        ("an even stream", HEADERS, 5, 2, &[0x82]),
        ("a lonely CONTINUATION", CONTINUATION, 4, 1, &[]),
        ("SETTINGS on a stream", SETTINGS, 0, 1, &[]),
        ("an acknowledgement of nothing", SETTINGS, 1, 0, &[]),
        ("an empty window", WINDOW_UPDATE, 0, 0, &[0; 4]),
    ] {
        let mut client = begin(&server);
        client.assert_serves();
        client.send(kind, flags, stream, payload);
        assert_eq!(client.next(GOAWAY).code(), PROTOCOL_ERROR, "{what}");
    }
    let with = |more: &[u8]| [&get("/ok"), more].concat();
    for (what, block) in [
        ("no method", [&[0x86][..], &field(":path", "/")].concat()),
        ("no scheme", [&[0x82][..], &field(":path", "/")].concat()),
        (
            "an empty path",
            [&[0x82, 0x86][..], &field(":path", "")].concat(),
        ),
        ("an upper-case name", with(&field("X-Upper", "1"))),
        (
            "a pseudo-header at the end",
            with(&[field("x", "1"), field(":method", "GET")].concat()),
        ),
        ("two paths", with(&field(":path", "/"))),
        ("an unknown pseudo-header", with(&field(":other", "x"))),
        (
            "a pseudo-header of responses",
            with(&field(":status", "200")),
        ),
        ("connection", with(&field("connection", "close"))),
        (
            "transfer-encoding",
            with(&field("transfer-encoding", "chunked")),
        ),
        ("te", with(&field("te", "gzip"))),
        (
            "two lengths",
            with(&[field("content-length", "1"), field("content-length", "2")].concat()),
        ),
        ("a length and no body", with(&field("content-length", "1"))),
    ] {
        let mut client = begin(&server);
        let stream = client.stream();
        client.send(HEADERS, 5, stream, &block);
        let answer = loop {
            let frame = client.frame().expect("an answer");
            if frame.kind != SETTINGS && frame.kind != WINDOW_UPDATE {
                break frame;
            }
        };
        assert!(
            answer.kind == RST_STREAM || answer.kind == GOAWAY,
            "{what}: {answer:x?}"
        );
        assert_eq!(answer.code(), PROTOCOL_ERROR, "{what}");
    }
    server.assert_serves();
}

/// `M-06`, `X-03`: a response that fails half-way ends its stream, and no other.
#[test]
fn a_failing_response_resets_its_stream() {
    let server = Serve::guest(guests::RAISE_MID_BODY).start();
    let mut client = begin(&server);
    let stream = client.get("/");
    let part = client.next(DATA);
    assert_eq!(
        (part.stream, part.flags & 1, &*part.payload),
        (stream, 0, &b"part"[..])
    );
    let reset = client.next(RST_STREAM);
    assert_eq!((reset.stream, reset.code()), (stream, INTERNAL_ERROR));
    client.assert_serves();
}

/// `G-14`: a server that stops says which streams it still serves, finishes them, takes no other, and closes.
#[test]
fn stopping_goes_away_and_finishes_what_has_begun() {
    let server = Serve::guest(guests::COUNT_BODY).start();
    let client = server.client();
    goes_away_and_finishes(server, client);
}

/// So it is over TLS.
#[test]
fn stopping_goes_away_over_tls_too() {
    let site = Site::of(guests::COUNT_BODY);
    let speaking = site.trusting().speaking(&["h2"]);
    let client = speaking.client(site.server.address());
    goes_away_and_finishes(site.server, client.expect("a handshake"));
}

#[track_caller]
fn goes_away_and_finishes(mut server: Running, client: Client) {
    let (mut client, _) = Frames::begin(client);
    let stream = client.stream();
    client.send(HEADERS, 4, stream, &post());
    client.send(DATA, 0, stream, b"12345");
    server.wait_line("the first event has come");
    let stopping = std::thread::spawn(move || server.stop());
    let warning = client.next(GOAWAY);
    assert_eq!(warning.code(), NO_ERROR);
    let ping = client.next(PING);
    client.send(PING, 1, 0, &ping.payload);
    let last = client.next(GOAWAY);
    assert_eq!(
        (last.code(), &last.payload[..4]),
        (NO_ERROR, &stream.to_be_bytes()[..])
    );
    let late = client.get("/");
    client.send(DATA, 1, stream, b"67890");
    let mut text = Vec::new();
    while let Some(frame) = client.frame() {
        assert_ne!((frame.kind, frame.stream), (HEADERS, late));
        if frame.kind == DATA {
            text.extend(frame.payload);
        }
    }
    assert!(
        text.starts_with(b"bytes=10 "),
        "{:?}",
        String::from_utf8_lossy(&text)
    );
    stopping.join().unwrap();
}
