//! Start-up, shutdown and the state between them (`L-01`–`L-12`, `G-28`).

use std::error::Error as _;

use tracing::Level;
use wasgi::hosting::AppId;
use wasgi_tests::{Guest, Line, Serve, guests};

/// Gives the error of a server that does not start, with its reason, and the log.
#[track_caller]
fn refusal(serve: Serve) -> (String, String, Vec<std::sync::Arc<Line>>) {
    let (error, log) = serve.try_start().err().expect("it must not start");
    assert!(error.to_string().contains("does not start"), "{error:?}");
    assert!(error.hint_text().is_some(), "{error:?}");
    let why = error.source().expect("a reason").to_string();
    (why, error.hint_text().unwrap_or_default().to_owned(), log)
}

fn printed(log: &[std::sync::Arc<Line>]) -> Vec<&str> {
    log.iter()
        .filter(|line| line.is_printed())
        .map(|line| line.message.as_str())
        .collect()
}

/// `L-03`, `L-11`: start-up before the first request, shutdown after the last call, once each, and a clean end.
#[test]
pub(crate) fn log_the_lifespan() {
    let mut server = Serve::guest(guests::LOG_THE_LIFESPAN).start();
    assert_eq!(
        server.printed(),
        ["event LifespanStartup"],
        "before anybody could connect"
    );
    server.assert_serves();
    let log = server.stop();
    assert_eq!(
        printed(&log),
        ["event LifespanStartup", "event LifespanShutdown", "goodbye"]
    );
    assert!(!log.iter().any(|line| line.level <= Level::WARN), "{log:?}");
}

/// `L-03`, `G-14`: a call in flight finishes first; shutdown comes after it.
#[test]
fn shutdown_comes_after_the_last_call() {
    let mut server = Serve::guest(guests::LOG_THE_LIFESPAN).start();
    let mut client = server.client();
    client.request("/slow");
    server.wait_line("the slow call has begun");
    let log = server.stop();
    let response = client.response();
    assert_eq!(
        (response.status, response.text().as_str(), response.whole),
        (200, "slow but whole", true)
    );
    assert!(client.is_closed());
    assert_eq!(
        printed(&log),
        [
            "event LifespanStartup",
            "the slow call has begun",
            "the slow call is done",
            "event LifespanShutdown",
            "goodbye"
        ]
    );
}

/// `G-14`, `G-12`: a call that does not finish within `drain` is ended, and shutdown comes all the same.
#[test]
fn a_call_that_outlasts_the_drain_is_ended() {
    let mut server = Serve::guest(guests::HANG).limit("drain", "200 ms").start();
    let (mut waits, mut streams) = (server.client(), server.client());
    waits.request("/");
    streams.request("/mid");
    let mut head = streams.head();
    server.wait_line("hanging at /");
    let log = server.stop();
    assert_eq!(waits.response().status, 503);
    streams.body(&mut head, "GET");
    assert!(!head.whole);
    assert!(printed(&log).contains(&"disconnected at /mid"), "{log:?}");
    assert!(log.iter().any(|line| {
        line.message
            .contains("the instance was stopped before the call was done")
    }));
}

/// `L-03`: each instance has a lifespan of its own (`L-02`, `G-02`).
#[test]
fn every_instance_has_its_own_lifespan() {
    let mut server = Serve::guest(guests::LOG_THE_LIFESPAN)
        .instances(3)
        .threads(2)
        .start();
    let log = server.stop();
    for event in ["event LifespanStartup", "event LifespanShutdown"] {
        let mut of: Vec<_> = log
            .iter()
            .filter(|line| line.message == event)
            .map(|line| line.field("instance"))
            .collect();
        of.sort_unstable();
        assert_eq!(of, ["1", "2", "3"], "{event}");
    }
}

/// `L-05`: the server does not start, and its error has the app's own message.
#[test]
pub(crate) fn fail_startup() {
    let (why, hint, log) = refusal(Serve::guest(guests::FAIL_STARTUP));
    assert_eq!(why, "lifespan.startup.failed: secret: the database is away");
    assert!(hint.contains("its own message says why"), "{hint}");
    assert!(
        !printed(&log)
            .iter()
            .any(|line| line.contains("shutdown is not to come")),
        "{log:?}"
    );
}

/// `L-08`, `G-12`.
#[test]
pub(crate) fn hang_in_startup() {
    let (why, hint, log) =
        refusal(Serve::guest(guests::HANG_IN_STARTUP).limit("startup", "200 ms"));
    assert!(why.contains("`startup`"), "{why}");
    assert!(hint.contains("200ms"), "{hint}");
    assert_eq!(printed(&log), ["starting for ever"]);
}

/// `G-06`, `L-08`: neither deadline needs the guest's help.
#[test]
pub(crate) fn spin_in_startup() {
    let (why, _, _) = refusal(Serve::guest(guests::SPIN_IN_STARTUP).limit("cpu", "100 ms"));
    assert!(why.contains("the CPU budget is used up"), "{why}");
    let (why, _, _) = refusal(Serve::guest(guests::SPIN_IN_STARTUP).limit("startup", "100 ms"));
    assert!(why.contains("`startup`"), "{why}");
}

/// `G-28`: an instance that dies during start-up gets no shutdown.
#[test]
pub(crate) fn trap_in_startup() {
    let (why, _, log) = refusal(Serve::guest(guests::TRAP_IN_STARTUP));
    assert!(why.contains("the app aborted"), "{why}");
    assert!(
        printed(&log)
            .iter()
            .any(|line| line.contains("secret: no start")),
        "{log:?}"
    );
}

/// `A-13`, `L-04`, `L-07`: the app goes on without lifespan, and hears of no shutdown.
#[track_caller]
fn goes_on_without_lifespan(guest: Guest, why: &str) {
    let mut server = Serve::guest(guest).start();
    assert_eq!(server.get("/").text(), "ok");
    let log = server.stop();
    let line = log
        .iter()
        .find(|line| line.message.contains("goes on without lifespan"));
    let line = line.unwrap_or_else(|| panic!("{log:?}"));
    assert!(line.message.contains(why), "{line}");
    assert!(!log.iter().any(|line| line.level <= Level::WARN), "{log:?}");
}

#[test]
pub(crate) fn raise_in_lifespan() {
    goes_on_without_lifespan(guests::RAISE_IN_LIFESPAN, "raised in lifespan");
}

#[test]
pub(crate) fn return_from_lifespan() {
    goes_on_without_lifespan(guests::RETURN_FROM_LIFESPAN, "without a word");
}

/// `L-06`: logged, and the server stops as it would have.
#[test]
pub(crate) fn fail_shutdown() {
    let mut server = Serve::guest(guests::FAIL_SHUTDOWN).start();
    server.get("/");
    let log = server.stop();
    let line = log.iter().find(|line| {
        line.message
            .contains("lifespan.shutdown.failed: secret: could not flush")
    });
    assert_eq!(line.expect("a line").level, Level::ERROR);
}

/// Raising in shutdown is failing in shutdown (`L-06`).
#[test]
pub(crate) fn raise_in_shutdown() {
    let mut server = Serve::guest(guests::RAISE_IN_SHUTDOWN).start();
    let log = server.stop();
    let line = log.iter().find(|line| {
        line.message
            .contains("lifespan.shutdown.failed: secret: raised in shutdown")
    });
    assert_eq!(line.expect("a line").level, Level::ERROR);
}

/// `L-12`: shutdown has a deadline.
#[test]
pub(crate) fn hang_in_shutdown() {
    let mut server = Serve::guest(guests::HANG_IN_SHUTDOWN)
        .limit("shutdown", "200 ms")
        .start();
    server.get("/");
    let log = server.stop();
    assert_eq!(printed(&log), ["stopping for ever"]);
    let line = log
        .iter()
        .find(|line| line.message.contains("the deadline `shutdown` passed"));
    assert_eq!(line.expect("a line").level, Level::ERROR);
}

/// `A-01`, `L-09`, `H-13`, `G-03`: one call for each request; what is below is shared, what is on top is private, nothing of a call stays behind, over a
/// thousand calls; at shutdown the state is still there (`L-10`).
#[test]
pub(crate) fn share_state() {
    let mut server = Serve::guest(guests::SHARE_STATE).start();
    let mut client = server.client();
    let mut pages = (String::new(), String::new());
    for count in 1..=1000 {
        let text = client.get("/").text();
        let expected = format!("count={count} greeting=hello left_by_another=false alive=1 pages=");
        let here = text
            .strip_prefix(&expected)
            .unwrap_or_else(|| panic!("{text}, not {expected}"));
        if count == 100 {
            pages.0 = here.to_owned();
        }
        pages.1 = here.to_owned();
    }
    assert_eq!(pages.0, pages.1, "the guest's memory has grown");
    let log = server.stop();
    assert_eq!(printed(&log), ["at shutdown the count is Some(1000)"]);
}

/// Nothing in memory is shared between instances (`G-01`).
#[test]
fn each_instance_has_its_own_state() {
    let mut server = Serve::guest(guests::SHARE_STATE).instances(2).start();
    let mut client = server.client();
    let mut counts: Vec<u64> = Vec::new();
    for _ in 0..10 {
        let text = client.get("/").text();
        let count = text
            .strip_prefix("count=")
            .and_then(|rest| rest.split(' ').next())
            .unwrap()
            .parse()
            .unwrap();
        counts.push(count);
    }
    let log = server.stop();
    let lines = printed(&log);
    assert_eq!(lines.len(), 2, "{lines:?}");
    let total: u64 = lines
        .iter()
        .map(|line| {
            line.trim_start_matches("at shutdown the count is Some(")
                .trim_end_matches(')')
                .parse::<u64>()
                .unwrap()
        })
        .sum();
    assert_eq!(total, 10);
}

/// `L-05`: the text goes to a terminal.
#[test]
pub(crate) fn fail_startup_with_a_nasty_text() {
    let (why, _, log) = refusal(Serve::guest(guests::FAIL_STARTUP_WITH_A_NASTY_TEXT));
    assert!(why.contains("end"), "{why:?}");
    for line in &log {
        assert!(
            !line.message.contains(char::is_control),
            "{:?}",
            line.message
        );
    }
    let shown = wasgi_tests::Finished::of([
        "serve",
        guests::FAIL_STARTUP_WITH_A_NASTY_TEXT.path,
        "--port",
        "0",
    ]);
    assert_eq!(shown.code, Some(1), "{}", shown.stderr);
    let harmless = |letter: char| letter == '\n' || !letter.is_control();
    assert!(shown.stderr.chars().all(harmless), "{:?}", shown.stderr);
    assert!(
        shown.stderr.contains("lifespan.startup.failed: red"),
        "{}",
        shown.stderr
    );
}

/// `G-14`: a server that drains closes what is idle at once, and lets nobody in.
#[test]
fn a_draining_server_closes_idle_connections() {
    let mut server = Serve::guest(guests::LOG_THE_LIFESPAN).start();
    let address = server.address();
    let (mut idle, mut fresh, mut busy) = (server.client(), server.client(), server.client());
    idle.assert_kept();
    busy.request("/slow");
    server.wait_line("the slow call has begun");
    server.server().drain();
    assert!(idle.is_closed());
    assert!(fresh.is_closed());
    wasgi_tests::eventually("nobody is let in", || {
        std::net::TcpStream::connect(address).is_err()
    });
    let response = busy.response();
    assert_eq!(
        (response.text().as_str(), response.whole),
        ("slow but whole", true)
    );
    assert!(busy.is_closed());
    server.stop();
}

/// `L-05`, `G-14`: new instances that do not start leave the place to those that serve, and may be tried again.
#[test]
pub(crate) fn fail_startup_when_told() {
    let folder = wasgi_tests::Folder::new("recycle");
    let server = Serve::guest(guests::FAIL_STARTUP_WHEN_TOLD)
        .data(&folder.path("data"))
        .start();
    let broken = folder.write("data/broken", "");
    let recycle = || wasgi_tests::block_on(server.server().recycle(&AppId::only()));
    let before = server.pool();
    assert!(recycle().is_err());
    assert!(std::sync::Arc::ptr_eq(&before, &server.pool()));
    server.assert_serves();
    std::fs::remove_file(broken).unwrap();
    assert!(recycle().unwrap());
    assert!(!std::sync::Arc::ptr_eq(&before, &server.pool()));
    server.assert_serves();
    // A notice in the app's place stays there.
    let notice = wasgi::server::Notice::new("app", "cannot build", "");
    server.server().show(notice);
    assert!(!recycle().unwrap());
    assert_eq!(server.get("/").status, 500);
}
