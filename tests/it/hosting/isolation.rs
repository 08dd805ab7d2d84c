//! Tenants of one server are nothing to each other: not on a shared connection, and not in trouble.

use std::time::Duration;

use wasgi::server::{Concurrency, tls};
use wasgi_tests::{Authority, Folder, H2, Many, Secure, Serve, block_on, guests, pause};

const GUEST: wasgi_tests::Guest = guests::SAY_WHOSE_IT_IS;

/// The same app, called the same by two tenants, on one kept connection, pipelined: every answer is its own tenant's.
#[test]
fn two_tenants_alternate_on_one_connection() {
    let host = Many::new()
        .app("alice/hello", GUEST, "alice.test")
        .app("bob/hello", GUEST, "bob.test")
        .start();
    let (alice, bob) = (
        host.app("alice/hello").label(),
        host.app("bob/hello").label(),
    );
    let mut client = host.client();
    for round in 0..20 {
        for (authority, label) in [("alice.test", &alice), ("bob.test", &bob)] {
            let response = client
                .at(authority)
                .post(&format!("/{round}"), authority.as_bytes());
            assert_eq!(&response.value("app"), label);
            assert!(response.text().ends_with(&format!("\n{authority}")));
        }
    }
    let both =
        "GET /p HTTP/1.1\r\nhost: alice.test\r\n\r\nGET /p HTTP/1.1\r\nhost: bob.test\r\n\r\n";
    client.send(both.repeat(10));
    for _ in 0..10 {
        assert_eq!(client.response().value("app"), alice);
        assert_eq!(client.response().value("app"), bob);
    }
    // Each has its lines, and only those.
    for (app, label) in [("alice/hello", alice), ("bob/hello", bob)] {
        let lines = host.app(app).log();
        let access = lines.iter().filter(|line| line.target == "wasgi::access");
        assert_eq!(access.clone().count(), 30);
        assert!(access.clone().all(|line| line.field("app") == label));
    }
}

/// On TLS each tenant may have a certificate of its own; a request for another's belongs on another connection (RFC 9110 15.5.20),
/// whether that host has an app or not, and a host in the certificate is routed as any.
#[test]
fn a_connection_that_was_secured_for_one_tenant_is_not_used_for_another() {
    let (folder, authority) = (Folder::new("tenants"), Authority::new("tenants"));
    let pair = |name: &str, names: &[&str]| authority.server(names).write(&folder, name);
    let mut settings = tls::Settings::new(pair("alice", &["alice.test", "nobody.test"]));
    settings
        .pairs
        .push(pair("bob", &["bob.test", "*.bob.test"]));
    let host = Many::new()
        .app("alice/hello", GUEST, "alice.test")
        .app("bob/hello", GUEST, "bob.test")
        .tls(settings)
        .start();
    let alice = Secure::trusting(&authority).named("alice.test");
    let mut client = alice.client(host.address()).unwrap();
    for (asked, status) in [
        ("alice.test", 200),
        ("nobody.test", 404),
        ("bob.test", 421),
        ("x.bob.test", 421),
        ("carol.test", 404),
        ("alice.test", 200),
    ] {
        let response = client.at(asked).get("/");
        assert_eq!(response.status, status, "{asked}");
        if status == 200 {
            assert_eq!(response.value("app"), host.app("alice/hello").label());
        }
    }
}

/// What one tenant's app does to its calls on a connection, it does to its own: the other streams go on.
#[test]
fn a_tenant_that_crashes_takes_no_stream_of_another_on_the_same_connection() {
    let host = Many::new()
        .app("alice/hello", GUEST, "alice.test")
        .app("bob/hello", GUEST, "bob.test")
        .start();
    block_on(async {
        let mut h2 = host.h2().await;
        let request = H2::request_at("bob.test", "POST", "/upload");
        let (held, mut upload) = h2.open(request, false).await;
        for _ in 0..5 {
            let crash = H2::request_at("alice.test", "GET", "/crash");
            assert_eq!(h2.fetch(crash, None).await.unwrap().status, 500);
            let asked = H2::request_at("bob.test", "GET", "/x");
            assert_eq!(h2.fetch(asked, None).await.unwrap().status, 200);
        }
        upload.send_data("whole".into(), true).unwrap();
        let reply = H2::reply(held).await.unwrap();
        assert!(reply.text().ends_with("\nwhole"), "{}", reply.text());
    });
}

/// `X-08`: a crash loop is its own app's trouble.
#[test]
fn a_crash_loop_beside_a_healthy_app() {
    let host = Many::new()
        .app("alice/hello", GUEST, "alice.test")
        .neighbour()
        .threads(2)
        .start();
    let neighbour = host.neighbour();
    let mut crashes = 0;
    for _ in 0..6 {
        // 500 for the call that traps; 503 while the back-off keeps the place empty is as good.
        let status = host.get("alice.test", "/crash").status;
        assert!([500, 503].contains(&status), "{status}");
        crashes += usize::from(status == 500);
    }
    assert!(crashes > 1);
    neighbour.goes_on();
    neighbour.assert_unharmed();
}

/// `G-13`: a tenant whose instances and whose queue are full has 503 for its own clients and for nobody else's.
#[test]
fn a_full_pool_is_full_for_its_own_tenant() {
    let full = Serve::guest(GUEST)
        .calls_max(1)
        .limits("max_queued_calls = 1\n")
        .limit("queued", "300 ms");
    let host = Many::new()
        .app("alice/hello", full, "alice.test")
        .neighbour()
        .start();
    let mut holds = host.client();
    holds.at("alice.test").request("/hold");
    host.app("alice/hello").wait_line("holding");
    let neighbour = host.neighbour();
    for _ in 0..3 {
        assert_eq!(host.get("alice.test", "/").status, 503);
    }
    neighbour.assert_unharmed();
}

/// Calls that a client has left at work count for their own app: behind a proxy many clients share a connection.
#[test]
fn d04_abandoned_calls_are_counted_for_each_app() {
    let host = Many::new()
        .app("alice/hello", guests::HANG, "alice.test")
        .app("bob/hello", GUEST, "bob.test")
        .start();
    block_on(async {
        let mut h2 = host.h2().await;
        let ask = |authority| H2::request_at(authority, "GET", "/deaf");
        let mut refused = false;
        for _ in 0..400 {
            let (response, mut stream) = h2.open(ask("alice.test"), true).await;
            let answer = tokio::time::timeout(Duration::from_millis(5), response).await;
            stream.send_reset(h2::Reason::CANCEL);
            if let Ok(Ok(answer)) = answer {
                assert_eq!(answer.status(), 503);
                refused = true;
                break;
            }
        }
        assert!(refused, "any number of calls may be left at work");
        assert_eq!(h2.fetch(ask("bob.test"), None).await.unwrap().status, 200);
        assert_eq!(h2.fetch(ask("alice.test"), None).await.unwrap().status, 503);
    });
}

/// `--limit-concurrency` counts all apps together: it is the server's.
#[test]
fn the_limit_on_concurrency_is_the_servers() {
    let host = Many::new()
        .app("alice/hello", GUEST, "alice.test")
        .app("bob/hello", GUEST, "bob.test")
        .set(|settings| settings.concurrency = Concurrency::at_most(1))
        .start();
    let mut holds = host.client();
    holds.at("alice.test").request("/hold");
    host.app("alice/hello").wait_line("holding");
    assert_eq!(host.get("bob.test", "/").status, 503);
    // Nobody is asked about what is nobody's.
    assert_eq!(host.get("carol.test", "/").status, 404);
    drop(holds);
    wasgi_tests::eventually("the place is free again", || {
        pause(Duration::from_millis(5));
        host.get("bob.test", "/").status == 200
    });
}
