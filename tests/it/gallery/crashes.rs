//! Who ends before its time, and takes its siblings along (`G-04`, `X-08`).

use wasgi_tests::{Serve, by_hand, eventually, guests};

use super::Stage;

/// A hundred requests and WebSockets are in flight when a sibling traps: each hears of it, and the blame is one call's.
#[test]
pub(crate) fn trap_among_siblings() {
    let stage = Stage::of(guests::TRAP_AMONG_SIBLINGS);
    let mut requests: Vec<_> = (0..70).map(|_| stage.ask("/wait")).collect();
    let mut sockets: Vec<_> = (0..30).map(|_| stage.websocket("/")).collect();
    eventually("all are in flight", || {
        stage.usage().in_flight == 70 && stage.usage().websockets == 30
    });
    assert_eq!(stage.get("/crash").status, 500, "its own fault");
    for request in &mut requests {
        assert_eq!(request.response().status, 502, "not its fault");
    }
    for socket in &mut sockets {
        assert_eq!(socket.see_close().0, Some(1011));
    }
    stage.assert_ended("aborted", &["the app aborted"]);
    stage.assert_over();
}

/// A trap in every request: each is answered, the host waits longer and longer before it tries again, and nobody else waits.
#[test]
fn a_crash_loop_is_slowed_down() {
    let stage = Stage::of(guests::TRAP);
    for _ in 0..5 {
        assert_eq!(stage.get("/before").status, 500);
    }
    eventually("five ends", || {
        stage.usage().ends.get("aborted") == Some(&5)
    });
    let waits = || -> Vec<u32> {
        let lines = stage.app().log();
        let said = lines
            .iter()
            .filter_map(|line| line.message.split_once("a new one starts in "));
        let waits = said.filter_map(|(_, rest)| rest.split_once("ms:")?.0.parse().ok());
        waits.collect()
    };
    eventually("five waits", || waits().len() == 5);
    let waits = waits();
    // It doubles, give or take a quarter.
    assert!(waits.is_sorted() && waits[4] > 4 * waits[0], "{waits:?}");
    stage.assert_over();
}

/// A panic, which is a trap, in a request that has an answer already: the answer stays.
#[test]
fn a_trap_after_the_response_is_its_siblings_loss() {
    let stage = Stage::of(guests::TRAP);
    let sibling = stage.sibling();
    assert_eq!(stage.get("/after").text(), "whole");
    sibling.assert_cut();
    stage.assert_ended("aborted", &["the app aborted"]);
    stage.assert_over();
}

/// `exit` of a program ends the instance, and not the host.
#[test]
pub(crate) fn exit_the_process() {
    let says = ["the app left by `exit`"];
    Stage::of(guests::EXIT_THE_PROCESS).assert_crash("/", 500, "exit", &says);
}

/// Who is to blame is the guest's word, which cannot harm anybody but its own clients.
#[test]
pub(crate) fn blame_a_sibling() {
    let stage = Stage::of(guests::BLAME_A_SIBLING);
    let mut innocent = stage.ask("/wait");
    stage.app().wait_line("waiting");
    assert_eq!(stage.get("/crash").status, 502);
    assert_eq!(innocent.response().status, 500);
    stage.assert_ended("aborted", &["the app aborted"]);
    stage.assert_over();
}

/// `run` that returns although nobody asked it to.
#[test]
fn a_run_that_returns_early_is_a_crash() {
    let stage = Stage::of(guests::RETURN_FROM_RUN_EARLY);
    assert_eq!(stage.get("/").status, 502);
    stage.assert_ended(
        "contract",
        &["contract broken", "`run` returned before shutdown"],
    );
    stage.assert_over();
}

/// `cabi_realloc`, which the host calls for every list that it hands over, is the guest's, too.
#[test]
fn a_malicious_realloc_ends_its_instance() {
    for (guest, kind, says) in [
        (by_hand::REALLOC_OUT_OF_BOUNDS, "host", "realloc return"),
        (by_hand::REALLOC_MISALIGNED, "host", "realloc return"),
        (by_hand::REALLOC_TRAPS, "aborted", "the app aborted"),
        (by_hand::REALLOC_SPINS, "cpu", "the CPU budget is used up"),
        (by_hand::REALLOC_CALLS_BACK, "trapped", "cannot leave"),
    ] {
        let stage = Stage::serve(Serve::guest(guest).limit("cpu", "300 ms"));
        let mut sibling = stage.ask("/sibling");
        eventually("it is in flight", || stage.usage().in_flight == 1);
        assert_eq!(stage.get("/attack").text(), "ok", "{guest:?}: it is armed");
        assert_eq!(stage.get("/attack").status, 502, "{guest:?}");
        assert_eq!(sibling.response().status, 502, "{guest:?}");
        stage.assert_ended(kind, &[says]);
        stage.assert_over();
    }
}

/// One that gives the same memory for everything garbles what its guest reads, and nothing else.
#[test]
fn an_overlapping_realloc_harms_its_guest() {
    let stage = Stage::of(by_hand::REALLOC_OVERLAPS);
    assert_eq!(stage.get("/attack").text(), "ok", "it is armed");
    let mut garbled = stage.ask("/attack");
    stage.neighbour.goes_on();
    garbled.half_close();
    stage.assert_unharmed();
}

/// A guest that waits for what can never happen is told so by a trap.
#[test]
fn a_wait_for_nothing_is_not_for_ever() {
    let stage = Stage::serve(
        Serve::guest(by_hand::WAIT_FOR_NOTHING)
            .limit("first_response", "500 ms")
            .limit("disconnect_grace", "300 ms")
            .limit("drain", "300 ms")
            .limit("shutdown", "300 ms"),
    );
    let status = stage.get("/attack").status;
    assert!(matches!(status, 502 | 504), "{status}");
    eventually("it is replaced", || stage.usage().started == 2);
    stage.assert_over();
}

/// Backpressure is a counter, and its end is a trap.
#[test]
fn backpressure_without_an_end_is_a_trap() {
    Stage::of(by_hand::BACKPRESSURE).assert_wat_crash("trapped", &["backpressure"]);
}

/// Actions that are not in the guest's memory, are no actions, or are no text.
#[test]
fn what_the_component_model_refuses_is_a_crash() {
    for (guest, says) in [
        (by_hand::SAY_FROM_NOWHERE, "out of bounds"),
        (by_hand::SAY_WHAT_IS_NO_ACTION, "unexpected discriminant"),
        (by_hand::SAY_WHAT_IS_NO_TEXT, "utf-8"),
    ] {
        Stage::of(guest).assert_wat_crash("host", &[says]);
    }
}

/// A long text of an exception is cut in the log, and never on the wire.
#[test]
pub(crate) fn raise_a_long_text() {
    let stage = Stage::serve(Serve::guest(guests::RAISE_A_LONG_TEXT));
    let sibling = stage.sibling();
    assert_eq!(stage.get("/").text(), "answered");
    let line = stage.app().wait_line("long long");
    assert!(line.message.len() < 100_000, "{}", line.message.len());
    sibling.assert_lives();
    stage.assert_not_replaced();
    stage.assert_over();
}
