//! The client of a Python app goes away (`D-01`–`D-07`): an `OSError` out of `send`, a disconnect out of `receive`.

use h2::Reason;
use tracing::Level;
use wasgi_tests::{H2, Running, block_on, eventually};

use super::behaviours;

#[track_caller]
fn heard(server: &Running, expected: &[&str]) {
    server.wait_log(|line| line.is_printed() && line.message == "the app goes on");
    // The call ends after that line.
    wasgi_tests::pause(std::time::Duration::from_millis(30));
    let printed: Vec<_> = server
        .printed()
        .into_iter()
        .filter(|line| !line.starts_with("event "))
        .collect();
    assert_eq!(printed, expected);
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
        server.wait_log(|line| line.target == "wasgi::access" && line.field("path") == "/notice");
    assert_eq!(
        (access.field("outcome"), access.field("status")),
        ("disconnected", "200"),
        "{access}"
    );
}

const BY_SEND: [&str; 4] = [
    "send: True True",
    "then receive: {'type': 'http.disconnect'}",
    "again receive: http.disconnect",
    "the app goes on",
];

const BY_RECEIVE: [&str; 4] = [
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
    let mut client = server.client();
    let mut head = client.request("/notice?by=send").head();
    client.chunk_bytes(&mut head, 20);
    drop(client);
    heard(&server, &BY_SEND);
    server.assert_serves();
}

/// `D-03`: a `receive` that waits wakes on FIN, and on RST.
#[test]
fn a_waiting_receive_wakes() {
    for reset in [false, true] {
        let server = behaviours().start();
        let mut client = server.client();
        let mut head = client.request("/notice?by=receive").head();
        client.chunk_bytes(&mut head, 6);
        if reset {
            client.reset();
        } else {
            drop(client);
        }
        heard(&server, &BY_RECEIVE);
    }
}

/// `D-03` before anything has been said, and in the middle of a request body.
#[test]
fn a_client_may_leave_before_the_response() {
    let server = behaviours().start();
    let mut client = server.client();
    client.request("/hang");
    server.wait_line("hanging at before");
    drop(client);
    server.wait_line("disconnected at before");
    let access = server.wait_log(|line| line.target == "wasgi::access");
    assert_eq!(
        (access.field("outcome"), access.field("status")),
        ("disconnected", "0")
    );
    let mut client = server.client();
    client.send("POST /count HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\n\r\nhello");
    server.wait_line("the first event has come");
    drop(client);
    server.wait_line("disconnected after 5 bytes");
    server.assert_serves();
}

/// `M-09`, `D-06`: a reset ends that stream, and no other of the connection.
#[test]
fn a_reset_stream_ends_alone() {
    for (by, expected) in [("receive", BY_RECEIVE), ("send", BY_SEND)] {
        let server = behaviours().start();
        block_on(async {
            let mut client = server.h2().await;
            let request = H2::request("POST", &format!("/notice?by={by}"));
            let (response, mut reset) = client.open(request, false).await;
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

/// Many clients that leave at any point leave nothing behind.
#[test]
fn three_hundred_clients_that_leave_leave_nothing_behind() {
    let server = behaviours().start();
    let before = server.get("/memory").text();
    for turn in 0..300 {
        let at = ["before", "start", "mid"][turn % 3];
        let mut client = server.client();
        client.request(&format!("/hang?at={at}"));
        match turn % 5 {
            0 => client.reset(),
            1 if at == "mid" => drop(client.head()),
            _ => drop(client),
        }
    }
    eventually("every call has ended", || {
        let lines = server.printed();
        let count = |word: &str| lines.iter().filter(|line| line.starts_with(word)).count();
        count("hanging") == count("disconnected")
    });
    let tasks = |text: &str| text.split("tasks=").nth(1).unwrap().to_owned();
    assert_eq!(tasks(&before), tasks(&server.get("/memory").text()));
    assert!(!server.log().iter().any(|line| line.level == Level::ERROR));
}
