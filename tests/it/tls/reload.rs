//! Certificates that change while the server serves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use wasgi::server::tls::Clients;
use wasgi_tests::{Authority, Serve, eventually, guests};

use super::{Site, asking};

/// New connections get the new one, those that exist go on, and no request is lost on the way.
#[test]
fn a_new_certificate_takes_the_place_of_the_old() {
    let site = Site::of(guests::REPORT_SCOPE);
    let address = site.server.address();
    let mut existing = site.trusting().client(address).unwrap();
    let before = existing.get("/").value("server_cert");

    let stop = Arc::new(AtomicBool::new(false));
    let served = Arc::new(AtomicUsize::new(0));
    let hammers: Vec<_> = (0..2)
        .map(|_| {
            let (client, stop, served) = (site.trusting(), stop.clone(), served.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let mut connected = client.client(address).expect("a handshake");
                    assert_eq!(connected.get("/").status, 200);
                    served.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let goes_on = |what: &str| {
        let seen = served.load(Ordering::Relaxed);
        eventually(what, || served.load(Ordering::Relaxed) > seen + 10);
    };

    goes_on("before");
    let new = site.authority.server(&["localhost"]);
    new.write(&site.folder, "own");
    let unread = site.get(&site.trusting(), "/").value("server_cert");
    assert_eq!(unread, before, "nobody has asked for it");
    site.server.server().reload_certificates().unwrap();
    goes_on("after");

    let after = site.get(&site.trusting(), "/").value("server_cert");
    let expected = format!("{:?}", Some(new.pem.replace("\r\n", "\n")));
    assert_eq!(after, expected);
    let kept = existing.get("/").value("server_cert");
    assert_eq!(kept, before, "a connection keeps what it began with");

    // Half of a new pair fits nothing: what was there stays.
    let other = site.authority.server(&["localhost"]);
    site.folder.write("own.key", &other.key);
    let error = site.server.server().reload_certificates().unwrap_err();
    assert!(error.to_string().contains("does not belong to"), "{error}");
    std::fs::remove_file(site.folder.path("own.pem")).unwrap();
    site.server.server().reload_certificates().unwrap_err();
    goes_on("after failures");
    assert_eq!(site.get(&site.trusting(), "/").value("server_cert"), after);

    stop.store(true, Ordering::Relaxed);
    for hammer in hammers {
        hammer.join().expect("no request fails");
    }
}

/// Another authority for clients counts at once, and a session that the one before has let in is not resumed.
#[test]
fn an_authority_that_is_gone_lets_nobody_in_by_an_old_session() {
    let former = Authority::new("former");
    let site = Site::serving(Serve::guest(guests::REPORT_SCOPE), |folder, settings| {
        asking(
            settings,
            Clients::Optional(former.write(folder, "clients.pem")),
        )
    });
    let alice = site
        .trusting()
        .version(&rustls::version::TLS12)
        .showing(&former.client("Shop", "alice"))
        .remembering();
    for _ in 0..2 {
        assert_eq!(
            site.get(&alice, "/").value("client_cert_name"),
            "Some(\"CN=alice,O=Shop\")"
        );
    }
    Authority::new("new").write(&site.folder, "clients.pem");
    site.server.server().reload_certificates().unwrap();
    let refused = alice.stream(site.server.address()).map(drop);
    assert!(refused.is_err(), "it has to shake hands again, and fails");
}

/// A server without TLS has nothing to reload.
#[test]
fn a_plain_server_has_nothing_to_reload() {
    let server = Serve::guest(guests::ANSWER_AS_ASKED).start();
    server.server().reload_certificates().unwrap();
    server.assert_serves();
}
