//! Requests: the scope (section 1.2), headers (1.3), and what is refused before any app is asked.

use wasgi_tests::{Folder, H2, Serve, block_on, guests};

/// `H-03`–`H-12`, `H-14`–`H-19`: every key over HTTP/1.1.
#[test]
pub(crate) fn report_scope() {
    let server = Serve::guest(guests::REPORT_SCOPE).start();
    let mut client = server.client();
    let scope = client.get("/a%2Fb/%E4%B8%AD/%ff%00/x//../y+z?q=a+b%20c&%ff=?/");
    let expected = [
        ("http_version", "1.1"),
        ("method", "GET"),
        ("scheme", "http"),
        ("path", "/a/b/中/\u{fffd}\\0/x//../y+z"),
        ("raw_path", "/a%2Fb/%E4%B8%AD/%ff%00/x//../y+z"),
        ("query_string", "q=a+b%20c&%ff=?/"),
        ("root_path", ""),
        ("local_path", "/a/b/中/\u{fffd}\\0/x//../y+z"),
        ("client", &format!("ip 127.0.0.1 {}", client.port())),
        (
            "server",
            &format!("ip 127.0.0.1 {}", server.address().port()),
        ),
        ("state_is_empty", "true"),
        ("extensions", "(true, false, false) tls=false"),
        ("header", "host: test"),
        ("body", ""),
    ];
    for (key, value) in expected {
        assert_eq!(scope.value(key), value, "{key}");
    }
    let id = scope.value("request_id");
    assert!(
        id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{id}"
    );
    let next = client.get("/").value("request_id");
    assert_ne!(id, next);
}

/// `H-03`: no `host` is needed before HTTP/1.1.
#[test]
fn http_1_0_has_its_own_version() {
    let server = Serve::guest(guests::REPORT_SCOPE).start();
    let scope = server.client().send("GET /x HTTP/1.0\r\n\r\n").response();
    assert_eq!(
        (scope.status, scope.value("http_version").as_str()),
        (200, "1.0")
    );
    assert_eq!(scope.value("path"), "/x");
    // Its messages have no place for trailers (`E-06`).
    assert_eq!(scope.value("extensions"), "(false, false, false) tls=false");
}

/// `A-14`, `E-02`: pathsend is offered where there are files; early hints never (`E-04`).
#[test]
fn an_app_with_files_is_offered_pathsend() {
    let folder = Folder::new("offered");
    let guest = || Serve::guest(guests::REPORT_SCOPE);
    for serve in [
        guest().live("1", &folder.path(".")),
        guest().data(&folder.path("data")),
    ] {
        let server = serve.start();
        let offered = server.get("/").value("extensions");
        assert_eq!(offered, "(true, false, true) tls=false");
        let reply = block_on(async { server.h2().await.get("/").await });
        let line = "extensions=(true, false, true) tls=false";
        assert!(reply.text().contains(line), "{}", reply.text());
    }
}

/// `H-03`, `F-04`, `F-06`: over HTTP/2 `host` comes first and is the authority's, crumbs are one cookie, no
/// pseudo-header is seen.
#[test]
fn http_2_scopes_look_like_all_others() {
    let server = Serve::guest(guests::REPORT_SCOPE).start();
    let reply = block_on(async {
        let request = H2::request("POST", "/x%20y?z")
            .header("x-first", "1")
            .header("host", "somebody.else")
            .header("cookie", "a=1")
            .header("x-between", "2")
            .header("cookie", "b=2")
            .header("x-first", "3");
        server
            .h2()
            .await
            .fetch(request, Some(b"body"))
            .await
            .unwrap()
    });
    let text = reply.text();
    let has = |line: &str| {
        assert!(
            text.lines().any(|other| other == line),
            "no {line} in {text}"
        )
    };
    has("http_version=2");
    has("method=POST");
    has("path=/x y");
    has("raw_path=/x%20y");
    has("query_string=z");
    has("body=body");
    let headers: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("header="))
        .collect();
    assert_eq!(headers[0], "host: test");
    assert!(
        !headers
            .iter()
            .any(|line| line.contains("somebody.else") || line.starts_with(':')),
        "{headers:?}"
    );
    let cookies: Vec<_> = headers
        .iter()
        .filter(|line| line.starts_with("cookie:"))
        .collect();
    assert_eq!(cookies, [&"cookie: a=1; b=2"]);
    let first: Vec<_> = headers
        .iter()
        .filter(|line| line.starts_with("x-first"))
        .collect();
    assert_eq!(first, [&"x-first: 1", &"x-first: 3"]);
}

/// `H-04`: upper-cased, and unknown verbs pass.
#[test]
fn methods_are_upper_case_and_unknown_ones_pass() {
    let server = Serve::guest(guests::REPORT_SCOPE).start();
    let mut client = server.client();
    for (sent, seen) in [
        ("DELETE", "DELETE"),
        ("get", "GET"),
        ("PuRgE", "PURGE"),
        ("TRACE", "TRACE"),
        ("PATCH", "PATCH"),
    ] {
        let scope = client
            .send(format!("{sent} / HTTP/1.1\r\nhost: h\r\n\r\n"))
            .response();
        assert_eq!(scope.value("method"), seen);
    }
}

/// `H-09`: the prefix stands in `path` and `raw_path`, and the app's own path is what is behind it.
#[test]
fn root_path_is_in_front_of_both_paths() {
    let server = Serve::guest(guests::REPORT_SCOPE)
        .root_path("/shop")
        .start();
    let scope = server.get("/a%20b?c");
    for (key, value) in [
        ("root_path", "/shop"),
        ("path", "/shop/a b"),
        ("raw_path", "/shop/a%20b"),
        ("local_path", "/a b"),
        ("query_string", "c"),
    ] {
        assert_eq!(scope.value(key), value, "{key}");
    }
}

/// `H-11`, `H-12`: on a Unix socket there is no client, and the server is the socket's path.
#[test]
fn a_unix_socket_has_no_client() {
    let server = Serve::guest(guests::REPORT_SCOPE).unix().start();
    let scope = server.get("/");
    assert_eq!(scope.value("client"), "none");
    assert_eq!(
        scope.value("server"),
        format!("unix {}", server.socket().display())
    );
}

/// `H-19`–`H-22`: the odd forms of a target.
#[test]
fn targets_of_odd_forms() {
    let server = Serve::guest(guests::REPORT_SCOPE).start();
    let ask = |line: &str| {
        server
            .client()
            .send(format!("{line} HTTP/1.1\r\nhost: h\r\n\r\n"))
            .response()
    };

    let empty_query = ask("GET /x?");
    assert_eq!(
        (
            empty_query.value("raw_path").as_str(),
            empty_query.value("query_string").as_str()
        ),
        ("/x", "")
    );

    let absolute = ask("GET http://example.org:81/x/y?z");
    assert_eq!(absolute.value("raw_path"), "/x/y");
    assert_eq!(absolute.value("query_string"), "z");
    assert_eq!(absolute.value("header"), "host: example.org:81");
    let bare = ask("GET http://example.org");
    assert_eq!(bare.value("raw_path"), "/");

    let asterisk = ask("OPTIONS *");
    assert_eq!(
        (
            asterisk.value("path").as_str(),
            asterisk.value("method").as_str()
        ),
        ("*", "OPTIONS")
    );

    let dots = ask("GET /../..//etc/passwd");
    assert_eq!(
        dots.value("path"),
        "/../..//etc/passwd",
        "no segment is removed (`H-18`)"
    );

    assert_eq!(ask("CONNECT example.org:443").status, 501, "`H-23`");
    let raw = server
        .client()
        .send(b"GET /\xe4\xb8\xad HTTP/1.1\r\nhost: h\r\n\r\n")
        .response();
    assert_eq!(raw.status, 400, "`H-22`");
    let raw = server
        .client()
        .send(b"GET /\xff HTTP/1.1\r\nhost: h\r\n\r\n")
        .response();
    assert_eq!(raw.status, 400, "`H-22`");
}

/// `H-21`.
#[test]
fn a_fragment_is_refused() {
    let server = Serve::guest(guests::REPORT_SCOPE).start();
    assert_eq!(server.get("/x#fragment").status, 400);
}

/// `F-01`–`F-03`, `F-13`: bytes, order and doubles, lower-case names.
#[test]
fn request_headers_arrive_as_they_were() {
    let server = Serve::guest(guests::REPORT_SCOPE).start();
    let scope = server
        .client()
        .send(
            b"GET / HTTP/1.1\r\nHoSt: h\r\nX-Latin: caf\xe9\r\nX-Twice: 1\r\nx_under: 2\r\nX-Twice:   3  \r\nX-Empty:\r\nCookie: a=1; b=2\r\n\r\n",
        )
        .response();
    let text = scope.text();
    let headers: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("header="))
        .collect();
    for line in [
        "host: h",
        "x-latin: caf\\xe9",
        "x_under: 2",
        "x-empty: ",
        "cookie: a=1; b=2",
    ] {
        assert!(headers.contains(&line), "no {line:?} in {headers:?}");
    }
    let twice: Vec<_> = headers
        .iter()
        .filter(|line| line.starts_with("x-twice"))
        .collect();
    assert_eq!(twice, [&"x-twice: 1", &"x-twice: 3"]);
}

// ---------------------------------------------------------------- refused

/// `P-01`, `P-02`: one host, and exactly one.
#[test]
fn a_request_without_one_host_is_a_400() {
    let server = Serve::guest(guests::REPORT_SCOPE).start();
    let none = server
        .client()
        .send("GET / HTTP/1.1\r\nx: y\r\n\r\n")
        .response();
    assert_eq!((none.status, none.text().as_str()), (400, "Bad Request"));
    let two = server
        .client()
        .send("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n")
        .response();
    assert_eq!(two.status, 400);
    let same = server
        .client()
        .send("GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n")
        .response();
    assert_eq!(same.status, 400);
}

/// What is no HTTP gets a 400 and the connection closes.
#[test]
fn nonsense_is_a_400() {
    let server = Serve::guest(guests::REPORT_SCOPE).start();
    for nonsense in [
        "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/1.1\r\nbad header\r\n\r\n",
    ] {
        let mut client = server.client();
        assert_eq!(client.send(nonsense).response().status, 400, "{nonsense:?}");
        assert!(client.is_closed());
    }
    assert_eq!(server.get("/").status, 200);
}

/// A body that is announced to be too long is refused before a byte of it is read.
#[test]
fn a_long_body_by_content_length_is_a_413() {
    let server = Serve::guest(guests::COUNT_BODY)
        .limit("request_body", "1 KiB")
        .start();
    let mut client = server.client();
    let response = client
        .send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1025\r\n\r\n")
        .response();
    assert_eq!(
        (response.status, response.text().as_str()),
        (413, "Payload Too Large")
    );
    assert!(server.printed().is_empty(), "the app was not asked");
    let fits = server.client().post("/", &[b'x'; 1024]);
    assert!(fits.text().starts_with("bytes=1024 "), "{fits:?}");
}

/// A body that turns out to be too long is refused when it does; the app hears of a disconnect.
#[test]
fn a_long_body_in_chunks_is_a_413() {
    let server = Serve::guest(guests::COUNT_BODY)
        .limit("request_body", "1 KiB")
        .start();
    let mut client = server.client();
    client.send("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n");
    for _ in 0..4 {
        client.send(format!("200\r\n{}\r\n", "x".repeat(512)));
    }
    assert_eq!(client.response().status, 413);
    server.wait_line("disconnected after");
    server.assert_serves();
}

/// `P-14`: 414.
#[test]
fn a_long_target_is_a_414() {
    let server = Serve::guest(guests::REPORT_SCOPE).start();
    let response = server.get(&format!("/{}", "x".repeat(17 * 1024)));
    assert_eq!(response.status, 414);
    let fits = server.get(&format!("/{}", "x".repeat(15 * 1024)));
    assert_eq!(fits.status, 200);
}

/// `P-12`, `P-13`: 431.
#[test]
fn a_large_head_is_a_431() {
    let server = Serve::guest(guests::REPORT_SCOPE).start();
    let with = |headers: &str| {
        server
            .client()
            .send(format!("GET / HTTP/1.1\r\nhost: h\r\n{headers}\r\n"))
            .response()
    };
    assert_eq!(
        with(&format!("x: {}\r\n", "y".repeat(70 * 1024))).status,
        431
    );
    assert_eq!(with(&"x: y\r\n".repeat(200)).status, 431);
    assert_eq!(with(&"x: y\r\n".repeat(99)).status, 200);
    assert_eq!(with(&"x: y\r\n".repeat(100)).status, 431);
    assert_eq!(
        with(&format!("x: {}\r\n", "y".repeat(40 * 1024))).status,
        200
    );
}

/// `M-10`, `P-18`: an upgrade that nobody offers is ignored.
#[test]
fn unknown_upgrades_are_ignored() {
    let server = Serve::guest(guests::REPORT_SCOPE).start();
    for upgrade in ["teleport", "h2c"] {
        let mut client = server.client();
        client.send(format!(
            "GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: {upgrade}\r\n\r\n"
        ));
        let response = client.response();
        assert_eq!(
            (response.status, response.value("http_version").as_str()),
            (200, "1.1")
        );
        assert_eq!(client.get("/").status, 200);
    }
}
