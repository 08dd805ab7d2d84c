//! What an app may use, and what happens when it wants more (`G-04`, `G-06`, `G-07`, `G-12`, `G-13`).

use std::time::Duration;

use wasgi::wasm::Engine;
use wasgi_tests::{Serve, block_on, guests};

use crate::any_guest::limits::{self as common, is_a_500};

/// `G-06`: an endless loop is stopped by the CPU budget.
#[test]
pub(crate) fn spin_forever() {
    let server = Serve::guest(guests::SPIN_FOREVER)
        .limit("cpu", "200 ms")
        .start();
    is_a_500(&server, "/", "the CPU budget is used up");
}

/// `G-06`: a guest that spins holds up its siblings, but neither another instance, even on the same thread, nor the
/// server itself.
#[test]
fn a_spinning_instance_blocks_nobody_else() {
    let server = Serve::guest(guests::SPIN_FOREVER)
        .limit("cpu", "3 s")
        .instances(2)
        .start();
    common::a_spinning_instance_blocks_nobody_else(&server);
}

/// `G-07`: memory is refused beyond the limit, which most apps do not survive.
#[test]
pub(crate) fn eat_memory() {
    let server = Serve::guest(guests::EAT_MEMORY)
        .limit("memory", "32 MiB")
        .start();
    assert_eq!(server.get("/some?mib=16").text(), "16 MiB");
    is_a_500(&server, "/all", "the app aborted");
    let line = server.wait_line("limit `memory`");
    assert!(line.message.contains("may have 32 MiB"), "{line}");
    assert_eq!(
        server.get("/some?mib=16").text(),
        "16 MiB",
        "the new instance has its own memory"
    );
}

/// What limits cost is measured beside an engine that has none, which is so: 64 MiB where 32 are allowed, and filled for longer than
/// a millisecond.
#[test]
fn an_engine_without_limits_has_none() {
    let app = Serve::guest(guests::EAT_MEMORY)
        .limit("memory", "32 MiB")
        .limit("cpu", "1 ms");
    let server = app.engine(&Engine::unlimited().unwrap()).start();
    assert_eq!(server.get("/some?mib=64").text(), "64 MiB");
}

/// Deep recursion ends the instance, not the host.
#[test]
pub(crate) fn recurse_forever() {
    let server = Serve::guest(guests::RECURSE_FOREVER).start();
    is_a_500(&server, "/", "the stack is used up");
}

/// `G-12`, `G-13`: 504 when nothing has been said in time; the app hears of it as a disconnect, and goes on.
#[test]
pub(crate) fn hang() {
    let server = Serve::guest(guests::HANG)
        .limit("first_response", "200 ms")
        .start();
    common::a_silent_app_is_a_504(&server, ("/", "disconnected at /"), "/mid");
}

/// `T-06`, `G-12`: a limit for the whole request, where it is asked for, cuts what has begun.
#[test]
fn a_request_deadline_cuts_the_response() {
    let server = Serve::guest(guests::HANG)
        .limit("request", "300 ms")
        .start();
    common::a_request_deadline_cuts_the_response(&server, "/mid", "/");
}

/// `T-04`: a client that stops in the middle of its body is answered, and the app hears of a disconnect.
#[test]
fn a_stalled_body_is_a_408() {
    let server = Serve::guest(guests::COUNT_BODY)
        .limit("stalled_read", "200 ms")
        .start();
    common::a_stalled_body_is_a_408(&server, "/", "disconnected after 5 bytes");
}

/// `G-01`: a full instance lets further requests wait until a call has ended.
#[test]
fn requests_wait_for_room_in_a_full_instance() {
    let server = Serve::guest(guests::HANG).calls_max(2).start();
    let (mut first, mut second, mut third) = (server.client(), server.client(), server.client());
    first.request("/first");
    second.request("/second");
    server.wait_line("hanging at /first");
    server.wait_line("hanging at /second");
    third.request("/ok");
    assert!(
        third.is_silent_for(Duration::from_millis(300)),
        "there is no room"
    );
    drop(first);
    assert_eq!(third.response().text(), "ok");
}

/// `G-13`: 503 with `retry-after` when there is no room in time.
#[test]
fn no_room_in_time_is_a_503() {
    let server = Serve::guest(guests::HANG).calls_max(1).start();
    let mut first = server.client();
    first.request("/first");
    server.wait_line("hanging at /first");
    let response = server.get("/ok");
    assert_eq!(
        (response.status, response.text().as_str()),
        (503, "Service Unavailable")
    );
    assert!(response.header("retry-after").is_some());
    server.wait_line("no instance was ready in time");
}

/// `G-01`: two hundred calls are in one instance at the same time.
#[test]
pub(crate) fn meet() {
    let server = Serve::guest(guests::MEET).start();
    common::two_hundred_calls_meet(&server);
}

/// The same over one HTTP/2 connection, as far as its streams go.
#[test]
fn a_hundred_streams_meet() {
    let server = Serve::guest(guests::MEET).start();
    block_on(async {
        let mut client = server.h2().await;
        // The server's settings come first: until then a client assumes no bound.
        client.get("/ok").await;
        let mut streams = Vec::new();
        for _ in 0..100 {
            streams.push(
                client
                    .open(wasgi_tests::H2::request("GET", "/meet?n=100"), true)
                    .await,
            );
        }
        for (response, _) in streams {
            assert_eq!(
                wasgi_tests::H2::reply(response).await.unwrap().text(),
                "100 met"
            );
        }
    });
}

/// `--workers 2`: both instances take calls, each on a thread of its own.
#[test]
pub(crate) fn say_which_instance() {
    for threads in [1, 2] {
        let server = Serve::guest(guests::SAY_WHICH_INSTANCE)
            .instances(2)
            .threads(threads)
            .start();
        let mut seen = std::collections::BTreeSet::new();
        let mut held = Vec::new();
        wasgi_tests::eventually("both instances are used", || {
            let mut client = server.client();
            seen.insert(client.get("/").text());
            held.push(client);
            // Calls in flight at the same time, for where the least busy one is chosen.
            let mut pair = [server.client(), server.client()];
            for client in &mut pair {
                client.request("/");
            }
            seen.extend(pair.iter_mut().map(|client| client.response().text()));
            seen.len() == 2
        });
    }
}

/// The sandbox: the manifest's environment and nothing else of the world.
#[test]
pub(crate) fn show_the_environment() {
    let server = Serve::guest(guests::SHOW_THE_ENVIRONMENT)
        .env("GREETING", "ciao")
        .env("EMPTY", "")
        .start();
    let text = server.get("/").text();
    let lines: Vec<_> = text.lines().collect();
    let arg = format!("arg {}", server.name);
    assert_eq!(
        lines,
        [
            "env EMPTY=",
            "env GREETING=ciao",
            &arg,
            "files false",
            "socket false",
            "connect false"
        ]
    );
}

/// Nothing that a guest does to itself is felt by another app's server in the same process.
#[test]
fn one_app_does_not_feel_another() {
    let quiet = Serve::guest(guests::MEET).start();
    let bad = [guests::EAT_MEMORY, guests::RECURSE_FOREVER, guests::TRAP];
    let start = |guest| Serve::guest(guest).limit("memory", "32 MiB").start();
    let bad = bad.into_iter().map(|guest| (start(guest), "/before"));
    common::one_app_does_not_feel_another(&quiet, bad);
}
