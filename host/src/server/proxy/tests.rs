use std::net::Ipv4Addr;

use http::HeaderName;

use super::*;

/// The ends of a connection of 127.0.0.1 to port 8000.
fn ends() -> Ends {
    Ends {
        client: Some((Ipv4Addr::LOCALHOST, 4711).into()),
        server: Server::Tcp((Ipv4Addr::LOCALHOST, 8000).into()),
        scheme: Scheme::Http,
        tls: None,
    }
}

fn trusting(list: &str) -> Settings {
    Settings {
        trusted: list.parse().unwrap(),
        ..Settings::default()
    }
}

/// Client, scheme and server of a request of a trusted peer with these headers, one a line.
fn seen(settings: &Settings, lines: &str) -> String {
    let mut headers = HeaderMap::new();
    for line in lines.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    let arrival = Arrival {
        ends: ends(),
        proxied: true,
    };
    shown(&settings.ends(&arrival, &headers))
}

fn shown(ends: &Ends) -> String {
    let client = ends
        .client
        .map_or("none".to_owned(), |client| client.to_string());
    let scheme = match ends.scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    };
    match &ends.server {
        Server::Tcp(server) => format!("{client} {scheme} {server}"),
        Server::Unix(path) => format!("{client} {scheme} unix:{path}"),
        Server::Named(host, port) => format!("{client} {scheme} {host}:{port}"),
    }
}

const UNCHANGED: &str = "127.0.0.1:4711 http 127.0.0.1:8000";

#[test]
fn f14_x_forwarded_headers_of_a_trusted_peer() {
    let settings = trusting("127.0.0.1,10.0.0.0/8");
    for (lines, expected) in [
        ("accept: */*", UNCHANGED),
        (
            "x-forwarded-for: 203.0.113.9",
            "203.0.113.9:0 http 127.0.0.1:8000",
        ),
        (
            "x-forwarded-for: [2001:db8::1]:99",
            "[2001:db8::1]:99 http 127.0.0.1:8000",
        ),
        // What the client has put in front does not count.
        (
            "x-forwarded-for: 6.6.6.6, 203.0.113.9",
            "203.0.113.9:0 http 127.0.0.1:8000",
        ),
        (
            "x-forwarded-for: 6.6.6.6\nx-forwarded-for: 203.0.113.9,10.0.0.1 , 10.9.9.9",
            "203.0.113.9:0 http 127.0.0.1:8000",
        ),
        // All are ours: the first of them.
        (
            "x-forwarded-for: 10.0.0.1,10.0.0.2",
            "10.0.0.1:0 http 127.0.0.1:8000",
        ),
        (
            "x-forwarded-for: 203.0.113.9, , ",
            "203.0.113.9:0 http 127.0.0.1:8000",
        ),
        // Malformed: ignored from there on.
        ("x-forwarded-for: <script>", UNCHANGED),
        (
            "x-forwarded-for: 203.0.113.9, <script>, 10.0.0.1",
            "10.0.0.1:0 http 127.0.0.1:8000",
        ),
        (
            "x-forwarded-for: 203.0.113.9, unknown",
            "none http 127.0.0.1:8000",
        ),
        (
            "x-forwarded-proto: https",
            "127.0.0.1:4711 https 127.0.0.1:8000",
        ),
        ("x-forwarded-proto: gopher", UNCHANGED),
        (
            "x-forwarded-proto: http, https",
            "127.0.0.1:4711 https 127.0.0.1:8000",
        ),
        (
            "x-forwarded-for: 203.0.113.9, 10.0.0.1\nx-forwarded-proto: https, http",
            "203.0.113.9:0 https 127.0.0.1:8000",
        ),
        (
            "x-forwarded-for: 6.6.6.6, 203.0.113.9\nx-forwarded-proto: https, http",
            "203.0.113.9:0 http 127.0.0.1:8000",
        ),
        (
            "x-forwarded-for: 203.0.113.9, 10.0.0.1\nx-forwarded-proto: https",
            "203.0.113.9:0 https 127.0.0.1:8000",
        ),
        (
            "x-forwarded-host: shop.example",
            "127.0.0.1:4711 http shop.example:80",
        ),
        (
            "x-forwarded-host: shop.example\nx-forwarded-proto: wss",
            "127.0.0.1:4711 https shop.example:443",
        ),
        (
            "x-forwarded-host: shop.example:81",
            "127.0.0.1:4711 http shop.example:81",
        ),
        (
            "x-forwarded-host: shop.example:81\nx-forwarded-port: 8443",
            "127.0.0.1:4711 http shop.example:8443",
        ),
        (
            "x-forwarded-host: [2001:db8::1]",
            "127.0.0.1:4711 http [2001:db8::1]:80",
        ),
        ("x-forwarded-host: a/b\nx-forwarded-port: +80", UNCHANGED),
        ("x-forwarded-port: 443", "127.0.0.1:4711 http 127.0.0.1:443"),
        (
            "x-real-ip: 6.6.6.6\nx-forwarded-prefix: /x\nx-forwarded: for=6.6.6.6",
            UNCHANGED,
        ),
    ] {
        assert_eq!(seen(&settings, lines), expected, "{lines}");
    }
}

#[test]
fn f14_forwarded_of_a_trusted_peer() {
    let settings = trusting("127.0.0.1,10.0.0.0/8");
    for (lines, expected) in [
        (
            "forwarded: for=\"[2001:db8::1]:99\";proto=https;host=\"shop.example:8443\"",
            "[2001:db8::1]:99 https shop.example:8443",
        ),
        (
            "forwarded: for=6.6.6.6;proto=https\nforwarded: for=203.0.113.9;proto=http, for=10.0.0.1",
            "203.0.113.9:0 http 127.0.0.1:8000",
        ),
        // A hop that says nothing leaves it to the one before.
        (
            "forwarded: for=203.0.113.9, for=10.0.0.1;proto=https;host=shop.example",
            "203.0.113.9:0 https shop.example:443",
        ),
        (
            "forwarded: for=6.6.6.6, for=_hidden;proto=https",
            "none https 127.0.0.1:8000",
        ),
        (
            "forwarded: for=6.6.6.6, proto=https",
            "127.0.0.1:4711 https 127.0.0.1:8000",
        ),
        ("forwarded: for=6.6.6.6, for=", UNCHANGED),
        ("forwarded: \"", UNCHANGED),
        (
            "forwarded: for=203.0.113.9;by=_x;proto=ftp;host=\"a/b\"",
            "203.0.113.9:0 http 127.0.0.1:8000",
        ),
    ] {
        assert_eq!(seen(&settings, lines), expected, "{lines}");
    }
}

/// A proxy that writes one family passes the other on as the client wrote it.
#[test]
fn f14_one_family_is_read_and_not_the_other() {
    let both = "x-forwarded-for: 203.0.113.1\nforwarded: for=203.0.113.2;proto=https";
    let x = "203.0.113.1:0 http 127.0.0.1:8000";
    let rfc = "203.0.113.2:0 https 127.0.0.1:8000";
    for (family, lines, expected) in [
        (Family::Auto, both, x),
        (Family::XForwarded, both, x),
        (Family::Forwarded, both, rfc),
        (Family::Auto, "forwarded: for=203.0.113.2;proto=https", rfc),
        (
            Family::XForwarded,
            "forwarded: for=203.0.113.2;proto=https",
            UNCHANGED,
        ),
        (Family::Forwarded, "x-forwarded-for: 203.0.113.1", UNCHANGED),
        (
            Family::Auto,
            "x-forwarded-proto: https\nforwarded: for=203.0.113.2",
            "127.0.0.1:4711 https 127.0.0.1:8000",
        ),
    ] {
        let settings = Settings {
            family,
            ..trusting("127.0.0.1")
        };
        assert_eq!(seen(&settings, lines), expected, "{family:?} {lines}");
    }
}

/// Everybody may connect as a proxy, and the last address is what it says. The first is what a client may write.
#[test]
fn f14_with_everybody_trusted_the_last_hop_is_the_client() {
    let lines = "x-forwarded-for: 6.6.6.6, 203.0.113.9, 10.0.0.1";
    assert_eq!(
        seen(&trusting("*"), lines),
        "10.0.0.1:0 http 127.0.0.1:8000"
    );
    let with_ours = trusting("*, 10.0.0.0/8");
    assert_eq!(seen(&with_ours, lines), "203.0.113.9:0 http 127.0.0.1:8000");
}

/// A head full of commas, or of proxies, costs what its length costs and changes nothing in the end.
#[test]
fn f14_long_lists_are_bounded() {
    let settings = trusting("127.0.0.1,10.0.0.0/8");
    let commas = ",".repeat(60_000);
    let lines = format!("x-forwarded-for: {commas}\nx-forwarded-proto: {commas}");
    assert_eq!(seen(&settings, &lines), UNCHANGED);
    assert_eq!(seen(&settings, &format!("forwarded: {commas}")), UNCHANGED);
    let hops = "10.0.0.1,".repeat(6_000);
    let lines = format!("x-forwarded-for: 6.6.6.6,{hops}");
    assert_eq!(seen(&settings, &lines), "10.0.0.1:0 http 127.0.0.1:8000");
    let quotes = "\"\\".repeat(30_000);
    assert_eq!(seen(&settings, &format!("forwarded: {quotes}")), UNCHANGED);
}

/// How a connection presents itself after this header.
fn arrived(list: &str, client: Option<SocketAddr>, bytes: &[u8]) -> Option<(String, bool)> {
    let settings = Settings {
        protocol: true,
        ..trusting(list)
    };
    let ends = Ends { client, ..ends() };
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_time().build().unwrap();
    let mut bytes = bytes;
    let arrival = runtime.block_on(arrive(&settings, &mut bytes, ends))?;
    Some((shown(&arrival.ends), arrival.proxied))
}

#[test]
fn the_proxy_protocol_names_both_ends() {
    let peer = ends().client;
    let line: &[u8] = b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n";
    let at = |text: &str, proxied| Some((text.to_owned(), proxied));
    let named = "203.0.113.9:4711 http 192.0.2.1:443";
    assert_eq!(arrived("127.0.0.1", peer, line), at(named, false));
    // Behind it is another proxy, whose headers count.
    assert_eq!(
        arrived("127.0.0.1,203.0.113.0/24", peer, line),
        at(named, true)
    );
    assert_eq!(
        arrived("*", peer, line),
        at(named, false),
        "`*` is about who connects"
    );
    assert_eq!(arrived("unix", None, line), at(named, false));
    // Who is not trusted is not served, whatever they send.
    assert_eq!(arrived("10.0.0.0/8", peer, line), None);
    assert_eq!(arrived("127.0.0.1", None, line), None);
    assert_eq!(
        arrived("127.0.0.1", peer, b"GET / HTTP/1.1\r\nhost: h\r\n\r\n"),
        None
    );
    assert_eq!(arrived("127.0.0.1", peer, b""), None);
    // Nobody's and the proxy's own.
    assert_eq!(
        arrived("127.0.0.1", peer, b"PROXY UNKNOWN\r\n"),
        at(UNCHANGED, false)
    );
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    assert_eq!(arrived("127.0.0.1", peer, local), at(UNCHANGED, true));
    let tls = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14\xcb\0\x71\x09\xc0\0\x02\x01\0\x50\x01\xbb\x20\0\x05\x01\0\0\0\0";
    assert_eq!(
        arrived("127.0.0.1", peer, tls),
        at("203.0.113.9:80 https 192.0.2.1:443", false)
    );
}

/// Neither flag, neither word: what a peer sends is a client's.
#[test]
fn f14_without_the_flag_nobody_is_a_proxy() {
    let settings = Settings {
        headers: false,
        ..Settings::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let arrival = runtime
        .block_on(arrive(&settings, &mut &b"PROXY"[..], ends()))
        .unwrap();
    assert!(!arrival.proxied);
}
