//! Messages that are as they should be (`W-09`, `W-22`, `W-28`).

use wasgi_tests::websocket::masked;
use wasgi_tests::{Seen, eventually, pause};

use super::{Connect, server};
use crate::twins;

/// `W-09`, `W-22`: fragments are one message, empty ones are messages, and what stands between fragments is answered.
#[test]
fn fragments_are_one_message_and_pings_between_them_are_answered() {
    let server = server();
    let mut socket = server.websocket("/echo");
    socket
        .frame(0x01, b"a\xe2\x82")
        .ping(b"1")
        .frame(0x00, b"")
        .pong(b"nobody asked");
    socket.ping(b"2").frame(0x80, b"\xacb").text("").bytes(b"");
    assert_eq!(socket.see(), Seen::Pong(b"1".to_vec()));
    assert_eq!(socket.see(), Seen::Pong(b"2".to_vec()));
    assert_eq!(socket.see_text(), "a€b");
    assert_eq!(socket.see_text(), "");
    assert_eq!(socket.see(), Seen::Bytes(Vec::new()));
}

/// Any length comes back, one byte at a time and all at once.
#[test]
fn messages_of_any_length_come_back() {
    let server = server();
    let mut socket = server.websocket("/echo");
    for length in [1, 125, 126, 127, 4096, 65_535, 65_536, 200_000, 3_000_000] {
        let message: Vec<u8> = (0..=250).cycle().take(length).collect();
        socket.bytes(&message);
        assert!(socket.see() == Seen::Bytes(message), "{length}");
    }
    for byte in masked(0x81, &[b'x'; 300]) {
        socket.client.send([byte]);
    }
    assert_eq!(socket.see_text(), "x".repeat(300));
}

/// Many in one write come back, in order.
#[test]
fn many_messages_at_once_come_back_in_order() {
    let server = server();
    let mut socket = server.websocket("/echo");
    let all: Vec<u8> = (0..5000)
        .flat_map(|n| masked(0x81, n.to_string().as_bytes()))
        .collect();
    let mut writer = socket.client.writer();
    let write = std::thread::spawn(move || std::io::Write::write_all(&mut writer, &all).unwrap());
    for n in 0..5000 {
        assert_eq!(socket.see_text(), n.to_string());
    }
    write.join().unwrap();
}

/// `W-28`, `G-20`: an app that reads nothing stops its client; when it reads again, nothing has been lost.
#[test]
fn an_app_that_does_not_read_stops_its_client() {
    for serve in twins::websocket_as_asked() {
        let server = serve.start();
        let mut socket = server.websocket("/play?accept&sleep=1500&echo");
        let message = masked(0x82, &[7; 1000]);
        let many = std::iter::repeat_n(message.clone(), 50_000);
        let written = socket
            .client
            .write_until_stalled(many, std::time::Duration::from_millis(500));
        assert!(written < 40_000_000, "{written}");
        for _ in 0..written / message.len() as u64 {
            assert_eq!(socket.see(), Seen::Bytes(vec![7; 1000]));
        }
    }
}

/// `W-28`, `T-05`: a client that takes nothing stops the app, and is dropped in the end; a neighbour is not disturbed.
#[test]
fn a_client_that_does_not_read_stops_the_app_and_is_dropped() {
    let server = wasgi_tests::Serve::guest(wasgi_tests::guests::WEBSOCKET_AS_ASKED)
        .set(|settings| settings.wire.stalled_write = std::time::Duration::from_secs(1))
        .start();
    let mut neighbour = server.websocket("/echo");
    let mut socket = server.websocket("/push?n=100000&size=16384");
    socket.text("go");
    pause(std::time::Duration::from_millis(100));
    neighbour.text("hello");
    assert_eq!(neighbour.see_text(), "hello");
    eventually("the client is dropped", || {
        server
            .log()
            .iter()
            .any(|line| line.target == "wasgi::access" && line.field("path") == "/push")
    });
    assert_eq!(
        super::ended(&server, "/push"),
        ("101".into(), "lost".into(), "1006".into())
    );
    neighbour.text("still here");
    assert_eq!(neighbour.see_text(), "still here");
}
