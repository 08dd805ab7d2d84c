//! Who breaks the contract (`G-08`, `G-23`): a call, or an instance where no call is to blame; the neighbour never.
//!
//! What each client sees, byte for byte, stands in `contract.rs` of these tests; here is what it costs everybody else.

use wasgi_tests::{Guest, guests};

use super::Stage;

/// Ends its instance, its sibling with it.
#[track_caller]
fn ends_its_instance(guest: Guest, targets: &[&str], says: &str) {
    let stage = Stage::of(guest);
    for (times, target) in targets.iter().enumerate() {
        let sibling = stage.sibling();
        let response = stage.get(target);
        assert!(
            matches!(response.status, 500 | 502),
            "{target}: {response:?}"
        );
        assert!(!response.mentions("secret"), "{target}: {response:?}");
        sibling.assert_cut();
        stage.assert_ended("contract", &["contract broken", says]);
        wasgi_tests::eventually("one end for each", || {
            stage.usage().ends.get("contract") == Some(&(times as u64 + 1))
        });
        stage.assert_serves();
    }
    stage.assert_over();
}

/// Costs the call, and nobody else.
#[track_caller]
fn costs_its_call(guest: Guest, targets: &[&str], says: &str) {
    let stage = Stage::of(guest);
    let sibling = stage.sibling();
    for target in targets {
        let response = stage.get(target);
        assert!(
            response.status == 500 || !response.whole,
            "{target}: {response:?}"
        );
        for word in ["secret", "forged", says] {
            assert!(!response.mentions(word), "{target}: {response:?}");
        }
        stage.app().wait_line(says);
    }
    sibling.assert_lives();
    stage.assert_not_replaced();
    stage.assert_over();
}

/// A second exchange while one waits.
#[test]
fn a_second_exchange_ends_its_instance() {
    ends_its_instance(guests::SECOND_EXCHANGE, &["/"], "a second `exchange`");
}

/// Actions for calls that there are not.
#[test]
fn unknown_calls_end_their_instance() {
    ends_its_instance(guests::UNKNOWN_CALL_ID, &["/"], "never given out");
}

/// The call 0, the next one, the last number there is.
#[test]
pub(crate) fn ids_at_the_edges() {
    let targets = ["/zero", "/next", "/last"];
    ends_its_instance(guests::IDS_AT_THE_EDGES, &targets, "never given out");
}

/// Answers to questions that nobody has asked.
#[test]
fn a_lifespan_out_of_turn_ends_its_instance() {
    ends_its_instance(guests::STARTUP_SAID_TWICE, &["/"], "`startup` said twice");
    ends_its_instance(
        guests::SHUTDOWN_SAID_UNASKED,
        &["/"],
        "`shutdown` said before",
    );
}

/// Batches over their bounds.
#[test]
fn batches_over_their_bounds_end_their_instance() {
    ends_its_instance(guests::TOO_MANY_ACTIONS, &["/"], "more than 1024 actions");
    ends_its_instance(guests::TOO_MANY_BYTES, &["/"], "more than 1048576 bytes");
}

/// A guest that speaks of calls before it has started is not deployed.
#[test]
fn calls_before_startup_are_no_start() {
    let stage = Stage::empty();
    let told = stage.refuses(wasgi_tests::Serve::guest(guests::CALL_BEFORE_STARTUP));
    assert!(told.contains("contract broken"), "{told}");
    let told = stage.refuses(wasgi_tests::Serve::guest(guests::RETURN_BEFORE_STARTUP));
    assert!(told.contains("`run` returned before shutdown"), "{told}");
    stage.assert_unharmed();
}

/// More than the credit, both ways (`G-20`).
#[test]
fn more_than_the_credit_costs_its_call() {
    costs_its_call(guests::MORE_THAN_THE_CREDIT, &["/"], "before `writable`");
    let targets = ["/once", "/twice", "/huge"];
    costs_its_call(
        guests::READ_BEYOND_THE_MARK,
        &targets,
        "more than 64 KiB of `read` credit",
    );
}

/// A body larger than an action may have.
#[test]
fn a_huge_action_costs_its_call() {
    costs_its_call(
        guests::OVERSIZED_BODY_ACTION,
        &["/respond", "/body"],
        "more than 256 KiB",
    );
}

/// What no response can have.
#[test]
fn a_forged_head_costs_its_call() {
    let targets = [
        "/?which=0",
        "/?which=1",
        "/?which=2",
        "/?which=3",
        "/?which=4",
        "/?which=5",
        "/?which=6",
    ];
    costs_its_call(guests::HEADER_WITH_LINE_BREAK, &targets, "invalid event");
    costs_its_call(guests::HEADER_LENGTHS_LIE, &targets[..4], "invalid event");
    costs_its_call(
        guests::ILLEGAL_STATUS,
        &["/respond?status=101", "/start?status=65535"],
        "not within",
    );
}

/// A response out of turn.
#[test]
fn a_response_out_of_turn_costs_its_call() {
    costs_its_call(guests::BODY_BEFORE_START, &["/"], "body before the start");
    costs_its_call(guests::SECOND_START, &["/", "/mid"], "started before");
    costs_its_call(
        guests::FINISHED_MID_BODY,
        &["/"],
        "returned before its response was complete",
    );
    costs_its_call(
        guests::WEBSOCKET_ACTION,
        &["/?which=0", "/?which=1", "/?which=2"],
        "WebSocket action",
    );
}

/// Actions for calls that have ended are ignored, and a hundred thousand of them fill no log (`G-23`).
#[test]
pub(crate) fn say_late_for_ever() {
    let stage = Stage::of(guests::SAY_LATE_FOR_EVER);
    let sibling = stage.sibling();
    assert_eq!(stage.get("/").text(), "answered");
    stage
        .app()
        .wait_line("has been `finished`: ignored (65536 so far)");
    let lines = stage.app().log();
    let about = lines
        .iter()
        .filter(|line| line.message.contains("has been `finished`"));
    assert_eq!(about.count(), 17, "one for each power of two");
    sibling.assert_lives();
    stage.assert_not_replaced();
    stage.assert_over();
}

/// A late action beside a good answer.
#[test]
fn actions_after_the_end_are_ignored() {
    let stage = Stage::of(guests::ACTION_AFTER_FINISHED);
    let sibling = stage.sibling();
    assert_eq!(stage.get("/").text(), "first");
    stage
        .app()
        .wait_line("an action for a call that has been `finished`");
    sibling.assert_lives();
    stage.assert_not_replaced();
    stage.assert_over();
}
