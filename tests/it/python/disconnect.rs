//! The client of a Python app goes away (`D-01`–`D-07`): an `OSError` out of `send`, a disconnect out of `receive`.

use super::behaviours;
use crate::any_guest::leaving::{self, Hang, Heard, Leave};

const BY_SEND: Heard<'_> = [
    "send: True True",
    "then receive: {'type': 'http.disconnect'}",
    "again receive: http.disconnect",
    "the app goes on",
];

const BY_RECEIVE: Heard<'_> = [
    "receive: {'type': 'http.disconnect'}",
    "then send: True True",
    "again receive: http.disconnect",
    "the app goes on",
];

/// `D-01`, `D-02`, `D-04`, `Q-11`, `A-09`: `send` raises a subclass of `OSError`, every later `receive` yields a
/// disconnect, the app goes on, and the error that it lets escape is no error.
#[test]
fn send_raises_an_os_error() {
    let server = behaviours().start();
    leaving::send_fails(&server, "/notice?by=send", &BY_SEND);
}

/// `D-03`: a `receive` that waits wakes on FIN, and on RST.
#[test]
fn a_waiting_receive_wakes() {
    for leave in [Leave::Fin, Leave::Reset] {
        let server = behaviours().start();
        leaving::a_waiting_receive_wakes(&server, "/notice?by=receive", leave, &BY_RECEIVE);
    }
}

/// `D-03` before anything has been said, and in the middle of a request body.
#[test]
fn a_client_may_leave_before_the_response() {
    let server = behaviours().start();
    let hangs = Hang {
        target: "/hang",
        begun: "hanging at before",
        gone: "disconnected at before",
    };
    let uploads = Hang {
        target: "/count",
        begun: "the first event has come",
        gone: "disconnected after 5 bytes",
    };
    leaving::a_client_may_leave_before_the_response(&server, &hangs, &uploads);
}

/// `M-09`, `D-06`: a reset ends that stream, and no other of the connection.
#[test]
fn a_reset_stream_ends_alone() {
    for (target, expected) in [
        ("/notice?by=receive", BY_RECEIVE),
        ("/notice?by=send", BY_SEND),
    ] {
        let server = behaviours().start();
        leaving::a_reset_stream_ends_alone(&server, target, &expected);
    }
}

/// Many clients that leave at any point leave nothing behind.
#[test]
fn three_hundred_clients_that_leave_leave_nothing_behind() {
    let server = behaviours().start();
    let tasks = || {
        let text = server.get("/memory").text();
        text.split("tasks=").nth(1).unwrap().to_owned()
    };
    let before = tasks();
    let targets = ["/hang?at=before", "/hang?at=start", "/hang?at=mid"];
    leaving::clients_that_leave_leave_nothing_behind(&server, targets);
    assert_eq!(before, tasks());
}
