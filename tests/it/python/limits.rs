//! What a Python app may use, and what happens when it wants more (`G-04`, `G-06`, `G-07`, `G-12`, `G-13`).

use wasgi_tests::{Running, Serve};

use super::behaviours;
use crate::any_guest::limits::{self as common, is_a_500};

fn has_ended(server: &Running) -> bool {
    server
        .log()
        .iter()
        .any(|line| line.message.contains("the instance ended"))
}

/// `G-06`: an endless loop is stopped by the CPU budget; another instance takes over.
#[test]
fn an_endless_loop_is_stopped() {
    let server = behaviours().limit("cpu", "300 ms").start();
    is_a_500(&server, "/spin", "the CPU budget is used up");
    server.assert_serves();
}

/// `G-06`: it holds up its siblings, but not another instance on the same thread.
#[test]
fn a_spinning_instance_blocks_nobody_else() {
    let server = behaviours().limit("cpu", "3 s").instances(2).start();
    common::a_spinning_instance_blocks_nobody_else(&server);
}

/// `time.sleep` blocks its instance, as in every event loop, is no CPU time, and does what it says.
#[test]
fn a_blocking_sleep_is_no_computing() {
    let server = behaviours().limit("cpu", "200 ms").instances(2).start();
    let mut sleeps = server.client();
    sleeps.request("/sleep?seconds=0.6");
    for _ in 0..10 {
        server.assert_serves();
    }
    assert_eq!(sleeps.response().text(), "slept True");
    assert!(!has_ended(&server));
}

/// `G-07`: refused memory is a `MemoryError`, which is one failed call; the instance lives on, unlike in Rust.
#[test]
fn refused_memory_is_a_memory_error() {
    let server = behaviours().limit("memory", "96 MiB").start();
    assert_eq!(server.get("/eat?mib=16").text(), "16 MiB");
    assert_eq!(server.get("/eat-at-once").text(), "MemoryError");
    is_a_500(&server, "/eat", "MemoryError");
    let line = server.wait_line("limit `memory`");
    assert!(line.message.contains("may have 96 MiB"), "{line}");
    assert!(!has_ended(&server));
    assert_eq!(server.get("/eat?mib=8").text(), "8 MiB");
    server.assert_serves();
}

/// Taken in small pieces there may be nothing left for the error: whatever comes, the client gets its 500 and the
/// server goes on.
#[test]
fn memory_taken_in_small_pieces_is_a_500() {
    let server = behaviours().limit("memory", "64 MiB").start();
    let response = server.get("/eat-in-small-pieces");
    assert_eq!(
        (response.status, response.text().as_str()),
        (500, "Internal Server Error")
    );
    server.assert_serves();
}

/// Endless recursion is a `RecursionError`; beyond Python's own limit it is the end of the stack, and a trap.
#[test]
fn endless_recursion_is_a_recursion_error() {
    let server = behaviours().start();
    is_a_500(&server, "/recurse", "RecursionError");
    let text = server.get("/recurse?caught").text();
    assert!(
        text.starts_with("RecursionError: maximum recursion depth"),
        "{text}"
    );
    assert!(!has_ended(&server));
    // Frames of Python functions take no C stack: memory is what ends it.
    let response = server.get("/recurse?limit=100000000");
    assert_eq!(response.status, 500);
    server.assert_serves();
}

/// Recursion in C is bounded, too: an error, never a trap.
#[test]
fn deep_recursion_in_c_is_an_error() {
    let server = behaviours().start();
    let mut client = server.client();
    for depth in [100, 900, 10_000, 100_000] {
        let body = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let text = client
            .post("/recurse-in-c?how=json", body.as_bytes())
            .text();
        assert!(
            text == "done" && depth <= 10_000 || text == "RecursionError" && depth >= 10_000,
            "{depth}: {text}"
        );
    }
    for how in ["repr", "compare", "compile", "drop"] {
        for depth in ["50", "5000", "100000"] {
            let target = format!("/recurse-in-c?how={how}");
            let response = client.post(&target, depth.as_bytes());
            assert_eq!(response.status, 200, "{how} {depth}: {response:?}");
        }
    }
    assert!(!has_ended(&server), "{:?}", server.log());
}

/// A JSON body nested very deeply is never a trap. CPython 3.14 measures its stack and reads ten thousand levels; what comes
/// next (an echo, FastAPI's validation) may then be too deep for Python: one failed call at most.
#[test]
fn deeply_nested_json_is_no_trap() {
    for (app, target) in [
        ("wide_starlette", "/as-json"),
        ("wide_fastapi", "/in/any"),
        ("wide_fastapi", "/in/tree"),
    ] {
        let server = Serve::python(app).start();
        let mut client = server.client();
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            for depth in [10_000, 60_000, 100_000, 500_000] {
                let body = format!("{}1{}", open.repeat(depth), close.repeat(depth));
                let length = body.len();
                client.send(format!(
                    "POST {target} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n\
                     content-length: {length}\r\n\r\n{body}"
                ));
                let status = client.response().status;
                let expected: &[u16] = if depth > 60_000 {
                    &[400]
                } else {
                    &[200, 400, 500]
                };
                assert!(expected.contains(&status), "{app}, {depth}: {status}");
            }
        }
        assert_eq!(client.get("/").status, 200);
        assert!(!has_ended(&server));
    }
}

/// `G-12`, `G-13`: 504 when nothing has been said in time; the app hears of it as a disconnect, and goes on.
#[test]
fn a_silent_app_is_a_504() {
    let server = behaviours().limit("first_response", "200 ms").start();
    common::a_silent_app_is_a_504(&server, ("/hang", "disconnected at before"), "/hang?at=mid");
}

/// `G-01`: two hundred calls are in one instance at the same time.
#[test]
fn two_hundred_calls_meet() {
    let server = behaviours().start();
    common::two_hundred_calls_meet(&server);
}

/// Nothing that an app does to itself is felt by another app's server in the same process.
#[test]
fn one_app_does_not_feel_another() {
    let quiet = behaviours().start();
    let bad = ["/eat-in-small-pieces", "/trap", "/recurse?limit=100000000"];
    let start = |target| (behaviours().limit("memory", "64 MiB").start(), target);
    common::one_app_does_not_feel_another(&quiet, bad.into_iter().map(start));
}

/// `T-06`: the whole request has a deadline where the manifest sets one.
#[test]
fn a_request_deadline_cuts_the_response() {
    let server = behaviours().limit("request", "300 ms").start();
    common::a_request_deadline_cuts_the_response(&server, "/hang?at=mid", "/hang");
}

/// `T-04`: a body that stalls.
#[test]
fn a_stalled_body_is_a_408() {
    let server = behaviours().limit("stalled_read", "200 ms").start();
    common::a_stalled_body_is_a_408(&server, "/count", "disconnected after 5 bytes");
}
