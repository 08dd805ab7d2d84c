//! The machine by itself: what it says of which bytes.

use super::fuzz::{Run, run, sizes};
use super::*;

fn whole(bytes: &[u8]) -> Run {
    run(&mut Machine::new(sizes()), &[bytes])
}

fn cut_up(bytes: &[u8]) -> Run {
    let pieces: Vec<_> = bytes.chunks(1).collect();
    run(&mut Machine::new(sizes()), &pieces)
}

/// The status of a refusal.
fn status(run: &Run) -> Option<u16> {
    match &run.end {
        Then::Refuse { verdict, .. } => Some(verdict.status.as_u16()),
        _ => None,
    }
}

pub(super) const GOOD: &[&str] = &[
    "GET / HTTP/1.1\r\nhost: h\r\n\r\n",
    "\r\nGET /a?b=c HTTP/1.1\r\nHost: example.org:8080\r\naccept: */*\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nhost: h\r\n\r\n",
    "get http://Example.org/x?y HTTP/1.1\r\nhost: other\r\n\r\n",
    "PURGE HTTPS://[::1]:81 HTTP/1.1\r\nhost: [::1]\r\n\r\n",
    "M-SEARCH /%zz\"{}|^?`|{}[] HTTP/1.1\r\nhost:\r\nx-empty:\r\nx-tab:\ta\tb \t\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: a_b.c%20d\r\nx: caf\u{e9}\r\nx!#$%&'*+-.^_`|~1: 2\r\n\r\n",
    "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n",
    "POST / HTTP/1.1\r\nhost: h\r\nContent-Length: 0005\r\n\r\nGET /",
    "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n00A \t; x=\"y;\"\r\n0123456789\r\n1\r\n!\r\n0;z\r\nx-sum: 1\r\ny:\r\n\r\n",
    "POST / HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\nx",
];

/// What passes: all of it, and again behind itself.
#[test]
fn good_requests_pass_whole() {
    for good in GOOD {
        let twice = [good.as_bytes(), good.as_bytes()].concat();
        for run in [whole(&twice), cut_up(&twice)] {
            assert_eq!(run.end, Then::More, "{good:?}");
            assert_eq!(run.passed, twice, "{good:?}");
        }
    }
    let all = GOOD.concat();
    assert_eq!(whole(all.as_bytes()).passed.len(), all.len());
}

/// Each rule: its id, the head, the status.
pub(super) const BAD: &[(&str, &str, u16)] = &[
    ("P-01", "GET / HTTP/1.1\r\nx: y\r\n\r\n", 400),
    ("P-01", "GET http://h/ HTTP/1.1\r\nx: y\r\n\r\n", 400),
    ("P-02", "GET / HTTP/1.1\r\nhost: h\r\nHost: h\r\n\r\n", 400),
    ("P-02", "GET / HTTP/1.0\r\nhost: h\r\nhost: g\r\n\r\n", 400),
    ("P-02", "GET / HTTP/1.1\r\nhost: a b\r\n\r\n", 400),
    ("P-02", "GET / HTTP/1.1\r\nhost: a/b\r\n\r\n", 400),
    ("P-02", "GET / HTTP/1.1\r\nhost: u@h\r\n\r\n", 400),
    ("P-02", "GET / HTTP/1.1\r\nhost: h:80:80\r\n\r\n", 400),
    ("P-02", "GET / HTTP/1.1\r\nhost: h:65536\r\n\r\n", 400),
    ("P-02", "GET / HTTP/1.1\r\nhost: h:+1\r\n\r\n", 400),
    ("P-02", "GET / HTTP/1.1\r\nhost: [::1\r\n\r\n", 400),
    ("P-02", "GET / HTTP/1.1\r\nhost: [::g]\r\n\r\n", 400),
    ("P-02", "GET / HTTP/1.1\r\nhost: [::1]x\r\n\r\n", 400),
    ("P-02", "GET / HTTP/1.1\r\nhost: h%2\r\n\r\n", 400),
    ("P-02", "GET / HTTP/1.1\r\nhost: caf\u{e9}\r\n\r\n", 400),
    (
        "P-03",
        "GET / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
        400,
    ),
    (
        "P-03",
        "GET / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\ncontent-length: 0\r\n\r\n",
        400,
    ),
    (
        "P-04",
        "GET / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\n",
        400,
    ),
    (
        "P-04",
        "GET / HTTP/1.1\r\nhost: h\r\ncontent-length: 5, 5\r\n\r\n",
        400,
    ),
    (
        "P-05",
        "GET / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        400,
    ),
    (
        "P-05",
        "GET / HTTP/1.1\r\nhost: h\r\ncontent-length: -1\r\n\r\n",
        400,
    ),
    (
        "P-05",
        "GET / HTTP/1.1\r\nhost: h\r\ncontent-length: +1\r\n\r\n",
        400,
    ),
    (
        "P-05",
        "GET / HTTP/1.1\r\nhost: h\r\ncontent-length: 1 0\r\n\r\n",
        400,
    ),
    (
        "P-05",
        "GET / HTTP/1.1\r\nhost: h\r\ncontent-length: 0x5\r\n\r\n",
        400,
    ),
    (
        "P-05",
        "GET / HTTP/1.1\r\nhost: h\r\ncontent-length:\r\n\r\n",
        400,
    ),
    (
        "P-05",
        "GET / HTTP/1.1\r\nhost: h\r\ncontent-length: 18446744073709551616\r\n\r\n",
        400,
    ),
    (
        "P-05",
        "GET / HTTP/1.1\r\nhost: h\r\ncontent-length: 18446744073709551615\r\n\r\n",
        400,
    ),
    (
        "P-06",
        "GET / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        501,
    ),
    (
        "P-06",
        "GET / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n",
        501,
    ),
    (
        "P-06",
        "GET / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: identity,chunked\r\n\r\n",
        501,
    ),
    (
        "P-07",
        "GET / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: xchunked\r\n\r\n",
        400,
    ),
    (
        "P-07",
        "GET / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked, chunked\r\n\r\n",
        400,
    ),
    (
        "P-07",
        "GET / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked, gzip\r\n\r\n",
        400,
    ),
    (
        "P-07",
        "GET / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\ntransfer-encoding:\r\n\r\n",
        400,
    ),
    (
        "P-07",
        "GET / HTTP/1.1\r\nhost: h\r\ntransfer-encoding:\r\n\r\n",
        400,
    ),
    (
        "P-07",
        "GET / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: \"chunked\"\r\n\r\n",
        400,
    ),
    (
        "P-07",
        "GET / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked;q=1\r\n\r\n",
        400,
    ),
    (
        "P-07",
        "GET / HTTP/1.0\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n",
        400,
    ),
    ("P-08", "GET / HTTP/1.1\nhost: h\r\n\r\n", 400),
    ("P-08", "GET / HTTP/1.1\r\nhost: h\n\r\n", 400),
    ("P-08", "GET / HTTP/1.1\r\nhost: h\r\n\n", 400),
    ("P-08", "GET / HTTP/1.1\r\nhost: h\r\nx: a\rb\r\n\r\n", 400),
    ("P-08", "GET / HTTP/1.1\r\nhost: h\r\r\n\r\n", 400),
    (
        "P-09",
        "GET / HTTP/1.1\r\nhost: h\r\nx: a\r\n b\r\n\r\n",
        400,
    ),
    ("P-09", "GET / HTTP/1.1\r\n\thost: h\r\n\r\n", 400),
    ("P-10", "GET / HTTP/1.1\r\nhost : h\r\n\r\n", 400),
    ("P-10", "GET / HTTP/1.1\r\nhost: h\r\nx: a\0b\r\n\r\n", 400),
    ("P-10", "GET / HTTP/1.1\r\nhost: h\r\nx: \x7f\r\n\r\n", 400),
    ("P-10", "GET / HTTP/1.1\r\nhost: h\r\n: y\r\n\r\n", 400),
    ("P-10", "GET / HTTP/1.1\r\nhost: h\r\nno colon\r\n\r\n", 400),
    ("P-10", "GET / HTTP/1.1\r\nhost: h\r\nx(): y\r\n\r\n", 400),
    (
        "P-10",
        "GET / HTTP/1.1\r\nhost: h\r\nx\u{e9}: y\r\n\r\n",
        400,
    ),
    ("P-15", "GET / HTTP/2.0\r\nhost: h\r\n\r\n", 505),
    ("P-15", "GET / HTTP/1.3\r\nhost: h\r\n\r\n", 505),
    ("P-15", "GET / HTTP/0.9\r\nhost: h\r\n\r\n", 505),
    ("P-15", "GET / HTTP/1.10\r\nhost: h\r\n\r\n", 400),
    ("P-15", "GET / http/1.1\r\nhost: h\r\n\r\n", 400),
    ("P-15", "GET /\r\n\r\n", 400),
    ("P-15", "GET\r\n\r\n", 400),
    ("P-16", "\r\n\r\nGET / HTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("P-16", "\nGET / HTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("P-17", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ("H-04", " GET / HTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("H-04", "G(T / HTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("H-04", "\x16\x03\x01\x02\x00\x01\x00\r\n", 400),
    ("H-04", "GET  / HTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("H-04", "GET / HTTP/1.1 \r\nhost: h\r\n\r\n", 400),
    ("H-04", "GET\t/\tHTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("H-04", "GET /a b HTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("H-20", "GET http:///x HTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("H-20", "GET http://u:p@h/ HTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("H-20", "GET http://h:x/ HTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("H-20", "GET ftp://h/ HTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("H-20", "GET x HTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("H-20", "GET h:80 HTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("H-20", "GET ?x HTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("H-21", "GET * HTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("H-21", "GET /x#y HTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("H-21", "GET /x?y#z HTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("H-21", "GET http://h#y HTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("H-22", "GET /caf\u{e9} HTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("H-22", "GET /?caf\u{e9} HTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("H-22", "GET /\x7f HTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("H-22", "GET /<script> HTTP/1.1\r\nhost: h\r\n\r\n", 400),
    ("H-23", "CONNECT h:443 HTTP/1.1\r\nhost: h\r\n\r\n", 501),
];

/// The parser table, whole and byte by byte; nothing of the bad head passes, nor of what is behind it, and what is
/// before it does.
#[test]
fn bad_heads_are_refused() {
    let before = "GET /before HTTP/1.1\r\nhost: h\r\n\r\n";
    let behind = "GET /behind HTTP/1.1\r\nhost: h\r\n\r\n";
    for (id, bad, wanted) in BAD {
        let bytes = [before, bad, behind].concat();
        let at_once = whole(bytes.as_bytes());
        assert_eq!(status(&at_once), Some(*wanted), "{id} {bad:?}: {at_once:?}");
        assert_eq!(at_once.passed, before.as_bytes(), "{id} {bad:?}");
        assert_eq!(cut_up(bytes.as_bytes()), at_once, "{id} {bad:?}");
    }
}

/// `P-12`–`P-14`: bounds, to the byte.
#[test]
fn heads_have_bounds() {
    let at_most = |bytes: String, fits: bool, wanted: u16| {
        let at_once = whole(bytes.as_bytes());
        assert_eq!(cut_up(bytes.as_bytes()), at_once, "{bytes:?}");
        assert_eq!(
            status(&at_once),
            (!fits).then_some(wanted),
            "{bytes:?}: {at_once:?}"
        );
    };
    for over in 0..3 {
        let target = "x".repeat(127 + over);
        at_most(
            format!("GET /{target} HTTP/1.1\r\nhost: h\r\n\r\n"),
            over == 0,
            414,
        );
        let value = "x".repeat(512 - 32 + over);
        at_most(
            format!("GET / HTTP/1.1\r\nhost: h\r\nx: {value}\r\n\r\n"),
            over == 0,
            431,
        );
        let fields = "x: y\r\n".repeat(7 + over);
        at_most(
            format!("GET / HTTP/1.1\r\nhost: h\r\n{fields}\r\n"),
            over == 0,
            431,
        );
        let method = "X".repeat(64 + over);
        at_most(
            format!("{method} / HTTP/1.1\r\nhost: h\r\n\r\n"),
            over == 0,
            400,
        );
    }
    // Without an end, each is refused as soon as it is too long.
    at_most("x: y\r\n".repeat(100), false, 400);
    at_most(format!("GET /{}", "x".repeat(1000)), false, 414);
    at_most(format!("GET / {}", "x".repeat(1000)), false, 431);
    at_most("X".repeat(1000), false, 400);
}

/// `P-11`, `Q-13`: what is before the fault passes, and nothing else.
#[test]
fn bad_chunks_break_the_body() {
    let head = "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n";
    let many = format!("1;{}\r\n!\r\n", "x".repeat(3000)).repeat(3);
    let trailers = "x: y\r\n".repeat(9);
    let long = format!("0\r\nx: {}\r\n\r\n", "y".repeat(9000));
    for (good, bad) in [
        ("", "x"),
        ("", "\r\n"),
        ("", "-1\r\n"),
        ("", " 5\r\n"),
        ("5 ", "\r\nhello"),
        ("5 \t", "5\r\nhello"),
        ("5", "\nhello\r\n"),
        ("5\r", "hello\r\n"),
        ("5;x", "\nhello\r\n"),
        ("5;x", "\0\r\nhello\r\n"),
        ("5;\r", "\r\nhello\r\n"),
        ("5\r\nhello", "\n"),
        ("5\r\nhello", "world\r\n"),
        ("5\r\nhello\r", "\r\n"),
        ("5\r\nhello\r\n", "\r\n"),
        ("0000000000000000", "1\r\n"),
        ("ffffffffffffffff", "0\r\n"),
        ("0\r\n", "\n"),
        ("0\r\n", " x: folded\r\n"),
        ("0\r\nx", " : y\r\n"),
        ("0\r\nx", "\r\n"),
        ("0\r\nx: y", "\n\r\n"),
        ("0\r\nx: y", "\0\r\n\r\n"),
        ("0\r\nx: y\r\n\r", "GET"),
    ] {
        let bytes = [head, good, bad].concat();
        let at_once = whole(bytes.as_bytes());
        assert!(
            matches!(at_once.end, Then::Break(_)),
            "{good:?} {bad:?}: {at_once:?}"
        );
        let passed = String::from_utf8(at_once.passed.clone()).unwrap();
        assert_eq!(passed, [head, good].concat(), "{bad:?}");
        assert_eq!(cut_up(bytes.as_bytes()), at_once, "{good:?} {bad:?}");
    }
    for bounded in [&many, &format!("0\r\n{trailers}\r\n"), &long] {
        let run = whole([head, bounded].concat().as_bytes());
        assert!(matches!(run.end, Then::Break(_)), "{run:?}");
    }
    assert_eq!(
        Machine::new(sizes())
            .feed(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
            .then,
        Then::More
    );
}

/// `M-10`, `P-18`: behind a head that asks for an upgrade nothing passes until HTTP goes on.
#[test]
fn behind_a_head_that_asks_for_an_upgrade_bytes_wait() {
    let asks = "GET / HTTP/1.1\r\nhost: h\r\nConnection: keep-alive, Upgrade\r\nupgrade: x\r\n\r\n";
    let behind = "GET /next HTTP/1.1\r\nhost: h\r\n\r\n";
    let mut machine = Machine::new(sizes());
    let fed = machine.feed([asks, behind].concat().as_bytes());
    assert_eq!((fed.pass, fed.then), (asks.len(), Then::Asked));
    assert_eq!(machine.feed(behind.as_bytes()).pass, 0);
    machine.go_on();
    assert_eq!(machine.feed(behind.as_bytes()).pass, behind.len());

    for asks_not in [
        asks.replace("upgrade: x", "upgrade-insecure-requests: 1"),
        asks.replace("Upgrade\r\n", "close\r\n"),
        asks.replace("1.1", "1.0"),
        asks.replace("\r\n\r\n", "\r\ncontent-length: 1\r\n\r\nx"),
    ] {
        assert_eq!(whole(asks_not.as_bytes()).end, Then::More, "{asks_not:?}");
    }
}

/// The stand-in is for the access line, and it is never a head that could pass.
#[test]
fn a_stand_in_says_what_was_good() {
    for (bad, wanted) in [
        ("HEAD /x HTTP/1.1\r\n\r\n", "HEAD /x"),
        ("HEAD /x HTTP/7.0\r\n\r\n", "HEAD *"),
        ("GET /x#y HTTP/1.1\r\n\r\n", "GET *"),
        ("CONNECT h:1 HTTP/1.1\r\n\r\n", "- *"),
        ("\0\r\n", "- *"),
    ] {
        let Then::Refuse { stand_in, .. } = whole(bad.as_bytes()).end else {
            panic!("{bad:?} passes");
        };
        let wanted = format!("{wanted} HTTP/1.1\r\n\r\n");
        assert_eq!(String::from_utf8(stand_in).unwrap(), wanted);
        assert_eq!(status(&whole(wanted.as_bytes())), Some(400));
    }
    let mut machine = Machine::new(sizes());
    let held = b"HEAD /x HTTP/1.1\r\nho";
    assert_eq!(machine.feed(held).then, Then::Hold { begun: true });
    let Then::Refuse { verdict, stand_in } = machine.give_up(held) else {
        panic!("it waits on");
    };
    assert_eq!(
        (verdict.status.as_u16(), &*stand_in),
        (408, &b"HEAD /x HTTP/1.1\r\n\r\n"[..])
    );
    assert_eq!(machine.feed(GOOD[0].as_bytes()).pass, 0);
}
