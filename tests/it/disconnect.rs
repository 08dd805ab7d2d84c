//! The client goes away (`D-01`–`D-07`): the app hears of it, from `receive` and from `send`, and is not cancelled.

use h2::Reason;
use tracing::Level;
use wasgi_tests::{H2, Running, Serve, block_on, eventually, guests};

#[track_caller]
fn heard(server: &Running, expected: &[&str]) {
    server.wait_log(|line| line.is_printed() && line.message == "the app goes on");
    // The call ends after that line.
    wasgi_tests::pause(std::time::Duration::from_millis(20));
    assert_eq!(server.printed(), expected);
    let bad: Vec<_> = server
        .log()
        .into_iter()
        .filter(|line| line.level <= Level::WARN)
        .collect();
    assert!(
        bad.is_empty(),
        "a client that leaves is nobody's error (`D-02`): {bad:?}"
    );
    let access =
        server.wait_log(|line| line.target == "wasgi::access" && line.field("path") != "/ok");
    assert_eq!(
        (access.field("outcome"), access.field("status")),
        ("disconnected", "200"),
        "{access}"
    );
}

const BY_SEND: [&str; 4] = [
    "send: Disconnected",
    "then receive: Disconnect",
    "again receive: Disconnect",
    "the app goes on",
];

const BY_RECEIVE: [&str; 4] = [
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
    let mut client = server.client();
    let mut head = client.request("/send").head();
    client.chunk_bytes(&mut head, 20);
    drop(client);
    heard(&server, &BY_SEND);
    server.assert_serves();
}

/// `D-03`: a `receive` that waits wakes on FIN.
#[test]
fn a_waiting_receive_wakes_on_fin() {
    let server = Serve::guest(guests::NOTICE_THE_DISCONNECT).start();
    let mut client = server.client();
    let mut head = client.request("/receive").head();
    client.chunk_bytes(&mut head, 6);
    drop(client);
    heard(&server, &BY_RECEIVE);
}

/// `D-03`: and on RST.
#[test]
fn a_waiting_receive_wakes_on_rst() {
    let server = Serve::guest(guests::NOTICE_THE_DISCONNECT).start();
    let mut client = server.client();
    let mut head = client.request("/receive").head();
    client.chunk_bytes(&mut head, 6);
    client.reset();
    heard(&server, &BY_RECEIVE);
}

/// `D-03` before anything has been said, and in the middle of a request body.
#[test]
fn a_client_may_leave_before_the_response() {
    let server = Serve::guest(guests::HANG).start();
    let mut client = server.client();
    client.request("/early");
    server.wait_line("hanging at /early");
    drop(client);
    server.wait_line("disconnected at /early");
    let access = server.wait_log(|line| line.target == "wasgi::access");
    assert_eq!(
        (access.field("outcome"), access.field("status")),
        ("disconnected", "0")
    );

    let mut client = server.client();
    client.send("POST /upload HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\n\r\nhello");
    server.wait_line("hanging at /upload");
    drop(client);
    server.wait_line("disconnected at /upload");
    server.assert_serves();
}

/// `D-03` on a Unix socket.
#[test]
fn a_client_of_a_unix_socket_may_leave() {
    let server = Serve::guest(guests::NOTICE_THE_DISCONNECT).unix().start();
    let mut client = server.client();
    let mut head = client.request("/receive").head();
    client.chunk_bytes(&mut head, 6);
    drop(client);
    heard(&server, &BY_RECEIVE);
}

/// `D-06`: a reset ends that stream, and no other of the connection.
#[test]
fn a_reset_stream_ends_alone() {
    for (target, expected) in [("/receive", BY_RECEIVE), ("/send", BY_SEND)] {
        let server = Serve::guest(guests::NOTICE_THE_DISCONNECT).start();
        block_on(async {
            let mut client = server.h2().await;
            let (response, mut reset) = client.open(H2::request("POST", target), false).await;
            let (_, mut body) = H2::head(response).await.unwrap();
            assert!(body.frame().await.unwrap().is_ok());
            reset.send_reset(Reason::CANCEL);
            // Lets the connection's task write the reset.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            heard(&server, &expected);
            assert_eq!(client.get("/ok").await.text(), "ok");
        });
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
        server
            .printed()
            .iter()
            .filter(|line| *line == "disconnected at /mid")
            .count()
            == 5
    });
    server.assert_serves();
}

/// Many clients that leave at any point leave nothing behind.
#[test]
fn three_hundred_clients_that_leave_leave_nothing_behind() {
    let server = Serve::guest(guests::HANG).start();
    for turn in 0..300 {
        let target = ["/", "/start", "/mid"][turn % 3];
        let mut client = server.client();
        client.request(target);
        match turn % 5 {
            0 => client.reset(),
            1 if target == "/mid" => drop(client.head()),
            _ => drop(client),
        }
    }
    eventually("every call has ended", || {
        let lines = server.printed();
        let begun = lines
            .iter()
            .filter(|line| line.starts_with("hanging"))
            .count();
        let ended = lines
            .iter()
            .filter(|line| line.starts_with("disconnected"))
            .count();
        begun == ended
    });
    server.assert_serves();
    assert!(!server.log().iter().any(|line| line.level == Level::ERROR));
}
