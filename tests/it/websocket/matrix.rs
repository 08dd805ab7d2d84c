//! What a client and an app see of a WebSocket: every way to answer, to talk and to end, in a table that runs with a guest
//! of each language (`tests/guests/src/bin/websocket_as_asked.rs` says what the steps of a target are).

use wasgi_tests::{Client, Response, Running, Seen, WebSocket, eventually};

use crate::twins;

/// One way that it may go.
struct Row {
    /// What it shows.
    shows: &'static str,
    /// What the app does.
    steps: &'static str,
    /// `sec-websocket-protocol` of the client.
    offers: &'static str,
    /// What the client gets for its handshake.
    status: u16,
    /// What happens then, seen by the client; nothing when the status is not 101.
    acts: &'static [Act],
    /// What the app has written down in the end. A `*` at the end of a line stands for anything.
    lines: &'static [&'static str],
}

/// What a client does or sees.
enum Act {
    Says(&'static str),
    SaysBytes(usize),
    Hears(&'static str),
    HearsBytes(usize),
    /// Sends this frame as it is.
    Frame(u8, &'static [u8]),
    Pong(&'static [u8]),
    /// Sends a close frame, and sees it answered.
    Closes(u16, &'static str),
    ClosesWithoutCode,
    /// Breaks the connection off. Nothing can follow.
    Vanishes,
    /// Sees a close frame, answers it, and sees the end of the connection.
    IsClosed(u16, &'static str),
    /// The same, whatever the reason.
    IsClosedWith(u16),
}

use Act::{
    Closes, ClosesWithoutCode, Frame, Hears, HearsBytes, IsClosed, IsClosedWith, Pong, Says,
    SaysBytes, Vanishes,
};

const PLAIN: Row = Row {
    shows: "",
    steps: "",
    offers: "",
    status: 101,
    acts: &[],
    lines: &[],
};

const ROWS: &[Row] = &[
    // ------------------------------------------------------------ the handshake
    Row {
        shows: "W-01: the scope of a WebSocket",
        steps: "scope&accept&close=1000:",
        offers: "json, chat",
        acts: &[IsClosed(1000, "")],
        lines: &["scope ws 1.1 /play json,chat", "accept ok", "close ok"],
        ..PLAIN
    },
    Row {
        shows: "W-02, W-04: connect comes first, messages after the accept",
        steps: "receive&accept&receive",
        acts: &[Says("a"), IsClosed(1000, "")],
        lines: &["receive connect", "accept ok", "receive text a"],
        ..PLAIN
    },
    Row {
        shows: "W-03: accept without having received connect, which comes then",
        steps: "accept&receive&receive",
        acts: &[Says("a"), IsClosed(1000, "")],
        lines: &["accept ok", "receive connect", "receive text a"],
        ..PLAIN
    },
    Row {
        shows: "W-05: headers of the handshake cannot be the app's, and a refused accept changes nothing",
        steps: "header=sec-websocket-protocol:chat&accept&accept&close=1000:",
        offers: "chat",
        acts: &[IsClosed(1000, "")],
        lines: &["accept error invalid", "accept ok", "close ok"],
        ..PLAIN
    },
    Row {
        shows: "W-06: a subprotocol that was not offered is an error",
        steps: "accept=soap&accept=chat&close=1000:",
        offers: "json, chat",
        acts: &[IsClosed(1000, "")],
        lines: &["accept error invalid", "accept ok", "close ok"],
        ..PLAIN
    },
    Row {
        shows: "W-07, W-08, W-16: a close before the accept is a 403, and receive says 1006 for ever",
        steps: "receive&close=1000:&receive=2&accept&send=x",
        status: 403,
        lines: &[
            "receive connect",
            "close ok",
            "receive disconnect 1006",
            "receive disconnect 1006",
            "accept error state",
            "send error state",
        ],
        ..PLAIN
    },
    Row {
        shows: "W-11: a send before the accept, a second accept, and whatever follows an own close",
        steps: "send=early&accept&accept&deny=403&close=1000:&close=1000:&send=late",
        acts: &[IsClosed(1000, "")],
        lines: &[
            "send error state",
            "accept ok",
            "accept error state",
            "deny error state",
            "close ok",
            "close error state",
            "send error state",
        ],
        ..PLAIN
    },
    Row {
        shows: "W-19: an app that returns without an answer",
        steps: "receive",
        status: 500,
        lines: &["receive connect"],
        ..PLAIN
    },
    Row {
        shows: "W-19: an app that raises without an answer",
        steps: "receive&raise=on%20purpose",
        status: 500,
        lines: &["receive connect"],
        ..PLAIN
    },
    // ------------------------------------------------------------ denials
    Row {
        shows: "E-01, W-04: a response in place of the accept",
        steps: "receive&deny=401&last=who&receive&accept&send=x&close=1000:",
        status: 401,
        lines: &[
            "receive connect",
            "deny ok",
            "last ok",
            "receive disconnect 1006",
            "accept error state",
            "send error state",
            "close error state",
        ],
        ..PLAIN
    },
    Row {
        shows: "E-01: events out of turn, and statuses that no response has",
        steps: "body=early&deny=99&deny=404&accept&close=1000:&body=a&last=b",
        status: 404,
        lines: &[
            "body error state",
            "deny error invalid",
            "deny ok",
            "accept error state",
            "close error state",
            "body ok",
            "last ok",
        ],
        ..PLAIN
    },
    // ------------------------------------------------------------ messages
    Row {
        shows: "W-09, W-10: texts and bytes, empty ones too, whole and as they came",
        steps: "accept&echo",
        acts: &[
            Says("grüße"),
            Hears("grüße"),
            Says(""),
            Hears(""),
            SaysBytes(3),
            HearsBytes(3),
            SaysBytes(0),
            HearsBytes(0),
            SaysBytes(70_000),
            HearsBytes(70_000),
            SaysBytes(3_000_000),
            HearsBytes(3_000_000),
            Says("after"),
            Hears("after"),
            Closes(1000, ""),
        ],
        lines: &["accept ok", "receive disconnect 1000"],
        ..PLAIN
    },
    Row {
        shows: "W-22: fragments are one message, and a ping in their midst is answered",
        steps: "accept&receive=2&send=done",
        acts: &[
            Frame(0x01, b"a"),
            Frame(0x89, b"ping"),
            Pong(b"ping"),
            Frame(0x00, b"b"),
            Frame(0x80, b"c"),
            Hears("done"),
            IsClosed(1000, ""),
        ],
        lines: &[
            "accept ok",
            "receive connect",
            "receive text abc",
            "send ok",
        ],
        ..PLAIN
    },
    Row {
        shows: "G-09: a receive that loses against a timer a hundred times, and one message",
        steps: "receive&accept&race=100&send=ready&receive&race=1",
        acts: &[Hears("ready"), Says("one"), IsClosed(1000, "")],
        lines: &[
            "receive connect",
            "accept ok",
            "race 100/100",
            "send ok",
            "receive text one",
            "race 1/1",
        ],
        ..PLAIN
    },
    Row {
        shows: "G-09: messages that come while nobody receives are there for the next one",
        steps: "accept&receive=2&sleep=300&race=2&race=1",
        acts: &[Says("one"), Says("two"), Says("three"), IsClosed(1000, "")],
        lines: &[
            "accept ok",
            "receive connect",
            "receive text one",
            "receive text two",
            "receive text three",
            "race 0/2",
            "race 1/1",
        ],
        ..PLAIN
    },
    // ------------------------------------------------------------ the end
    Row {
        shows: "W-12: code and reason reach the client, and codes that no app may send are refused",
        steps: "accept&close=0:&close=999:&close=1005:&close=1006:&close=1015:&close=2999:&close=5000:&close=4000:why",
        acts: &[IsClosed(4000, "why")],
        lines: &[
            "accept ok",
            "close error invalid",
            "close error invalid",
            "close error invalid",
            "close error invalid",
            "close error invalid",
            "close error invalid",
            "close error invalid",
            "close ok",
        ],
        ..PLAIN
    },
    Row {
        shows: "W-13, W-14, W-16, W-17: the client closes with code and reason; receive says so for ever, send fails",
        steps: "receive&accept&receive=3&send=late&close=1000:",
        acts: &[Says("a"), Closes(4000, "bye")],
        lines: &[
            "receive connect",
            "accept ok",
            "receive text a",
            "receive disconnect 4000 bye",
            "receive disconnect 4000 bye",
            "send error disconnected",
            "close error disconnected",
        ],
        ..PLAIN
    },
    Row {
        shows: "W-14: a close frame without a code is 1005",
        steps: "accept&receive=2",
        acts: &[ClosesWithoutCode],
        lines: &["accept ok", "receive connect", "receive disconnect 1005"],
        ..PLAIN
    },
    Row {
        shows: "W-13, W-14, W-16, W-17: a lost connection is 1006",
        steps: "accept&receive=3&send=late",
        acts: &[Vanishes],
        lines: &[
            "accept ok",
            "receive connect",
            "receive disconnect 1006",
            "receive disconnect 1006",
            "send error disconnected",
        ],
        ..PLAIN
    },
    Row {
        shows: "W-15: after its own close the app receives the code that ended it",
        steps: "receive&accept&close=4001:enough&receive=2",
        acts: &[IsClosed(4001, "enough")],
        lines: &[
            "receive connect",
            "accept ok",
            "close ok",
            "receive disconnect 4001*",
            "receive disconnect 4001*",
        ],
        ..PLAIN
    },
    Row {
        shows: "W-15: another task closes while a receive waits",
        steps: "receive&accept&closer=100:4002:other&receive",
        acts: &[IsClosed(4002, "other")],
        lines: &[
            "receive connect",
            "accept ok",
            "closer ok",
            "receive disconnect 4002*",
        ],
        ..PLAIN
    },
    Row {
        shows: "W-20: an app that returns closes with 1000, behind what it has sent",
        steps: "accept&send=a&bytes=100000&send=b",
        acts: &[
            Hears("a"),
            HearsBytes(100_000),
            Hears("b"),
            IsClosed(1000, ""),
        ],
        lines: &["accept ok", "send ok", "bytes ok", "send ok"],
        ..PLAIN
    },
    Row {
        shows: "W-21: an app that raises closes with 1011",
        steps: "accept&send=a&raise=on%20purpose",
        acts: &[Hears("a"), IsClosedWith(1011)],
        lines: &["accept ok", "send ok"],
        ..PLAIN
    },
    Row {
        shows: "W-17, A-09: an error of a send to a client that is gone may leave the app",
        steps: "accept&receive=2&strict&send=late&send=never",
        acts: &[Closes(1001, "")],
        lines: &[
            "accept ok",
            "receive connect",
            "receive disconnect 1001",
            "send error disconnected",
        ],
        ..PLAIN
    },
    Row {
        shows: "W-24: a reserved opcode is 1002, and the app hears of it",
        steps: "accept&receive=2",
        acts: &[Frame(0x83, b""), IsClosedWith(1002)],
        lines: &["accept ok", "receive connect", "receive disconnect 1002*"],
        ..PLAIN
    },
    Row {
        shows: "W-24: text that is no UTF-8 is 1007, and the app hears of it",
        steps: "accept&receive=2",
        acts: &[Frame(0x81, b"\xff"), IsClosedWith(1007)],
        lines: &["accept ok", "receive connect", "receive disconnect 1007*"],
        ..PLAIN
    },
];

/// The rows of the table, one after the other, and their guest serves on.
#[test]
fn every_way_that_it_may_go() {
    for serve in twins::websocket_as_asked() {
        let server = serve.start();
        for (number, row) in ROWS.iter().enumerate() {
            run(&server, number, row);
        }
        server.assert_serves();
    }
}

#[track_caller]
fn run(server: &Running, number: usize, row: &Row) {
    println!("{}: {}", server.name, row.shows);
    let tag = format!("row-{number}");
    match connect(server.client(), &target(&tag, row.steps), row.offers) {
        Ok(mut socket) => {
            assert_eq!(row.status, 101, "{}", row.shows);
            for act in row.acts {
                perform(&mut socket, act);
            }
            let kept = (!matches!(row.acts.last(), Some(Vanishes))).then_some(socket);
            expect_lines(server, &tag, row.lines);
            drop(kept);
        }
        Err(response) => {
            assert_eq!(response.status, row.status, "{}", row.shows);
            expect_lines(server, &tag, row.lines);
        }
    }
}

pub(super) fn target(tag: &str, steps: &str) -> String {
    format!("/play?tag={tag}&{steps}")
}

#[track_caller]
pub(super) fn connect(
    client: Client,
    target: &str,
    offers: &str,
) -> Result<WebSocket, Box<Response>> {
    let protocol = ("sec-websocket-protocol", offers);
    let headers = if offers.is_empty() {
        &[][..]
    } else {
        &[protocol][..]
    };
    client.websocket(target, headers)
}

#[track_caller]
fn perform(socket: &mut WebSocket, act: &Act) {
    match act {
        Says(text) => {
            socket.text(text);
        }
        SaysBytes(count) => {
            socket.bytes(&vec![b'x'; *count]);
        }
        Hears(text) => assert_eq!(socket.see_text(), *text),
        HearsBytes(count) => match socket.see() {
            Seen::Bytes(bytes) => {
                assert_eq!(bytes.len(), *count);
                assert!(bytes.iter().all(|byte| *byte == b'x'));
            }
            other => panic!("no bytes but {other:?}"),
        },
        Frame(first, payload) => {
            socket.frame(*first, payload);
        }
        Pong(payload) => assert_eq!(socket.see(), Seen::Pong(payload.to_vec())),
        Closes(code, reason) => {
            socket.close(*code, reason);
            let Seen::Close(answer, _) = socket.see() else {
                panic!("the close is not answered");
            };
            assert_eq!(answer, Some(*code));
            assert!(socket.client.is_closed());
        }
        ClosesWithoutCode => {
            socket.close_empty();
            let Seen::Close(..) = socket.see() else {
                panic!("the close is not answered");
            };
            assert!(socket.client.is_closed());
        }
        Vanishes => {} // `run` drops it
        IsClosed(code, reason) => {
            assert_eq!(socket.see_close(), (Some(*code), (*reason).to_owned()));
        }
        IsClosedWith(code) => assert_eq!(socket.see_close().0, Some(*code)),
    }
}

/// Waits until the app has written so many lines down, and compares them.
#[track_caller]
pub(super) fn expect_lines(server: &Running, tag: &str, expected: &[&str]) {
    let read = || {
        let text = server.get(&format!("/lines?tag={tag}")).text();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    eventually(tag, || read().len() >= expected.len());
    let lines = read();
    let same = lines.len() == expected.len()
        && lines
            .iter()
            .zip(expected)
            .all(|(line, expected)| match expected.strip_suffix('*') {
                Some(start) => line.starts_with(start),
                None => line == expected,
            });
    assert!(same, "{lines:#?} instead of {expected:#?}");
}
