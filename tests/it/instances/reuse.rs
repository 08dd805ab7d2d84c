//! `reuse`: one call at a time, or one call in all.

use std::collections::BTreeSet;
use std::time::Duration;

use wasgi_tests::{Client, H2, Serve, block_on, eventually, guests};

use super::{Diary, count, under_traffic};

const SERIAL: &str = "reuse = \"serial\"\n";
const ISOLATED: &str = "reuse = \"isolated\"\n";

/// Never two in one instance, however many ask; instances start up to the maximum, and each is used again.
#[test]
fn serial_instances_have_one_call_at_a_time() {
    let server = Serve::guest(guests::KEEP_A_DIARY)
        .instance_lines(SERIAL)
        .instance_lines("max_instances = 3\n")
        .threads(2)
        .start();
    let read = under_traffic(&server, "/?ms=2", || {});
    assert!(read.iter().all(|diary| diary.most == 1), "{read:?}");
    assert!(read.iter().any(|diary| diary.calls > 1), "{read:?}");
    let instances: BTreeSet<_> = read.iter().map(|diary| &diary.instance).collect();
    assert!((2..=3).contains(&instances.len()), "{instances:?}");
}

/// The next one waits, and gets its turn.
#[test]
fn a_serial_instance_that_is_busy_lets_the_next_call_wait() {
    let server = Serve::guest(guests::HANG)
        .instance_lines(SERIAL)
        .instance_lines("max_instances = 1\n")
        .start();
    let (mut first, mut second) = (server.client(), server.client());
    first.request("/first");
    server.wait_line("hanging at /first");
    second.request("/ok");
    assert!(
        second.is_silent_for(Duration::from_millis(200)),
        "there is no room"
    );
    drop(first);
    assert_eq!(second.response().text(), "ok");
}

/// A WebSocket is a call, for as long as it lives.
#[test]
fn a_websocket_has_a_serial_instance_for_itself() {
    let server = Serve::guest(guests::WEBSOCKET_AS_ASKED)
        .instance_lines(SERIAL)
        .instance_lines("max_instances = 1\n")
        .limit("queued", "200 ms")
        .start();
    let mut socket = server.client().websocket("/echo", &[]).expect("a socket");
    socket.text("hello");
    assert_eq!(socket.see_text(), "hello");
    assert_eq!(server.get("/ok").status, 503);
    socket.close(1000, "");
    assert_eq!(socket.see_close().0, Some(1000));
    eventually("there is room", || server.get("/ok").status == 200);
}

/// Each request has an instance that nobody had before, also on a connection that is kept and over HTTP/2, on several threads.
#[test]
fn isolated_instances_have_one_call_each() {
    let server = Serve::guest(guests::KEEP_A_DIARY)
        .instance_lines(ISOLATED)
        .threads(2)
        .start();
    let mut read = under_traffic(&server, "/", || {});
    block_on(async {
        let mut h2 = H2::connect(server.address()).await;
        let mut replies = Vec::new();
        for _ in 0..40 {
            replies.push(h2.open(H2::request("GET", "/?ms=5"), true).await.0);
        }
        for reply in replies {
            let reply = H2::reply(reply).await.expect("a reply");
            assert_eq!(reply.status, 200);
            let text = reply.text();
            assert!(text.ends_with("calls=1 most=1"), "{text}");
        }
    });
    assert!(read.len() > 100);
    assert!(
        read.iter().all(|it| (it.calls, it.most) == (1, 1)),
        "{read:?}"
    );
    let all = read.len();
    read.sort_by(|a, b| a.instance.cmp(&b.instance));
    read.dedup_by(|a, b| a.instance == b.instance);
    assert_eq!(read.len(), all, "an instance was used twice");
}

/// `G-03`: what a request leaves in memory, and what start-up has made, is not the next one's.
#[test]
fn an_isolated_request_sees_nothing_of_the_one_before() {
    let server = Serve::guest(guests::SHARE_STATE)
        .instance_lines(ISOLATED)
        .start();
    let mut client = server.client();
    for _ in 0..30 {
        let text = client.get("/").text();
        let expected = "count=1 greeting=hello left_by_another=false alive=1 ";
        assert!(text.starts_with(expected), "{text}");
    }
}

/// `L-02`: each instance has its own lifespan, to the end.
#[test]
fn isolated_instances_start_and_shut_down() {
    let server = Serve::guest(guests::LOG_THE_LIFESPAN)
        .instance_lines(ISOLATED)
        .start();
    for _ in 0..10 {
        server.assert_serves();
    }
    eventually("ten have said goodbye", || count(&server, "goodbye") == 10);
    let line = |message: &str| server.printed().iter().filter(|it| *it == message).count();
    eventually("and two are ready for the next", || {
        line("event LifespanStartup") == 12
    });
}

/// `X-08`: a trap is the end of one call. Nobody waits for it, and the next one begins at once.
#[test]
fn a_trap_in_an_isolated_call_is_nobody_elses() {
    let server = Serve::guest(guests::KEEP_A_DIARY)
        .instance_lines(ISOLATED)
        .limit("queued", "1 min")
        .start();
    let mut client = server.client();
    for _ in 0..30 {
        assert_eq!(client.get("/trap").status, 500);
        assert_eq!(Diary::of(&client.get("/")).calls, 1);
    }
    assert_eq!(count(&server, "a new one starts"), 0, "there is no wait");
}

/// Work after the response keeps its instance, which counts; a stream is not cut.
#[test]
fn an_isolated_call_has_its_instance_until_it_is_done() {
    let server = Serve::guest(guests::WORK_AFTER_THE_RESPONSE)
        .instance_lines(ISOLATED)
        .instance_lines("max_instances = 2\n")
        .limit("queued", "200 ms")
        .limit("background", "700 ms")
        .start();
    for _ in 0..2 {
        assert_eq!(server.get("/work").text(), "accepted");
    }
    assert_eq!(server.get("/ok").status, 503, "both work");
    // Nothing ends the work but its limit.
    eventually("a place is free", || server.get("/ok").status == 200);
    server.wait_line("over time");
}

#[test]
fn isolated_calls_wait_for_each_other_at_the_maximum() {
    let server = Serve::guest(guests::HANG)
        .instance_lines(ISOLATED)
        .instance_lines("max_instances = 2\n")
        .threads(2)
        .start();
    let mut hanging: Vec<Client> = Vec::new();
    for path in ["/1", "/mid"] {
        let mut client = server.client();
        client.request(path);
        server.wait_line(&format!("hanging at {path}"));
        hanging.push(client);
    }
    let mut third = server.client();
    third.request("/ok");
    assert!(
        third.is_silent_for(Duration::from_millis(200)),
        "there is no room"
    );
    hanging.pop();
    assert_eq!(third.response().text(), "ok");
}

#[test]
fn an_isolated_websocket_has_its_own_instance() {
    let server = Serve::guest(guests::WEBSOCKET_AS_ASKED)
        .instance_lines(ISOLATED)
        .start();
    let mut sockets: Vec<_> = (0..3)
        .map(|_| server.client().websocket("/room", &[]).expect("a socket"))
        .collect();
    for (number, socket) in sockets.iter_mut().enumerate() {
        socket.text(&format!("hello {number}"));
    }
    for (number, socket) in sockets.iter_mut().enumerate() {
        assert_eq!(
            socket.see_text(),
            format!("hello {number}"),
            "alone in its room"
        );
        socket.close(1000, "");
        assert_eq!(socket.see_close().0, Some(1000));
    }
}

/// The same for an app in Python, with what it has imported.
#[test]
fn isolated_python() {
    let server = Serve::python("behaviours").instance_lines(ISOLATED).start();
    let mut client = server.client();
    for _ in 0..10 {
        let response = client.get("/ok");
        assert_eq!((response.status, &*response.text()), (200, "ok"));
    }
}

/// An isolated app that nobody asks has no instance, and each request starts one; what nobody has used in time is replaced.
#[test]
fn unused_isolated_instances_stop_and_grow_old() {
    let server = Serve::guest(guests::KEEP_A_DIARY)
        .instance_lines(ISOLATED)
        .instance_lines("min_instances = 0\nidle = \"1 ms\"\n")
        .threads(2)
        .start();
    wasgi_tests::pause(Duration::from_millis(600));
    let read = under_traffic(&server, "/", || {});
    assert!(read.iter().all(|it| it.calls == 1), "{read:?}");

    let server = Serve::guest(guests::LOG_THE_LIFESPAN)
        .instance_lines(ISOLATED)
        .instance_lines("max_instance_age = \"200 ms\"\n")
        .start();
    eventually("six have grown old", || count(&server, "goodbye") >= 6);
    server.assert_serves();
}
