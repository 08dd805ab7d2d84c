//! More requests than the app can take: `--limit-concurrency`, and the queue of those that wait for a place (`G-13`).

use std::time::Duration;

use wasgi::server::Concurrency;
use wasgi_tests::{Client, H2, Response, Running, Serve, block_on, eventually, guests};

fn limited(guest: wasgi_tests::Guest, calls: usize) -> Serve {
    Serve::guest(guest).set(|settings| settings.concurrency = Concurrency::at_most(calls))
}

/// Answered at once, with a word when to come again, on a connection that is kept.
#[track_caller]
fn is_turned_away(response: &Response) {
    assert_eq!(
        (response.status, response.text().as_str()),
        (503, "Service Unavailable")
    );
    assert_eq!(response.header("retry-after"), Some("1"));
    assert_eq!(response.header("connection"), None);
}

fn hanging(server: &Running, paths: &[&str]) -> Vec<Client> {
    let ask = |path: &&str| {
        let mut client = server.client();
        client.request(path);
        server.wait_line(&format!("hanging at {path}"));
        client
    };
    paths.iter().map(ask).collect()
}

/// Calls of all threads and instances together, waiting or streaming; a call that ends frees its place.
#[test]
fn one_call_too_many_is_turned_away_at_once() {
    let server = limited(guests::HANG, 3).threads(2).instances(2).start();
    let mut idle: Vec<_> = (0..10).map(|_| server.client()).collect();
    idle.iter_mut().for_each(Client::assert_kept);
    let mut calls = hanging(&server, &["/1", "/mid", "/start"]);
    let client = &mut idle[0];
    for _ in 0..5 {
        is_turned_away(&client.get("/more"));
    }
    is_turned_away(&client.post("/more", &[b'x'; 1000]));
    let access = server.wait_log(|line| line.field("path") == "/more");
    assert_eq!(access.field("outcome"), "over-limit");
    let reply = block_on(async { H2::connect(server.address()).await.get("/more").await });
    assert_eq!((reply.status, reply.all("retry-after")), (503, vec!["1"]));

    // The app hears that a client has left, and ends its call.
    calls.pop();
    server.wait_line("disconnected at /start");
    eventually("there is a place", || client.get("/ok").status == 200);
    calls.extend(hanging(&server, &["/again"]));
    is_turned_away(&client.get("/more"));
}

/// `Q-08`: whoever is turned away in the middle of sending a body may go on, and is answered on the same connection.
#[test]
fn a_body_on_its_way_is_read_and_thrown_away() {
    for (calls, waiting) in [(1, 1024), (1000, 1)] {
        let limits =
            format!("max_concurrent_calls = 1\nmax_queued_calls = {waiting}\nqueued = \"1 ms\"\n");
        let server = limited(guests::HANG, calls).limits(&limits).start();
        let hangs = hanging(&server, &["/1"]);
        let mut client = server.client();
        client.send("POST /more HTTP/1.1\r\nhost: h\r\ncontent-length: 100000\r\n\r\n");
        is_turned_away(&client.response());
        client.send([b'x'; 100_000]);
        drop(hangs);
        server.wait_line("disconnected at /1");
        eventually("there is a place", || client.get("/ok").status == 200);
    }
}

/// Each of many calls in a row, of any kind, gives its place back.
#[test]
fn calls_that_end_leave_no_place_taken() {
    let server = limited(guests::HANG, 1).start();
    for number in 0..30 {
        let path = format!("/{number}");
        drop(hanging(&server, &[path.as_str()]));
        server.wait_line(&format!("disconnected at {path}"));
        eventually("there is a place", || server.get("/ok").status == 200);
    }
    // Neither does one that is refused before its call.
    let mut client = server.client();
    for _ in 0..5 {
        let long = format!("/{}", "x".repeat(20_000));
        assert_eq!(client.get(&long).status, 414);
        client = server.client();
        server.assert_serves();
    }
}

/// `D-04`: nobody cancels a call, so one that does not hear goes on without its client, and counts.
#[test]
fn a_call_that_goes_on_without_its_client_counts() {
    let server = limited(guests::HANG, 1).start();
    drop(hanging(&server, &["/deaf"]));
    server.wait_log(|line| line.field("path") == "/deaf");
    for _ in 0..5 {
        is_turned_away(&server.get("/ok"));
    }
}

/// `G-11`: so does work after the response.
#[test]
fn work_after_the_response_counts() {
    let server = limited(guests::WORK_AFTER_THE_RESPONSE, 2).start();
    let mut client = server.client();
    assert_eq!(client.get("/work").status, 200);
    assert_eq!(client.get("/ok").status, 200);
    assert_eq!(client.get("/work").status, 200);
    is_turned_away(&client.get("/ok"));
}

/// An instance that dies takes its calls along.
#[test]
fn calls_of_a_dead_instance_do_not_count() {
    let server = limited(guests::TRAP, 1).start();
    for _ in 0..3 {
        // A call may end a little after its response, and counts until then.
        eventually("it traps", || server.get("/before").status == 500);
        eventually("there is a place", || server.get("/ok").status == 200);
    }
}

/// One call at a time, and 400 that wait: 200 of a client that is alone.
fn crowded() -> Serve {
    Serve::guest(guests::HANG)
        .calls_max(1)
        .limits("max_queued_calls = 400\nqueued = \"1 h\"\n")
}

/// A request of a client at an address, on a connection of its own; a trusted proxy says so.
fn from(server: &Running, address: &str, path: &str) -> Client {
    let mut client = server.client();
    client.send(format!(
        "GET {path} HTTP/1.1\r\nhost: test\r\nx-forwarded-for: {address}\r\n\r\n"
    ));
    client
}

/// So many requests of one client: those that wait, by path. The others have been turned away, so these do wait by now.
#[track_caller]
fn crowd(
    server: &Running,
    address: &str,
    name: &str,
    asks: usize,
    wait: usize,
) -> Vec<(String, Client)> {
    let ask = |number| {
        let path = format!("/{name}{number}");
        let client = from(server, address, &path);
        (path, client)
    };
    let all: Vec<_> = (0..asks).map(ask).collect();
    let is_waiting = |(_, client): &mut (String, Client)| {
        let waits = client.is_silent_for(Duration::from_millis(1));
        if !waits {
            is_turned_away(&client.response());
        }
        waits
    };
    let mut waiting = all;
    eventually("the others are turned away", || {
        waiting = std::mem::take(&mut waiting)
            .into_iter()
            .filter_map(|mut it| is_waiting(&mut it).then_some(it))
            .collect();
        waiting.len() <= wait
    });
    assert_eq!(waiting.len(), wait);
    waiting
}

/// Whose call has begun since the mark.
fn begun(server: &Running, mark: usize) -> String {
    let line = server.wait_since(mark, |line| line.message.starts_with("hanging at "));
    line.message.trim_start_matches("hanging at ").to_owned()
}

/// `G-13`. 200 requests of one client wait for a place, and more of it are turned away; a single one of another client is
/// served next but one. IPv6 addresses of one network are one client.
#[test]
fn a_greedy_client_keeps_nobody_else_waiting() {
    for (greedy, modest) in [
        ("10.0.0.1", "10.0.0.2"),
        ("2001:db8:0:1::1", "2001:db8:0:2::1"),
    ] {
        let server = crowded().start();
        let first = hanging(&server, &["/first"]);
        let mut waiting = crowd(&server, greedy, "greedy", 230, 200);
        if greedy.contains(':') {
            is_turned_away(&from(&server, "2001:db8:0:1:ffff::2", "/neighbour").response());
        }
        let mut single = from(&server, modest, "/single");
        // Both answers come from one thread: this one has been read behind that.
        assert_eq!(server.get(&format!("/{}", "x".repeat(20_000))).status, 414);
        assert!(single.is_silent_for(Duration::from_millis(1)));

        let mark = server.mark();
        drop(first);
        let path = begun(&server, mark);
        assert!(path.starts_with("/greedy"), "{path}");
        let at = waiting.iter().position(|(it, _)| *it == path).unwrap();
        let mark = server.mark();
        drop(waiting.remove(at));
        assert_eq!(begun(&server, mark), "/single");
        let mark = server.mark();
        drop(single);
        let path = begun(&server, mark);
        assert!(path.starts_with("/greedy"), "{path}");
    }
}

/// `D-03`: whoever leaves while it waits leaves its place, too, and its call is never made.
#[test]
fn clients_that_leave_the_queue_free_their_places() {
    let server = crowded().start();
    let _first = hanging(&server, &["/first"]);
    for round in 0..3 {
        let waiting = crowd(&server, "10.0.0.1", &format!("r{round}-"), 210, 200);
        drop(waiting);
        eventually("all have left", || {
            let lines = server.log();
            let left = lines.iter().filter(|line| {
                line.field("outcome") == "disconnected" && line.field("path").starts_with("/r")
            });
            left.count() == 200 * (round + 1)
        });
    }
    assert!(!server.printed().iter().any(|line| line.contains("/r")));
}

/// `G-13`: a request waits so long and no longer.
#[test]
fn a_request_waits_for_its_deadline() {
    let server = Serve::guest(guests::HANG)
        .calls_max(1)
        .limit("queued", "200 ms")
        .start();
    let _first = hanging(&server, &["/first"]);
    is_turned_away(&server.get("/late"));
    let access = server.wait_log(|line| line.field("path") == "/late");
    assert_eq!(access.field("outcome"), "unavailable");
}

/// Places pass from hand to hand: none is lost on the way, whatever else comes and goes.
#[test]
fn no_place_is_lost_under_a_crowd() {
    let server = Serve::guest(guests::ECHO)
        .calls_max(1)
        .threads(2)
        .instances(2)
        .limit("queued", "1 min")
        .start();
    let address = server.address();
    std::thread::scope(|scope| {
        for number in 0..24 {
            scope.spawn(move || {
                let mut client = Client::tcp(address);
                for round in 0..40 {
                    if (number + round) % 8 == 0 {
                        // Leaves at once.
                        client.request("/gone");
                        client = Client::tcp(address);
                    }
                    let response = client.post("/", b"echo");
                    assert_eq!((response.status, &*response.text()), (200, "echo"));
                }
            });
        }
    });
    server.assert_serves();
}

/// `G-14`: who waits when the server is told to stop is served all the same, if the time to drain allows it.
#[test]
fn a_draining_server_serves_those_who_wait() {
    let mut server = Serve::guest(guests::LOG_THE_LIFESPAN).calls_max(1).start();
    let mut slow = server.client();
    slow.request("/slow");
    server.wait_line("the slow call has begun");
    let mut waits = server.client();
    waits.request("/ok");
    assert!(waits.is_silent_for(Duration::from_millis(100)));
    server.server().drain();
    assert_eq!(slow.response().text(), "slow but whole");
    let response = waits.response();
    assert_eq!((response.status, &*response.text()), (200, "ok"));
    assert_eq!(response.header("connection"), Some("close"));
    server.stop();
}
