//! An app is replaced while it serves: no request is lost, connections are kept, what is in flight finishes where it
//! began, and an app that does not start changes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use wasgi::error::Result;
use wasgi::server::{Notice, Site};
use wasgi::wasm::Pool;
use wasgi_tests::{Client, H2, Running, Serve, block_on, eventually, guests, pause};

/// Replaces what `server` serves by another guest or version.
fn replace(server: &Running, next: &Serve, instances: u32) -> Result<()> {
    let pool = next
        .clone()
        .instances(instances)
        .pool(server.server().threads())?;
    block_on(server.server().deploy(Site::only(pool)))
}

/// An app that says which version of it this is.
pub(crate) fn version(number: usize) -> Serve {
    Serve::guest(guests::SHOW_THE_ENVIRONMENT).env("VERSION", &format!("v{number}."))
}

#[test]
fn twenty_replacements_lose_no_request() {
    let server = version(0).threads(2).instances(2).start();
    let address = server.address();
    let done = AtomicBool::new(false);
    let asked = AtomicUsize::new(0);
    let served = |text: &str| {
        assert!(text.contains("VERSION=v"), "{text}");
        asked.fetch_add(1, SeqCst);
    };
    std::thread::scope(|scope| {
        let kept = || {
            let mut client = Client::tcp(address);
            while !done.load(SeqCst) {
                let response = client.get("/");
                assert_eq!(response.status, 200, "{}", response.text());
                served(&response.text());
            }
        };
        let fresh = || {
            while !done.load(SeqCst) {
                let response = Client::tcp(address).get("/");
                assert_eq!(response.status, 200, "{}", response.text());
                served(&response.text());
            }
        };
        let multiplexed = || {
            block_on(async {
                let mut h2 = H2::connect(address).await;
                while !done.load(SeqCst) {
                    let mut replies = Vec::new();
                    for _ in 0..8 {
                        replies.push(h2.open(H2::request("GET", "/"), true).await.0);
                    }
                    for reply in replies {
                        let reply = H2::reply(reply).await.unwrap();
                        assert_eq!((reply.status, reply.reset), (200, None));
                        served(&reply.text());
                    }
                }
            });
        };
        let clients = [
            scope.spawn(kept),
            scope.spawn(kept),
            scope.spawn(fresh),
            scope.spawn(multiplexed),
        ];
        for number in 1..=20 {
            replace(&server, &version(number), 2).unwrap();
            // From the moment that it returns every request meets the new one.
            let text = server.get("/").text();
            assert!(text.contains(&format!("VERSION=v{number}.")), "{text}");
            let before = asked.load(SeqCst);
            eventually("the clients go on", || {
                asked.load(SeqCst) > before + 20 || clients.iter().any(|it| it.is_finished())
            });
        }
        done.store(true, SeqCst);
    });
    assert!(asked.load(SeqCst) > 400);
    // Of the 21 apps one is left: the others have ended, each instance with its own shutdown.
    let pool = server.pool();
    eventually("the last pool is the only one", || {
        Arc::strong_count(&pool) <= 10
    });
}

#[test]
fn a_call_in_flight_finishes_where_it_began() {
    let server = Serve::guest(guests::LOG_THE_LIFESPAN).start();
    let mut slow = server.client();
    slow.request("/slow");
    server.wait_line("the slow call has begun");
    let next = version(1);
    replace(&server, &next, 1).unwrap();
    assert!(server.get("/").text().contains("VERSION=v1."));
    // The previous app lives for as long as its call does, and hears of its shutdown after it.
    assert_eq!(slow.response().text(), "slow but whole");
    server.wait_line("goodbye");
    let printed = server.printed();
    let at = |text: &str| printed.iter().position(|line| line.contains(text));
    assert!(at("the slow call is done") < at("Shutdown"), "{printed:?}");
    // The connection that carried it goes on with the new one.
    assert!(slow.get("/").text().contains("VERSION=v1."));
}

#[test]
fn calls_that_outlive_the_drain_time_are_cut() {
    let server = Serve::guest(guests::HANG).limit("drain", "100 ms").start();
    let mut stream = server.client();
    stream.request("/mid");
    server.wait_line("hanging at /mid");
    replace(&server, &version(1), 1).unwrap();
    let mut response = stream.head();
    stream.chunk_bytes(&mut response, 4);
    assert_eq!(response.text(), "part");
    assert!(stream.is_closed());
    server.wait_line("disconnected at /mid");
    assert!(server.get("/").text().contains("VERSION=v1."));
}

/// Apps whose start-up fails, each in its way, and what the error says of it.
pub(crate) fn that_do_not_start() -> [(Serve, &'static str); 3] {
    [
        (
            Serve::guest(guests::FAIL_STARTUP),
            "lifespan.startup.failed",
        ),
        (Serve::guest(guests::TRAP_IN_STARTUP), "unreachable"),
        (
            Serve::guest(guests::HANG_IN_STARTUP).limit("startup", "200 ms"),
            "the deadline `startup` passed",
        ),
    ]
}

#[test]
fn an_app_that_does_not_start_changes_nothing() {
    let server = version(0).start();
    for (next, why) in that_do_not_start() {
        let error = replace(&server, &next, 2).unwrap_err();
        let because = std::error::Error::source(&error).unwrap().to_string();
        assert!(error.to_string().contains("does not start"), "{error}");
        assert!(because.contains(why), "{because}");
        assert!(server.get("/").text().contains("VERSION=v0."));
    }
    replace(&server, &version(1), 1).unwrap();
    assert!(server.get("/").text().contains("VERSION=v1."));
}

/// Requests that wait because nothing is ready go to whatever comes next.
#[test]
fn requests_that_wait_for_the_previous_app_get_the_next() {
    // One call fills it.
    let server = Serve::guest(guests::HANG)
        .calls_max(1)
        .limit("drain", "100 ms")
        .start();
    let mut first = server.client();
    first.request("/");
    server.wait_line("hanging at /");
    let waiting: Vec<_> = (0..5)
        .map(|_| {
            let mut client = server.client();
            client.request("/");
            client
        })
        .collect();
    // They are in the queue, as far as anybody can see from outside.
    pause(Duration::from_millis(100));
    replace(&server, &version(1), 1).unwrap();
    for mut client in waiting {
        let response = client.response();
        assert_eq!(response.status, 200, "{}", response.text());
        assert!(response.text().contains("VERSION=v1."));
    }
    assert_eq!(first.response().status, 503);
}

#[test]
fn a_replacement_that_is_given_up_stops_what_it_began() {
    let server = version(0).start();
    let next = Serve::guest(guests::HANG_IN_STARTUP);
    let app = next.load().unwrap();
    let name = app.name.to_string();
    let pool = Pool::new(app, 1);
    block_on(async {
        let replaced = server.server().deploy(Site::only(pool.clone()));
        let given_up = tokio::time::timeout(Duration::from_millis(200), replaced).await;
        assert!(given_up.is_err(), "{name}");
    });
    assert!(server.get("/").text().contains("VERSION=v0."));
    eventually("nobody runs it any more", || Arc::strong_count(&pool) == 1);
}

/// Stopping does not wait for an app that is still starting to take its place.
#[test]
fn a_server_stops_during_a_replacement() {
    let mut server = version(0).start();
    let pool = Pool::new(Serve::guest(guests::HANG_IN_STARTUP).load().unwrap(), 1);
    block_on(async {
        let stop = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            server.server().drain();
        };
        let (replaced, ()) = tokio::join!(server.server().deploy(Site::only(pool)), stop);
        let error = replaced.unwrap_err();
        assert!(error.to_string().contains("does not start"), "{error}");
    });
    server.stop();
}

#[test]
fn a_notice_stands_in_the_place_of_the_app() {
    let server = version(0).start();
    let mut kept = server.client();
    assert_eq!(kept.get("/").status, 200);
    let notice = || Notice::new("app", "cannot build", "line <1>\n\x1b[31mred\x1b[0m");
    server.server().show(notice());
    let response = kept.get("/any?x");
    assert_eq!(response.status, 500);
    assert_eq!(response.text(), "cannot build\n\nline <1>\nred\n");
    let kind = response.header("content-type");
    assert_eq!(kind, Some("text/plain; charset=utf-8"));
    let response = kept
        .send("GET / HTTP/1.1\r\nhost: test\r\naccept: text/html,*/*;q=0.8\r\n\r\n")
        .response();
    assert_eq!(response.status, 500);
    let kind = response.header("content-type");
    assert_eq!(kind, Some("text/html; charset=utf-8"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let page = response.text();
    assert!(page.contains("line &lt;1&gt;\nred</pre>"), "{page}");
    assert!(!page.contains('\x1b'));
    // A body that nobody reads, and HEAD.
    assert_eq!(kept.post("/", b"not read").status, 500);
    assert_eq!(
        kept.send("HEAD / HTTP/1.1\r\nhost: test\r\n\r\n")
            .response_to("HEAD")
            .status,
        500
    );
    replace(&server, &version(1), 1).unwrap();
    assert!(kept.get("/").text().contains("VERSION=v1."));
}
