//! Which app a request is for, and where that app finds itself mounted (`H-09`).

use wasgi_tests::{H2, Host, Many, Response, Seen, Serve, block_on, guests};

const GUEST: wasgi_tests::Guest = guests::SAY_WHOSE_IT_IS;

/// Who has answered, or the status.
fn who(host: &Host, response: &Response) -> String {
    if response.status != 200 {
        return response.status.to_string();
    }
    named(host, &response.value("app"))
}

/// The name that a test gave an app, of its label.
fn named(host: &Host, label: &str) -> String {
    let names = ["alice/hello", "alice/api", "bob/hello", "carol/all"];
    let found = names.iter().find(|name| host.app(name).label() == label);
    (*found.unwrap_or_else(|| panic!("nobody is called {label}"))).to_owned()
}

#[track_caller]
fn asks(host: &Host, authority: &str, target: &str, wanted: &str) {
    let response = host.get(authority, target);
    assert_eq!(who(host, &response), wanted, "{authority} {target}");
}

/// `H-09`: the app is told who it is by the host, where it is mounted by the route.
#[test]
pub(crate) fn say_whose_it_is() {
    let host = Many::new()
        .app("alice/hello", GUEST, "alice.test")
        .app("bob/hello", GUEST, "bob.test bob.test/api")
        .start();
    let mut client = host.client();
    let response = client.at("alice.test").get("/x?y");
    assert_eq!(who(&host, &response), "alice/hello");
    assert_eq!(response.value("path"), "/x");
    let response = client.at("bob.test").post("/api/v1?x", b"and a body");
    assert_eq!(who(&host, &response), "bob/hello");
    for (key, value) in [
        ("root_path", "/api"),
        ("path", "/api/v1"),
        ("raw_path", "/api/v1"),
        ("local_path", "/v1"),
        ("host", "bob.test"),
    ] {
        assert_eq!(response.value(key), value, "{key}");
    }
    assert!(response.text().ends_with("\nand a body"));
    // The log has both, by tenant.
    let line = host
        .app("bob/hello")
        .wait_log(|line| line.target == "wasgi::access");
    assert_eq!(
        (line.field("path"), line.field("status")),
        ("/api/v1", "200")
    );
    assert_eq!(line.field("app"), host.app("bob/hello").label());
}

#[test]
fn an_exact_host_is_before_a_wildcard_and_that_before_any() {
    let host = Many::new()
        .app("alice/hello", GUEST, "a.example.test")
        .app("alice/api", GUEST, "*.example.test")
        .app("bob/hello", GUEST, "*.b.example.test [::1] 127.0.0.1")
        .app("carol/all", GUEST, "*")
        .start();
    for (authority, wanted) in [
        ("a.example.test", "alice/hello"),
        ("A.Example.TEST", "alice/hello"),
        ("a.example.test:8000", "alice/hello"),
        ("a.example.test.", "alice/hello"),
        ("a.example.test.:80", "alice/hello"),
        ("b.example.test", "alice/api"),
        ("x.y.example.test", "alice/api"),
        ("x.b.example.test", "bob/hello"),
        ("x.y.B.example.test", "bob/hello"),
        ("[::1]:8000", "bob/hello"),
        ("[0:0:0:0:0:0:0:1]", "bob/hello"),
        ("127.0.0.1:80", "bob/hello"),
        ("127.0.0.2", "carol/all"),
        ("example.test", "carol/all"),
        ("badexample.test", "carol/all"),
        ("a.example.test.evil.test", "carol/all"),
        ("a..example.test", "carol/all"),
        (".example.test", "carol/all"),
        ("%61.example.test", "carol/all"),
        ("", "carol/all"),
    ] {
        asks(&host, authority, "/", wanted);
    }
    // HTTP/1.0 need not name a host.
    let response = host.client().send("GET / HTTP/1.0\r\n\r\n").response();
    assert_eq!(who(&host, &response), "carol/all");
}

#[test]
fn h20_h21_the_target_names_the_host_before_the_header_does() {
    let host = Many::new()
        .app("alice/hello", GUEST, "alice.test")
        .app("bob/hello", GUEST, "bob.test/x")
        .start();
    let asked = |request: &str, method| {
        let response = host.client().send(request).response_to(method);
        who(&host, &response)
    };
    assert_eq!(
        asked(
            "GET http://alice.test:80/x HTTP/1.1\r\nhost: bob.test\r\n\r\n",
            "GET"
        ),
        "alice/hello"
    );
    assert_eq!(
        asked(
            "GET http://BOB.test/x HTTP/1.1\r\nhost: alice.test\r\n\r\n",
            "GET"
        ),
        "bob/hello"
    );
    // A client that names itself at one tenant and the host of another is refused before anybody is asked.
    assert_eq!(
        asked(
            "GET http://alice.test@bob.test/x HTTP/1.1\r\nhost: alice.test\r\n\r\n",
            "GET"
        ),
        "400"
    );
    // `*` has no path, so it is below no prefix.
    assert_eq!(
        asked("OPTIONS * HTTP/1.1\r\nhost: alice.test\r\n\r\n", "OPTIONS"),
        "alice/hello"
    );
    assert_eq!(
        asked("OPTIONS * HTTP/1.1\r\nhost: bob.test\r\n\r\n", "OPTIONS"),
        "404"
    );
}

#[test]
fn h09_the_longest_prefix_wins_and_is_in_root_path() {
    let host = Many::new()
        .app("alice/hello", GUEST, "alice.test")
        .app("alice/api", GUEST, "alice.test/api")
        .app("bob/hello", GUEST, "alice.test/api/v2")
        .set(|settings| settings.root_path = "/mnt".to_owned())
        .start();
    for (target, wanted, root_path, local_path) in [
        ("/", "alice/hello", "/mnt", "/"),
        ("/ap", "alice/hello", "/mnt", "/ap"),
        ("/apis", "alice/hello", "/mnt", "/apis"),
        ("/api", "alice/api", "/mnt/api", ""),
        ("/api/", "alice/api", "/mnt/api", "/"),
        ("/api/v1?a=/api/v2", "alice/api", "/mnt/api", "/v1"),
        ("/api/v2", "bob/hello", "/mnt/api/v2", ""),
        ("/api/v2/x", "bob/hello", "/mnt/api/v2", "/x"),
        ("/api/v22", "alice/api", "/mnt/api", "/v22"),
    ] {
        let response = host.get("alice.test", target);
        assert_eq!(who(&host, &response), wanted, "{target}");
        assert_eq!(response.value("root_path"), root_path, "{target}");
        assert_eq!(response.value("local_path"), local_path, "{target}");
        let path = target.split('?').next().unwrap();
        assert_eq!(response.value("path"), format!("/mnt{path}"));
        assert_eq!(response.value("raw_path"), format!("/mnt{path}"));
    }
}

/// `H-16`, `H-18`: no app is shown a `path` below another one's prefix, however that was written.
#[test]
fn no_way_of_writing_a_path_gets_round_a_prefix() {
    let host = Many::new()
        .app("alice/hello", GUEST, "alice.test")
        .app("alice/api", GUEST, "alice.test/admin")
        .start();
    for (target, wanted) in [
        ("/admin/x", "alice/api"),
        ("/%61dmin/x", "alice/api"),
        ("/%61%64%6D%69%6e", "alice/api"),
        ("/admin%2Fx", "alice/api"),
        ("/admin/../x", "alice/api"),
        ("/admin/%2e%2e/x", "alice/api"),
        ("/Admin/x", "alice/hello"),
        ("/%2561dmin/x", "alice/hello"),
        ("/x/../admin/y", "alice/hello"),
        ("/./admin", "alice/hello"),
        ("//admin", "alice/hello"),
        ("/admin%00", "alice/hello"),
    ] {
        let response = host.get("alice.test", target);
        assert_eq!(who(&host, &response), wanted, "{target}");
        let path = response.value("path");
        let below = path == "/admin" || path.starts_with("/admin/");
        assert_eq!(below, wanted == "alice/api", "{path}");
        assert_eq!(
            response.value("root_path"),
            if below { "/admin" } else { "" }
        );
        // As on the wire, whoever gets it (`H-07`).
        assert_eq!(response.value("raw_path"), target);
    }
}

/// `W-01`: the scope of a WebSocket has the same.
#[test]
fn h09_w01_websockets_are_routed_as_requests_are() {
    let host = Many::new()
        .app("alice/hello", GUEST, "alice.test")
        .app("bob/hello", GUEST, "alice.test/live *.bob.test")
        .start();
    let said = |authority: &str, target: &str| {
        let mut client = host.client();
        client.at(authority);
        let mut socket = client
            .websocket(target, &[])
            .map_err(|refused| refused.status)?;
        let Seen::Text(said) = socket.see() else {
            panic!("no text");
        };
        socket.text("and back");
        assert_eq!(socket.see(), Seen::Text("and back".to_owned()));
        let line = |key| {
            said.lines()
                .find_map(|line| line.strip_prefix(key))
                .unwrap()
                .to_owned()
        };
        Ok((
            named(&host, &line("app=")),
            line("root_path="),
            line("path="),
        ))
    };
    let of =
        |app: &str, root: &str, path: &str| Ok::<_, u16>((app.into(), root.into(), path.into()));
    assert_eq!(said("alice.test", "/x"), of("alice/hello", "", "/x"));
    assert_eq!(
        said("alice.test", "/live/x?y"),
        of("bob/hello", "/live", "/live/x")
    );
    assert_eq!(said("x.bob.test", "/live"), of("bob/hello", "", "/live"));
    assert_eq!(said("bob.test", "/live"), Err(404));
}

/// `P-18`: `:authority` is what counts over HTTP/2, for requests and for WebSockets (RFC 8441).
#[test]
fn http_2_is_routed_by_authority() {
    let host = Many::new()
        .app("alice/hello", GUEST, "alice.test")
        .app("bob/hello", GUEST, "bob.test/x")
        .start();
    block_on(async {
        let mut h2 = host.h2().await;
        // Alternating on one connection, and all in flight at the same time.
        let mut replies = Vec::new();
        for number in 0..40 {
            let (authority, wanted) = match number % 4 {
                0 => ("alice.test", "alice/hello"),
                1 => ("BOB.test:443", "bob/hello"),
                2 => ("ALICE.TEST.", "alice/hello"),
                _ => ("carol.test", "404"),
            };
            let request = H2::request_at(authority, "GET", &format!("/x/{number}"));
            // What an app sees as `host` is what it was routed by (`F-04`).
            let request = request.header("host", "carol.test");
            replies.push((authority, number, wanted, h2.open(request, true).await.0));
        }
        for (authority, number, wanted, reply) in replies {
            let reply = H2::reply(reply).await.unwrap();
            let text = reply.text();
            if wanted == "404" {
                assert_eq!((reply.status, text.as_str()), (404, "Not Found"));
                continue;
            }
            let label = host.app(wanted).label();
            assert!(text.contains(&format!("app={label}\n")), "{text}");
            assert!(text.contains(&format!("\npath=/x/{number}\n")), "{text}");
            assert!(text.contains(&format!("\nhost={authority}\n")), "{text}");
        }
        h2.extended_connect().await;
        for (authority, status) in [("bob.test", 200), ("carol.test", 404)] {
            let mut request =
                H2::request_at(authority, "CONNECT", "/x").header("sec-websocket-version", "13");
            request
                .extensions_mut()
                .unwrap()
                .insert(h2::ext::Protocol::from_static("websocket"));
            let (response, _stream) = h2.open(request, false).await;
            assert_eq!(H2::head(response).await.unwrap().0.status, status);
        }
    });
}

/// Nobody learns from a 404 who there is: it is the same for a host that nobody has and for a path that nobody has.
#[test]
fn what_is_nobodys_is_404_and_tells_nothing() {
    let host = Many::new()
        .app("alice/hello", GUEST, "alice.test/here")
        .app("bob/hello", GUEST, "*.bob.test")
        .start();
    let mut answers = Vec::new();
    let mut client = host.client();
    let unknown = format!("nobody-of-{}", host.address().port());
    for (authority, target) in [
        (unknown.as_str(), "/here"),
        ("alice.test", "/there"),
        ("alice.test", "/"),
        ("bob.test", "/here"),
        ("", "/here"),
    ] {
        let response = client.at(authority).get(target);
        assert_eq!(
            (response.status, response.text().as_str()),
            (404, "Not Found")
        );
        let headers = response.headers.iter().filter(|(name, _)| name != "date");
        answers.push(headers.cloned().collect::<Vec<_>>());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    // The connection goes on, a body is not read, and HEAD has none.
    assert_eq!(client.at(&unknown).post("/here", b"a body").status, 404);
    client.send(format!("HEAD / HTTP/1.1\r\nhost: {unknown}\r\n\r\n"));
    assert_eq!(client.response_to("HEAD").status, 404);
    assert_eq!(client.at("alice.test").get("/here").status, 200);
    let mut asking = host.client();
    asking.at(&unknown);
    assert_eq!(asking.websocket("/here", &[]).unwrap_err().status, 404);
    // The line in the log names the host, so that somebody can put it right, and no app.
    let lines = host.lines_of_nobody(|line| line.field("host") == unknown);
    assert_eq!(lines.len(), 4, "{lines:?}");
    for line in lines {
        assert_eq!(
            (line.field("status"), line.field("outcome")),
            ("404", "no-route")
        );
    }
}

#[test]
fn a_server_without_apps_has_nothing_to_answer() {
    let host = Many::new().start();
    assert_eq!(host.get("alice.test", "/").status, 404);
    host.deploy("alice/hello", GUEST, "*");
    asks(&host, "alice.test", "/", "alice/hello");
}

/// `H-09`: a router inside an app sees what is below the mount, however the way there was written.
#[test]
fn a_router_sees_what_is_below_its_mount() {
    let host = Many::new()
        .app("alice/hello", guests::WEBSOCKET_ROUTES, "alice.test/shop")
        .app("bob/hello", GUEST, "*")
        .start();
    for target in ["/shop/page", "/sho%70/page?x", "/shop%2Fpage"] {
        let response = host.get("alice.test", target);
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, "a page"),
            "{target}"
        );
    }
    let mut client = host.client();
    client.at("alice.test");
    let mut socket = client.websocket("/shop/greet/%62ob", &[]).unwrap();
    assert_eq!(socket.see(), Seen::Text("hello bob".to_owned()));
}

/// Python's scope is the same (`H-09`).
#[test]
fn python_apps_are_mounted_as_rust_apps_are() {
    let host = Many::new()
        .app(
            "alice/hello",
            Serve::python("behaviours"),
            "alice.test/shop",
        )
        .app("bob/hello", GUEST, "*")
        .start();
    let text = host.get("alice.test", "/sho%70/scope").text();
    for line in [
        "root_path: '/shop'",
        "path: '/shop/scope'",
        "raw_path: b'/sho%70/scope'",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert_eq!(
        who(&host, &host.get("alice.test", "/shopping")),
        "bob/hello"
    );
    let mut client = host.client();
    client.at("alice.test");
    let mut socket = client.websocket("/shop/echo", &[]).unwrap();
    socket.text("hello");
    assert_eq!(socket.see(), Seen::Text("hello".to_owned()));
}
