//! Which certificate a client gets (SNI), and requests that belong on another connection (421, RFC 9110 15.5.20).

use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
use wasgi_tests::{Authority, Folder, Secure, Serve, block_on, guests};

use super::{Site, and};

/// `localhost` first, then a host, a wildcard with its parent, and a host below it.
fn several() -> (Site, Authority) {
    let authority = Authority::new("several");
    let site = Site::serving(Serve::guest(guests::REPORT_SCOPE), |folder, settings| {
        let issue = |name: &str, names: &[&str]| authority.server(names).write(folder, name);
        and(
            settings,
            [
                issue("shop", &["shop.example"]),
                issue("wild", &["*.wild.example", "wild.example"]),
                issue(
                    "deep",
                    &["deep.wild.example", "both.example", "shop.example"],
                ),
            ],
        )
    });
    (site, authority)
}

#[track_caller]
fn certificate(client: &Secure, site: &Site, host: &str) -> String {
    let connected = client.client(site.server.address());
    let mut client = connected.unwrap_or_else(|error| panic!("{host}: {error}"));
    client.send(format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n"));
    let response = client.response();
    assert_eq!(response.status, 200, "{response:?}");
    response.value("server_cert").replace("\\n", "\n")
}

/// The PEM in a file, as the scope has it.
fn in_file(folder: &Folder, name: &str) -> String {
    let text = std::fs::read_to_string(folder.path(name)).unwrap();
    format!("Some({:?})", text.replace("\r\n", "\n")).replace("\\n", "\n")
}

/// Exactly, by a wildcard for one part and no more, whatever the case; the first for everybody else.
#[test]
fn a_client_gets_the_certificate_of_the_host_it_asks_for() {
    let (site, authority) = several();
    for (host, file) in [
        ("shop.example", "shop.pem"),
        ("SHOP.example", "shop.pem"),
        ("a.wild.example", "wild.pem"),
        ("wild.example", "wild.pem"),
        ("deep.wild.example", "deep.pem"),
        ("both.example", "deep.pem"),
    ] {
        // Its own check of the name is the test: an authority signs each name once.
        let client = Secure::trusting(&authority).named(host);
        let seen = certificate(&client, &site, host);
        assert_eq!(seen, in_file(&site.folder, file), "{host}");
    }
    for host in ["unknown.example", "a.b.wild.example", "example"] {
        let error = Secure::trusting(&authority)
            .named(host)
            .stream(site.server.address())
            .map(drop);
        assert!(
            error.is_err(),
            "{host}: the first one has another authority"
        );
    }
    let seen = certificate(&site.trusting().unnamed(), &site, "127.0.0.1");
    assert_eq!(seen, in_file(&site.folder, "own.pem"));
}

/// Two certificates with one name: a client gets the one that it can verify.
#[test]
fn a_client_gets_the_kind_of_certificate_that_it_can_verify() {
    let folder = Folder::new("kinds");
    let authority = Authority::new("kinds");
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let edwards = authority.issue_for(&params, &key).write(&folder, "edwards");
    let curve = authority.server(&["localhost"]).write(&folder, "curve");
    let settings = wasgi::server::tls::Settings::new(edwards);
    let server = Serve::guest(guests::REPORT_SCOPE)
        .tls(and(settings, [curve]))
        .start();
    let client = Secure::trusting(&authority);
    for (client, file) in [
        (client.clone(), "edwards.pem"),
        (client.without_ed25519(), "curve.pem"),
    ] {
        let mut connected = client.client(server.address()).expect("a handshake");
        let seen = connected.get("/").value("server_cert").replace("\\n", "\n");
        assert_eq!(seen, in_file(&folder, file));
    }
}

/// 421 for a host of another certificate, which the client has not seen; every other host is the app's affair.
#[test]
fn a_request_for_another_certificates_host_is_misdirected() {
    let (site, authority) = several();
    let shop = Secure::trusting(&authority).named("shop.example");
    let mut client = shop.client(site.server.address()).unwrap();
    for (host, status) in [
        ("shop.example", 200),
        ("SHOP.example:8443", 200),
        ("unknown.example", 200),
        ("a.b.wild.example", 200),
        ("127.0.0.1", 200),
        ("[::1]:443", 200),
        ("wild.example", 421),
        ("wild.example:443", 421),
        ("x.WILD.example", 421),
        ("both.example", 421),
        ("localhost", 421),
    ] {
        client.send(format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n"));
        assert_eq!(client.response().status, status, "{host}");
        // The target's own host goes before the header.
        client.send(format!(
            "GET https://{host}/ HTTP/1.1\r\nhost: shop.example\r\n\r\n"
        ));
        assert_eq!(client.response().status, status, "{host} in the target");
    }
    let deep = Secure::trusting(&authority).named("deep.wild.example");
    let statuses = block_on(async {
        let mut client = deep.h2(site.server.address()).await;
        let mut statuses = Vec::new();
        // `shop.example` is in this one, too: that the other would have been chosen does not matter.
        for host in [
            "deep.wild.example",
            "both.example",
            "shop.example",
            "wild.example",
        ] {
            let request = http::Request::get(format!("https://{host}/"));
            statuses.push(client.fetch(request, None).await.unwrap().status);
        }
        statuses
    });
    assert_eq!(statuses, [200, 200, 200, 421]);
    // A client that did not go by the name does not care.
    let mut client = site
        .trusting()
        .unnamed()
        .client(site.server.address())
        .unwrap();
    client.send("GET / HTTP/1.1\r\nhost: wild.example\r\n\r\n");
    assert_eq!(client.response().status, 200);
    // With one certificate there is nothing to confuse.
    let single = Site::of(guests::REPORT_SCOPE);
    let mut client = single.trusting().client(single.server.address()).unwrap();
    client.send("GET / HTTP/1.1\r\nhost: wild.example\r\n\r\n");
    assert_eq!(client.response().status, 200);
}
