//! The client goes away (`D-01`–`D-07`): the app hears of it, from `receive` and from `send`, and is not cancelled.

use wasgi_tests::{H2, Serve, block_on, eventually, guests};

use crate::any_guest::bodies::times;
use crate::any_guest::leaving::{self, Hang, Heard, Leave};

const BY_SEND: Heard<'_> = [
    "send: Disconnected",
    "then receive: Disconnect",
    "again receive: Disconnect",
    "the app goes on",
];

const BY_RECEIVE: Heard<'_> = [
    "receive: Disconnect",
    "then send: Err(Disconnected)",
    "again receive: Disconnect",
    "the app goes on",
];

/// `D-01`, `D-02`, `D-04`, `Q-11`, `A-09`: `send` fails, every later `receive` yields a disconnect, the app goes on, and
/// the error that it lets escape is no error.
#[test]
pub(crate) fn notice_the_disconnect() {
    let server = Serve::guest(guests::NOTICE_THE_DISCONNECT).start();
    leaving::send_fails(&server, "/send", &BY_SEND);
}

/// `D-03`: a `receive` that waits wakes on FIN.
#[test]
fn a_waiting_receive_wakes_on_fin() {
    let server = Serve::guest(guests::NOTICE_THE_DISCONNECT).start();
    leaving::a_waiting_receive_wakes(&server, "/receive", Leave::Fin, &BY_RECEIVE);
}

/// `D-03`: and on RST.
#[test]
fn a_waiting_receive_wakes_on_rst() {
    let server = Serve::guest(guests::NOTICE_THE_DISCONNECT).start();
    leaving::a_waiting_receive_wakes(&server, "/receive", Leave::Reset, &BY_RECEIVE);
}

/// `D-03` before anything has been said, and in the middle of a request body.
#[test]
fn a_client_may_leave_before_the_response() {
    let server = Serve::guest(guests::HANG).start();
    let hangs = Hang {
        target: "/early",
        begun: "hanging at /early",
        gone: "disconnected at /early",
    };
    let uploads = Hang {
        target: "/upload",
        begun: "hanging at /upload",
        gone: "disconnected at /upload",
    };
    leaving::a_client_may_leave_before_the_response(&server, &hangs, &uploads);
}

/// `D-03` on a Unix socket.
#[test]
fn a_client_of_a_unix_socket_may_leave() {
    let server = Serve::guest(guests::NOTICE_THE_DISCONNECT).unix().start();
    leaving::a_waiting_receive_wakes(&server, "/receive", Leave::Fin, &BY_RECEIVE);
}

/// `D-06`: a reset ends that stream, and no other of the connection.
#[test]
fn a_reset_stream_ends_alone() {
    for (target, expected) in [("/receive", BY_RECEIVE), ("/send", BY_SEND)] {
        let server = Serve::guest(guests::NOTICE_THE_DISCONNECT).start();
        leaving::a_reset_stream_ends_alone(&server, target, &expected);
    }
}

/// `D-03` for every stream of a connection that is lost.
#[test]
fn a_lost_connection_ends_all_its_streams() {
    let server = Serve::guest(guests::HANG).start();
    block_on(async {
        let mut client = server.h2().await;
        client.get("/ok").await;
        let mut streams = Vec::new();
        for _ in 0..5 {
            streams.push(client.open(H2::request("GET", "/mid"), true).await);
        }
        for (response, _) in &mut streams {
            assert_eq!(response.await.unwrap().status(), 200);
        }
    });
    eventually("all five have heard of it", || {
        times(&server, "disconnected at /mid") == 5
    });
    server.assert_serves();
}

/// Many clients that leave at any point leave nothing behind.
#[test]
fn three_hundred_clients_that_leave_leave_nothing_behind() {
    let server = Serve::guest(guests::HANG).start();
    leaving::clients_that_leave_leave_nothing_behind(&server, ["/", "/start", "/mid"]);
}
