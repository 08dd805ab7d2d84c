//! Apps come, go and are replaced, one by one, while the others serve.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use wasgi::server::Notice;
use wasgi_tests::{Client, Host, Many, Serve, block_on, eventually, guests, pause};

use crate::replace::{that_do_not_start, version};

const GUEST: wasgi_tests::Guest = guests::SAY_WHOSE_IT_IS;

#[track_caller]
fn serves_version(host: &Host, authority: &str, number: usize) {
    let text = host.get(authority, "/").text();
    assert!(text.contains(&format!("VERSION=v{number}.")), "{text}");
}

/// `G-14`: of twenty deployments under load none costs a request, its own app's or another's.
#[test]
fn deployments_lose_no_request_of_any_app() {
    let host = Many::new()
        .app("alice/hello", version(0).instances(2), "alice.test")
        .neighbour()
        .threads(2)
        .start();
    let neighbour = host.neighbour();
    let alice = host.app("alice/hello").label();
    let (done, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let address = host.address();
    let asks = |fresh: bool| {
        let mut client = Client::tcp(address);
        while !done.load(SeqCst) {
            if fresh {
                client = Client::tcp(address);
            }
            let response = client.at("alice.test").get("/");
            let text = response.text();
            assert_eq!(response.status, 200, "{text}");
            assert!(
                text.contains("VERSION=v") && text.contains(&alice),
                "{text}"
            );
            asked.fetch_add(1, SeqCst);
            pause(Duration::from_millis(1));
        }
    };
    std::thread::scope(|scope| {
        let clients = [scope.spawn(|| asks(false)), scope.spawn(|| asks(true))];
        for number in 1..=20 {
            host.deploy("alice/hello", version(number).instances(2), "alice.test");
            serves_version(&host, "alice.test", number);
            // Apps that nobody asks come and go meanwhile.
            host.deploy("bob/hello", GUEST, "bob.test");
            assert!(host.remove("bob/hello"));
            let before = asked.load(SeqCst);
            eventually("the clients go on", || {
                asked.load(SeqCst) > before + 5 || clients.iter().any(|it| it.is_finished())
            });
        }
        done.store(true, SeqCst);
    });
    neighbour.assert_unharmed();
}

#[test]
fn an_app_is_deployed_and_removed_while_others_serve() {
    let host = Many::new().app("alice/hello", GUEST, "alice.test").start();
    let mut kept = host.client();
    assert_eq!(kept.at("bob.test").get("/").status, 404);
    host.deploy("bob/hello", GUEST, "bob.test");
    let bob = host.app("bob/hello");
    assert_eq!(kept.get("/").value("app"), bob.label());
    let sites = host.server().sites();
    let sites: Vec<_> = sites
        .iter()
        .map(|site| (site.app.to_string(), site.routes.to_vec()))
        .collect();
    let route = |text: &str| vec![text.parse().unwrap()];
    assert_eq!(
        sites,
        [
            (host.app("alice/hello").label(), route("alice.test/")),
            (bob.label(), route("bob.test/")),
        ]
    );
    assert!(host.remove("bob/hello"));
    assert_eq!(kept.get("/").status, 404);
    assert!(!host.remove("bob/hello"));
    assert!(host.server().site(&bob.id).is_none());
    assert_eq!(
        kept.at("alice.test").get("/").value("app"),
        host.app("alice/hello").label()
    );
    // It may come back.
    host.deploy("bob/hello", GUEST, "bob.test/again");
    assert_eq!(
        kept.at("bob.test").get("/again").value("root_path"),
        "/again"
    );
}

#[test]
fn what_is_in_flight_of_a_removed_app_finishes_and_what_waits_is_503() {
    let host = Many::new()
        .app(
            "alice/hello",
            Serve::guest(guests::LOG_THE_LIFESPAN).calls_max(1),
            "alice.test",
        )
        .neighbour()
        .start();
    let neighbour = host.neighbour();
    let alice = host.app("alice/hello");
    let mut slow = host.client();
    slow.at("alice.test").request("/slow");
    alice.wait_line("the slow call has begun");
    let mut waits = host.client();
    waits.at("alice.test").request("/");
    // It is in the queue, as far as anybody can see from outside.
    pause(Duration::from_millis(50));
    assert!(host.remove("alice/hello"));
    assert_eq!(waits.response().status, 503);
    assert_eq!(host.get("alice.test", "/").status, 404);
    assert_eq!(slow.response().text(), "slow but whole");
    // Its shutdown comes after its last call.
    alice.wait_line("goodbye");
    assert_eq!(slow.get("/").status, 404);
    neighbour.assert_unharmed();
}

#[test]
fn a_deployment_that_fails_leaves_its_app_and_the_others_as_they_were() {
    let host = Many::new()
        .app("alice/hello", version(0), "alice.test")
        .neighbour()
        .start();
    let neighbour = host.neighbour();
    let before = host.app("alice/hello").pool();
    for (next, why) in that_do_not_start() {
        for app in ["alice/hello", "carol/new"] {
            let route = if app == "carol/new" {
                "carol.test"
            } else {
                "alice.test"
            };
            let error = host.try_deploy(app, next.clone(), route).unwrap_err();
            let label = host.app(app).label();
            assert_eq!(
                error.to_string(),
                format!("the app `{label}` does not start")
            );
            let because = std::error::Error::source(&error).unwrap().to_string();
            assert!(because.contains(why), "{because}");
        }
        serves_version(&host, "alice.test", 0);
        assert_eq!(host.get("carol.test", "/").status, 404);
    }
    assert!(Arc::ptr_eq(&before, &host.app("alice/hello").pool()));
    assert_eq!(host.server().sites().len(), 2);
    neighbour.assert_unharmed();
}

#[test]
fn a_route_that_another_app_has_is_refused_before_anything_runs() {
    let host = Many::new()
        .app("alice/hello", version(0), "alice.test /all")
        .start();
    let next = || Serve::guest(guests::LOG_THE_LIFESPAN);
    for routes in ["Alice.Test.", "bob.test */all"] {
        let error = host.try_deploy("bob/hello", next(), routes).unwrap_err();
        assert!(
            error.to_string().starts_with("two apps have the route `"),
            "{error}"
        );
        let because = std::error::Error::source(&error).unwrap().to_string();
        let (alice, bob) = (
            host.app("alice/hello").label(),
            host.app("bob/hello").label(),
        );
        assert!(
            because.contains(&alice) && because.contains(&bob),
            "{because}"
        );
        assert!(host.app("bob/hello").printed().is_empty());
        assert_eq!(host.get("bob.test", "/").status, 404);
    }
    let twice = Many::new()
        .app("alice/hello", GUEST, "a.test")
        .app("bob/hello", GUEST, "a.test")
        .try_start();
    assert!(twice.is_err_and(|error| error.to_string() == "two apps have the route `a.test/`"));
}

/// Its own routes are an app's to move, with its next version or with the same instances.
#[test]
fn a_deployment_moves_an_app_to_other_routes() {
    let host = Many::new()
        .app("alice/hello", version(0), "alice.test")
        .start();
    host.deploy("alice/hello", version(1), "alice.test/new new.test");
    serves_version(&host, "new.test", 1);
    assert_eq!(host.get("alice.test", "/").status, 404);
    assert_eq!(host.get("alice.test", "/new").status, 200);
    let mut site = host.server().site(&host.app("alice/hello").id).unwrap();
    site.routes = ["*".parse().unwrap()].into();
    let pool = site.pool.clone();
    block_on(host.server().deploy(site)).unwrap();
    serves_version(&host, "anything.test", 1);
    assert!(Arc::ptr_eq(&pool, &host.app("alice/hello").pool()));
}

/// Requests that wait because nothing is ready go to the next version of their own app, although other apps come and go.
#[test]
fn requests_that_wait_get_the_next_version_of_their_own_app() {
    let full = || {
        Serve::guest(guests::HANG)
            .calls_max(1)
            .limit("drain", "100 ms")
    };
    let host = Many::new()
        .app("alice/hello", full(), "alice.test")
        .app("bob/hello", full(), "bob.test")
        .start();
    let ask = |authority: &str| {
        let mut client = host.client();
        client.at(authority).request("/");
        client
    };
    let first = [ask("alice.test"), ask("bob.test")];
    for app in ["alice/hello", "bob/hello"] {
        host.app(app).wait_line("hanging at /");
    }
    let waiting: Vec<_> = (0..3)
        .map(|_| (ask("alice.test"), ask("bob.test")))
        .collect();
    pause(Duration::from_millis(100));
    host.deploy("bob/hello", version(2), "bob.test");
    host.deploy("alice/hello", version(1), "alice.test");
    for (mut alice, mut bob) in waiting {
        let (alice, bob) = (alice.response().text(), bob.response().text());
        assert!(alice.contains("VERSION=v1."), "{alice}");
        assert!(bob.contains("VERSION=v2."), "{bob}");
    }
    for mut client in first {
        assert_eq!(client.response().status, 503);
    }
}

/// Nobody waits for another app's start-up; deployments of one app wait for each other.
#[test]
fn a_slow_start_holds_up_nobody_elses_deployment() {
    let host = Many::new()
        .app("alice/hello", version(0), "alice.test")
        .start();
    let slow = Serve::guest(guests::HANG_IN_STARTUP).limit("startup", "2 s");
    block_on(async {
        let slow = host.deploying("alice/hello", slow, "alice.test");
        let quick = async {
            host.deploying("bob/hello", version(1), "bob.test")
                .await
                .unwrap();
            serves_version(&host, "bob.test", 1);
            host.server().remove(&host.app("bob/hello").id).await
        };
        let after = async {
            host.deploying("alice/hello", version(2), "alice.test")
                .await
        };
        let mut slow = std::pin::pin!(slow);
        let removed = tokio::select! {
            biased;
            _ = &mut slow => panic!("it hangs for two seconds"),
            removed = quick => removed,
        };
        assert!(removed);
        let (slow, after) = tokio::join!(slow, after);
        assert!(slow.is_err());
        after.unwrap();
    });
    serves_version(&host, "alice.test", 2);
}

/// `G-14`: new instances of one app are no concern of the others.
#[test]
fn recycling_renews_one_app() {
    let host = Many::new()
        .app("alice/hello", GUEST, "alice.test")
        .app("bob/hello", GUEST, "bob.test")
        .start();
    let (alice, bob) = (host.app("alice/hello"), host.app("bob/hello"));
    let before = (alice.pool(), bob.pool());
    assert!(block_on(host.server().recycle(&alice.id)).unwrap());
    assert!(!Arc::ptr_eq(&before.0, &alice.pool()));
    assert!(Arc::ptr_eq(&before.1, &bob.pool()));
    assert_eq!(host.get("alice.test", "/").value("app"), alice.label());
    assert!(host.remove("alice/hello"));
    assert!(!block_on(host.server().recycle(&alice.id)).unwrap());
    // A notice stands in the place of all of them until the next deployment.
    host.server().show(Notice::new("all", "closed", ""));
    assert_eq!(host.get("bob.test", "/").status, 500);
    assert_eq!(host.get("nobody.test", "/").status, 500);
    assert!(!block_on(host.server().recycle(&bob.id)).unwrap());
    host.deploy("alice/hello", GUEST, "alice.test");
    assert_eq!(host.get("bob.test", "/").status, 200);
    assert_eq!(host.get("nobody.test", "/").status, 404);
}

/// Many deployments leave nothing behind.
#[test]
fn what_was_replaced_is_gone() {
    let host = Many::new().app("alice/hello", GUEST, "alice.test").start();
    let first = host.app("alice/hello").pool();
    for _ in 0..10 {
        host.deploy("alice/hello", GUEST, "alice.test");
    }
    eventually("the first pool is let go", || {
        Arc::strong_count(&first) == 1
    });
}
