//! Files that cannot serve: each is an error that says what, why and what to try, before anybody listens.

use std::path::PathBuf;

use rcgen::{CertificateParams, DistinguishedName, date_time_ymd};
use wasgi::error::{Error, Kind};
use wasgi::server::tls::{Clients, Pair, Settings, Tls};
use wasgi_tests::{Authority, Folder};

use super::asking;

struct Desk {
    folder: Folder,
    authority: Authority,
}

impl Desk {
    fn new() -> Self {
        Self {
            folder: Folder::new("files"),
            authority: Authority::new("desk"),
        }
    }

    /// A pair of files with these texts.
    fn pair(&self, certificate: &str, key: &str) -> Pair {
        Pair {
            certificate: self.folder.write("c.pem", certificate),
            key: Some(self.folder.write("k.pem", key)),
        }
    }
}

/// The error of a pair: of the user, with a hint.
#[track_caller]
fn refused(pair: Pair) -> (String, String, String) {
    let Err(error) = Tls::load(Settings::new(pair)) else {
        panic!("it is fine");
    };
    parts(&error)
}

#[track_caller]
fn parts(error: &Error) -> (String, String, String) {
    use std::error::Error as _;
    assert_eq!(error.kind(), Kind::User, "{error:?}");
    let why = error.source().map(ToString::to_string).unwrap_or_default();
    let hint = error.hint_text().expect("a hint").to_owned();
    (error.to_string(), why, hint)
}

#[track_caller]
fn says((what, why, hint): (String, String, String), expected: [&str; 3]) {
    assert!(what.contains(expected[0]), "{:?} in {what:?}", expected[0]);
    assert!(why.contains(expected[1]), "{:?} in {why:?}", expected[1]);
    assert!(hint.contains(expected[2]), "{:?} in {hint:?}", expected[2]);
}

#[test]
fn what_is_not_there_or_nothing_of_its_kind() {
    let desk = Desk::new();
    let good = desk.authority.server(&["localhost"]);
    let missing = Pair {
        certificate: PathBuf::from("/nowhere/c.pem"),
        key: None,
    };
    says(
        refused(missing),
        [
            "cannot read the certificate `/nowhere/c.pem`",
            "No such file",
            "check the path",
        ],
    );
    let mut no_key = desk.pair(&good.pem, &good.key);
    no_key.key = Some(desk.folder.path("none.key"));
    says(
        refused(no_key),
        [
            "cannot read the private key",
            "No such file",
            "check the path",
        ],
    );
    says(
        refused(desk.pair("hello\n", &good.key)),
        [
            "there is no certificate in",
            "-----BEGIN CERTIFICATE-----",
            "fullchain.pem",
        ],
    );
    says(
        refused(desk.pair("", &good.key)),
        [
            "there is no certificate in",
            "-----BEGIN CERTIFICATE-----",
            "PEM",
        ],
    );
    says(
        refused(desk.pair(&good.pem, "hello\n")),
        [
            "there is no private key in",
            "-----BEGIN PRIVATE KEY-----",
            "privkey.pem",
        ],
    );
    says(
        refused(desk.pair(&good.key, &good.pem)),
        [
            "there is no certificate in",
            "there is a private key in it",
            "the wrong way round",
        ],
    );
    says(
        refused(desk.pair(&good.pem, &good.pem)),
        [
            "there is no private key in",
            "there is a certificate in it",
            "--ssl-keyfile",
        ],
    );
    let mut together = desk.pair(&good.pem, "");
    together.key = None;
    says(
        refused(together.clone()),
        [
            "there is no private key in",
            "there is a certificate in it",
            "--ssl-keyfile",
        ],
    );
    desk.folder
        .write("c.pem", format!("{}{}", good.key, good.pem));
    Tls::load(Settings::new(together)).expect("both in one file are fine");
}

#[test]
fn what_is_damaged_or_in_another_form() {
    let desk = Desk::new();
    let good = desk.authority.server(&["localhost"]);
    let cut: String = good.pem.chars().take(200).collect();
    says(
        refused(desk.pair(&cut, &good.key)),
        ["is damaged", "", "copy it again"],
    );
    let wrong = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    says(
        refused(desk.pair(wrong, &good.key)),
        ["cannot be", "", "openssl x509"],
    );
    let pair = desk.pair("", &good.key);
    std::fs::write(&pair.certificate, [0x30, 0x82, 1, 2]).unwrap();
    says(
        refused(pair),
        [
            "there is no certificate in",
            "DER",
            "openssl x509 -inform der",
        ],
    );
    for encrypted in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
    ] {
        says(
            refused(desk.pair(&good.pem, encrypted)),
            ["is encrypted", "", "openssl pkey -in"],
        );
    }
    let large = "x".repeat(2 * 1024 * 1024);
    says(
        refused(desk.pair(&large, &good.key)),
        ["too large", "", "check the path"],
    );
}

#[test]
fn what_does_not_belong_together() {
    let desk = Desk::new();
    let good = desk.authority.server(&["localhost"]);
    let other = desk.authority.server(&["localhost"]);
    says(
        refused(desk.pair(&good.pem, &other.key)),
        [
            "does not belong to the certificate in",
            "their public keys differ",
            "n-th --ssl-keyfile",
        ],
    );
    let authority = &desk.authority.pem;
    says(
        refused(desk.pair(&format!("{authority}{}", good.pem), &good.key)),
        [
            "in the wrong order",
            "is not the first",
            "first the server's own certificate",
        ],
    );
    let chain = desk.pair(&format!("{}{authority}", good.pem), &good.key);
    Tls::load(Settings::new(chain)).expect("the right order");
    let mut nameless = CertificateParams::default();
    nameless.distinguished_name = DistinguishedName::new();
    let nameless = desk.authority.issue(nameless);
    says(
        refused(desk.pair(&nameless.pem, &nameless.key)),
        ["has no names", "subjectAltName", "-addext subjectAltName"],
    );
}

/// Clients refuse it, but who am I to know what time it is: a warning, and the server serves.
#[test]
fn an_expired_certificate_is_only_a_warning() {
    let desk = Desk::new();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = date_time_ymd(2020, 2, 2);
    let expired = desk.authority.issue(params);
    Tls::load(Settings::new(desk.pair(&expired.pem, &expired.key))).expect("a warning");
}

#[test]
fn authorities_of_clients_are_checked_too() {
    let desk = Desk::new();
    let good = desk.authority.server(&["localhost"]);
    let load = |text: &str| {
        let file = desk.folder.write("ca.pem", text);
        let settings = Settings::new(desk.pair(&good.pem, &good.key));
        Tls::load(asking(settings, Clients::Required(file))).map(drop)
    };
    load(&desk.authority.pem).expect("an authority");
    let error = load("nobody").unwrap_err();
    says(parts(&error), ["there is no certificate in", "", "PEM"]);
    let error = load("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap_err();
    says(
        parts(&error),
        [
            "cannot be an authority",
            "",
            "who issue your clients' certificates",
        ],
    );
}
