//! When an instance has had its time: after so many calls, so old, with so much memory. No request is lost.

use std::collections::BTreeMap;

use tracing::Level;
use wasgi_tests::{Running, Serve, eventually, guests};

use super::{Diary, count, under_traffic};

const REPLACED: &str = "the instance has been replaced: ";

fn serve(lines: &str) -> Serve {
    Serve::guest(guests::KEEP_A_DIARY).instance_lines(lines)
}

/// Nothing went wrong.
#[track_caller]
fn in_peace(server: &Running) {
    let log = server.log();
    let bad: Vec<_> = log
        .iter()
        .filter(|line| line.level <= Level::WARN)
        .collect();
    assert!(bad.is_empty(), "{bad:?}");
}

/// `max_calls_per_instance`, on several threads, under traffic: each instance has nearly as many as it may, or some more while
/// the next one starts, and not all have the same number.
#[test]
pub(crate) fn keep_a_diary() {
    for (instances, threads) in [(1, 1), (4, 2)] {
        let server = serve("max_calls_per_instance = 100\n")
            .instances(instances)
            .threads(threads)
            .start();
        let read = under_traffic(&server, "/", || {
            eventually("instances are replaced", || count(&server, REPLACED) >= 10);
        });
        let mut lives: BTreeMap<String, u64> = BTreeMap::new();
        for diary in read {
            let calls = lives.entry(diary.instance).or_default();
            *calls = diary.calls.max(*calls);
        }
        assert!(lives.len() > 10, "{lives:?}");
        let replaced = server.wait_line(REPLACED);
        let said = replaced
            .message
            .trim_start_matches(REPLACED)
            .split(' ')
            .nth(2);
        let calls: u64 = said.unwrap().parse().unwrap();
        assert!((90..=100).contains(&calls), "{replaced}");
        assert!(
            replaced.message.contains("max_calls_per_instance"),
            "{replaced}"
        );
        in_peace(&server);
    }
}

/// `max_instance_age`, whether there is traffic or not.
#[test]
fn an_instance_that_is_too_old_is_replaced() {
    let server = serve("max_instance_age = \"300 ms\"\n").start();
    let first = Diary::read(&server, "/");
    // Nobody asks, and the next one is there all the same.
    let line = server.wait_line(REPLACED);
    assert!(line.message.contains("max_instance_age"), "{line}");
    assert_ne!(Diary::read(&server, "/").instance, first.instance);
    let before = count(&server, REPLACED);
    under_traffic(&server, "/", || {
        eventually("it goes on", || count(&server, REPLACED) > before + 2);
    });
    in_peace(&server);
}

/// `max_memory`: an instance above the mark finishes its calls, and the next one has its memory for itself.
#[test]
fn an_instance_with_too_much_memory_is_replaced() {
    let server = serve("max_memory = \"32 MiB\"\n").start();
    let first = Diary::read(&server, "/leak?mib=4");
    let mut slow = server.client();
    slow.request("/slow?ms=1500");
    server.wait_line("working at /slow");
    let read = under_traffic(&server, "/", || {
        assert_eq!(
            Diary::read(&server, "/leak?mib=40").instance,
            first.instance
        );
        eventually("another one serves", || {
            Diary::read(&server, "/").instance != first.instance
        });
    });
    assert_eq!(Diary::of(&slow.response()).instance, first.instance);
    assert!(read.iter().any(|diary| diary.instance == first.instance));
    let line = server.wait_line(REPLACED);
    assert!(line.message.contains("max_memory"), "{line}");
    assert_eq!(count(&server, REPLACED), 1);
    in_peace(&server);
}

/// A `max_memory` that the start-up alone passes would replace instances for ever: it is said, and does nothing.
#[test]
fn a_mark_below_what_a_start_up_takes_replaces_nobody() {
    let server = serve("max_memory = \"64 KiB\"\n").start();
    let line = server.wait_line("it is not replaced for it");
    assert_eq!(line.level, Level::WARN);
    let first = Diary::read(&server, "/");
    wasgi_tests::pause(std::time::Duration::from_millis(800));
    assert_eq!(Diary::read(&server, "/").instance, first.instance);
    assert_eq!(count(&server, REPLACED), 0);
}

/// All bounds at once, at the most instances that there may be, all of which have had their time together.
#[test]
fn all_instances_may_go_at_once_and_none_is_missed() {
    let lines = "max_instance_age = \"250 ms\"\nmax_calls_per_instance = 50\nmax_memory = \"8 MiB\"\n\
                 min_instances = 0\nmax_instances = 3\nidle = \"1 ms\"\n";
    let server = serve(lines).threads(2).calls_max(2).start();
    let read = under_traffic(&server, "/leak?mib=1", || {
        eventually("many have gone", || count(&server, REPLACED) > 30);
    });
    let lives: std::collections::BTreeSet<_> = read.iter().map(|it| &it.instance).collect();
    assert!(lives.len() > 20, "{}", lives.len());
    in_peace(&server);
}

/// A WebSocket is told to come again (`W-29`) when its instance is replaced, and does not hold it back.
#[test]
fn a_websocket_of_an_instance_that_is_replaced_is_told_to_come_again() {
    let server = Serve::guest(guests::WEBSOCKET_AS_ASKED)
        .instance_lines("max_instance_age = \"400 ms\"\n")
        .start();
    let mut socket = server.client().websocket("/echo", &[]).expect("a socket");
    socket.text("hello");
    assert_eq!(socket.see_text(), "hello");
    assert_eq!(socket.see_close().0, Some(1012));
    server.wait_line(REPLACED);
    server.assert_serves();
}
