//! How many instances there are: more when all are busy, fewer when they are idle, none where that is asked for.

use std::collections::BTreeSet;
use std::time::Duration;

use wasgi::hosting::AppId;
use wasgi_tests::{Client, Running, Serve, eventually, guests};

use super::{Diary, count, under_traffic};

const IDLE: &str = "the instance has stopped: it was idle";

/// A call that is in flight until its client leaves.
fn hang(server: &Running, path: &str) -> Client {
    let mut client = server.client();
    client.request(path);
    server.wait_line(&format!("hanging at {path}"));
    client
}

/// `max_instances`: one starts when a request would have to wait, wherever it comes in; the one too many waits. When they are
/// idle they stop, down to `min_instances`.
#[test]
fn instances_come_when_all_are_busy_and_go_when_they_are_idle() {
    for threads in [1, 2] {
        let server = Serve::guest(guests::HANG)
            .calls_max(1)
            .instance_lines("min_instances = 1\nmax_instances = 3\nidle = \"300 ms\"\n")
            .threads(threads)
            .start();
        for round in 0..2 {
            let hanging: Vec<_> = (0..3)
                .map(|at| hang(&server, &format!("/{round}-{at}")))
                .collect();
            let mut fourth = server.client();
            fourth.request("/ok");
            assert!(
                fourth.is_silent_for(Duration::from_millis(200)),
                "three is all"
            );
            assert_eq!(count(&server, IDLE), 2 * round, "they were not idle");
            drop(hanging);
            assert_eq!(fourth.response().text(), "ok");
            eventually("two of three stop", || {
                count(&server, IDLE) == 2 * round + 2
            });
        }
        server.assert_serves();
        assert_eq!(count(&server, "the instance ended"), 0);
    }
}

/// `G-15`: `min_instances = 0`. A deployment starts one, to see whether it does; then there is none until somebody asks, who waits
/// for its start and is served.
#[test]
fn an_app_that_nobody_asks_has_no_instance() {
    let server = Serve::guest(guests::LOG_THE_LIFESPAN)
        .instance_lines("min_instances = 0\nidle = \"100 ms\"\n")
        .threads(2)
        .start();
    for round in 1..=3 {
        eventually("it has stopped", || count(&server, IDLE) == round);
        assert_eq!(count(&server, "goodbye"), round, "with its shutdown");
        // Many at once are one start.
        let mut clients: Vec<_> = (0..20).map(|_| server.client()).collect();
        clients.iter_mut().for_each(|client| {
            client.request("/ok");
        });
        for client in &mut clients {
            assert_eq!(client.response().text(), "ok");
        }
    }
    assert_eq!(count(&server, "event LifespanStartup"), 4);
}

/// No request meets a door that closes: instances come and go all the time while clients ask.
#[test]
fn no_request_is_lost_while_instances_come_and_go() {
    let server = Serve::guest(guests::KEEP_A_DIARY)
        .calls_max(1)
        .instance_lines("min_instances = 0\nmax_instances = 3\nidle = \"1 ms\"\n")
        .threads(2)
        .start();
    let mut instances = BTreeSet::new();
    for _ in 0..5 {
        let read = under_traffic(&server, "/", || {});
        instances.extend(read.into_iter().map(|it| it.instance));
        eventually("all have gone", || {
            let started = instances.len();
            started > 0 && count(&server, IDLE) >= started
        });
    }
    assert!(instances.len() >= 5, "{instances:?}");
}

/// Surplus goes although there is traffic, as long as fewer can do it: calls go to the same instance while it has time for them.
#[test]
fn surplus_is_idle_under_light_traffic() {
    let server = Serve::guest(guests::HANG)
        .calls_max(3)
        .instance_lines("min_instances = 1\nmax_instances = 3\nidle = \"600 ms\"\n")
        .start();
    let hanging: Vec<_> = (0..9).map(|at| hang(&server, &format!("/{at}"))).collect();
    drop(hanging);
    // One call after the other: two at the same moment may go to two instances. With a pause, so that on a machine that is busy
    // with other tests the oldest is not still at the last one.
    let mut client = server.client();
    eventually("two of three stop", || {
        wasgi_tests::pause(Duration::from_millis(20));
        assert_eq!(client.get("/ok").text(), "ok");
        count(&server, IDLE) == 2
    });
}

/// A WebSocket is no idleness, however quiet it is.
#[test]
fn an_instance_with_an_open_websocket_is_not_idle() {
    let server = Serve::guest(guests::WEBSOCKET_AS_ASKED)
        .instance_lines("min_instances = 0\nidle = \"1 ms\"\n")
        .start();
    let mut socket = server.client().websocket("/echo", &[]).expect("a socket");
    wasgi_tests::pause(Duration::from_millis(700));
    socket.text("still there");
    assert_eq!(socket.see_text(), "still there");
    assert_eq!(count(&server, IDLE), 0);
    socket.close(1000, "");
    eventually("now it is", || count(&server, IDLE) == 1);
}

/// A pool that takes another's place starts with the minimum again, also when that one is asleep.
#[test]
fn an_app_that_sleeps_can_be_recycled() {
    let server = Serve::guest(guests::KEEP_A_DIARY)
        .instance_lines("min_instances = 0\nidle = \"100 ms\"\n")
        .start();
    eventually("it has stopped", || count(&server, IDLE) == 1);
    assert!(wasgi_tests::block_on(server.server().recycle(&AppId::only())).expect("new instances"));
    Diary::read(&server, "/");
    eventually("so has the new one", || count(&server, IDLE) == 2);
}
