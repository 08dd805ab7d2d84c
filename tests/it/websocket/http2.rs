//! WebSocket over HTTP/2 (`W-30`, RFC 8441).

use bytes::{Bytes, BytesMut};
use h2::ext::Protocol;
use wasgi_tests::websocket::masked;
use wasgi_tests::{Body, H2, block_on};

use super::{ended, server};
use crate::twins;

/// One WebSocket in a stream.
struct Tunnel {
    send: h2::SendStream<Bytes>,
    body: Body,
    came: BytesMut,
}

impl Tunnel {
    fn send(&mut self, bytes: Vec<u8>) {
        self.send.send_data(Bytes::from(bytes), false).unwrap();
    }

    /// The next frame of fewer than 126 bytes; none at the end of the stream.
    async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let [first, length, ..] = self.came[..] {
                let end = 2 + usize::from(length);
                if self.came.len() >= end {
                    let frame = self.came.split_to(end);
                    return Some((first, frame[2..].to_vec()));
                }
            }
            match self.body.frame().await {
                Some(Ok(bytes)) => self.came.extend_from_slice(&bytes),
                Some(Err(reason)) => panic!("reset: {reason:?}"),
                None => return None,
            }
        }
    }
}

fn connect(protocol: &'static str, target: &str, version: &str) -> http::request::Builder {
    H2::request("CONNECT", target)
        .extension(Protocol::from_static(protocol))
        .header("sec-websocket-version", version)
        .header("sec-websocket-protocol", "a, b")
        .header("origin", "http://test")
}

async fn open(h2: &mut H2, target: &str) -> (http::response::Parts, Tunnel) {
    h2.extended_connect().await;
    let (response, send) = h2.open(connect("websocket", target, "13"), false).await;
    let (head, body) = H2::head(response).await.unwrap();
    let came = BytesMut::new();
    (head, Tunnel { send, body, came })
}

/// `W-30`: accepted with 200; messages and both closes as over HTTP/1, beside other streams of the connection.
#[test]
fn a_stream_is_a_websocket() {
    for serve in twins::websocket_as_asked() {
        let server = serve.start();
        block_on(async {
            let mut h2 = server.h2().await;
            let (head, mut tunnel) = open(&mut h2, "/echo").await;
            assert_eq!(head.status, 200);
            assert_eq!(head.headers["sec-websocket-protocol"], "a");
            assert_eq!(head.headers["server"], "wasgi");
            for gone in [
                "sec-websocket-accept",
                "upgrade",
                "connection",
                "content-length",
            ] {
                assert!(!head.headers.contains_key(gone), "{gone}");
            }
            tunnel.send(masked(0x81, b"hello"));
            assert_eq!(tunnel.frame().await, Some((0x81, b"hello".to_vec())));
            assert_eq!(h2.get("/ok").await.text(), "ok");
            tunnel.send(masked(0x88, b"\x0f\xa0bye"));
            assert_eq!(tunnel.frame().await, Some((0x88, b"\x0f\xa0".to_vec())));
            assert_eq!(tunnel.frame().await, None);
            assert_eq!(
                ended(&server, "/echo"),
                ("200".into(), "closed".into(), "4000".into())
            );

            let (_, mut tunnel) = open(&mut h2, "/play?accept&close=4001:enough&receive").await;
            assert_eq!(
                tunnel.frame().await,
                Some((0x88, b"\x0f\xa1enough".to_vec()))
            );
            tunnel.send(masked(0x88, b"\x0f\xa1"));
            assert_eq!(tunnel.frame().await, None);
            h2.get("/ok").await;
        });
    }
}

/// `W-30`: refusals and denials are responses of their stream, and the connection goes on.
#[test]
fn refusals_and_denials_are_responses() {
    let server = server();
    block_on(async {
        let mut h2 = server.h2().await;
        h2.extended_connect().await;
        for (protocol, target, version, status, text) in [
            ("websocket", "/play?close=1000:", "13", 403, "Forbidden"),
            (
                "websocket",
                "/play?deny=418&body=I%20am%20&last=a%20teapot",
                "13",
                418,
                "I am a teapot",
            ),
            (
                "websocket",
                "/play?deny=200&last=fine",
                "13",
                500,
                "Internal Server Error",
            ),
            (
                "websocket",
                "/play?return",
                "13",
                500,
                "Internal Server Error",
            ),
            ("websocket", "/echo", "12", 400, "Bad Request"),
            ("webtransport", "/echo", "13", 501, "Not Implemented"),
        ] {
            let reply = h2
                .fetch(connect(protocol, target, version), None)
                .await
                .unwrap();
            assert_eq!(
                (reply.status, reply.text().as_str()),
                (status, text),
                "{protocol} {target}"
            );
            assert_eq!(reply.reset, None, "{protocol} {target}");
        }
        assert_eq!(h2.get("/ok").await.text(), "ok");
    });
}

/// `W-30`, `W-14`: a stream that is reset is lost, and its connection goes on.
#[test]
fn a_stream_that_is_reset_is_1006() {
    let server = server();
    block_on(async {
        let mut h2 = server.h2().await;
        let (_, mut tunnel) = open(&mut h2, "/play?tag=reset&accept&receive=2").await;
        tunnel.send.send_reset(h2::Reason::CANCEL);
        h2.get("/ok").await;
        server.wait_line("reset: receive disconnect 1006");
    });
}

/// `W-30`: a message that is larger than a frame of HTTP/2.
#[test]
fn large_messages_come_back() {
    let server = server();
    block_on(async {
        let mut h2 = server.h2().await;
        let (_, mut tunnel) = open(&mut h2, "/echo").await;
        let message = vec![b'x'; 60_000];
        tunnel.send(masked(0x82, &message));
        while tunnel.came.len() < 4 + message.len() {
            let bytes = tunnel.body.frame().await.unwrap().unwrap();
            tunnel.came.extend_from_slice(&bytes);
        }
        assert_eq!(tunnel.came[..4], [0x82, 126, 0xea, 0x60]);
        assert!(tunnel.came[4..] == message);
    });
}
