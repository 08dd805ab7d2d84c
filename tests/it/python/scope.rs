//! What a Python app sees of a request (section 1.2): keys, types, values.

use wasgi::server::tls::Clients;
use wasgi_tests::{Authority, Certificate, H2, block_on};

use super::behaviours;
use crate::tls::{Site, asking};

/// What is offered over HTTP/1.1 and HTTP/2.
const OFFERED: &str = "'http.response.trailers': {}, 'http.response.pathsend': {}";

/// One line of `/scope`.
#[track_caller]
fn has(text: &str, line: &str) {
    assert!(
        text.lines().any(|other| other == line),
        "no {line:?} in\n{text}"
    );
}

/// `H-01`–`H-19`, `A-03`, `D-08`, `F-13`: every key over HTTP/1.1, with its type.
#[test]
fn every_key_is_there_with_its_type() {
    let server = behaviours().start();
    let mut client = server.client();
    let text = client
        .send(
            "GET /scope/a%2Fb/%E4%B8%AD/%ff%00/x//../y+z?q=a+b%20c&%ff=?/ HTTP/1.1\r\nHoSt: test\r\n\
             X-Twice: 1\r\nx_under: 2\r\nX-Twice:   3  \r\nX-Empty:\r\n\r\n",
        )
        .response()
        .text();
    for line in [
        "type=dict",
        "type: 'http'",
        "asgi: {'version': '3.0', 'spec_version': '2.3'}",
        "http_version: '1.1'",
        "method: 'GET'",
        "scheme: 'http'",
        r"path: '/scope/a/b/中/�\x00/x//../y+z'",
        "raw_path: b'/scope/a%2Fb/%E4%B8%AD/%ff%00/x//../y+z'",
        "query_string: b'q=a+b%20c&%ff=?/'",
        "root_path: ''",
        &format!("client: ('127.0.0.1', {})", client.port()),
        &format!("server: ('127.0.0.1', {})", server.address().port()),
        "header: (b'host', b'test')",
        "header: (b'x-twice', b'1')",
        "header: (b'x_under', b'2')",
        "header: (b'x-twice', b'3')",
        "header: (b'x-empty', b'')",
        "state: ['count', 'greeting']",
        // `A-14`; early hints never (`E-04`).
        &format!("extensions: {{{OFFERED}}}"),
    ] {
        has(&text, line);
    }
    let keys = text.lines().find_map(|line| line.strip_prefix("keys: "));
    assert_eq!(
        keys,
        Some(
            "asgi client extensions headers http_version method path query_string raw_path root_path scheme server state type"
        )
    );
}

/// `H-04`, `H-21`: verbs are upper-cased, unknown ones pass.
#[test]
fn methods_are_upper_case_and_unknown_ones_pass() {
    let server = behaviours().start();
    let mut client = server.client();
    for (sent, seen) in [
        ("get", "GET"),
        ("DELETE", "DELETE"),
        ("PuRgE", "PURGE"),
        ("TRACE", "TRACE"),
    ] {
        let text = client
            .send(format!("{sent} /scope HTTP/1.1\r\nhost: h\r\n\r\n"))
            .response()
            .text();
        has(&text, &format!("method: '{seen}'"));
    }
}

/// `H-03`, `F-04`, `F-06` over HTTP/2, and `H-03` over HTTP/1.0; no other extension is offered (`E-03`, `E-05`, `E-07`, `E-09`).
#[test]
fn other_versions_look_the_same() {
    let server = behaviours().start();
    let text = block_on(async {
        let request = H2::request("GET", "/scope/x%20y?z")
            .header("cookie", "a=1")
            .header("cookie", "b=2");
        let mut client = server.h2().await;
        client.fetch(request, None).await.unwrap().text()
    });
    has(&text, "http_version: '2'");
    has(&text, "path: '/scope/x y'");
    has(&text, "header: (b'cookie', b'a=1; b=2')");
    let first = text.lines().find(|line| line.starts_with("header: "));
    assert_eq!(first, Some("header: (b'host', b'test')"));
    let text = server
        .client()
        .send("GET /scope HTTP/1.0\r\n\r\n")
        .response()
        .text();
    has(&text, "http_version: '1.0'");
    has(&text, "extensions: {'http.response.pathsend': {}}");
}

/// `H-20`, `H-21`: an absolute target becomes its path, and its authority the host; an asterisk is a path.
#[test]
fn targets_of_odd_forms() {
    let server = behaviours().start();
    let ask = |line: &str| {
        let request = format!("{line} HTTP/1.1\r\nhost: h\r\n\r\n");
        server.client().send(request).response()
    };
    let absolute = ask("GET http://example.org:81/scope/y?z").text();
    has(&absolute, "raw_path: b'/scope/y'");
    has(&absolute, "query_string: b'z'");
    has(&absolute, "header: (b'host', b'example.org:81')");
    let asterisk = ask("OPTIONS *");
    assert_eq!(
        (asterisk.status, asterisk.text().as_str()),
        (404, "no such behaviour: *")
    );
}

/// `H-09`.
#[test]
fn root_path_is_in_front_of_both_paths() {
    let server = behaviours().root_path("/shop").start();
    let text = server.get("/scope?c").text();
    has(&text, "root_path: '/shop'");
    has(&text, "path: '/shop/scope'");
    has(&text, "raw_path: b'/shop/scope'");
}

/// `H-11`, `H-12`: on a Unix socket there is no client, and the server is the socket's path.
#[test]
fn a_unix_socket_has_no_client() {
    let server = behaviours().unix().start();
    let text = server.get("/scope").text();
    has(&text, "client: None");
    has(
        &text,
        &format!("server: ('{}', None)", server.socket().display()),
    );
}

/// `A-12`: the app owns its scope; what it does to it is not seen by the next call.
#[test]
fn a_scope_is_the_calls_own() {
    let server = behaviours().start();
    let mut client = server.client();
    for _ in 0..3 {
        let text = client.get("/scope?spoil").text();
        has(&text, "method: 'GET'");
        has(&text, "header: (b'host', b'test')");
    }
}

/// `H-05`, `E-08`: over TLS there is `extensions["tls"]`, with the types that the extension has; on a plain connection it is
/// absent (`A-14`).
#[test]
fn tls_is_an_extension() {
    let site = Site::serving(behaviours(), |folder, settings| {
        let clients = Authority::new("clients");
        let alice = clients.client("Shop", "alice");
        folder.write("alice.pem", &alice.pem);
        folder.write("alice.key", &alice.key);
        asking(
            settings,
            Clients::Optional(clients.write(folder, "clients.pem")),
        )
    });
    let text = site.get(&site.trusting(), "/scope/x").text();
    has(&text, "scheme: 'https'");
    let pem = format!("{:?}", site.pem.replace("\r\n", "\n")).replace('"', "'");
    let none = format!(
        "extensions: {{{OFFERED}, 'tls': {{'server_cert': {pem}, 'client_cert_chain': [], 'client_cert_name': None, \
         'client_cert_error': None, 'tls_version': 772, 'cipher_suite': 4866}}}}"
    );
    has(&text, &none);

    let read = |name: &str| std::fs::read_to_string(site.folder.path(name)).unwrap();
    let alice = Certificate {
        pem: read("alice.pem"),
        key: read("alice.key"),
    };
    let text = site
        .get(&site.trusting().showing(&alice), "/scope/x")
        .text();
    let chain = format!("{:?}", alice.pem.replace("\r\n", "\n")).replace('"', "'");
    let extensions = text.lines().find(|line| line.starts_with("extensions: "));
    let extensions = extensions.expect("extensions");
    assert!(
        extensions.contains(&format!("'client_cert_chain': [{chain}]"))
            && extensions.contains("'client_cert_name': 'CN=alice,O=Shop'"),
        "{extensions}"
    );

    let plain = behaviours().start().get("/scope/x").text();
    has(&plain, &format!("extensions: {{{OFFERED}}}"));
}
