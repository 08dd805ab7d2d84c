//! Start-up, shutdown, state and context variables of Python apps (`L-*`, `G-03`, `G-18`).

use std::error::Error as _;

use tracing::Level;
use wasgi_tests::{Line, Serve};

use super::behaviours;

fn living(kind: &str) -> Serve {
    behaviours().env("LIFESPAN", kind)
}

/// Gives the reason and the log of a server that does not start.
#[track_caller]
fn refusal(serve: Serve) -> (String, Vec<std::sync::Arc<Line>>) {
    let (error, log) = serve.try_start().err().expect("it must not start");
    assert!(error.to_string().contains("does not start"), "{error:?}");
    assert!(error.hint_text().is_some(), "{error:?}");
    (error.source().expect("a reason").to_string(), log)
}

fn printed(log: &[std::sync::Arc<Line>]) -> Vec<&str> {
    log.iter()
        .filter(|line| line.is_printed())
        .map(|line| line.message.as_str())
        .collect()
}

const STARTUP: &str = "event {'type': 'lifespan.startup'}";
const SHUTDOWN: &str = "event {'type': 'lifespan.shutdown'}";

/// `L-01`, `L-03`, `L-11`: start-up before the first request, shutdown after the last call, once each, and a clean end.
#[test]
fn the_lifespan_surrounds_all_calls() {
    let mut server = living("").start();
    assert_eq!(server.printed(), [STARTUP], "before anybody could connect");
    server.assert_serves();
    let log = server.stop();
    assert_eq!(
        printed(&log),
        [STARTUP, SHUTDOWN, "at shutdown the count is 0", "goodbye"]
    );
    assert!(!log.iter().any(|line| line.level <= Level::WARN), "{log:?}");
}

/// `L-02`, `G-02`: each instance has a lifespan of its own.
#[test]
fn every_instance_has_its_own_lifespan() {
    let mut server = living("slow-startup").instances(3).threads(2).start();
    let log = server.stop();
    for event in [STARTUP, "slowly started", SHUTDOWN, "goodbye"] {
        let mut of: Vec<_> = log
            .iter()
            .filter(|line| line.message == event)
            .map(|line| line.field("instance").to_owned())
            .collect();
        of.sort();
        assert_eq!(of, ["1", "2", "3"], "{event}");
    }
}

/// `A-13`, `L-04`, `L-07`: an app that raises or returns has no lifespan, and serves.
#[test]
fn an_app_without_lifespan_serves() {
    for (kind, why) in [
        ("raise", "secret: raised in lifespan"),
        ("raise-in-startup", "secret: raised in start-up"),
        ("return", "without a word"),
        ("exit-in-startup", "SystemExit: secret: exit in start-up"),
        ("os-exit-in-startup", "SystemExit: 4"),
    ] {
        let mut server = living(kind).start();
        server.assert_serves();
        assert_eq!(
            server.get("/no-state").text(),
            "state=None",
            "{kind}: no `state` (`H-13`)"
        );
        let log = server.stop();
        let said = log
            .iter()
            .find(|line| line.message.contains("without lifespan"));
        let said = said.unwrap_or_else(|| panic!("{kind}: {log:?}"));
        assert!(said.message.contains(why), "{kind}: {said}");
        assert!(!printed(&log).contains(&SHUTDOWN), "{kind}: {log:?}");
    }
}

/// `L-05`: the app says that it cannot start.
#[test]
fn a_failed_startup_is_an_error_with_its_reason() {
    let (why, _) = refusal(living("fail"));
    assert!(
        why.contains("lifespan.startup.failed: secret: no database"),
        "{why}"
    );
    let (why, _) = refusal(living("fail-without-words"));
    assert!(why.contains("lifespan.startup.failed"), "{why}");
    // The text goes to a terminal.
    let (why, log) = refusal(living("nasty"));
    let harmful = |letter: char| letter.is_control() && letter != '\n';
    assert!(why.contains("end") && !why.contains(harmful), "{why:?}");
    for line in &log {
        assert!(!line.message.contains(harmful), "{:?}", line.message);
    }
}

/// `L-08`, `G-06`: start-up has a deadline, and a budget.
#[test]
fn startup_has_a_deadline() {
    let (why, _) = refusal(living("hang-in-startup").limit("startup", "300 ms"));
    assert!(why.contains("`startup`"), "{why}");
    let (why, _) = refusal(living("spin-in-startup").limit("cpu", "200 ms"));
    assert!(why.contains("CPU budget"), "{why}");
}

/// `X-08` in start-up.
#[test]
fn an_abort_in_startup_is_a_refusal() {
    let (why, _) = refusal(living("abort-in-startup"));
    assert!(!why.is_empty(), "{why}");
}

/// `A-06` for the lifespan: an event of another protocol raises, and start-up goes on.
#[test]
fn a_wrong_event_raises() {
    let server = living("wrong-event").start();
    let line = server.wait_line("wrong event -> ");
    assert!(!line.message.contains("taken"), "{line}");
    server.assert_serves();
}

/// `L-06`, `L-12`: shutdown may fail, raise or hang, and the server stops.
#[test]
fn shutdown_may_fail() {
    for (kind, why) in [
        (
            "fail-shutdown",
            "lifespan.shutdown.failed: secret: could not flush",
        ),
        ("raise-in-shutdown", "secret: raised in shutdown"),
        ("hang-in-shutdown", "the deadline `shutdown` passed"),
    ] {
        let mut server = living(kind).limit("shutdown", "300 ms").start();
        server.get("/ok");
        let log = server.stop();
        let line = log.iter().find(|line| line.message.contains(why));
        let line = line.unwrap_or_else(|| panic!("{kind}: {log:?}"));
        assert_eq!(line.level, Level::ERROR, "{line}");
    }
}

/// A task of the lifespan runs beside the calls and is over at the end.
#[test]
fn a_task_of_the_lifespan_lives_as_long_as_its_instance() {
    let mut server = living("ticking").start();
    server.wait_line("tick 2");
    server.assert_serves();
    let log = server.stop();
    assert!(printed(&log).contains(&"ticking ends"), "{log:?}");
}

/// `A-01`, `L-09`, `H-13`, `G-03`: one call for each request; what is below is shared, what is on top is private, nothing of a call stays behind, over a
/// thousand calls; at shutdown the state is still there (`L-10`).
#[test]
fn state_is_shared_below_and_private_on_top() {
    let mut server = behaviours().start();
    let mut client = server.client();
    for count in 1..=1000 {
        let text = client.get("/state").text();
        let expected = format!("count={count} greeting=hello left_by_another=False alive=1");
        assert_eq!(text, expected);
    }
    let log = server.stop();
    assert!(
        printed(&log).contains(&"at shutdown the count is 1000"),
        "{log:?}"
    );
}

/// `G-03`: calls of every kind leave no object and no task behind.
#[test]
fn a_thousand_calls_leave_nothing_behind() {
    let server = behaviours().start();
    let mut client = server.client();
    let mut round = |times: usize| {
        for number in 0..times {
            for target in [
                "/state",
                "/cycle",
                "/context",
                "/raise",
                "/prints",
                "/thread?how=to-thread",
            ] {
                client.get(target);
            }
            client.post("/count", &[b'x'; 3000]);
            // Cancelled halfway.
            if number % 10 == 0 {
                let mut gone = server.client();
                gone.request("/hang?at=mid").head();
            }
        }
    };
    let objects = || {
        let text = server.get("/memory").text();
        let value = |key: &str| -> usize {
            let found = text
                .split(' ')
                .find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
            found.unwrap().parse().unwrap()
        };
        (value("objects"), value("alive"), value("tasks"))
    };
    // What the first calls make it keep (caches, lazily made things), it keeps.
    round(20);
    wasgi_tests::pause(std::time::Duration::from_millis(200));
    let before = objects();
    round(150);
    wasgi_tests::pause(std::time::Duration::from_millis(200));
    let after = objects();
    assert_eq!(
        (after.1, after.2),
        (before.1, before.2),
        "{before:?} {after:?}"
    );
    assert!(
        after.0 < before.0 + 50,
        "objects: {} before, {} after",
        before.0,
        after.0
    );
}

/// `G-01`: nothing in memory is shared between instances, and randomness is fresh in each but for what was drawn while
/// the app was imported, which is in the component.
#[test]
fn instances_share_what_was_made_at_import_only() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let server = behaviours().start();
        let text = server.get("/instance").text();
        let (import, now) = text.split_once(' ').unwrap();
        seen.push((import.to_owned(), now.to_owned()));
    }
    assert_eq!(
        seen[0].0, seen[1].0,
        "the module was imported once, when it was built"
    );
    assert_ne!(seen[0].1, seen[1].1);
}

/// `G-18`: each call has a fresh context; a task inherits a copy of it.
#[test]
fn context_variables_are_the_calls_own() {
    let server = behaviours().start();
    let mut client = server.client();
    for _ in 0..3 {
        assert_eq!(
            client.get("/context").text(),
            "before=unmarked after=set by a call task=set by a call"
        );
    }
}
