//! Fuzz targets of the wire guard: what it says of any bytes, and what hyper makes of what it lets pass.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a target says what it has found"
)]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;

use super::{Machine, Sizes, Then};
use crate::fuzzing::noise::Noise;

/// What came of a sequence of bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) passed: Vec<u8>,
    pub(super) end: Then,
}

/// Small bounds, so that they are met.
pub(super) fn sizes() -> Sizes {
    Sizes {
        head_bytes_max: 512,
        headers_max: 8,
        target_bytes_max: 128,
    }
}

/// Feeds a machine as the guard does: bytes in pieces, and what was held before them.
pub(super) fn run(machine: &mut Machine, pieces: &[&[u8]]) -> Run {
    let mut passed = Vec::new();
    let mut held = Vec::new();
    let mut end = Then::More;
    for piece in pieces {
        held.extend_from_slice(piece);
        let fed = machine.feed(&held);
        passed.extend(held.drain(..fed.pass));
        end = fed.then;
        match end {
            Then::More => assert!(held.is_empty()),
            Then::Hold { .. } => assert!(!held.is_empty() && held.len() <= sizes().head_bytes_max),
            Then::Asked => assert!(machine.has_asked()),
            Then::Refuse { .. } | Then::Break(_) => break,
        }
    }
    Run { passed, end }
}

/// However bytes are cut, the machine says the same of them; what passes is of the bytes, frames as RFC 9112 has it, and
/// passes again.
pub fn wire(bytes: &[u8]) {
    let at_once = run(&mut Machine::new(sizes()), &[bytes]);
    let shown = String::from_utf8_lossy(bytes);
    let seed = bytes.iter().fold(bytes.len() as u64, |seed, byte| {
        seed.wrapping_mul(0x100_0000_01b3) ^ u64::from(*byte)
    });
    let mut noise = Noise::new(seed);
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(1 + noise.below(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    let mut machine = Machine::new(sizes());
    let in_pieces = run(&mut machine, &pieces);
    assert_eq!(in_pieces, at_once, "{shown:?} in {} pieces", pieces.len());

    let passed = &at_once.passed[..];
    assert!(bytes.starts_with(passed));
    naive(passed);
    let again = run(&mut Machine::new(sizes()), &[passed]);
    assert_eq!(again.passed, passed, "{shown:?}");
    match at_once.end {
        Then::Hold { .. } => {
            let held = &bytes[passed.len()..];
            match machine.give_up(held) {
                Then::Refuse { verdict, stand_in } => {
                    assert_eq!(verdict.status, 408);
                    stands_in(&stand_in);
                }
                other => panic!("{other:?}"),
            }
        }
        Then::Refuse { verdict, stand_in } => {
            assert!(verdict.status.is_client_error() || verdict.status.is_server_error());
            stands_in(&stand_in);
        }
        Then::More | Then::Asked | Then::Break(_) => {}
    }
}

/// A stand-in is a whole head that no good request has.
fn stands_in(stand_in: &[u8]) {
    let text = String::from_utf8_lossy(stand_in);
    assert!(
        text.ends_with(" HTTP/1.1\r\n\r\n") && text.lines().count() == 2,
        "{text:?}"
    );
}

/// Reads requests as somebody would who had an afternoon for it: that nothing ambiguous is among them, and where each ends.
fn naive(mut rest: &[u8]) {
    let shown = String::from_utf8_lossy(rest).into_owned();
    loop {
        while let Some(after) = rest.strip_prefix(b"\r\n") {
            rest = after;
        }
        if rest.is_empty() {
            return;
        }
        let end = find(rest, b"\r\n\r\n").unwrap_or_else(|| panic!("half a head in {shown:?}"));
        let head = &rest[..end];
        rest = &rest[end + 4..];
        assert!(end + 4 <= sizes().head_bytes_max, "{shown:?}");
        let mut lines = split(head);
        assert_eq!(
            lines.remove(0).split(|byte| *byte == b' ').count(),
            3,
            "{shown:?}"
        );
        assert!(lines.len() <= sizes().headers_max, "{shown:?}");
        let mut lengths = Vec::new();
        let mut chunked = false;
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':').expect("a colon");
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            assert!(
                !name.is_empty() && name.iter().all(u8::is_ascii_graphic),
                "{shown:?}"
            );
            let odd = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
            assert!(!value.iter().any(odd), "{shown:?}");
            if name.eq_ignore_ascii_case(b"content-length") {
                let text = std::str::from_utf8(value).unwrap();
                lengths.push(text.parse::<u64>().expect("a length"));
            }
            chunked |= name.eq_ignore_ascii_case(b"transfer-encoding");
        }
        assert!(lengths.len() + usize::from(chunked) <= 1, "{shown:?}");
        rest = if chunked {
            behind_chunks(rest)
        } else {
            let length = lengths.first().copied().unwrap_or_default();
            &rest[usize::try_from(length)
                .unwrap_or(usize::MAX)
                .min(rest.len())..]
        };
    }
}

/// What stands behind a chunked body, or nothing when its end has not come.
fn behind_chunks(mut rest: &[u8]) -> &[u8] {
    loop {
        let Some(end) = find(rest, b"\r\n") else {
            return &[];
        };
        let digits = rest[..end]
            .iter()
            .take_while(|byte| byte.is_ascii_hexdigit());
        let digits = std::str::from_utf8(&rest[..digits.count()]).unwrap();
        let size = usize::from_str_radix(digits, 16).expect("a size");
        rest = &rest[end + 2..];
        if size == 0 {
            break;
        }
        let Some((data, behind)) = rest.split_at_checked(size) else {
            return &[];
        };
        assert!(
            behind.len() < 2 || behind.starts_with(b"\r\n"),
            "{data:?}{behind:?}"
        );
        rest = behind.get(2..).unwrap_or_default();
    }
    loop {
        let Some(end) = find(rest, b"\r\n") else {
            return &[];
        };
        let trailer = &rest[..end];
        rest = &rest[end + 2..];
        if trailer.is_empty() {
            return rest;
        }
        assert!(trailer.contains(&b':'));
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len())
        .position(|window| window == wanted)
}

/// Lines, of which none has a CR or LF in it.
fn split(head: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = head;
    loop {
        let end = find(rest, b"\r\n").unwrap_or(rest.len());
        let line = &rest[..end];
        assert!(!line.contains(&b'\r') && !line.contains(&b'\n'));
        lines.push(line);
        match rest.get(end + 2..) {
            Some(behind) => rest = behind,
            None => return lines,
        }
    }
}

/// What passes is what hyper accepts, cut into the same requests; and hyper accepts the stand-in, too.
pub fn beside_hyper(bytes: &[u8]) {
    agrees(bytes);
}

/// How many requests both saw in what passed, unless one of them closes the connection for hyper: the guard only frames.
pub(super) fn agrees(bytes: &[u8]) -> Option<usize> {
    let run = run(&mut Machine::new(sizes()), &[bytes]);
    let mut passed = run.passed;
    let mut heads = heads_of(&passed);
    if let Then::Refuse { stand_in, .. } = run.end {
        passed.extend(stand_in);
        heads += 1;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (requests, refused) = runtime.block_on(hyper_says(&passed));
    let shown = String::from_utf8_lossy(&passed);
    assert!(!refused, "hyper refuses what passes: {shown:?}");
    let closes = shown.contains("HTTP/1.0") || shown.to_lowercase().contains("close");
    if closes {
        return None;
    }
    assert_eq!(requests.len(), heads, "{shown:?}: {requests:?}");
    Some(heads)
}

/// The machine's own count of heads, from bytes one at a time: a head passes all at once.
fn heads_of(bytes: &[u8]) -> usize {
    let mut machine = Machine::new(sizes());
    let (mut heads, mut held) = (0, Vec::new());
    for byte in bytes {
        held.push(*byte);
        let fed = machine.feed(&held);
        heads += usize::from(fed.pass > 1);
        held.drain(..fed.pass);
        machine.go_on();
    }
    heads
}

/// What hyper makes of bytes: a line for each request with its body, and whether it refused anything.
pub(super) async fn hyper_says(bytes: &[u8]) -> (Vec<(String, usize)>, bool) {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let refused = Arc::new(Mutex::new(false));
    let service = service_fn({
        let (requests, refused) = (requests.clone(), refused.clone());
        move |request: Request<Incoming>| {
            let (requests, refused) = (requests.clone(), refused.clone());
            async move {
                let line = format!("{} {}", request.method(), request.uri());
                let at = requests.lock().unwrap().len();
                requests.lock().unwrap().push((line, 0));
                let mut body = request.into_body();
                loop {
                    let frame =
                        std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx));
                    match frame.await {
                        None => break,
                        Some(Ok(frame)) => {
                            let data = frame.data_ref().map_or(0, Bytes::len);
                            requests.lock().unwrap()[at].1 += data;
                        }
                        Some(Err(error)) => {
                            // The end of the bytes is nobody's fault.
                            let ended = format!("{error:?}").contains("UnexpectedEof");
                            *refused.lock().unwrap() |= !ended;
                            break;
                        }
                    }
                }
                Ok::<_, Infallible>(Response::new(Nothing))
            }
        }
    });
    let (mut client, server) = tokio::io::duplex(1 << 20);
    client.write_all(bytes).await.unwrap();
    client.shutdown().await.unwrap();
    let served = hyper::server::conn::http1::Builder::new()
        .half_close(true)
        .max_headers(sizes().headers_max)
        .serve_connection(TokioIo::new(server), service)
        .await;
    let refused = *refused.lock().unwrap() || served.is_err_and(|error| error.is_parse());
    let requests = std::mem::take(&mut *requests.lock().unwrap());
    (requests, refused)
}

/// An empty body.
struct Nothing;

impl Body for Nothing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        std::task::Poll::Ready(None)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(0)
    }
}
