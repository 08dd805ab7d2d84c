//! More requests than the app can take: `--limit-concurrency` (`G-13`).

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
        assert_eq!(server.get("/before").status, 500);
        eventually("there is a place", || server.get("/ok").status == 200);
    }
}
