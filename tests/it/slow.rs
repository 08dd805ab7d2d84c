//! Clients that take their time: section 1.13 of the contract, as far as it is the front door's (`T-01`–`T-03`, `T-05`), and
//! those that close their side early (`D-05`).

use std::time::Duration;

use wasgi_tests::frames::Frames;
use wasgi_tests::{Running, Serve, eventually, guests, pause};

use crate::twins;

const DATA: u8 = 0;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;

const CANCEL: u32 = 8;

const SHORT: Duration = Duration::from_millis(300);

fn serve(guest: wasgi_tests::Guest, change: fn(&mut wasgi::server::wire::Settings)) -> Running {
    Serve::guest(guest)
        .set(|settings| change(&mut settings.wire))
        .start()
}

/// The outcome and status of the request to this path, when its line has been written.
fn outcome(server: &Running, path: &str) -> (String, String) {
    let line = server.wait_log(|line| line.target == "wasgi::access" && line.field("path") == path);
    let field = |name: &str| line.field(name).to_owned();
    (field("outcome"), field("status"))
}

/// `T-01`: who says nothing is not waited for, and gets no answer to what was not asked.
#[test]
fn a_silent_connection_is_closed() {
    let server = serve(guests::HANG, |wire| wire.head = SHORT);
    assert!(server.client().is_closed());
    // A stray empty line is no request.
    assert!(server.client().send("\r\n").is_closed());
    server.assert_serves();
}

/// `T-02`: a head that does not end is answered, also the second one of a connection, and also when bytes keep coming.
#[test]
fn a_head_that_does_not_end_is_a_408() {
    let server = serve(guests::HANG, |wire| wire.head = SHORT);
    for begun in ["G", "GET /slow HTTP/1.1\r\nhost: h\r\n", "PRI * HTTP"] {
        for again in [false, true] {
            let mut client = server.client();
            if again {
                client.assert_kept();
            }
            let answer = client.send(begun).response();
            assert_eq!(
                (answer.status, answer.reason.as_str()),
                (408, "Request Timeout")
            );
            assert_eq!(answer.header("connection"), Some("close"));
            assert!(client.is_closed());
        }
    }
    let mut client = server.client();
    client.send("GET /trickle HTTP/1.1\r\n");
    let mut writer = client.writer();
    let trickle = std::thread::spawn(move || {
        while std::io::Write::write_all(&mut writer, b"x: y\r\n").is_ok() {
            pause(Duration::from_millis(20));
        }
    });
    assert_eq!(client.response().status, 408);
    drop(client);
    trickle.join().unwrap();
    assert_eq!(
        outcome(&server, "/trickle"),
        ("head-stalled".into(), "408".into())
    );
}

/// `T-02`: a head whose end came in time is served, even if nobody could look at it in time.
#[test]
fn a_head_behind_a_long_request_has_its_time() {
    let server = serve(guests::ANSWER_AS_ASKED, |wire| wire.head = SHORT);
    let mut client = server.client();
    client.send("GET /?pause=900&body=long HTTP/1.1\r\nhost: h\r\n\r\nGET /ok HTTP/1.1\r\n");
    client.send("host: h\r\n\r\nGET /?body=last HTTP/1.1\r\nhost: h\r\n");
    pause(Duration::from_millis(100));
    client.send("\r\n");
    assert_eq!(client.response().text(), "long");
    assert_eq!(client.response().text(), "ok");
    assert_eq!(client.response().text(), "last");
}

/// `T-03`: a connection is kept for a while and not for ever; a request in flight is not idleness.
#[test]
fn an_idle_connection_is_closed() {
    let server = serve(guests::ANSWER_AS_ASKED, |wire| wire.keep_alive = SHORT);
    let mut client = server.client();
    for _ in 0..3 {
        client.assert_kept();
        pause(Duration::from_millis(150));
    }
    assert!(client.is_closed());

    let mut busy = server.client();
    let long = busy.get("/?pause=900&body=long");
    assert_eq!(long.text(), "long");
    busy.assert_kept();
    assert!(busy.is_closed());

    // A new connection has the other deadline, and a head that has begun its own.
    let mut new = server.client();
    assert!(new.is_silent_for(SHORT * 2));
    new.send("GET /ok HTTP/1.1\r\n");
    assert!(new.is_silent_for(SHORT * 2));
    assert_eq!(new.send("host: h\r\n\r\n").response().text(), "ok");
    assert!(new.is_closed());
}

/// `T-03` over HTTP/2: GOAWAY, and the end.
#[test]
fn an_idle_http_2_connection_is_closed() {
    let server = serve(guests::HANG, |wire| wire.keep_alive = SHORT);
    let mut client = server.client();
    client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    let mut frames = client.read_some(1);
    // The client answers the ping that comes with GOAWAY, as clients do.
    eventually("the server says goodbye", || {
        frames.extend(client.read_some(1));
        frame_of(&frames, 6).is_some() && frame_of(&frames, 7).is_some()
    });
    let ping = frame_of(&frames, 6).unwrap();
    client.send([&b"\0\0\x08\x06\x01\0\0\0\0"[..], ping].concat());
    client.read_to_end();
}

/// The payload of the first whole frame of a kind.
fn frame_of(mut bytes: &[u8], kind: u8) -> Option<&[u8]> {
    loop {
        let (head, rest) = bytes.split_at_checked(9)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let (payload, behind) = rest.split_at_checked(length)?;
        if head[3] == kind {
            return Some(payload);
        }
        bytes = behind;
    }
}

/// `T-05`: a client that takes nothing loses its connection, and the app hears of it.
#[test]
fn a_client_that_takes_nothing_is_given_up() {
    for serve in twins::flood() {
        let server = serve
            .set(|settings| settings.wire.stalled_write = SHORT)
            .start();
        let mut client = server.client();
        client.request("/flood");
        assert_eq!(
            outcome(&server, "/flood"),
            ("disconnected".into(), "200".into())
        );
        let got = client.read_to_end();
        assert!(got.len() < 400 * 65_536, "{}", got.len());
        server.assert_serves();

        // Who takes a little now and then is slow, and served.
        let mut slow = server.client();
        let mut head = slow.request("/flood").head();
        for part in 1..=10 {
            pause(Duration::from_millis(100));
            slow.chunk_bytes(&mut head, part * 2_000_000);
        }
        slow.body(&mut head, "GET");
        assert_eq!((head.body.len(), head.whole), (400 * 65_536, true));
    }
}

/// `T-05` over HTTP/2.
#[test]
fn an_http_2_client_that_takes_nothing_is_given_up() {
    let server = serve(guests::FLOOD_A_SLOW_READER, |wire| {
        wire.stalled_write = SHORT
    });
    let mut client = server.client();
    client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    // Windows as large as they can be, and a GET for /flood.
    client.send(b"\0\0\x06\x04\0\0\0\0\0\0\x04\x7f\xff\xff\xff");
    client.send(b"\0\0\x04\x08\0\0\0\0\0\x7f\0\0\0");
    client.send(b"\0\0\x0d\x01\x05\0\0\0\x01\x82\x86\x04\x06/flood\x01\x01h");
    assert_eq!(
        outcome(&server, "/flood"),
        ("disconnected".into(), "200".into())
    );
    server.assert_serves();
}

/// A client of frames whose streams have this window; the connection has all that there can be.
fn windowed(server: &Running, window: u32) -> Frames {
    let mut client = Frames::begin(server.client()).0;
    let [a, b, c, d] = window.to_be_bytes();
    client.send(SETTINGS, 0, 0, &[0, 4, a, b, c, d]);
    client.send(WINDOW_UPDATE, 0, 0, &0x7000_0000_u32.to_be_bytes());
    client
}

/// `T-05` for one stream: its client takes other bytes of the connection, and none of it.
#[test]
fn an_http_2_stream_that_nobody_takes_is_reset() {
    for serve in twins::flood() {
        let server = serve
            .set(|settings| settings.wire.stalled_write = SHORT)
            .start();
        for window in [0, 1000, 65_536] {
            let mut client = windowed(&server, window);
            let (first, second) = (client.get("/flood"), client.get("/flood"));
            for stream in [first, second] {
                let reset = client.next(RST_STREAM);
                assert!([first, second].contains(&reset.stream), "{stream}");
                assert_eq!(reset.code(), CANCEL);
            }
            assert_eq!(
                outcome(&server, "/flood"),
                ("disconnected".into(), "200".into())
            );
            // The connection goes on; a window for a stream that is gone is no error.
            client.send(WINDOW_UPDATE, 0, first, &[0, 1, 0, 0]);
            client.send(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0]);
            client.assert_serves();
        }
    }
}

/// Who takes a little now and then is slow, and served; and an app that sends nothing keeps nobody waiting, whatever the window.
#[test]
fn a_slow_http_2_stream_goes_on() {
    let server = serve(guests::FLOOD_A_SLOW_READER, |wire| {
        wire.stalled_write = SHORT
    });
    let mut client = windowed(&server, 20_000);
    let stream = client.get("/flood");
    let mut got = 0;
    for part in 1..=10 {
        while got < part * 20_000 {
            let data = client.frame().unwrap();
            assert_ne!((data.kind, data.stream), (RST_STREAM, stream));
            if data.kind == DATA {
                got += data.payload.len();
            }
        }
        pause(Duration::from_millis(100));
        client.send(WINDOW_UPDATE, 0, stream, &20_000_u32.to_be_bytes());
    }

    let server = serve(guests::HANG, |wire| wire.stalled_write = SHORT);
    let mut client = windowed(&server, 4);
    let stream = client.get("/mid");
    assert_eq!(client.next(DATA).payload, b"part");
    pause(SHORT * 3);
    client.assert_serves();
    assert_eq!(server.printed(), ["hanging at /mid"]);
    client.send(RST_STREAM, 0, stream, &CANCEL.to_be_bytes());
    server.wait_line("disconnected at /mid");
}

/// `T-03`, `T-05`: what the client has not taken of responses that are done does not keep an idle connection for ever.
#[test]
fn an_idle_http_2_connection_ends_with_what_nobody_takes() {
    let server = serve(guests::ANSWER_AS_ASKED, |wire| {
        wire.keep_alive = SHORT;
        wire.stalled_write = SHORT;
    });
    let mut client = windowed(&server, 1);
    client.get("/?body=longer-than-its-window");
    assert_eq!(client.next(DATA).payload, b"l");
    // It answers whatever pings come.
    while let Some(frame) = client.frame() {
        if frame.kind == PING && frame.flags == 0 {
            client.send(PING, 1, 0, &frame.payload);
        }
    }
    server.assert_serves();
}

/// `D-05`: who closes its side after the request counts as gone, unless `--half-close` says otherwise.
#[test]
fn a_half_closed_client_is_served_if_it_is_asked_for() {
    let server = serve(guests::ANSWER_AS_ASKED, |wire| wire.half_close = true);
    let mut client = server.client();
    client
        .request("/?pause=300&body=late")
        .request("/?body=and-later")
        .half_close();
    assert_eq!(client.response().text(), "late");
    assert_eq!(client.response().text(), "and-later");
    assert!(client.is_closed());
    // A body that is not whole is none.
    let mut client = server.client();
    client
        .send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nhello")
        .half_close();
    client.read_to_end();
    server.assert_serves();

    let server = serve(guests::ANSWER_AS_ASKED, |_| {});
    let mut client = server.client();
    client.request("/?pause=300&body=late").half_close();
    assert!(client.is_closed());
    assert_eq!(outcome(&server, "/").0, "disconnected");
}

/// `M-10`, `R-09`: a response to a request for an upgrade that is ignored arrives whole, although the connection ends behind it and
/// the client takes its time.
#[test]
fn a_slow_client_that_asked_for_an_upgrade_gets_all_of_it() {
    let server = serve(guests::FLOOD_A_SLOW_READER, |_| {});
    let mut client = server.client();
    client
        .send("GET /flood HTTP/1.1\r\nhost: h\r\nconnection: upgrade, close\r\nupgrade: x\r\n\r\n");
    let mut response = client.head();
    for part in 1..=12 {
        client.chunk_bytes(&mut response, part * 2_000_000);
        pause(Duration::from_millis(50));
    }
    client.body(&mut response, "GET");
    assert_eq!((response.body.len(), response.whole), (400 * 65_536, true));
}
