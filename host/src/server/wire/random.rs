//! The machine and anything: it says the same however bytes are cut, and hyper agrees with what it lets pass.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;

use super::tests::{BAD, GOOD, run, sizes, whole};
use super::*;

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % end
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// Requests, some of them bad, and then some bytes changed.
fn anything(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..=dice.below(3) {
        if dice.below(6) == 0 {
            bytes.extend_from_slice(BAD[dice.below(BAD.len())].1.as_bytes());
        } else {
            bytes.extend_from_slice(dice.of(GOOD).as_bytes());
        }
    }
    const ODD: &[u8] = b"\r\n\0\t :;,/*#?0159afghxGH\x7f\xe9\xff\"%";
    for _ in 0..dice.below(4) {
        let at = dice.below(bytes.len());
        let odd = dice.of(ODD);
        match dice.below(4) {
            0 => bytes[at] = odd,
            1 => bytes.insert(at, odd),
            2 => drop(bytes.remove(at)),
            _ => {
                let to = (at + dice.below(40)).min(bytes.len());
                let again = bytes[at..to].to_vec();
                bytes.splice(to..to, again);
            }
        }
        if bytes.is_empty() {
            bytes.push(odd);
        }
    }
    bytes
}

/// However bytes are cut, the machine says the same of them.
#[test]
fn how_bytes_are_cut_does_not_matter() {
    let mut dice = Dice(0x5eed);
    for _ in 0..20_000 {
        let bytes = anything(&mut dice);
        let at_once = whole(&bytes);
        let mut pieces = Vec::new();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(1 + dice.below(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        let in_pieces = run(&mut Machine::new(sizes()), &pieces);
        let shown = String::from_utf8_lossy(&bytes);
        assert_eq!(in_pieces, at_once, "{shown:?} in {} pieces", pieces.len());
    }
}

/// What hyper makes of bytes: a line for each request with its body, and whether it refused anything.
async fn hyper_says(bytes: &[u8]) -> (Vec<(String, usize)>, bool) {
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

/// The machine's own count of heads and body bytes, from bytes one at a time: a head passes all at once.
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

/// What passes is what hyper accepts, cut into the same requests; and hyper accepts the stand-in, too.
#[test]
fn hyper_agrees_with_what_passes() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut dice = Dice(0xd1ce);
    assert!(
        runtime
            .block_on(hyper_says(b"GET / HTTP/1.1\r\nbad\r\n\r\n"))
            .1
    );
    let mut many = 0;
    for _ in 0..10_000 {
        let bytes = anything(&mut dice);
        let mut machine = Machine::new(sizes());
        let run = run(&mut machine, &[&bytes]);
        let mut passed = run.passed;
        let mut heads = heads_of(&passed);
        if let Then::Refuse { stand_in, .. } = run.end {
            passed.extend(stand_in);
            heads += 1;
        }
        let (requests, refused) = runtime.block_on(hyper_says(&passed));
        let shown = String::from_utf8_lossy(&passed);
        assert!(!refused, "hyper refuses what passes: {shown:?}");
        // HTTP/1.0 and `connection: close` end the connection for hyper; the guard only frames.
        let closes = shown.contains("HTTP/1.0") || shown.to_lowercase().contains("close");
        if !closes {
            assert_eq!(requests.len(), heads, "{shown:?}: {requests:?}");
            many += usize::from(heads > 1);
        }
    }
    assert!(many > 1000, "{many}");
}
