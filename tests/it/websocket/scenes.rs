//! What a row of the table cannot say: waiting, streaming, several WebSockets, traps. With a guest of each language, too.

use std::time::Duration;

use wasgi_tests::websocket::{handshake, masked};
use wasgi_tests::{Seen, eventually, pause};

use super::matrix::{connect, expect_lines, target};
use crate::twins;

/// `W-23`: a message over the limit is 1009, whether it comes in one frame or in many, and the app hears of it.
#[test]
fn a_message_over_the_limit_is_1009() {
    for serve in twins::websocket_as_asked() {
        let server = serve.limit("websocket_message", "64 KiB").start();
        let half = vec![b'x'; 40_000];
        let frames: [&[(u8, &[u8])]; 2] =
            [&[(0x82, &[b'x'; 65_537])], &[(0x02, &half), (0x80, &half)]];
        for (number, frames) in frames.into_iter().enumerate() {
            let tag = format!("large-{number}");
            let target = target(&tag, "accept&receive=3");
            let mut socket = connect(server.client(), &target, "").unwrap();
            socket.bytes(&[b'x'; 65_536]);
            for (first, payload) in frames {
                socket.frame(*first, payload);
            }
            assert_eq!(socket.see_close().0, Some(1009));
            let lines = [
                "accept ok",
                "receive connect",
                "receive bytes 65536",
                "receive disconnect 1009*",
            ];
            expect_lines(&server, &tag, &lines);
        }
    }
}

/// `W-05`, `W-06`: what the accept says is in the 101, and nothing is said twice.
#[test]
pub(crate) fn websocket_as_asked() {
    for serve in twins::websocket_as_asked() {
        let server = serve.start();
        let steps = "header=x-a:b&header=set-cookie:c%3Dd&header=set-cookie:e%3Df&accept=chat&echo";
        let socket = connect(server.client(), &target("headers", steps), "json, chat").unwrap();
        assert_eq!(socket.head.header("x-a"), Some("b"));
        assert_eq!(socket.head.all("set-cookie"), ["c=d", "e=f"]);
        assert_eq!(socket.head.all("sec-websocket-protocol"), ["chat"]);
        let socket = connect(server.client(), &target("none", "accept&echo"), "json").unwrap();
        assert!(socket.head.all("sec-websocket-protocol").is_empty());
    }
}

/// `W-02`: there is no 101 before the app has accepted.
#[test]
fn the_handshake_waits_for_the_app() {
    for serve in twins::websocket_as_asked() {
        let server = serve.start();
        let mut client = server.client();
        client.send(handshake(
            &target("slow", "receive&sleep=600&accept&echo"),
            &[],
        ));
        assert!(client.is_silent_for(Duration::from_millis(200)));
        assert_eq!(client.head().status, 101);
    }
}

/// `E-01`: a denial has the app's headers and body, streamed as the app sends it.
#[test]
fn a_denial_is_streamed() {
    for serve in twins::websocket_as_asked() {
        let server = serve.start();
        let steps = "header=x-a:b&deny=401&body=one&sleep=600&body=two&last=three";
        let mut client = server.client();
        client.send(handshake(&target("denied", steps), &[]));
        let mut head = client.head();
        assert_eq!((head.status, head.header("x-a")), (401, Some("b")));
        client.chunk_bytes(&mut head, 3);
        assert_eq!(head.text(), "one");
        assert!(client.is_silent_for(Duration::from_millis(200)));
        client.body(&mut head, "GET");
        assert_eq!((head.text().as_str(), head.whole), ("onetwothree", true));
        expect_lines(
            &server,
            "denied",
            &["deny ok", "body ok", "body ok", "last ok"],
        );
    }
}

/// `W-18`: a client that leaves before the answer is a disconnect, and the answer an error.
#[test]
fn a_client_may_leave_before_the_accept() {
    for serve in twins::websocket_as_asked() {
        let server = serve.start();
        let mut client = server.client();
        client.send(handshake(
            &target("left", "receive=2&accept&send=x&close=1000:"),
            &[],
        ));
        eventually("the app waits", || {
            server.get("/lines?tag=left").text() == "receive connect\n"
        });
        drop(client);
        expect_lines(
            &server,
            "left",
            &[
                "receive connect",
                "receive disconnect 1006",
                "accept error disconnected",
                "send error disconnected",
                "close error disconnected",
            ],
        );
    }
}

/// `W-27`: what an eager client sends with its handshake is delivered.
#[test]
fn eager_frames_are_delivered() {
    for serve in twins::websocket_as_asked() {
        let server = serve.start();
        let target = target("eager", "receive&sleep=200&accept&receive=2");
        let mut bytes = handshake(&target, &[]).into_bytes();
        bytes.extend(masked(0x81, b"one"));
        bytes.extend(masked(0x82, b"four"));
        let mut client = server.client();
        client.send(bytes);
        assert_eq!(client.head().status, 101);
        let lines = [
            "receive connect",
            "accept ok",
            "receive text one",
            "receive bytes 4",
        ];
        expect_lines(&server, "eager", &lines);
    }
}

/// `W-19`, `W-21`, `G-04`: a trap is a 500 before the accept and 1011 after it; the WebSockets beside it see 1011, too, and the
/// next one is served.
#[test]
fn a_trap_ends_every_websocket_of_the_instance() {
    for serve in twins::websocket_as_asked() {
        let server = serve.start();
        let connect = |steps: &str| connect(server.client(), &target("trap", steps), "");
        let response = connect("receive&trap=on%20purpose").unwrap_err();
        assert_eq!(response.status, 500);
        server.assert_serves();
        let mut beside = connect("accept&echo").unwrap();
        beside.text("a");
        assert_eq!(beside.see_text(), "a");
        let mut trapping = connect("accept&receive=2&trap=on%20purpose").unwrap();
        trapping.text("now");
        assert_eq!(trapping.see_close().0, Some(1011));
        assert_eq!(beside.see_close().0, Some(1011));
        server.assert_serves();
        let mut next = connect("accept&echo").unwrap();
        next.text("b");
        assert_eq!(next.see_text(), "b");
    }
}

/// `G-20`, `A-11`: a client that reads nothing for a while gets every message, in order and whole.
#[test]
fn a_slow_client_loses_nothing() {
    for serve in twins::websocket_as_asked() {
        let server = serve.start();
        let mut socket = server
            .client()
            .websocket("/push?n=500&size=65536", &[])
            .unwrap();
        socket.text("go");
        pause(Duration::from_millis(500));
        for _ in 0..500 {
            let Seen::Bytes(bytes) = socket.see() else {
                panic!("a message is missing");
            };
            assert_eq!(bytes.len(), 65_536);
        }
        server.assert_serves();
        socket.text("go");
        assert!(matches!(socket.see(), Seen::Bytes(_)));
    }
}

/// `G-23`: what the app goes on to send to a client that is gone is nobody's fault, and nobody else's loss.
#[test]
fn what_is_sent_to_a_client_that_is_gone_is_dropped() {
    for serve in twins::websocket_as_asked() {
        let server = serve.start();
        let mut beside = server.client().websocket("/echo", &[]).unwrap();
        for _ in 0..3 {
            let target = "/push?n=100000&size=1000";
            let mut socket = server.client().websocket(target, &[]).unwrap();
            socket.text("go");
            assert!(matches!(socket.see(), Seen::Bytes(_)));
            drop(socket);
            beside.text("still here?");
            assert_eq!(beside.see_text(), "still here?");
        }
        server.assert_serves();
        let raised = |line: &str| line.contains("raised") || line.contains("Traceback");
        assert!(server.log().iter().all(|line| !raised(&line.message)));
    }
}

/// `G-01`: the WebSockets of an instance see each other.
#[test]
fn a_room_hears_what_one_of_it_says() {
    for serve in twins::websocket_as_asked() {
        let server = serve.start();
        let join = || server.client().websocket("/room", &[]).unwrap();
        let mut sockets = [join(), join(), join()];
        // Who has been answered once is in the room.
        for number in 0..sockets.len() {
            sockets[number].text(&format!("{number}"));
            assert_eq!(sockets[number].see_text(), format!("{number}"));
            for (other, socket) in sockets.iter_mut().enumerate() {
                if other != number {
                    socket.see_text();
                }
            }
        }
        let [first, second, third] = sockets;
        let (mut first, mut second) = (first, second);
        drop(third);
        first.text("are two left?");
        assert_eq!(first.see_text(), "are two left?");
        assert_eq!(second.see_text(), "are two left?");
    }
}
