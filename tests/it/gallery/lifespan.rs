//! Who does not start, or does not stop (`L-05`, `L-08`, `L-12`). A deployment that fails leaves no route behind; meanwhile the
//! neighbour is served by the same thread.

use std::time::Duration;

use wasgi_tests::{Guest, Serve, by_hand, eventually, guests, pause};

use super::{HOST, MALLORY, Stage};

fn hurried(guest: Guest) -> Serve {
    Serve::guest(guest).limit("startup", "500 ms")
}

fn frugal(guest: Guest) -> Serve {
    Serve::guest(guest).limit("cpu", "200 ms")
}

const STARTUP: &str =
    "the deadline `startup` passed: it had 500ms; `startup` below [limits] in wasgi.toml";

/// It waits for ever.
#[test]
fn a_start_up_that_never_ends_has_a_deadline() {
    let stage = Stage::empty();
    let told = stage.refuses(hurried(guests::HANG_IN_STARTUP));
    assert!(told.contains(STARTUP), "{told}");
    stage.assert_unharmed();
}

/// It computes for ever: whichever limit is the smaller.
#[test]
fn a_start_up_that_spins_is_stopped() {
    let stage = Stage::empty();
    let told = stage.refuses(frugal(guests::SPIN_IN_STARTUP));
    assert!(told.contains("(limit `cpu`)"), "{told}");
    let told = stage.refuses(hurried(guests::SPIN_IN_STARTUP));
    assert!(told.contains(STARTUP), "{told}");
    stage.assert_unharmed();
}

/// It traps.
#[test]
fn a_trap_in_lifespan_is_no_start() {
    let stage = Stage::empty();
    let told = stage.refuses(Serve::guest(guests::TRAP_IN_STARTUP));
    assert!(told.contains("the app aborted"), "{told}");
    stage.assert_unharmed();
}

/// The start function of a module runs before anything of the contract does, under the same limits.
#[test]
fn a_start_function_has_the_limits_of_its_app() {
    let stage = Stage::empty();
    for (guest, says) in [
        (by_hand::START_SPINS, "(limit `cpu`)"),
        (by_hand::START_TRAPS, "the app aborted"),
        (
            by_hand::START_GROWS,
            "refused memory (limit `memory`, 128 MiB",
        ),
        (by_hand::START_CALLS_THE_HOST, "does not start"),
    ] {
        let told = stage.refuses(frugal(guest));
        assert!(told.contains(says), "{guest:?}: {told}");
    }
    stage.assert_unharmed();
}

/// Whatever an app does when it is asked to stop: it is gone after its time.
#[track_caller]
fn is_removed(guest: Guest, kind: &str) {
    let serve = Serve::guest(guest)
        .limit("shutdown", "500 ms")
        .limit("cpu", "20 s");
    let stage = Stage::serve(serve);
    stage.assert_serves();
    let account = stage.app().pool().app.account.clone();
    assert!(stage.host.remove(MALLORY));
    eventually("it is gone", || account.usage().ends.contains_key(kind));
    let ended = account.usage();
    assert_eq!(
        (ended.instances, ended.host_bytes, ended.memory_bytes),
        (0, 0, 0)
    );
    assert_eq!(stage.get("/ok").status, 404);
    stage.assert_unharmed();
}

/// It waits for ever.
#[test]
fn a_shutdown_that_never_ends_has_a_deadline() {
    is_removed(guests::HANG_IN_SHUTDOWN, "shutdown-deadline");
}

/// It computes for ever.
#[test]
pub(crate) fn spin_in_shutdown() {
    is_removed(guests::SPIN_IN_SHUTDOWN, "shutdown-deadline");
}

/// One that was ready and crashes at each further start is tried again, ever more rarely, and the old one goes on meanwhile.
#[test]
fn a_deployment_that_fails_leaves_the_old_version_alone() {
    let stage = Stage::serve(Serve::guest(guests::TRAP));
    for guest in [
        guests::TRAP_IN_STARTUP,
        guests::SPIN_IN_STARTUP,
        guests::HANG_IN_STARTUP,
    ] {
        stage
            .host
            .try_deploy(MALLORY, hurried(guest), HOST)
            .unwrap_err();
        pause(Duration::from_millis(10));
        stage.assert_serves();
    }
    stage.assert_over();
}
