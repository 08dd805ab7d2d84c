//! What connections get from a server that drains, beside what `cli/signals`, `lifespan`, `overload` and `h2_frames` say (`G-14`).

use wasgi_tests::{Client, Running, eventually, guests};

use super::tls::Site;

/// A call in flight finishes, says that it is the last of its connection, and what follows is not read; what is idle is
/// closed.
#[track_caller]
fn finishes_and_closes(mut server: Running, mut idle: Client, mut busy: Client) {
    idle.assert_kept();
    busy.assert_kept();
    busy.request("/slow");
    server.wait_line("the slow call has begun");
    server.server().drain();
    assert!(idle.is_closed());
    // Kept until the response is done, this connection takes no further request.
    busy.request("/late");
    let response = busy.response();
    assert_eq!(
        (response.status, response.text().as_str(), response.whole),
        (200, "slow but whole", true)
    );
    assert_eq!(response.header("connection"), Some("close"));
    assert!(busy.is_closed());
    let log = server.stop();
    assert!(!log.iter().any(|line| line.field("path") == "/late"));
    let at = |text: &str| log.iter().position(|line| line.message.contains(text));
    assert!(at("the slow call is done").unwrap() < at("event LifespanShutdown").unwrap());
    eventually("its shutdown is through", || at("goodbye").is_some());
}

#[test]
fn a_plain_connection_finishes_and_closes() {
    let server = wasgi_tests::Serve::guest(guests::LOG_THE_LIFESPAN).start();
    let (idle, busy) = (server.client(), server.client());
    finishes_and_closes(server, idle, busy);
}

#[test]
fn a_tls_connection_finishes_and_closes() {
    let site = Site::of(guests::LOG_THE_LIFESPAN);
    let address = site.server.address();
    let client = || site.trusting().client(address).expect("a handshake");
    let (idle, busy) = (client(), client());
    finishes_and_closes(site.server, idle, busy);
}
