//! How a WebSocket ends: the closing handshake both ways, pings, and clients that are gone (`W-12`–`W-15`, `W-22`, `W-29`).

use std::time::Duration;

use wasgi_tests::{Seen, Serve, guests};

use super::{Connect, ended, server};
use crate::twins;

/// `W-13`, `W-14`: code and reason of the client reach the app, and the server answers with the same code.
#[test]
fn the_clients_close_is_answered_and_heard() {
    let server = server();
    let mut socket = server.websocket("/play?tag=a&accept&receive=2");
    socket.close(4000, "bye");
    assert_eq!(socket.see(), Seen::Close(Some(4000), String::new()));
    assert!(socket.client.is_closed());
    server.wait_line("a: receive disconnect 4000 bye");
    server.wait_log(|line| line.message.ends_with("a: receive disconnect 4000 bye"));
    assert_eq!(
        ended(&server, "/play"),
        ("101".into(), "closed".into(), "4000".into())
    );

    let mut socket = server.websocket("/play?tag=b&accept&receive=2");
    socket.close_empty();
    assert_eq!(socket.see(), Seen::Close(None, String::new()));
    assert!(socket.client.is_closed());
    server.wait_line("b: receive disconnect 1005");
}

/// `W-14`: a connection that breaks off is 1006, by its end and by a reset.
#[test]
fn a_connection_that_breaks_off_is_1006() {
    let server = server();
    let socket = server.websocket("/play?tag=a&accept&receive=2");
    drop(socket);
    server.wait_line("a: receive disconnect 1006");
    let mut socket = server.websocket("/play?tag=b&accept&receive=2");
    socket.frame(0x01, b"the beginning of");
    socket.client.reset();
    server.wait_line("b: receive disconnect 1006");
    assert_eq!(
        ended(&server, "/play"),
        ("101".into(), "lost".into(), "1006".into())
    );
}

/// `W-12`, `W-15`: the app's close has its code and reason, stands behind what it has sent, and what the client says before it
/// answers is nobody's.
#[test]
fn the_apps_close_comes_behind_what_it_has_sent() {
    let server = server();
    let mut socket =
        server.websocket("/play?tag=a&accept&send=last%20words&close=4001:enough&receive=2");
    assert_eq!(socket.see_text(), "last words");
    assert_eq!(socket.see(), Seen::Close(Some(4001), "enough".to_owned()));
    socket.text("too late").ping(b"but");
    assert_eq!(socket.see(), Seen::Pong(b"but".to_vec()));
    socket.close(4001, "");
    assert!(socket.client.is_closed());
    server.wait_line("a: receive disconnect 4001");
}

/// `W-20`, `W-21`, `G-04`: an app that returns closes with 1000, one that raises or traps with 1011.
#[test]
fn the_end_of_the_app_is_a_close() {
    let server = server();
    for (steps, code) in [
        ("return", 1000),
        ("raise=secret", 1011),
        ("sleep=50&trap=secret", 1011),
    ] {
        let mut socket = server.websocket(&format!("/play?accept&{steps}"));
        assert_eq!(socket.see_close(), (Some(code), String::new()), "{steps}");
        server.assert_serves();
    }
}

/// `W-22`: a client is pinged, and one that does not answer is closed with 1011; what it says otherwise is no answer.
#[test]
fn a_ping_without_its_pong_is_the_end() {
    let server = Serve::guest(guests::WEBSOCKET_AS_ASKED)
        .set(|settings| {
            settings.websocket.ping_interval = Some(Duration::from_millis(200));
            settings.websocket.ping_timeout = Some(Duration::from_millis(600));
        })
        .start();
    let mut socket = server.websocket("/play?tag=mute&accept&receive=2");
    for n in 1..4_u32 {
        let Seen::Ping(payload) = socket.see() else {
            panic!("no ping {n}");
        };
        socket.pong(&payload);
    }
    let Seen::Ping(_) = socket.see() else {
        panic!("no ping");
    };
    socket.pong(b"of another");
    assert_eq!(
        socket.see_close(),
        (Some(1011), "keepalive ping timeout".to_owned())
    );
    server.wait_line("mute: receive disconnect 1011 keepalive ping timeout");
}

/// `W-22`: pings can be off.
#[test]
fn without_an_interval_nobody_is_pinged() {
    let server = Serve::guest(guests::WEBSOCKET_AS_ASKED)
        .set(|settings| settings.websocket.ping_interval = None)
        .start();
    let mut socket = server.websocket("/echo");
    assert!(socket.client.is_silent_for(Duration::from_millis(500)));
    socket.text("hello");
    assert_eq!(socket.see_text(), "hello");
}

/// `W-29`, `T-03`: a WebSocket is no idle connection, and a server that stops says 1012 and does not wait for longer than it
/// takes.
#[test]
fn a_server_that_stops_says_1012() {
    for serve in twins::websocket_as_asked() {
        let mut server = serve
            .set(|settings| settings.wire.keep_alive = Duration::from_millis(200))
            .start();
        let mut socket = server.websocket("/play?tag=a&accept&send=one&receive=2");
        assert_eq!(socket.see_text(), "one");
        assert!(socket.client.is_silent_for(Duration::from_millis(600)));
        server.server().drain();
        assert_eq!(socket.see_close(), (Some(1012), String::new()));
        server.stop();
        assert_eq!(
            ended(&server, "/play"),
            ("101".into(), "closed".into(), "1012".into())
        );
        let heard = |line: &String| line.ends_with("receive disconnect 1012");
        assert!(server.printed().iter().any(heard), "the app hears it, too");
    }
}
