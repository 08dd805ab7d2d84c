//! Headers of responses (section 1.3): what passes, what is ours to say, and what never reaches the wire.

use wasgi_tests::{Response, block_on};

use super::asked;
use crate::twins;

/// `F-02`, `F-03`, `F-11`: names are lowered, doubles stay in order.
#[test]
fn response_headers_are_lowered_and_doubles_stay() {
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        let response = asked(
            &server,
            "GET",
            "header=Set-Cookie:a&header=X-Other:%20padded%20&header=set-cookie:b&header=x-latin:caf%E9&body=x",
        );
        let names: Vec<_> = response
            .headers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert!(
            names
                .iter()
                .all(|name| name.bytes().all(|byte| !byte.is_ascii_uppercase())),
            "{names:?}"
        );
        assert_eq!(response.all("set-cookie"), ["a", "b"]);
        assert!(
            response.raw.windows(8).any(|window| window == b"x-latin:"),
            "{response:?}"
        );
    }
}

/// `F-01`: bytes pass as they are, whatever they mean; nothing is a value, too; whitespace around is not part of one.
#[test]
fn bytes_of_header_values_pass_as_they_are() {
    let long = "v".repeat(6_000);
    let query = format!(
        "header=x-latin:caf%E9%FF&header=x-empty:&header=x-tab:a%09b&header=x-colon:a:b,%20c&header=x-long:{long}&body=x"
    );
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        let response = asked(&server, "GET", &query);
        // One letter for each byte.
        for (name, value) in [
            ("x-latin", "caf\u{e9}\u{ff}"),
            ("x-empty", ""),
            ("x-tab", "a\tb"),
            ("x-colon", "a:b, c"),
            ("x-long", &long),
        ] {
            assert_eq!(response.header(name), Some(value), "{name}");
        }
        let reply = block_on(async { server.h2().await.get(&format!("/?{query}")).await });
        assert_eq!(reply.headers["x-latin"].as_bytes(), b"caf\xe9\xff");
        assert_eq!(
            (
                reply.all("x-empty"),
                reply.all("x-tab"),
                reply.all("x-long")
            ),
            (vec![""], vec!["a\tb"], vec![long.as_str()])
        );
    }
}

/// `F-05`, `F-08`, `A-06`: what could end a header, a head or a message never reaches the wire, in names or in values.
#[test]
fn what_is_no_header_never_reaches_the_wire() {
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        for header in [
            "x-a:1%0D%0Aforged:%201",
            "x-a:1%0Aforged:%201",
            "x-a:1%0Dforged",
            "x-a:1%0D%0A%0D%0AHTTP/1.1%20200%20forged",
            "x-a:%00forged",
            "x-a:%01forged",
            "x-a:%7Fforged",
            "x-a%0D%0Aforged:1",
            "x-a%20forged:1",
            "x-a%00forged:1",
            "%E9forged:1",
            ":forged:1",
            ":status:201",
            ":",
            "content-length:5,5",
            "content-length:5%0D%0Aforged:1",
            "content-length:0x5",
            "content-length:+5",
            "content-length:5.",
            "content-length:",
            "content-length:99999999999999999999999",
        ] {
            let query = format!("header={header}&body=hello");
            let response = asked(&server, "GET", &query);
            assert_eq!(
                (response.status, response.text().as_str()),
                (500, "Internal Server Error"),
                "{header}"
            );
            assert!(!response.mentions("forged"), "{header}: {response:?}");
            let reply = block_on(async { server.h2().await.get(&format!("/?{query}")).await });
            assert_eq!((reply.status, reply.reset), (500, None), "{header}");
        }
    }
}

/// `M-02`: one length, however often it was said; two that differ are none.
#[test]
fn a_doubled_content_length_is_one_or_an_error() {
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        let query = "header=content-length:5&header=Content-Length:5&body=hello";
        let response = asked(&server, "GET", query);
        assert_eq!(response.all("content-length"), ["5"]);
        let reply = block_on(async { server.h2().await.get(&format!("/?{query}")).await });
        assert_eq!(reply.all("content-length"), ["5"]);
        for query in [
            "header=content-length:5&header=content-length:6&body=hello",
            "header=content-length:5&header=Content-Length:4&body=hello",
        ] {
            assert_eq!(asked(&server, "GET", query).status, 500, "{query}");
        }
    }
}

/// `F-10`: one `date`, one `server`, the app's own if it has any.
#[test]
fn date_and_server_come_once() {
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        let plain = asked(&server, "GET", "body=x");
        assert_eq!(plain.all("server"), ["wasgi"]);
        assert!(
            plain
                .header("date")
                .is_some_and(|date| date.ends_with(" GMT"))
        );
        let own = asked(
            &server,
            "GET",
            "header=date:today&header=server:mine&body=x",
        );
        assert_eq!(
            (own.all("date"), own.all("server")),
            (vec!["today"], vec!["mine"])
        );
        block_on(async {
            let mut client = server.h2().await;
            let plain = client.get("/?body=x").await;
            assert_eq!(
                (plain.all("date").len(), plain.all("server")),
                (1, vec!["wasgi"])
            );
            let own = client
                .get("/?header=date:today&header=server:mine&body=x")
                .await;
            assert_eq!(
                (own.all("date"), own.all("server")),
                (vec!["today"], vec!["mine"])
            );
        });
        // A refusal names the server, too.
        let refused = server.client().send("GET / HTTP/1.1\r\n\r\n").response();
        assert_eq!(
            (refused.status, refused.all("server")),
            (400, vec!["wasgi"])
        );
    }
}

/// `F-10`: what the operator adds is on every response, refusals included, and never beside the app's own.
#[test]
fn headers_of_the_operator_come_once() {
    let own = [
        "X-Frame-Options: DENY",
        "x-two:1",
        "X-Two: 2",
        "server: mine",
    ];
    for serve in twins::answer_as_asked() {
        let server = serve.headers(&own, true, true).start();
        let app = "header=x-frame-options:SAMEORIGIN&header=X-Two:app&body=x";
        for (response, frame, two) in [
            (asked(&server, "GET", "body=x"), "DENY", vec!["1", "2"]),
            (asked(&server, "GET", app), "SAMEORIGIN", vec!["app"]),
            (asked(&server, "HEAD", "body=x"), "DENY", vec!["1", "2"]),
            (
                asked(&server, "GET", "header=x:%00"),
                "DENY",
                vec!["1", "2"],
            ),
            (
                server.client().send("GET / HTTP/1.1\r\n\r\n").response(),
                "DENY",
                vec!["1", "2"],
            ),
        ] {
            assert_eq!(
                (response.all("x-frame-options"), response.all("x-two")),
                (vec![frame], two),
                "{response:?}"
            );
            assert_eq!(response.all("server"), ["mine"]);
            assert_eq!(response.all("date").len(), 1);
        }
        let reply = block_on(async { server.h2().await.get(&format!("/?{app}")).await });
        assert_eq!(
            (reply.all("x-frame-options"), reply.all("server")),
            (vec!["SAMEORIGIN"], vec!["mine"])
        );
    }
}

/// `F-10`: both can be switched off; an app's own go out all the same.
#[test]
fn date_and_server_can_be_switched_off() {
    for serve in twins::answer_as_asked() {
        let server = serve.headers(&[], false, false).start();
        let own = "header=date:today&header=server:mine&body=x";
        let date_and_server = |response: &Response| {
            [response.header("date"), response.header("server")]
                .map(|value| value.map(str::to_owned))
        };
        assert_eq!(
            date_and_server(&asked(&server, "GET", "body=x")),
            [None, None]
        );
        assert_eq!(
            date_and_server(&asked(&server, "GET", own)),
            [Some("today".into()), Some("mine".into())]
        );
        block_on(async {
            let mut client = server.h2().await;
            let plain = client.get("/?body=x").await;
            assert!(plain.all("date").is_empty() && plain.all("server").is_empty());
            let own = client.get(&format!("/?{own}")).await;
            assert_eq!(
                (own.all("date"), own.all("server")),
                (vec!["today"], vec!["mine"])
            );
        });
    }
}

/// `F-07`, `F-09`: framing and the connection belong to the host.
#[test]
fn framing_and_hop_by_hop_headers_of_an_app_are_dropped() {
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        let query = "header=transfer-encoding:chunked&header=content-length:5&header=keep-alive:timeout%3D9\
        &header=upgrade:h2c&header=te:trailers&header=proxy-connection:x&body=hello";
        let response = asked(&server, "GET", query);
        assert_eq!(
            (
                response.header("content-length"),
                response.header("transfer-encoding")
            ),
            (Some("5"), None)
        );
        for name in [
            "keep-alive",
            "upgrade",
            "te",
            "proxy-connection",
            "connection",
        ] {
            assert_eq!(response.header(name), None, "{name}");
        }
        // What `connection` names is for one hop, too, and this is it.
        let hop = "header=x-hop:1&header=connection:X-Hop&header=x-end:2&body=x";
        let response = asked(&server, "GET", hop);
        assert_eq!(
            (response.header("x-hop"), response.header("x-end")),
            (None, Some("2"))
        );
        let chunked = asked(
            &server,
            "GET",
            "header=transfer-encoding:gzip&body=a&body=b&pause=3",
        );
        assert_eq!(
            (chunked.header("transfer-encoding"), chunked.text().as_str()),
            (Some("chunked"), "ab")
        );
        block_on(async {
            let mut client = server.h2().await;
            let reply = client
                .get(&format!("/?{query}&header=connection:close"))
                .await;
            assert_eq!(
                (reply.status, reply.text().as_str(), reply.reset),
                (200, "hello", None)
            );
            for name in [
                "transfer-encoding",
                "keep-alive",
                "upgrade",
                "te",
                "proxy-connection",
                "connection",
            ] {
                assert!(reply.all(name).is_empty(), "{name}");
            }
            assert_eq!(client.get("/ok").await.text(), "ok");
        });
    }
}

/// `F-09`: an app may close an HTTP/1 connection.
#[test]
fn connection_close_of_an_app_closes() {
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        let mut client = server.client();
        let response = client.get("/?header=connection:close&body=bye");
        assert_eq!(
            (
                response.text().as_str(),
                response.header("connection"),
                response.whole
            ),
            ("bye", Some("close"), true)
        );
        assert!(client.is_closed());
    }
}
