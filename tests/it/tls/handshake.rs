//! The handshake: versions, what is spoken above it, how long it may take, and who gets no further.

use std::io::Read;
use std::time::Duration;

use wasgi_tests::{Client, H2, Serve, block_on, guests, pause};

use super::Site;

/// `H-05`, `E-08`: TLS 1.2 and 1.3; the scope has the scheme, the version, the cipher suite and the certificate.
#[test]
fn scopes_tell_of_tls() {
    let site = Site::of(guests::REPORT_SCOPE);
    for (version, number) in [
        (&rustls::version::TLS12, "Some(771)"),
        (&rustls::version::TLS13, "Some(772)"),
    ] {
        let scope = site.get(&site.trusting().version(version), "/x?y");
        for (key, value) in [
            ("scheme", "https"),
            ("http_version", "1.1"),
            ("path", "/x"),
            ("tls_version", number),
            ("server_cert", &format!("{:?}", Some(unix_lines(&site.pem)))),
            ("client_cert_name", "None"),
            ("client_cert_error", "None"),
            ("client_cert_chain", "[]"),
        ] {
            assert_eq!(scope.value(key), value, "{key}");
        }
        let suite = scope.value("cipher_suite");
        let suite = suite.trim_start_matches("Some(").trim_end_matches(')');
        let suite: u16 = suite.parse().expect("a number");
        let (tls_1_3, tls_1_2) = (0x1301..=0x1303, [0xc02b, 0xc02c, 0xcca9]);
        assert_eq!(number == "Some(772)", tls_1_3.contains(&suite), "{suite:x}");
        assert_eq!(number == "Some(771)", tls_1_2.contains(&suite), "{suite:x}");
    }
}

fn unix_lines(pem: &str) -> String {
    pem.replace("\r\n", "\n")
}

/// `M-09`: HTTP/2 where both speak it, HTTP/1.1 where the client names it or nothing; never HTTP/2 unasked.
#[test]
fn what_is_spoken_is_agreed_on() {
    let site = Site::of(guests::REPORT_SCOPE);
    let address = site.server.address();
    for (offered, agreed) in [
        (&["h2", "http/1.1"][..], Some(&b"h2"[..])),
        (&["http/1.1", "h2"], Some(b"h2")),
        (&["http/1.1"], Some(b"http/1.1")),
        (&["acme", "http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let stream = site.trusting().speaking(offered).stream(address).unwrap();
        assert_eq!(stream.conn.alpn_protocol(), agreed, "{offered:?}");
    }
    let refused = site.trusting().speaking(&["acme"]).stream(address);
    assert!(refused.is_err(), "nothing in common");

    let scope = site.get(&site.trusting().speaking(&["http/1.1"]), "/");
    assert_eq!(scope.value("http_version"), "1.1");
    let reply = block_on(async {
        let mut client = site.trusting().h2(address).await;
        client.get("/").await
    });
    assert!(reply.text().contains("http_version=2\n"), "{reply:?}");
    assert!(reply.text().contains("scheme=https\n"), "{reply:?}");

    // Prior knowledge is for plain connections.
    let mut client = site.trusting().client(address).unwrap();
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    let answer = client.read_to_end();
    assert!(!answer.starts_with(b"\0\0"), "it speaks HTTP/2: {answer:?}");
}

/// Requests share one description of their connection, and a connection serves many.
#[test]
fn a_connection_is_kept() {
    let site = Site::of(guests::ANSWER_AS_ASKED);
    let mut client = site.trusting().client(site.server.address()).unwrap();
    for number in 0..3 {
        let response = client.get(&format!("/?body={number}&body=-&pause=3"));
        assert_eq!(
            (response.text(), response.whole),
            (format!("{number}-"), true)
        );
    }
    client.assert_kept();
    let large = client.get("/?fill=3000000");
    assert_eq!((large.body.len(), large.whole), (3_000_000, true));
    client.assert_kept();
}

/// Whoever comes again does not need the long handshake.
#[test]
fn sessions_are_resumed() {
    let site = Site::of(guests::REPORT_SCOPE);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = site.trusting().version(version).remembering();
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let stream = client.stream(site.server.address()).unwrap();
            kinds.push(stream.conn.handshake_kind());
            let mut client = Client::tls(stream);
            assert_eq!(client.get("/").value("scheme"), "https");
        }
        assert_eq!(
            kinds,
            [
                Some(rustls::HandshakeKind::Full),
                Some(rustls::HandshakeKind::Resumed)
            ]
        );
    }
}

/// `T-07`: a client that says nothing, or not all, is gone when its time is over; others are served meanwhile.
#[test]
fn a_slow_handshake_ends() {
    let site = Site::serving(Serve::guest(guests::ANSWER_AS_ASKED), |_, mut settings| {
        settings.handshake = Duration::from_millis(300);
        settings
    });
    let mut silent = site.server.client();
    let mut slow = site.server.client();
    slow.send([0x16, 3, 1, 0, 200, 1]);
    let mut trickles = site.server.client();
    let mut writer = trickles.writer();
    let trickling = std::thread::spawn(move || {
        use std::io::Write;
        writer.write_all(&[0x16, 3, 1, 0x40, 0]).unwrap();
        while writer.write_all(&[1]).is_ok() {
            pause(Duration::from_millis(10));
        }
    });
    assert_eq!(site.get(&site.trusting(), "/ok").text(), "ok");
    assert!(silent.is_closed());
    assert!(slow.is_closed());
    assert!(trickles.is_closed());
    trickling.join().unwrap();
    // The deadline is the handshake's: a connection that has one lives on.
    let mut client = site.trusting().client(site.server.address()).unwrap();
    pause(Duration::from_millis(500));
    client.assert_kept();
}

/// Plain HTTP is told in plain HTTP; anything else that is no TLS is closed.
#[test]
fn plain_http_on_the_tls_port_is_told() {
    let site = Site::of(guests::ANSWER_AS_ASKED);
    for request in [
        "GET / HTTP/1.1\r\nhost: h\r\n\r\n".to_owned(),
        "GET".to_owned(),
        format!("POST / HTTP/1.1\r\nhost: h\r\n\r\n{}", "x".repeat(30_000)),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ] {
        let mut client = site.server.client();
        let response = client.send(request).response();
        assert_eq!((response.status, response.whole), (400, true));
        assert_eq!(response.header("connection"), Some("close"));
        assert!(response.text().contains("https://"), "{response:?}");
        assert!(client.is_closed());
    }
    for nonsense in [&b"\0\0\0\0"[..], b"\x80\x2e\x01\0\x02", b"\xff"] {
        let mut client = site.server.client();
        assert!(client.send(nonsense).is_closed(), "{nonsense:?}");
    }
    // A record that is TLS on the outside only gets an alert.
    let mut client = site.server.client();
    client.send(b"\x16\x03\x01\0\x05\x01\0\0\x01\0");
    assert_eq!(client.read_to_end().first(), Some(&0x15));
    assert_eq!(site.get(&site.trusting(), "/ok").text(), "ok");
}

/// `G-14`: a server that stops does not wait for handshakes, and says goodbye on connections that are idle.
#[test]
fn stopping_ends_handshakes_and_idle_connections() {
    let mut site = Site::of(guests::ANSWER_AS_ASKED);
    let mut silent = site.server.client();
    let mut stream = site.trusting().stream(site.server.address()).unwrap();
    let started = std::thread::spawn(move || {
        let mut rest = Vec::new();
        // An end without a farewell would be an error here.
        stream.read_to_end(&mut rest).map(|_| rest)
    });
    // Whoever came before has been accepted, too.
    assert_eq!(site.get(&site.trusting(), "/ok").text(), "ok");
    site.server.stop();
    assert!(silent.is_closed());
    assert_eq!(started.join().unwrap().unwrap(), b"");
}

/// `X-03`, `M-06`: a response that fails half-way is cut, over TLS, too.
#[test]
fn a_failing_response_is_cut() {
    let site = Site::of(guests::RAISE_MID_BODY);
    let response = site.get(&site.trusting(), "/");
    assert_eq!((response.status, response.whole), (200, false));
    let reply = block_on(async {
        let mut client = site.trusting().h2(site.server.address()).await;
        client.fetch(H2::request("GET", "/"), None).await.unwrap()
    });
    assert_eq!(reply.reset, Some(h2::Reason::INTERNAL_ERROR));
}
