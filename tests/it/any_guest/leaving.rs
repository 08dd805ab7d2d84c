//! The client goes away (`D-01`–`D-06`): the app hears of it, from `receive` and from `send`, and is not cancelled.

use std::time::Duration;

use h2::Reason;
use tracing::Level;
use wasgi_tests::{H2, Running, block_on, eventually};

/// How a client leaves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Leave {
    Fin,
    Reset,
}

/// What the app prints of its disconnect, in its language's words; it goes on afterwards, and says so last.
pub(crate) type Heard<'a> = [&'a str; 4];

#[track_caller]
fn heard(server: &Running, expected: &Heard<'_>) {
    server.wait_log(|line| line.is_printed() && line.message == "the app goes on");
    // The call ends after that line.
    wasgi_tests::pause(Duration::from_millis(30));
    let mut printed = server.printed();
    printed.retain(|line| !line.starts_with("event "));
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
        server.wait_log(|line| line.target == "wasgi::access" && line.field("path") != "/ok");
    assert_eq!(
        (access.field("outcome"), access.field("status")),
        ("disconnected", "200"),
        "{access}"
    );
}

/// `D-01`, `D-02`, `D-04`, `Q-11`, `A-09`: `send` fails, every later `receive` yields a disconnect, the app goes on, and
/// the error that it lets escape is no error.
#[track_caller]
pub(crate) fn send_fails(server: &Running, target: &str, expected: &Heard<'_>) {
    let mut client = server.client();
    let mut head = client.request(target).head();
    client.chunk_bytes(&mut head, 20);
    drop(client);
    heard(server, expected);
    server.assert_serves();
}

/// `D-03`: a `receive` that waits wakes.
#[track_caller]
pub(crate) fn a_waiting_receive_wakes(
    server: &Running,
    target: &str,
    leave: Leave,
    expected: &Heard<'_>,
) {
    let mut client = server.client();
    let mut head = client.request(target).head();
    client.chunk_bytes(&mut head, 6);
    match leave {
        Leave::Fin => drop(client),
        Leave::Reset => client.reset(),
    }
    heard(server, expected);
}

/// A target at which the app hangs, and what it prints when it begins to and when the client has gone.
pub(crate) struct Hang<'a> {
    pub(crate) target: &'a str,
    pub(crate) begun: &'a str,
    pub(crate) gone: &'a str,
}

/// `D-03` before anything has been said, and in the middle of a request body.
#[track_caller]
pub(crate) fn a_client_may_leave_before_the_response(
    server: &Running,
    hangs: &Hang<'_>,
    uploads: &Hang<'_>,
) {
    let mut client = server.client();
    client.request(hangs.target);
    server.wait_line(hangs.begun);
    drop(client);
    server.wait_line(hangs.gone);
    let access = server.wait_log(|line| line.target == "wasgi::access");
    assert_eq!(
        (access.field("outcome"), access.field("status")),
        ("disconnected", "0")
    );

    let mut client = server.client();
    client.send(format!(
        "POST {} HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\n\r\nhello",
        uploads.target
    ));
    server.wait_line(uploads.begun);
    drop(client);
    server.wait_line(uploads.gone);
    server.assert_serves();
}

/// `D-06`: a reset ends that stream, and no other of the connection.
#[track_caller]
pub(crate) fn a_reset_stream_ends_alone(server: &Running, target: &str, expected: &Heard<'_>) {
    block_on(async {
        let mut client = server.h2().await;
        let (response, mut reset) = client.open(H2::request("POST", target), false).await;
        let (_, mut body) = H2::head(response).await.unwrap();
        assert!(body.frame().await.unwrap().is_ok());
        reset.send_reset(Reason::CANCEL);
        // Lets the connection's task write the reset.
        tokio::time::sleep(Duration::from_millis(50)).await;
        heard(server, expected);
        assert_eq!(client.get("/ok").await.text(), "ok");
    });
}

/// Many clients that leave at any point leave nothing behind. The app hangs at the first target before it has said
/// anything, at the second after the start, and at the third in the middle of the body.
#[track_caller]
pub(crate) fn clients_that_leave_leave_nothing_behind(server: &Running, targets: [&str; 3]) {
    for turn in 0..300 {
        let target = targets[turn % 3];
        let mut client = server.client();
        client.request(target);
        match turn % 5 {
            0 => client.reset(),
            1 if target == targets[2] => drop(client.head()),
            _ => drop(client),
        }
    }
    eventually("every call has ended", || {
        let lines = server.printed();
        let count = |word: &str| lines.iter().filter(|line| line.starts_with(word)).count();
        count("hanging") == count("disconnected")
    });
    server.assert_serves();
    assert!(!server.log().iter().any(|line| line.level == Level::ERROR));
}
