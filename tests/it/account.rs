//! What an app uses is counted, and what the host holds for it counts against its memory (`G-04`, `G-06`, `G-07`, `G-20`).

use std::time::Duration;

use wasgi::wasm::account::Usage;
use wasgi_tests::{Host, Many, Running, Serve, eventually, guests};

fn usage(server: &Running) -> Usage {
    server.pool().app.account.usage()
}

/// Calls, CPU time and memory of what runs; the kind of each end of what does not any more.
#[test]
fn what_an_app_uses_is_counted() {
    let server = Serve::guest(guests::SPIN_FOREVER)
        .limit("cpu", "100 ms")
        .start();
    let fresh = usage(&server);
    assert_eq!((fresh.instances, fresh.started, fresh.calls), (1, 1, 0));
    assert!(
        fresh.memory_bytes > 64 * 1024 && fresh.cpu > Duration::ZERO,
        "{fresh:?}"
    );

    server.assert_serves();
    assert_eq!(server.get("/").status, 500);
    eventually("a new instance", || {
        usage(&server).instances == 1 && usage(&server).started == 2
    });
    let spun = usage(&server);
    assert_eq!(spun.ends.get("cpu"), Some(&1), "{spun:?}");
    assert!(spun.cpu >= Duration::from_millis(100), "{spun:?}");
    assert_eq!((spun.calls, spun.in_flight), (2, 0));
    eventually("nothing is held", || usage(&server).host_bytes == 0);
}

/// Each way to crash is told apart.
#[test]
fn the_kinds_of_ends_are_counted() {
    for (guest, path, kind) in [
        (guests::EAT_MEMORY, "/all", "memory"),
        (guests::RECURSE_FOREVER, "/", "stack"),
        (guests::TRAP, "/before", "aborted"),
    ] {
        let mut server = Serve::guest(guest).limit("memory", "32 MiB").start();
        assert_eq!(server.get(path).status, 500);
        server.assert_serves();
        let account = server.pool().app.account.clone();
        server.stop();
        let ended = account.usage();
        assert_eq!(ended.ends.get(kind), Some(&1), "{kind}: {ended:?}");
        assert_eq!(ended.ends.get("clean"), Some(&1), "{ended:?}");
        assert_eq!(
            (ended.instances, ended.memory_bytes, ended.host_bytes),
            (0, 0, 0)
        );
    }
}

/// A message that the app has no room for ends its WebSocket while it comes, and the log says why and what to do; the app goes on.
#[test]
fn what_the_host_holds_for_an_app_is_a_part_of_its_memory() {
    let server = Serve::guest(guests::WEBSOCKET_AS_ASKED)
        .limit("memory", "6 MiB")
        .start();
    let mut large = server.client().websocket("/echo", &[]).unwrap();
    large.bytes(&vec![0; 7 * 1024 * 1024]);
    assert_eq!(large.see_close().0, Some(1009));
    let line = server.wait_line("out of memory");
    assert!(line.message.contains("may have 6 MiB together"), "{line}");
    assert!(line.message.contains("`memory` below [limits]"), "{line}");
    let mut small = server.client().websocket("/echo", &[]).unwrap();
    assert_eq!(small.text("hello").see_text(), "hello");
    assert_eq!(usage(&server).websockets, 1);
}

fn usage_of(host: &Host, app: &str) -> Usage {
    let id = host.app(app).id;
    let all = host.server().usage();
    let found = all.into_iter().find(|(app, _)| *app == id);
    found.map(|(_, usage)| usage).unwrap_or_default()
}

/// Each app has its own account, and a further version of it goes on with it; what belongs to a tenant is the sum.
#[test]
fn every_app_pays_for_itself_through_all_of_its_versions() {
    let spin = || Serve::guest(guests::SPIN_FOREVER).limit("cpu", "100 ms");
    let host = Many::new()
        .app("mallory/spin", spin(), "spin.test")
        .app("mallory/hello", guests::SAY_WHOSE_IT_IS, "hello.test")
        .app("alice/hello", guests::SAY_WHOSE_IT_IS, "alice.test")
        .start();
    assert_eq!(host.get("spin.test", "/").status, 500);
    assert_eq!(host.get("hello.test", "/").status, 200);
    eventually("the hog has ended", || {
        usage_of(&host, "mallory/spin").ends.get("cpu") == Some(&1)
    });
    host.deploy("mallory/spin", spin(), "spin.test");
    assert_eq!(host.get("spin.test", "/").status, 500);
    eventually("both hogs have ended", || {
        usage_of(&host, "mallory/spin").ends.get("cpu") == Some(&2)
    });
    let spun = usage_of(&host, "mallory/spin");
    assert!(spun.cpu >= Duration::from_millis(200), "{spun:?}");

    let mut mallory = Usage::default();
    for (id, usage) in host.server().usage() {
        if id.tenant() == host.app("mallory/spin").id.tenant() {
            mallory += &usage;
        }
    }
    assert_eq!(mallory.calls, 3);
    assert!(
        mallory.cpu >= spun.cpu && mallory.started >= 3,
        "{mallory:?}"
    );
    let alice = usage_of(&host, "alice/hello");
    assert_eq!((alice.calls, alice.started, alice.ends.len()), (0, 1, 0));
    assert!(alice.cpu < Duration::from_millis(100), "{alice:?}");
}
