//! Who computes, with yields and without (`G-06`).

use std::time::Duration;

use wasgi_tests::{Serve, by_hand, eventually, guests};

use super::{Stage, go_on_for_a_while};

const CPU: [&str; 3] = [
    "the CPU budget is used up",
    "1s",
    "`cpu` below [limits] in wasgi.toml",
];

/// A loop without a yield.
#[test]
fn a_loop_ends_its_instance_and_its_siblings() {
    Stage::of(guests::SPIN_FOREVER).assert_crash("/", 500, "cpu", &CPU);
}

/// A loop whose every turn asks the host for nothing new: it never waits, but comes back, and so it may; in the slow lane.
#[test]
fn exchanges_in_the_past_cost_nobody_but_their_guest() {
    let stage = Stage::of(guests::POLL_WITHOUT_WAITING);
    go_on_for_a_while(&stage);
    stage.assert_not_replaced();
    stage.assert_over();
}

/// Tasks that sleep for no time at all come back to the host each time.
#[test]
pub(crate) fn sleep_not_at_all() {
    let stage = Stage::of(guests::SLEEP_NOT_AT_ALL);
    let sibling = stage.sibling();
    assert_eq!(stage.get("/").text(), "a thousand loops");
    go_on_for_a_while(&stage);
    sibling.assert_lives();
    stage.assert_not_replaced();
    stage.assert_over();
}

/// Yields of the SDK come back to the host: its siblings are served, and nobody stops it before its time is over.
#[test]
pub(crate) fn yield_forever() {
    let stage = Stage::serve(
        Serve::guest(guests::YIELD_FOREVER)
            .limit("cpu", "1 s")
            .limit("background", "1 s"),
    );
    assert_eq!(stage.get("/").text(), "yielding");
    stage.assert_serves();
    go_on_for_a_while(&stage);
    stage
        .app()
        .wait_line("`background` below [limits] in wasgi.toml");
    eventually("it is replaced", || stage.usage().started == 2);
    stage.assert_over();
}

/// Yields of the component model do not come back to `exchange`, so they are computing.
#[test]
fn yields_of_the_component_model_are_no_rest() {
    Stage::of(by_hand::YIELD_TO_THE_HOST).assert_wat_crash("cpu", &CPU);
}

/// Calls into the host that wait for nothing are computing: the clock, and random numbers.
#[test]
pub(crate) fn ask_the_clock() {
    Stage::of(guests::ASK_THE_CLOCK).assert_crash("/", 500, "cpu", &CPU);
}

/// So is `say`.
#[test]
pub(crate) fn say_for_ever() {
    Stage::of(guests::SAY_FOR_EVER).assert_crash("/", 502, "cpu", &CPU);
}

/// And `enter`, which may name calls that there are not.
#[test]
pub(crate) fn enter_for_ever() {
    Stage::of(guests::ENTER_FOR_EVER).assert_crash("/", 502, "cpu", &CPU);
}

/// Its client has its answer by then, and keeps it.
#[test]
pub(crate) fn work_for_ever_after_the_response() {
    let stage = Stage::of(guests::WORK_FOR_EVER_AFTER_THE_RESPONSE);
    let sibling = stage.sibling();
    assert_eq!(stage.get("/").text(), "accepted");
    sibling.assert_cut();
    stage.assert_ended("cpu", &CPU);
    stage.assert_over();
}

/// Recursion: a stack of its own.
#[test]
fn recursion_ends_its_instance() {
    let says = ["the stack is used up", "96 MiB, the same for every app"];
    Stage::of(guests::RECURSE_FOREVER).assert_crash("/", 500, "stack", &says);
}

/// Ten thousand sleeps cost the host one timer, and all of them end.
#[test]
pub(crate) fn sleep_ten_thousand_times() {
    let stage = Stage::of(guests::SLEEP_TEN_THOUSAND_TIMES);
    let sibling = stage.sibling();
    assert_eq!(stage.get("/").text(), "slept");
    sibling.assert_lives();
    stage.assert_not_replaced();
    stage.assert_over();
}

/// A million tasks that wait are the guest's own memory, and each request may have them.
#[test]
pub(crate) fn spawn_a_million() {
    let stage = Stage::serve(
        Serve::guest(guests::SPAWN_A_MILLION)
            .limit("cpu", "20 s")
            .limit("memory", "64 MiB"),
    );
    let says = ["refused memory", "64 MiB", "`memory` below [limits]"];
    stage.assert_crash("/", 500, "memory", &says);
}

/// A task that outlives its request is the request's work: it is over time at last.
#[test]
pub(crate) fn spawn_for_ever() {
    let stage = Stage::serve(Serve::guest(guests::SPAWN_FOR_EVER).limit("background", "500 ms"));
    for _ in 0..10 {
        assert_eq!(stage.get("/").text(), "left one");
    }
    go_on_for_a_while(&stage);
    stage.assert_serves();
    stage.assert_unharmed();
}

/// Ten thousand times `receive`, begun and given up: no event is lost, and nothing is left behind (`G-09`).
#[test]
pub(crate) fn race_receive_ten_thousand_times() {
    let stage = Stage::of(guests::RACE_RECEIVE_TEN_THOUSAND_TIMES);
    let sibling = stage.sibling();
    let mut client = stage.client();
    client.send("POST / HTTP/1.1\r\nhost: mallory.test\r\ncontent-length: 4\r\n\r\n");
    stage.app().wait_line("given up ten thousand times");
    client.send("body");
    assert_eq!(client.response().text(), "body");
    sibling.assert_lives();
    stage.assert_not_replaced();
    stage.assert_over();
}

/// A guest that blocks in a sleep of WASI never comes back; its calls do.
#[test]
pub(crate) fn block_in_wasi() {
    let stage = Stage::serve(
        Serve::guest(guests::BLOCK_IN_WASI)
            .limit("first_response", "500 ms")
            .limit("disconnect_grace", "500 ms")
            .limit("drain", "500 ms")
            .limit("shutdown", "500 ms"),
    );
    let sibling = stage.sibling();
    assert_eq!(stage.get("/").status, 504);
    let line = stage
        .app()
        .wait_line("the deadline `first_response` passed");
    assert!(line.message.contains("it had 500ms"), "{line}");
    stage
        .app()
        .wait_line("`disconnect_grace` below [limits] in wasgi.toml");
    // Another takes its place; the sibling has the time to drain, for what it is worth.
    sibling.assert_cut();
    stage.assert_over();
}

/// A response that drips is legal for as long as nobody has set a limit to it, and its client listens.
#[test]
pub(crate) fn drip() {
    let stage = Stage::serve(Serve::guest(guests::DRIP).limit("request", "700 ms"));
    let mut dripping = stage.ask("/");
    let mut response = dripping.head();
    dripping.chunk_bytes(&mut response, 5);
    dripping.body(&mut response, "GET");
    assert!(!response.whole, "{response:?}");
    let line = stage.app().wait_line("the deadline `request` passed");
    assert!(line.message.contains("it had 700ms"), "{line}");
    stage.assert_not_replaced();
    stage.assert_over();
}

/// Deadlines at the edges: each is a wait that an event ends, or a poll.
#[test]
pub(crate) fn poll_at_the_edges_of_time() {
    let stage = Stage::of(guests::POLL_AT_THE_EDGES_OF_TIME);
    for target in ["/past", "/almost", "/endless", "/last", "/past", "/last"] {
        assert_eq!(stage.get(target).text(), "ok", "{target}");
        wasgi_tests::pause(Duration::from_millis(20));
    }
    stage.assert_not_replaced();
    stage.assert_over();
}
