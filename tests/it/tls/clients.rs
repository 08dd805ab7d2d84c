//! Client certificates: who gets in, and what the app learns of them (`E-08`).

use rcgen::{CertificateParams, DnType, DnValue, date_time_ymd};
use wasgi::server::tls::Clients;
use wasgi_tests::{Authority, Secure, Serve, block_on, guests};

use super::{Site, asking};

fn site(authority: &Authority, clients: fn(std::path::PathBuf) -> Clients) -> Site {
    Site::serving(Serve::guest(guests::REPORT_SCOPE), |folder, settings| {
        asking(settings, clients(authority.write(folder, "clients.pem")))
    })
}

/// Whether a client is served. With TLS 1.3 it learns only afterwards that it is not.
fn is_served(client: &Secure, site: &Site) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = client.stream(site.server.address()) else {
        return false;
    };
    let request = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let mut answer = Vec::new();
    let _ = stream.write_all(request);
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 200"));
    !answer.is_empty()
}

/// Required: with one that is accepted, and with no other and none at all, over TLS 1.2 and 1.3.
#[test]
fn a_required_certificate_is_required() {
    let authority = Authority::new("clients");
    let site = site(&authority, Clients::Required);
    let stranger = Authority::new("clients").client("Shop", "mallory");
    let mut expired = CertificateParams::default();
    expired.not_after = date_time_ymd(2020, 1, 1);
    let of_a_server = {
        let mut params = CertificateParams::default();
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        authority.issue(params)
    };
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = site.trusting().version(version);
        assert!(is_served(
            &client.clone().showing(&authority.client("Shop", "alice")),
            &site
        ));
        assert!(!is_served(&client, &site), "none");
        for (refused, why) in [
            (&stranger, "of an authority with the same name"),
            (&authority.issue(expired.clone()), "expired"),
            (&of_a_server, "for servers"),
        ] {
            assert!(!is_served(&client.clone().showing(refused), &site), "{why}");
        }
    }
}

/// Optional: one that is not accepted is no better than with *required*; none at all is fine.
#[test]
fn an_optional_certificate_may_be_missing_but_not_wrong() {
    let authority = Authority::new("clients");
    let site = site(&authority, Clients::Optional);
    let scope = site.get(&site.trusting(), "/");
    assert_eq!(
        (
            scope.value("client_cert_chain"),
            scope.value("client_cert_name"),
            scope.value("client_cert_error")
        ),
        ("[]".to_owned(), "None".to_owned(), "None".to_owned())
    );
    let stranger = Authority::new("strangers").client("Shop", "mallory");
    assert!(!is_served(&site.trusting().showing(&stranger), &site));
    let alice = authority.client("Shop", "alice");
    assert!(is_served(&site.trusting().showing(&alice), &site));
}

/// `E-08`: the chain as PEM, leaf first, and the name as RFC 4514 has it: the last part first, what is special escaped.
#[test]
fn the_app_learns_who_the_client_is() {
    let authority = Authority::new("clients");
    let site = site(&authority, Clients::Required);
    let alice = authority.client("Shop, \"Inc\"", " al+ice ");
    let scope = site.get(&site.trusting().showing(&alice), "/");
    assert_eq!(
        scope.value("client_cert_name"),
        format!("{:?}", Some(r#"CN=\ al\+ice\ ,O=Shop\, \"Inc\""#))
    );
    assert_eq!(
        scope.value("client_cert_chain"),
        format!("{:?}", [alice.pem.replace("\r\n", "\n")])
    );
    assert_eq!(scope.value("client_cert_error"), "None");

    // Every request of a connection says the same, over HTTP/2, too; and a resumed session remembers.
    let seen = block_on(async {
        let client = site.trusting().showing(&alice);
        let mut connected = client.h2(site.server.address()).await;
        [
            connected.get("/a").await.text(),
            connected.get("/b").await.text(),
        ]
    });
    for text in seen {
        assert!(text.contains(&scope.value("client_cert_name")), "{text}");
    }
    let again = site.trusting().showing(&alice).remembering();
    for _ in 0..2 {
        let seen = site.get(&again, "/").value("client_cert_name");
        assert_eq!(seen, scope.value("client_cert_name"));
    }
}

/// Control characters and what is not ASCII stay what they are, or escaped, and never break out of the text.
#[test]
fn odd_names_stay_names() {
    let authority = Authority::new("clients");
    let site = site(&authority, Clients::Required);
    let named = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        let value = DnValue::Utf8String(name.to_owned());
        params.distinguished_name.push(DnType::CommonName, value);
        let client = site.trusting().showing(&authority.issue(params));
        site.get(&client, "/").value("client_cert_name")
    };
    assert_eq!(named("Zoë 中"), format!("{:?}", Some("CN=Zoë 中")));
    assert_eq!(named("a\r\nb\0"), format!("{:?}", Some(r"CN=a\0d\0ab\00")));
    assert_eq!(named("a,O=Bank"), format!("{:?}", Some(r"CN=a\,O=Bank")));
    let long = "x".repeat(5000);
    assert_eq!(named(&long), format!("{:?}", Some(format!("CN={long}"))));
    // Nobody has to be called anything.
    let mut nameless = CertificateParams::default();
    nameless.distinguished_name = rcgen::DistinguishedName::new();
    let client = site.trusting().showing(&authority.issue(nameless));
    assert_eq!(
        site.get(&client, "/").value("client_cert_name"),
        "Some(\"\")"
    );
}
