//! Compression (`W-25`, RFC 7692): agreed on, in both directions, with an end to bombs, and with a switch.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use wasgi_tests::websocket::{Frame, masked};
use wasgi_tests::{Running, Serve, WebSocket, guests};

use super::server;

fn connect(server: &Running, target: &str, offer: &str) -> WebSocket {
    let offer = [("sec-websocket-extensions", offer)];
    server.client().websocket(target, &offer).unwrap()
}

/// A message as RFC 7692 has it.
fn deflated(message: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(message).unwrap();
    encoder.flush().unwrap();
    let mut bytes = encoder.get_ref().clone();
    assert!(bytes.ends_with(&[0, 0, 0xff, 0xff]));
    bytes.truncate(bytes.len() - 4);
    bytes
}

fn inflated(mut payload: Vec<u8>) -> Vec<u8> {
    payload.extend([0, 0, 0xff, 0xff]);
    let mut all = Vec::with_capacity(1 << 20);
    flate2::Decompress::new(false)
        .decompress_vec(&payload, &mut all, flate2::FlushDecompress::Sync)
        .unwrap();
    all
}

/// `W-25`: what is compressed by one is read by the other, whole and in fragments, beside what is not compressed.
#[test]
fn messages_are_compressed_both_ways() {
    let server = server();
    let mut socket = connect(
        &server,
        "/echo",
        "permessage-deflate; client_max_window_bits",
    );
    let agreed = socket.head.header("sec-websocket-extensions").unwrap();
    assert_eq!(
        agreed,
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    );
    let text = "the same again, and ".repeat(1000);
    let bytes = deflated(text.as_bytes());
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    for _ in 0..2 {
        socket.frame(0xc1, &bytes);
        socket.frame(0x41, first).ping(b"").frame(0x80, rest);
        for n in 0..3 {
            let Frame { first, payload } = socket.read_frame().unwrap();
            if first == 0x8a {
                continue;
            }
            assert_eq!(first, 0xc1, "{n}");
            assert!(payload.len() < text.len() / 10);
            assert_eq!(inflated(payload), text.as_bytes());
        }
    }
    socket.text("short");
    assert_eq!(socket.see_text(), "short");
}

/// `W-25`: a window that the client has asked for is kept to, and an offer that cannot be kept is declined.
#[test]
fn offers_are_kept_or_declined() {
    let server = server();
    let socket = connect(
        &server,
        "/echo",
        "permessage-deflate; server_max_window_bits=10",
    );
    let agreed = socket.head.header("sec-websocket-extensions").unwrap();
    assert!(agreed.ends_with("; server_max_window_bits=10"), "{agreed}");
    for offer in [
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; x",
        "x-y",
    ] {
        let mut socket = connect(&server, "/echo", offer);
        assert_eq!(
            socket.head.header("sec-websocket-extensions"),
            None,
            "{offer}"
        );
        socket.frame(0xc1, &deflated(b"nobody has agreed"));
        assert_eq!(socket.see_close().0, Some(1002), "{offer}");
    }
}

/// `W-23`: what a message decompresses to counts, and no more of it is made.
#[test]
fn a_bomb_is_1009() {
    let server = Serve::guest(guests::WEBSOCKET_AS_ASKED)
        .limits("websocket_message = \"1 MiB\"\n")
        .start();
    let bomb = deflated(&vec![0; 64 << 20]);
    assert!(bomb.len() < 1 << 20);
    let mut socket = connect(
        &server,
        "/play?tag=bomb&accept&receive=2",
        "permessage-deflate",
    );
    socket.frame(0xc2, &bomb);
    assert_eq!(
        socket.see_close(),
        (Some(1009), "message too big".to_owned())
    );
    server.wait_line("bomb: receive disconnect 1009 message too big");
}

/// `W-24`: compressed data that is none, and compressed text that is none.
#[test]
fn what_cannot_be_decompressed_has_its_code() {
    let server = server();
    for (payload, code) in [
        (b"\xff\xff\xff".to_vec(), 1002),
        (deflated(b"ok\xff"), 1007),
    ] {
        let mut socket = connect(&server, "/echo", "permessage-deflate");
        socket.client.send(masked(0xc1, &payload));
        assert_eq!(socket.see_close().0, Some(code));
    }
}

/// `W-25`: `--ws-per-message-deflate false`.
#[test]
fn it_can_be_off() {
    let server = Serve::guest(guests::WEBSOCKET_AS_ASKED)
        .set(|settings| settings.websocket.deflate = false)
        .start();
    let mut socket = connect(&server, "/echo", "permessage-deflate");
    assert_eq!(socket.head.header("sec-websocket-extensions"), None);
    let text = "x".repeat(5000);
    socket.text(&text);
    assert_eq!(socket.read_frame().unwrap().payload, text.as_bytes());
}
