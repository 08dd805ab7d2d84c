//! Sync code that waits inside a call, `asyncio.run` in a `def` endpoint for one (`G-16`): everything else of the instance goes on,
//! and the waits end last in, first out, as docs/python-asyncio.md says.

use std::error::Error as _;
use std::time::Duration;

use tracing::Level;
use wasgi_tests::{Running, eventually, noise};

use super::behaviours;

/// A client whose call waits.
#[track_caller]
fn waiting(server: &Running, name: &str, more: &str) -> wasgi_tests::Client {
    let mut client = server.client();
    client.request(&format!("/nested?name={name}{more}"));
    server.wait_line(&format!("{name} waits"));
    client
}

#[track_caller]
fn nothing_bad(server: &mut Running) {
    let log = server.stop();
    let bad: Vec<_> = log
        .iter()
        // Once per instance: threads run inline.
        .filter(|line| line.level <= Level::WARN && !line.message.contains("thread"))
        .collect();
    assert!(bad.is_empty(), "{bad:?}");
}

/// Calls arrive, stream and end above the wait.
#[test]
fn other_calls_arrive_and_end_while_a_def_endpoint_waits() {
    let mut server = behaviours().start();
    let mut waits = waiting(&server, "a", "");
    let body = noise(300_000);
    let mut echoes = server.client();
    for _ in 0..5 {
        server.assert_serves();
        assert_eq!(echoes.post("/echo", &body).body, body);
    }
    let mut clients: Vec<_> = (0..20).map(|_| server.client()).collect();
    for client in &mut clients {
        client.request("/meet?n=20");
    }
    for client in &mut clients {
        assert_eq!(client.response().text(), "20 met");
    }
    assert!(waits.is_silent_for(Duration::from_millis(50)));
    assert_eq!(server.get("/release?first=a").text(), "released");
    assert_eq!(waits.response().text(), "a waited");
    assert_eq!(waits.get("/ok").text(), "ok");
    drop((waits, echoes, clients));
    nothing_bad(&mut server);
}

/// Nobody can throw an exception into frames that wait: the endpoint ends as it would, and its answer goes nowhere (`D-02`).
#[test]
fn a_client_may_leave_while_its_endpoint_waits() {
    let mut server = behaviours().start();
    let tasks = |server: &Running| {
        let text = server.get("/memory").text();
        text.rsplit('=').next().map(str::to_owned)
    };
    let before = tasks(&server);
    drop(waiting(&server, "a", ""));
    server.assert_serves();
    assert_eq!(server.get("/release?first=a").text(), "released");
    server.wait_line("a has no client any more");
    let access =
        server.wait_log(|line| line.target == "wasgi::access" && line.field("path") == "/nested");
    assert_eq!(access.field("outcome"), "disconnected", "{access}");
    // Nothing of it is left on the stack.
    let mut next = waiting(&server, "b", "");
    assert_eq!(server.get("/release?first=b").text(), "released");
    assert_eq!(next.response().text(), "b waited");
    eventually("no task is left", || tasks(&server) == before);
    drop(next);
    nothing_bad(&mut server);
}

/// What is released first lies below and goes on last; a call that comes meanwhile waits for its turn and is not lost.
#[test]
fn two_waits_end_last_in_first_out() {
    let mut server = behaviours().start();
    let mut below = waiting(&server, "a", "");
    let mut above = waiting(&server, "b", "");
    assert_eq!(server.get("/release?first=a&then=b").text(), "released");
    server.assert_serves();
    assert_eq!(above.response().text(), "b waited");
    assert_eq!(below.response().text(), "a waited");
    let printed = server.printed();
    let went_on: Vec<_> = printed
        .iter()
        .filter(|line| line.ends_with("goes on"))
        .collect();
    assert_eq!(went_on, ["b goes on", "a goes on"]);
    drop((below, above));
    nothing_bad(&mut server);
}

/// `G-13`: a wait that does not end is a 504 to its client and holds up nobody, and the instance still stops.
#[test]
fn an_endless_wait_is_a_504_and_the_server_stops() {
    let mut server = behaviours()
        .limit("first_response", "200 ms")
        .limit("drain", "300 ms")
        .start();
    let mut waits = waiting(&server, "a", "");
    assert_eq!(waits.response().status, 504);
    for _ in 0..3 {
        server.assert_serves();
    }
    drop(waits);
    server.stop();
}

/// `L-02`, `L-08`: start-up may wait the same way, as long as it may take at all.
#[test]
fn startup_may_wait_in_sync_code() {
    let mut server = behaviours().env("LIFESPAN", "nested-startup").start();
    let printed = server.printed();
    assert_eq!(
        printed[printed.len() - 3..],
        ["startup waits", "startup goes on", "startup waited"]
    );
    server.assert_serves();
    let mut waits = waiting(&server, "a", "&seconds=0.05");
    assert_eq!(waits.response().text(), "a waited");
    drop(waits);
    nothing_bad(&mut server);

    let hangs = behaviours()
        .env("LIFESPAN", "nested-startup-hangs")
        .limit("startup", "300 ms");
    let (error, _) = hangs.try_start().err().expect("it must not start");
    let why = error.source().expect("a reason").to_string();
    assert!(why.contains("`startup`"), "{why}");
}
