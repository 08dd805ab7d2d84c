//! How a Python app may end (`X-01`–`X-08`). Unlike a panic in Rust, an exception is no trap: the instance lives on.

use tracing::Level;
use wasgi_tests::{H2, Running, block_on};

use super::behaviours;
use crate::any_guest::exits::{self as common, EARLY, Row, TRAPPED, check};

/// Whether the first instance still serves: no other has been started.
#[track_caller]
fn the_instance_lives_on(server: &Running) {
    server.assert_serves();
    let ended: Vec<_> = server
        .log()
        .into_iter()
        .filter(|line| line.message.contains("the instance ended"))
        .collect();
    assert!(ended.is_empty(), "{ended:?}");
}

/// `X-01`–`X-04`, `A-10`, `M-06`: as in Rust, at each point of the response.
#[test]
fn a_raise_is_answered_at_each_point() {
    let server = behaviours().start();
    let log = "RuntimeError: secret: it raised";
    for row in [
        Row::refused("/raise?at=before", log, "raised"),
        Row::refused("/raise?at=start", log, "raised"),
        Row::cut("/raise?at=mid", log, "raised"),
        Row::intact("/raise?at=after", log),
    ] {
        check(&server, &row);
    }
    the_instance_lives_on(&server);
}

/// `X-05`–`X-07`.
#[test]
fn a_return_is_answered_at_each_point() {
    let server = behaviours().start();
    for row in [
        Row::refused("/return?at=before", EARLY, "no-response"),
        Row::refused("/return?at=start", EARLY, "no-response"),
        Row::cut("/return?at=mid", EARLY, "no-response"),
        Row::intact("/return?at=after", ""),
        // `A-15`: what it returns is not looked at.
        Row::intact("/odd-return", ""),
    ] {
        check(&server, &row);
    }
    the_instance_lives_on(&server);
}

/// Whatever is raised is one failed call, even what ends a program elsewhere; never a trap (`X-01`).
#[test]
fn nothing_that_is_raised_ends_the_instance() {
    let server = behaviours().start();
    for (what, log) in [
        ("system-exit", "SystemExit: secret: system exit"),
        ("sys-exit", "SystemExit: 3"),
        // Elsewhere nothing can stop it; here it is as `sys.exit`.
        ("os-exit", "SystemExit: 3"),
        (
            "keyboard-interrupt",
            "KeyboardInterrupt: secret: interrupted",
        ),
        ("generator-exit", "GeneratorExit: secret: generator exit"),
        ("cancelled", "CancelledError"),
        ("cancel-self", "CancelledError"),
        ("own", "Own: secret: own"),
        ("os-error", "OSError: secret: an error of the app's own"),
        ("group", "ValueError: secret: in a task"),
        ("chained", "RuntimeError: secret: the second"),
        ("stop", "secret: stop"),
        ("memory-error", "MemoryError: secret: none left"),
        ("recursion", "RecursionError: secret: too deep"),
    ] {
        for (at, mut row) in [
            ("before", Row::refused("", log, "raised")),
            ("mid", Row::cut("", log, "raised")),
            ("after", Row::intact("", log)),
        ] {
            row.target = format!("/raise?what={what}&at={at}").leak();
            check(&server, &row);
        }
    }
    the_instance_lives_on(&server);
}

/// `G-24`: the traceback stands in the log, with the source lines of the app and the request's id.
#[test]
fn a_traceback_is_for_the_log_only() {
    let server = behaviours().start();
    let response = server.get("/raise?what=chained");
    assert!(!response.mentions("secret"), "{response:?}");
    let line = server.wait_line("RuntimeError: secret: the second");
    let access = server.wait_log(|line| line.target == "wasgi::access");
    assert_eq!(line.field("request"), access.field("request"), "{line}");
    assert_eq!(line.level, Level::ERROR);
    for part in [
        "Traceback (most recent call last)",
        "exits.py",
        "await failing()",
        "ValueError: secret: in a task",
        "direct cause of the following exception",
    ] {
        assert!(line.message.contains(part), "no {part:?} in {line}");
    }
    // The SDK's own frames tell an author nothing.
    assert!(!line.message.contains("/0/wasgi"), "{line}");
}

/// A task that outlives its call may fail: it ends nothing, and asyncio logs it at once (`G-11`).
#[test]
fn a_task_that_outlives_its_call_may_fail() {
    let server = behaviours().start();
    check(&server, &Row::intact("/outlive", ""));
    let line = server.wait_line("the task goes on");
    assert!(!line.field("request").is_empty(), "{line}");
    server.wait_line("Task exception was never retrieved");
    server.wait_line("RuntimeError: secret: in a task that outlives its call");
    the_instance_lives_on(&server);
}

/// `X-08`: an abort in C code is a trap, answered as a raise at each point; a new instance takes over.
#[test]
fn an_abort_is_a_trap() {
    for row in [
        Row::refused("/trap?at=before", TRAPPED, "trapped"),
        Row::refused("/trap?at=start", TRAPPED, "trapped"),
        Row::cut("/trap?at=mid", TRAPPED, "trapped"),
    ] {
        check(&behaviours().start(), &row);
    }
    common::a_trap_after_the_response_leaves_it_intact(&behaviours().start(), "/trap?at=after");
}

/// `G-04`, `G-13`: the call that trapped gets 500, those in flight beside it 502 or are cut.
#[test]
fn a_trap_ends_every_call_of_its_instance_and_no_more() {
    let server = behaviours().start();
    common::a_trap_ends_every_call_of_its_instance_and_no_more(&server, "/trap");
}

/// A raise does nothing to the calls beside it: this is where Python is kinder than Rust.
#[test]
fn siblings_of_a_raise_live_on() {
    let server = behaviours().start();
    let mut waits = server.client();
    waits.request("/stream");
    let mut head = waits.head();
    waits.chunk_bytes(&mut head, 4);
    for what in ["error", "system-exit", "keyboard-interrupt", "memory-error"] {
        assert_eq!(server.get(&format!("/raise?what={what}")).status, 500);
    }
    assert!(waits.is_silent_for(std::time::Duration::from_millis(50)));
    the_instance_lives_on(&server);
}

/// Work after the response is part of the call, and what it says is ignored (`G-11`, `R-06`).
#[test]
fn work_goes_on_after_the_response() {
    let server = behaviours().start();
    let mut client = server.client();
    let response = client.get("/work-after");
    assert_eq!((response.text().as_str(), response.whole), ("whole", true));
    client.assert_kept();
    server.wait_line("after the response: http.disconnect");
    server.wait_line("the work is done");
    block_on(async {
        let mut client = server.h2().await;
        let (response, _) = client.open(H2::request("GET", "/work-after"), true).await;
        assert_eq!(H2::reply(response).await.unwrap().text(), "whole");
    });
    the_instance_lives_on(&server);
}
