//! How an app may end (`X-01`–`X-08`), and what its client and its siblings see.

use h2::Reason;
use wasgi_tests::{Gone, Guest, H2, Serve, block_on, guests};

use crate::any_guest::exits::{self as common, EARLY, Row, TRAPPED};

/// Checks one row of a guest's.
#[track_caller]
fn check(guest: Guest, row: &Row) {
    common::check(&Serve::guest(guest).start(), row);
}

/// `X-01`: 500, and the connection is kept.
#[test]
pub(crate) fn raise_before_start() {
    let log = "secret: raised before the start";
    let row = Row::refused("/", log, "raised");
    check(guests::RAISE_BEFORE_START, &row);
}

/// `X-02`: the held start (`R-04`) becomes a 500.
#[test]
pub(crate) fn raise_after_start() {
    let log = "secret: raised after the start";
    let row = Row::refused("/", log, "raised");
    check(guests::RAISE_AFTER_START, &row);
}

/// `X-03`, `A-10`, `M-06`: cut without the final chunk; RST_STREAM on HTTP/2.
#[test]
pub(crate) fn raise_mid_body() {
    let log = "secret: raised mid-body";
    let row = Row::cut("/", log, "raised");
    check(guests::RAISE_MID_BODY, &row);
}

/// `X-04`: the response is intact, the connection kept; logged.
#[test]
pub(crate) fn raise_after_complete() {
    let log = "secret: raised after the end";
    let row = Row::intact("/", log);
    check(guests::RAISE_AFTER_COMPLETE, &row);
}

/// `X-05`: 500.
#[test]
pub(crate) fn return_without_response() {
    let row = Row::refused("/", EARLY, "no-response");
    check(guests::RETURN_WITHOUT_RESPONSE, &row);
}

/// `X-06`: 500.
#[test]
pub(crate) fn return_after_start() {
    let row = Row::refused("/", EARLY, "no-response");
    check(guests::RETURN_AFTER_START, &row);
}

/// `X-07`, `M-06`: cut without the final chunk; RST_STREAM on HTTP/2.
#[test]
pub(crate) fn return_mid_body() {
    let row = Row::cut("/", EARLY, "no-response");
    check(guests::RETURN_MID_BODY, &row);
}

/// `X-08`: a trap is answered as a raise is, at each point of the response, and the server goes on with a new instance.
#[test]
pub(crate) fn trap() {
    for row in [
        Row::refused("/before", TRAPPED, "trapped"),
        Row::refused("/start", TRAPPED, "trapped"),
        Row::cut("/mid", TRAPPED, "trapped"),
    ] {
        check(guests::TRAP, &row);
    }
    let server = Serve::guest(guests::TRAP).start();
    common::a_trap_after_the_response_leaves_it_intact(&server, "/after");
}

/// `G-04`, `G-13`: the call that trapped gets 500, those in flight beside it 502 or are cut; the log names the instance
/// and the request that trapped; a new instance takes the next request.
#[test]
fn a_trap_ends_every_call_of_its_instance_and_no_more() {
    let server = Serve::guest(guests::TRAP).start();
    common::a_trap_ends_every_call_of_its_instance_and_no_more(&server, "/before");
}

/// `G-24`: what a panic says stands in the app's log beside the request that caused it, and nowhere else.
#[test]
fn a_panic_message_is_for_the_log_only() {
    let server = Serve::guest(guests::TRAP).start();
    let response = server.get("/before");
    assert!(!response.mentions("secret"), "{response:?}");
    let line = server
        .wait_log(|line| line.is_printed() && line.message.contains("secret: the guest panics"));
    let access =
        server.wait_log(|line| line.target == "wasgi::access" && line.field("path") == "/before");
    assert_eq!(line.field("request"), access.field("request"));
    assert_eq!(line.field("stream"), "stderr");
    assert!(!access.to_string().contains("secret"), "{access}");
    let blamed = server.wait_line("the instance trapped in this call");
    assert!(blamed.message.contains("the app aborted"), "{blamed}");
}

/// `G-24`: where it trapped, by function names, is written once: with the end of the instance, whose number the call's line has, too.
#[test]
fn the_stack_of_a_trap_is_written_once() {
    let server = Serve::guest(guests::TRAP).start();
    assert_eq!(server.get("/before").status, 500);
    let blamed = server.wait_line("the instance trapped in this call");
    let ended = server.wait_line("the instance ended; a new one starts");
    assert_eq!(blamed.field("instance"), ended.field("instance"));
    assert!(ended.message.contains("wasm backtrace"), "{ended}");
    let log = server.log();
    let stacks = log
        .iter()
        .filter(|line| line.message.contains("wasm backtrace"));
    assert_eq!(stacks.count(), 1, "{log:#?}");
}

/// An app that crashes in a loop is started again and again, each time later (`G-04`).
#[test]
fn a_crashing_instance_is_replaced_with_back_off() {
    let server = Serve::guest(guests::TRAP).start();
    for _ in 0..4 {
        assert_eq!(server.get("/before").status, 500);
    }
    server.assert_serves();
    let log = server.log();
    let ends: Vec<_> = log
        .iter()
        .filter(|line| line.message.contains("a new one starts in"))
        .collect();
    let numbers: Vec<_> = ends.iter().map(|line| line.field("instance")).collect();
    assert_eq!(numbers, ["1", "2", "3", "4"]);
    // A quarter more or less, so that apps that crash together do not come back together.
    for (line, wait) in ends.iter().zip([50, 100, 200, 400]) {
        let said = line.message.split("starts in ").nth(1).unwrap();
        let ms: u32 = said.split("ms").next().unwrap().parse().unwrap();
        assert!(
            (wait * 3 / 4 - 1..=wait * 5 / 4 + 1).contains(&ms),
            "{line}"
        );
    }
}

/// `X-08`, `M-06`: over HTTP/2 a trap resets the streams whose response has begun and answers the others.
#[test]
fn a_trap_over_http2_resets_only_what_has_begun() {
    let server = Serve::guest(guests::TRAP).start();
    block_on(async {
        let mut client = server.h2().await;
        let (waits, _) = client.open(H2::request("GET", "/wait"), true).await;
        let (streams, _) = client.open(H2::request("GET", "/stream"), true).await;
        let (parts, mut body) = H2::head(streams).await.unwrap();
        assert_eq!(parts.status, 200);
        assert_eq!(body.frame().await.unwrap().unwrap(), "part");
        assert_eq!(client.get("/before").await.status, 500);
        assert_eq!(
            body.frame().await.unwrap(),
            Err(Some(Reason::INTERNAL_ERROR))
        );
        let lost = H2::reply(waits).await;
        assert_eq!(lost.map(|reply| reply.status), Ok::<u16, Gone>(502));
        assert_eq!(client.get("/ok").await.text(), "ok");
    });
}
