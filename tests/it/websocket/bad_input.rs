//! What no client may send (`W-23`, `W-24`): the right close code, for the client, the app and the log; neighbours go on.

use wasgi_tests::websocket::masked;
use wasgi_tests::{Seen, Serve, guests};

use super::{Connect, ended, server};

/// `W-24`: each fault has its code; the app hears the same.
#[test]
fn each_fault_has_its_code() {
    let server = server();
    let mut neighbour = server.websocket("/echo");
    let mut open_text = masked(0x81, b"ok\xff and so on");
    open_text.truncate(2 + 4 + 3);
    for (n, (what, bytes, code)) in [
        ("unmasked", b"\x81\x02hi".to_vec(), 1002),
        ("RSV1", masked(0xc1, b"x"), 1002),
        ("RSV2", masked(0xa1, b"x"), 1002),
        ("RSV3", masked(0x91, b"x"), 1002),
        ("opcode 3", masked(0x83, b"x"), 1002),
        ("opcode 11", masked(0x8b, b"x"), 1002),
        ("a fragmented ping", masked(0x09, b"x"), 1002),
        ("a long ping", masked(0x89, &[0; 126]), 1002),
        ("a continuation of nothing", masked(0x80, b"x"), 1002),
        (
            "a message within a message",
            [masked(0x01, b"x"), masked(0x81, b"x")].concat(),
            1002,
        ),
        (
            "a length with its first bit",
            b"\x82\xff\xff\0\0\0\0\0\0\0mask".to_vec(),
            1002,
        ),
        ("half a close code", masked(0x88, b"\x03"), 1002),
        ("close code 1005", masked(0x88, b"\x03\xed"), 1002),
        ("close code 999", masked(0x88, b"\x03\xe7"), 1002),
        ("close code 5000", masked(0x88, b"\x13\x88"), 1002),
        ("bad UTF-8, and its frame is not whole", open_text, 1007),
        ("half a character", masked(0x81, b"\xe2\x82"), 1007),
        (
            "bad UTF-8 over two frames",
            [masked(0x01, b"\xe2\x82"), masked(0x80, b"x")].concat(),
            1007,
        ),
        (
            "a reason that is no text",
            masked(0x88, b"\x03\xe8\xff"),
            1007,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut socket = server.websocket(&format!("/play?tag=fault{n}&accept&receive=2"));
        socket.client.send(bytes);
        let (told, reason) = socket.see_close();
        assert_eq!(told, Some(code), "{what}");
        assert!(!reason.is_empty(), "{what}");
        server.wait_line(&format!("fault{n}: receive disconnect {code} {reason}"));
    }
    assert_eq!(
        ended(&server, "/play"),
        ("101".into(), "closed".into(), "1002".into())
    );
    neighbour.text("hello");
    assert_eq!(neighbour.see_text(), "hello");
}

/// `W-23`: one limit on whole messages, whatever frames they come in; the client can read why, though it goes on sending.
#[test]
fn a_message_over_the_limit_is_1009_however_it_comes() {
    let server = Serve::guest(guests::WEBSOCKET_AS_ASKED)
        .limits("websocket_message = \"100 KiB\"\n")
        .start();
    let max = vec![b'x'; 100 * 1024];
    let mut good = server.websocket("/echo");
    good.bytes(&max);
    assert!(good.see() == Seen::Bytes(max.clone()));
    let (half, rest) = max.split_at(50 * 1024);
    good.frame(0x02, half).frame(0x80, rest);
    assert!(good.see() == Seen::Bytes(max.clone()));

    let announced = b"\x82\xff\0\0\0\0\x40\0\0\0mask".to_vec();
    let fragments = [masked(0x01, half), masked(0x00, rest), masked(0x80, b"x")];
    let large = masked(0x82, &vec![0; 18 * 1024 * 1024]);
    for (n, bytes) in [announced, fragments.concat(), large]
        .into_iter()
        .enumerate()
    {
        let mut socket = server.websocket(&format!("/play?tag=large{n}&accept&receive=2"));
        socket.client.send(bytes);
        assert_eq!(
            socket.see_close(),
            (Some(1009), "message too big".to_owned()),
            "{n}"
        );
        server.wait_line(&format!(
            "large{n}: receive disconnect 1009 message too big"
        ));
    }
    good.text("hello");
    assert_eq!(good.see_text(), "hello");
}
