//! Proxies in front: whose word counts about a client, and whose does not (`F-14`, `G-19`, `H-05`, `H-09`, `H-11`, `H-12`,
//! `H-15`); the PROXY protocol.
//!
//! What each form of a header means is a table of unit tests in `host/src/server/proxy`. Here is what an app sees of it.

use std::io::Write;
use std::net::TcpStream;

use wasgi::server::proxy::{Settings, Trusted};
use wasgi_tests::{Client, H2, Response, Running, Serve, block_on, guests};

use crate::tls::Site;

fn trusting(list: &str) -> Settings {
    Settings {
        trusted: list.parse().unwrap(),
        ..Settings::default()
    }
}

fn speaking_the_protocol(list: &str) -> Settings {
    Settings {
        protocol: true,
        ..trusting(list)
    }
}

fn serve(settings: Settings) -> Running {
    Serve::guest(guests::REPORT_SCOPE).proxy(settings).start()
}

const REQUEST: &str = "GET /x HTTP/1.1\r\nhost: internal\r\n\r\n";

/// Client, scheme and server of a scope.
fn ends(scope: &Response) -> [String; 3] {
    ["client", "scheme", "server"].map(|key| scope.value(key))
}

/// What the socket says, for a connection of `client` to a server on TCP.
fn of_the_socket(server: &Running, client: &Client) -> [String; 3] {
    [
        format!("ip 127.0.0.1 {}", client.port()),
        "http".to_owned(),
        format!("ip 127.0.0.1 {}", server.address().port()),
    ]
}

/// What a client says of itself, in every family.
const SPOOFED: &str = "x-forwarded-for: 6.6.6.6\r\nx-forwarded-proto: https\r\nx-forwarded-host: evil.example\r\n\
    x-forwarded-port: 666\r\nforwarded: for=6.6.6.6;proto=https;host=evil.example\r\n";

#[test]
fn f14_g19_what_a_client_says_of_itself_changes_nothing() {
    let no_headers = Settings {
        headers: false,
        ..Settings::default()
    };
    for settings in [
        trusting("10.0.0.0/8,unix"),
        Settings {
            trusted: Trusted::nobody(),
            ..Settings::default()
        },
        no_headers,
    ] {
        let server = serve(settings.clone());
        let mut client = server.client();
        let scope = client
            .send(format!("GET / HTTP/1.1\r\nhost: h\r\n{SPOOFED}\r\n"))
            .response();
        assert_eq!(
            ends(&scope),
            of_the_socket(&server, &client),
            "{settings:?}"
        );
        // They are headers like all others.
        let text = scope.text();
        assert!(text.contains("header=x-forwarded-for: 6.6.6.6\n"), "{text}");
        assert!(
            text.contains("header=forwarded: for=6.6.6.6;proto=https;host=evil.example\n"),
            "{text}"
        );
    }
}

/// The default list: this machine. A client that wrote a list of its own comes first in it, and is not believed.
#[test]
fn f14_h05_h11_h12_h15_what_a_trusted_proxy_says_is_in_the_scope() {
    let server = serve(Settings::default());
    let port = server.address().port();
    let here = format!("ip 127.0.0.1 {port}");
    let mut client = server.client();
    let itself = format!("ip 127.0.0.1 {}", client.port());
    for (headers, expected) in [
        ("", [&*itself, "http", &*here]),
        (
            "x-forwarded-for: 6.6.6.6, 203.0.113.9\r\nx-forwarded-proto: https\r\n",
            ["ip 203.0.113.9 0", "https", &*here],
        ),
        (
            "x-forwarded-for: 203.0.113.9\r\nx-forwarded-proto: https\r\nx-forwarded-host: shop.example\r\nx-forwarded-port: 8443\r\n",
            ["ip 203.0.113.9 0", "https", "named shop.example 8443"],
        ),
        (
            "forwarded: for=6.6.6.6\r\nforwarded: for=\"[2001:db8::1]:4711\";proto=https;host=shop.example\r\n",
            ["ip 2001:db8::1 4711", "https", "named shop.example 443"],
        ),
        (
            "forwarded: for=unknown;proto=https;host=\"192.0.2.1:81\"\r\n",
            ["none", "https", "ip 192.0.2.1 81"],
        ),
        // Malformed, and no reason to refuse anything.
        (
            "x-forwarded-for: <script>\r\nx-forwarded-proto: gopher\r\n",
            [&*itself, "http", &*here],
        ),
        ("forwarded: for=\"\r\n", [&*itself, "http", &*here]),
        // One request changes nothing for the next.
        ("", [&*itself, "http", &*here]),
    ] {
        let scope = client
            .send(format!("GET / HTTP/1.1\r\nhost: internal\r\n{headers}\r\n"))
            .response();
        assert_eq!(ends(&scope), expected, "{headers}");
        assert!(
            scope.text().contains("header=host: internal\n"),
            "the host is what the proxy sent"
        );
    }
}

#[test]
fn f14_http_2_is_the_same() {
    let server = serve(Settings::default());
    let reply = block_on(async {
        let request = H2::request("GET", "/")
            .header("x-forwarded-for", "6.6.6.6, 203.0.113.9")
            .header("x-forwarded-proto", "https");
        server.h2().await.fetch(request, None).await.unwrap()
    });
    let text = reply.text();
    assert!(
        text.contains("\nclient=ip 203.0.113.9 0\n") && text.contains("\nscheme=https\n"),
        "{text}"
    );
}

/// `H-09`: the mount prefix is the server's own flag; no header changes it.
#[test]
fn h09_root_path_is_nobodys_to_forward() {
    let server = Serve::guest(guests::REPORT_SCOPE)
        .root_path("/shop")
        .start();
    let request = "GET /a HTTP/1.1\r\nhost: h\r\nx-forwarded-prefix: /evil\r\nx-forwarded-for: 203.0.113.9\r\n\r\n";
    let scope = server.client().send(request).response();
    let values = ["root_path", "path", "client"].map(|key| scope.value(key));
    assert_eq!(values, ["/shop", "/shop/a", "ip 203.0.113.9 0"]);
}

/// Whoever may open a Unix socket is trusted by default; a list without `unix` says otherwise.
#[test]
fn f14_h11_h12_a_proxy_on_a_unix_socket() {
    let forwarded = "GET / HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 203.0.113.9\r\nx-forwarded-proto: https\r\n\r\n";
    for (settings, client, scheme) in [
        (Settings::default(), "ip 203.0.113.9 0", "https"),
        (trusting("unix"), "ip 203.0.113.9 0", "https"),
        (trusting("*"), "ip 203.0.113.9 0", "https"),
        (trusting("127.0.0.1"), "none", "http"),
    ] {
        let server = Serve::guest(guests::REPORT_SCOPE)
            .unix()
            .proxy(settings)
            .start();
        let path = format!("unix {}", server.socket().display());
        let scope = server.client().send(forwarded).response();
        assert_eq!(ends(&scope), [client, scheme, &*path]);
        assert_eq!(server.get("/").value("client"), "none");
    }
}

/// A head that is as large as it may be, of nothing but commas or hops.
#[test]
fn f14_hostile_lists_cost_nothing_and_change_nothing() {
    let server = serve(Settings::default());
    let mut client = server.client();
    for (name, value) in [
        ("x-forwarded-for", ",".repeat(60_000)),
        ("forwarded", ",".repeat(60_000)),
        ("forwarded", "\"\\".repeat(30_000)),
        ("forwarded", "for=\"".repeat(12_000)),
    ] {
        let scope = client
            .send(format!(
                "GET / HTTP/1.1\r\nhost: h\r\n{name}: {value}\r\n\r\n"
            ))
            .response();
        assert_eq!(ends(&scope), of_the_socket(&server, &client));
    }
    let scope = client
        .send(format!(
            "GET / HTTP/1.1\r\nhost: h\r\nx-forwarded-for: {}127.0.0.1\r\n\r\n",
            "::1,".repeat(15_000)
        ))
        .response();
    assert_eq!(scope.value("client"), "ip ::1 0");
}

// ---------------------------------------------------------------- the PROXY protocol

const LINE: &str = "PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n";
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

#[test]
fn the_proxy_protocol_says_who_the_client_is() {
    let server = serve(speaking_the_protocol("127.0.0.1"));
    let addresses = [203, 0, 113, 9, 192, 0, 2, 1, 0x12, 0x67, 0x01, 0xbb];
    let two = [SIGNATURE, &[0x21, 0x11, 0, 12], &addresses].concat();
    let tls = [
        SIGNATURE,
        &[0x21, 0x11, 0, 20],
        &addresses,
        &[0x20, 0, 5, 1, 0, 0, 0, 0],
    ]
    .concat();
    let [client, there] = ["ip 203.0.113.9 4711", "ip 192.0.2.1 443"];
    for (header, scheme) in [(LINE.as_bytes(), "http"), (&two, "http"), (&tls, "https")] {
        // Whole, with the request behind it in one packet; and cut anywhere.
        for cut in 0..header.len() {
            let mut connection = server.client();
            let all = [header, REQUEST.as_bytes()].concat();
            connection.send(&all[..cut]).send(&all[cut..]);
            assert_eq!(ends(&connection.response()), [client, scheme, there]);
            assert_eq!(
                ends(&connection.get("/")),
                [client, scheme, there],
                "for the whole connection"
            );
        }
    }
    let v6 = "PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n";
    let scope = server.client().send([v6, REQUEST].concat()).response();
    assert_eq!(
        ends(&scope),
        ["ip 2001:db8::1 1", "http", "ip 2001:db8::2 2"]
    );
}

/// A health check of the proxy's own, and somebody of whom it knows nothing: the socket's ends. The former may forward.
#[test]
fn the_proxy_protocol_for_nobody_in_particular() {
    let server = serve(speaking_the_protocol("127.0.0.1"));
    let local = [SIGNATURE, &[0x20, 0, 0, 0]].concat();
    let unspecified = [SIGNATURE, &[0x21, 0, 0, 0]].concat();
    let forwarded = "GET / HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 6.6.6.6\r\n\r\n";
    for (header, may_forward) in [
        (&*local, true),
        (&*unspecified, false),
        (b"PROXY UNKNOWN\r\n", false),
    ] {
        let mut client = server.client();
        let scope = client.send(header).send(REQUEST).response();
        assert_eq!(ends(&scope), of_the_socket(&server, &client));
        let seen = client.send(forwarded).response().value("client");
        assert_eq!(seen == "ip 6.6.6.6 0", may_forward, "{seen}");
    }
}

/// `F-14`: behind a proxy of connections is a client, unless the list says that it is a proxy, too.
#[test]
fn f14_headers_behind_the_proxy_protocol_are_the_clients() {
    let forwarded = "GET / HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 198.51.100.1\r\n\r\n";
    for (list, client) in [
        ("127.0.0.1", "ip 203.0.113.9 4711"),
        ("*", "ip 203.0.113.9 4711"),
        ("127.0.0.1,203.0.113.0/24", "ip 198.51.100.1 0"),
    ] {
        let server = serve(speaking_the_protocol(list));
        let scope = server.client().send([LINE, forwarded].concat()).response();
        assert_eq!(scope.value("client"), client, "{list}");
    }
}

/// Who may not, does not, or does it wrongly is not served; everybody else is.
#[test]
fn the_proxy_protocol_is_asked_of_everybody_or_of_nobody() {
    let strict = serve(speaking_the_protocol("127.0.0.1"));
    for wrong in [
        REQUEST,
        "P",
        "PROXY TCP4 203.0.113.9 192.0.2.1 4711\r\nGET / HTTP/1.1\r\nhost: h\r\n\r\n",
        "PROXY UNKNOWN xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n",
        "\r\n\r\n\0\r\nQUIT\n\x22\0\0\0",
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\x7f\x7f",
    ] {
        let mut client = strict.client();
        client.send(wrong).half_close();
        assert!(client.is_closed(), "{wrong:?}");
    }
    let mut kept = strict.client();
    assert_eq!(kept.send([LINE, REQUEST].concat()).response().status, 200);

    let untrusting = serve(speaking_the_protocol("10.0.0.0/8"));
    assert!(
        untrusting
            .client()
            .send([LINE, REQUEST].concat())
            .is_closed()
    );

    let without = serve(trusting("127.0.0.1"));
    let answer = without
        .client()
        .send([LINE, REQUEST].concat())
        .read_some(12);
    assert_eq!(
        String::from_utf8_lossy(&answer),
        "HTTP/1.1 400",
        "it is no request"
    );
}

/// `H-05`, `E-08`: it comes before TLS, and what a trusted proxy says of the scheme goes before what we know of TLS.
#[test]
fn the_proxy_protocol_comes_before_tls() {
    let guest = Serve::guest(guests::REPORT_SCOPE);
    let site = Site::serving(
        guest.proxy(speaking_the_protocol("127.0.0.1,203.0.113.0/24")),
        |_, settings| settings,
    );
    let mut socket = TcpStream::connect(site.server.address()).unwrap();
    socket.write_all(LINE.as_bytes()).unwrap();
    let mut client = Client::tls(site.trusting().over(socket).expect("a handshake"));
    let scope = client.get("/");
    assert_eq!(
        ends(&scope),
        ["ip 203.0.113.9 4711", "https", "ip 192.0.2.1 443"]
    );
    assert!(
        scope.value("extensions").ends_with(" tls=true"),
        "{scope:?}"
    );
    let request = "GET / HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 198.51.100.1\r\nx-forwarded-proto: http\r\n\r\n";
    let scope = client.send(request).response();
    assert_eq!(
        ends(&scope),
        ["ip 198.51.100.1 0", "http", "ip 192.0.2.1 443"]
    );
    assert!(
        scope.value("extensions").ends_with(" tls=true"),
        "it is about the connection"
    );
    assert!(
        site.trusting().client(site.server.address()).is_err(),
        "a handshake without the header"
    );
}

/// A connection that has not said whose it is does not keep a server from stopping.
#[test]
fn a_silent_proxy_does_not_hold_up_a_stop() {
    let mut server = serve(speaking_the_protocol("127.0.0.1"));
    let mut silent = server.client();
    silent.send("PROXY TC");
    let mut served = server.client();
    assert_eq!(served.send([LINE, REQUEST].concat()).response().status, 200);
    server.stop();
    assert!(silent.is_closed());
}

/// The same from inside a Python app.
#[test]
fn f14_h05_h11_h12_h15_python() {
    let server = Serve::python("behaviours").start();
    let request = "GET /scope HTTP/1.1\r\nhost: internal\r\nx-forwarded-for: 6.6.6.6, 203.0.113.9\r\n\
        x-forwarded-proto: https\r\nx-forwarded-host: shop.example\r\n\r\n";
    let text = server.client().send(request).response().text();
    for line in [
        "client: ('203.0.113.9', 0)",
        "scheme: 'https'",
        "server: ('shop.example', 443)",
    ] {
        assert!(
            text.lines().any(|other| other == line),
            "no {line} in {text}"
        );
    }
    let untrusting = Serve::python("behaviours").proxy(trusting("")).start();
    let mut client = untrusting.client();
    let text = client.send(request).response().text();
    let itself = format!("client: ('127.0.0.1', {})", client.port());
    for line in [&*itself, "scheme: 'http'"] {
        assert!(
            text.lines().any(|other| other == line),
            "no {line} in {text}"
        );
    }
}
