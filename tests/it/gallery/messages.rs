//! Who floods: bodies, messages, headers, lines (`G-20`, `G-24`).

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use wasgi_tests::websocket::masked;
use wasgi_tests::{Serve, guests, pause};

use super::{Stage, go_on_for_a_while};

const MIB: u64 = 1024 * 1024;

/// A hundred thousand headers.
#[test]
pub(crate) fn huge_headers() {
    let stage = Stage::of(guests::HUGE_HEADERS);
    let sibling = stage.sibling();
    let response = stage.get("/");
    assert_eq!(response.status, 500);
    assert!(!response.mentions("secret"), "{response:?}");
    let line = stage.app().wait_line("the app broke the contract");
    assert!(line.message.contains("more than 256"), "{line}");
    sibling.assert_lives();
    stage.assert_not_replaced();
    stage.assert_over();
}

/// A few too many, or too long ones.
#[test]
fn too_many_headers_cost_their_call() {
    let stage = Stage::of(guests::TOO_MANY_HEADERS);
    let sibling = stage.sibling();
    for target in ["/many", "/long"] {
        assert_eq!(stage.get(target).status, 500, "{target}");
    }
    stage.app().wait_line("64 KiB");
    sibling.assert_lives();
    stage.assert_not_replaced();
    stage.assert_over();
}

/// A million sends of nothing are no bytes, take no place, and end (`R-08`).
#[test]
pub(crate) fn send_zero_bytes() {
    let stage = Stage::serve(Serve::guest(guests::SEND_ZERO_BYTES));
    let sibling = stage.sibling();
    assert_eq!(stage.get("/").text(), "end");
    sibling.assert_lives();
    stage.assert_not_replaced();
    stage.assert_over();
}

/// Byte after byte to a client that does not read: each has its price in the host, and the sum is bounded.
#[test]
pub(crate) fn send_byte_by_byte() {
    let stage = Stage::of(guests::SEND_BYTE_BY_BYTE);
    let mut deaf = stage.ask("/");
    deaf.head();
    go_on_for_a_while(&stage);
    stage.assert_serves();
    let held = stage.usage().host_bytes;
    assert!(held < 16 * MIB, "{held}");
    stage.assert_not_replaced();
    drop(deaf);
    stage.assert_over();
}

/// Many slow readers of large bodies: what the host holds for each is bounded (`R-09`).
#[test]
fn slow_readers_hold_a_bounded_queue() {
    let stage = Stage::of(guests::FLOOD_A_SLOW_READER);
    let mut deaf: Vec<_> = (0..20).map(|_| stage.ask("/flood")).collect();
    for client in &mut deaf {
        client.head();
    }
    go_on_for_a_while(&stage);
    let held = stage.usage().host_bytes;
    assert!(held < 20 * MIB, "{held}");
    stage.assert_serves();
    drop(deaf);
    stage.assert_not_replaced();
    stage.assert_over();
}

/// Sends that nobody awaits: what is over the host's bounds waits in the guest's own memory (`G-21`, `G-22`).
#[test]
fn sends_that_are_never_awaited_are_the_guests_memory() {
    let stage = Stage::serve(Serve::guest(guests::SEND_WITHOUT_AWAITING).limit("memory", "32 MiB"));
    let sibling = stage.sibling();
    let mut client = stage.ask("/?pieces=4000&length=100000");
    let mut response = client.head();
    client.body(&mut response, "GET");
    assert!(
        response.status == 500 || !response.whole,
        "{}",
        response.status
    );
    sibling.assert_cut();
    stage.assert_ended("memory", &["32 MiB", "`memory` below [limits]"]);
    stage.assert_over();
}

/// Lines without an end: so many of them are logged, and how many were not.
#[test]
fn a_flood_of_lines_is_rated() {
    let stage = Stage::serve(Serve::guest(guests::PRINT_LINES));
    let sibling = stage.sibling();
    assert_eq!(stage.get("/flood?n=100000").status, 200);
    pause(Duration::from_millis(1100));
    assert_eq!(stage.get("/flood?n=1").status, 200);
    stage
        .app()
        .wait_line("lines dropped: more than 1000 lines or 256 KiB in a second");
    let printed = stage.app().printed().len();
    assert!(printed < 90_000, "{printed}");
    sibling.assert_lives();
    stage.assert_not_replaced();
    stage.assert_over();
}

/// One line of 100 MB: cut, and rated as any.
#[test]
pub(crate) fn print_a_long_line() {
    let stage = Stage::serve(Serve::guest(guests::PRINT_A_LONG_LINE));
    let sibling = stage.sibling();
    assert_eq!(stage.get("/").text(), "printed");
    let printed = stage.app().printed();
    assert!(printed.iter().all(|line| line.len() <= 8 * 1024));
    let logged: usize = printed.iter().map(String::len).sum();
    assert!(logged < 50_000_000, "{logged}");
    assert_eq!(stage.usage().printed_bytes, 100_000_000);
    sibling.assert_lives();
    stage.assert_not_replaced();
    stage.assert_over();
}

/// A guest that floods a WebSocket whose client does not read: it waits for room, or pays with its own memory.
#[test]
pub(crate) fn flood_a_websocket() {
    let stage = Stage::serve(Serve::guest(guests::FLOOD_A_WEBSOCKET).limit("memory", "32 MiB"));
    let sibling = stage.sibling();
    let deaf: Vec<_> = (0..5).map(|_| stage.websocket("/await")).collect();
    go_on_for_a_while(&stage);
    let held = stage.usage().host_bytes;
    assert!(held < 4 * MIB, "{held}");
    stage.assert_serves();
    sibling.assert_lives();
    stage.assert_not_replaced();
    drop(deaf);
    stage.assert_nothing_held();
    // It never comes as far as its answer.
    let refused = stage.client().websocket("/", &[]).unwrap_err();
    assert_eq!(refused.status, 500);
    stage.assert_ended("memory", &["32 MiB", "`memory` below [limits]"]);
    stage.assert_over();
}

/// A client that floods a guest which never receives: it is not read on.
#[test]
pub(crate) fn never_receive_a_message() {
    let stage = Stage::of(guests::NEVER_RECEIVE_A_MESSAGE);
    let sibling = stage.sibling();
    let mut socket = stage.websocket("/");
    let frame = masked(0x82, &[b'x'; 1000]);
    let (flood, calm) = (
        std::iter::repeat_n(frame, 20_000),
        Duration::from_millis(500),
    );
    let taken = socket.client.write_until_stalled(flood, calm);
    assert!(taken < 20 * MIB - MIB, "{taken}");
    let held = stage.usage().host_bytes;
    assert!(held < 2 * MIB, "{held}");
    stage.assert_serves();
    sibling.assert_lives();
    drop(socket);
    stage.assert_unharmed();
}

/// A message that is a thousand times as large when it is decompressed (`W-23`): it is not.
#[test]
fn a_compressed_bomb_is_not_unpacked() {
    let stage =
        Stage::serve(Serve::guest(guests::WEBSOCKET_AS_ASKED).limit("websocket_message", "1 MiB"));
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    for _ in 0..100 {
        encoder.write_all(&vec![b'x'; 1024 * 1024]).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 200_000);
    let offer = [("sec-websocket-extensions", "permessage-deflate")];
    let mut socket = stage.client().websocket("/echo", &offer).unwrap();
    socket.frame(0xc2, &bomb);
    assert_eq!(socket.see_close().0, Some(1009));
    assert!(stage.usage().host_bytes < MIB);
    stage.assert_not_replaced();
    stage.assert_over();
}
