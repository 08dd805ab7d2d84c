//! Responses: headers (section 1.3), framing (1.6), and many requests on one connection.

mod headers;

use wasgi_tests::{H2, Response, Serve, block_on, guests};

use crate::twins;

/// Asks for a response on a fresh connection and checks that the connection is in step afterwards.
#[track_caller]
fn asked(server: &wasgi_tests::Running, method: &str, query: &str) -> Response {
    let mut client = server.client();
    client.send(format!("{method} /?{query} HTTP/1.1\r\nhost: h\r\n\r\n"));
    let response = client.response_to(method);
    assert!(response.whole, "{response:?}");
    client.assert_kept();
    response
}

/// `M-01`, `R-01`, `R-02`: chunks on 1.1, the end of the connection on 1.0; a body that is at hand whole has its length.
#[test]
pub(crate) fn answer_as_asked() {
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        let streamed = asked(&server, "GET", "body=one&body=two&pause=5");
        assert_eq!(streamed.text(), "onetwo");
        assert_eq!(
            (
                streamed.header("transfer-encoding"),
                streamed.header("content-length")
            ),
            (Some("chunked"), None)
        );

        for query in ["body=onetwo", "via=respond&body=onetwo"] {
            let whole = asked(&server, "GET", query);
            assert_eq!(whole.text(), "onetwo");
            assert_eq!(
                (
                    whole.header("transfer-encoding"),
                    whole.header("content-length")
                ),
                (None, Some("6")),
                "{query}"
            );
        }
        let empty = asked(&server, "GET", "");
        assert_eq!(
            (empty.body.len(), empty.header("content-length")),
            (0, Some("0"))
        );

        let mut client = server.client();
        let old = client
            .send("GET /?body=one&body=two&pause=5 HTTP/1.0\r\n\r\n")
            .response();
        assert_eq!(old.text(), "onetwo");
        assert_eq!(
            (
                old.header("transfer-encoding"),
                old.header("content-length")
            ),
            (None, None)
        );
        assert!(client.is_closed());
    }
}

/// `M-07`: HTTP/1.0 closes unless it was asked not to and can know where the response ends.
#[test]
fn http_1_0_closes_unless_asked() {
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        let mut client = server.client();
        let response = client.send("GET /?body=whole HTTP/1.0\r\n\r\n").response();
        assert_eq!(response.text(), "whole");
        assert!(client.is_closed());

        let mut client = server.client();
        for _ in 0..2 {
            let response = client
                .send("GET /?body=whole HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
                .response();
            assert_eq!(
                (response.text().as_str(), response.header("content-length")),
                ("whole", Some("5"))
            );
        }
    }
}

/// `R-08`: an empty body event is no zero chunk.
#[test]
fn empty_body_events_end_nothing() {
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        let response = asked(&server, "GET", "body=a&body=&body=b&body=&pause=3");
        assert_eq!(response.text(), "ab");
    }
}

/// `M-04`: the head of a GET and no byte behind it, over HTTP/1.1 and HTTP/2, however the app says its body.
#[test]
fn head_has_no_body() {
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        for query in [
            "header=content-length:5&body=hello",
            "header=content-length:5&body=he&body=llo&pause=3",
            "header=content-length:5&via=respond&body=hello",
            "header=content-length:5",
        ] {
            let response = asked(&server, "HEAD", query);
            assert_eq!(
                (
                    response.header("content-length"),
                    response.header("transfer-encoding")
                ),
                (Some("5"), None),
                "{query}"
            );
        }
        for query in [
            "body=he&body=llo&pause=3",
            "fill=200000",
            "via=respond&body=hello",
        ] {
            asked(&server, "HEAD", query);
        }
        block_on(async {
            let mut client = server.h2().await;
            for query in [
                "header=content-length:5&body=hello",
                "body=he&body=llo&pause=3",
                "via=respond&body=hello",
            ] {
                let reply = client
                    .fetch(H2::request("HEAD", &format!("/?{query}")), None)
                    .await
                    .unwrap();
                assert_eq!(
                    (reply.status, reply.frames, reply.reset),
                    (200, 0, None),
                    "{query}: {reply:?}"
                );
                if query.starts_with("header") {
                    assert_eq!(reply.all("content-length"), ["5"]);
                }
            }
            assert_eq!(client.get("/ok").await.text(), "ok");
        });
    }
}

/// `M-05`: 204 and 304 have no body and no coding; 204 has no length, 304 keeps the one of what was not sent.
#[test]
fn statuses_204_and_304_have_no_body() {
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        for (status, length) in [(204, None), (304, Some("5"))] {
            for rest in [
                "body=hello",
                "body=he&body=llo&pause=3",
                "via=respond&body=hello",
            ] {
                let query = format!("status={status}&header=content-length:5&{rest}");
                let response = asked(&server, "GET", &query);
                assert_eq!(
                    (response.status, response.header("content-length")),
                    (status, length),
                    "{query}"
                );
                assert_eq!(response.header("transfer-encoding"), None, "{query}");
                let bare = asked(&server, "GET", &format!("status={status}&{rest}"));
                assert_eq!(
                    (
                        bare.header("content-length"),
                        bare.header("transfer-encoding")
                    ),
                    (None, None),
                    "{rest}"
                );
            }
        }
        block_on(async {
            let mut client = server.h2().await;
            for (status, length) in [(204, vec![]), (304, vec!["5"])] {
                let target = format!("/?status={status}&header=content-length:5&body=hello");
                let reply = client.get(&target).await;
                assert_eq!(
                    (reply.status, reply.frames, reply.reset),
                    (status, 0, None),
                    "{reply:?}"
                );
                assert_eq!(reply.all("content-length"), length);
            }
            assert_eq!(client.get("/ok").await.text(), "ok");
        });
    }
}

/// `R-10`, `R-11`: any status from 200 on, with its standard phrase.
#[test]
fn statuses_pass() {
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        for (status, reason) in [
            (200, "OK"),
            (201, "Created"),
            (404, "Not Found"),
            (418, "I'm a teapot"),
            (503, "Service Unavailable"),
        ] {
            let response = asked(&server, "GET", &format!("status={status}&body=x"));
            assert_eq!(
                (
                    response.status,
                    response.reason.as_str(),
                    response.text().as_str()
                ),
                (status, reason, "x")
            );
        }
        for status in [299, 599, 600, 999] {
            assert_eq!(
                asked(&server, "GET", &format!("status={status}&body=x")).status,
                status
            );
        }
        block_on(async {
            let mut client = server.h2().await;
            for status in [299, 404, 999] {
                assert_eq!(
                    client.get(&format!("/?status={status}")).await.status,
                    status
                );
            }
        });
    }
}

/// `M-02`, `M-03` with the SDK: `send` raises, the app raises with it, and the client never sees a wrong length.
#[test]
fn a_wrong_content_length_never_looks_whole() {
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        for query in [
            "header=content-length:5&body=123456",
            "header=content-length:5&body=1234",
            "header=content-length:5&via=respond&body=123456",
            "header=content-length:5&via=respond&body=1234",
        ] {
            let mut client = server.client();
            let response = client.get(&format!("/?{query}"));
            assert_eq!(
                (response.status, response.whole),
                (500, true),
                "{query}: {response:?}"
            );
            client.assert_kept();
        }
        for query in [
            "header=content-length:5&body=123&body=456&pause=3",
            "header=content-length:5&body=123&body=4&pause=3",
        ] {
            let mut client = server.client();
            let response = client.get(&format!("/?{query}"));
            assert_eq!(
                (response.status, response.text().as_str(), response.whole),
                (200, "123", false),
                "{query}"
            );
            assert!(client.is_closed());
            let reply = block_on(async { server.h2().await.get(&format!("/?{query}")).await });
            assert_eq!(
                (reply.text().as_str(), reply.reset),
                ("123", Some(h2::Reason::INTERNAL_ERROR)),
                "{query}"
            );
        }
    }
}

/// `A-06`, `A-08`, `A-14`, `F-08`, `G-08`, `R-03`, `R-06`, `R-07`, `R-10`, `M-02`, `M-03`: an app that sends nonsense gets an error
/// from `send`, the call is where it was before, and the response that it then makes is fine.
#[test]
pub(crate) fn send_what_is_illegal() {
    let server = Serve::guest(guests::SEND_WHAT_IS_ILLEGAL).start();
    let mut client = server.client();
    // HTTP/1.0 is offered nothing beyond the core (`A-14`).
    let response = client
        .send("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        .response();
    assert_eq!(
        (response.status, response.text().as_str(), response.whole),
        (200, "legal!", true),
        "{response:?}"
    );
    assert_eq!(response.header("x-app"), Some("legal"));
    assert!(
        !response.mentions("forged") && !response.mentions("secret"),
        "{response:?}"
    );
    client.assert_kept();
    server.wait_line("start after the end");
    let expected = [
        "body before start: InvalidState",
        "status 0: InvalidEvent",
        "status 100: InvalidEvent",
        "status 101: InvalidEvent",
        "status 103: InvalidEvent",
        "status 199: InvalidEvent",
        "status 1000: InvalidEvent",
        "CR LF in a value: InvalidEvent",
        "LF in a name: InvalidEvent",
        "NUL in a value: InvalidEvent",
        "pseudo-header: InvalidEvent",
        "content-length +5: InvalidEvent",
        "respond with too much: ContentLengthMismatch",
        "respond with too little: ContentLengthMismatch",
        "startup in a request: InvalidState",
        "early hint: Unsupported",
        "trailers announced: Unsupported",
        "start: ok",
        "second start: InvalidState",
        "pathsend: Unsupported",
        "trailers: Unsupported",
        "body beyond the length: ContentLengthMismatch",
        "body before the length: ContentLengthMismatch",
        "body: ok",
        "body after the end: ok",
        "start after the end: ok",
    ];
    assert_eq!(server.printed(), expected);
}

/// `A-11`: the `send` of a last body that is larger than the mark returns when it has been written, so that the app can end.
#[test]
fn the_send_of_a_large_last_body_returns() {
    for serve in twins::answer_as_asked() {
        let mut server = serve.start();
        for query in [
            "fill=200000",
            "fill=1000000",
            "fill=200000&header=content-length:200000",
        ] {
            assert!(asked(&server, "GET", query).whole, "{query}");
        }
        let log = server.stop();
        assert!(
            !log.iter().any(|line| line.level <= tracing::Level::WARN),
            "{log:?}"
        );
    }
}

// ---------------------------------------------------------------- one connection, many requests

/// `M-08`: pipelined requests are answered in order, one call at a time.
#[test]
fn pipelined_requests_are_answered_in_order() {
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        let mut client = server.client();
        let mut requests = String::new();
        for number in 0..20 {
            let pause = if number % 3 == 0 { 5 } else { 0 };
            requests.push_str(&format!(
                "GET /?body=number-&body={number}&pause={pause} HTTP/1.1\r\nhost: h\r\n\r\n"
            ));
        }
        client.send(requests);
        for number in 0..20 {
            assert_eq!(client.response().text(), format!("number-{number}"));
        }
    }
}

/// `M-08`, `G-11`: work after a complete response does not delay the next request, and is not cancelled.
#[test]
pub(crate) fn work_after_the_response() {
    let mut server = Serve::guest(guests::WORK_AFTER_THE_RESPONSE).start();
    let mut client = server.client();
    // The work ends only when the second request has been served.
    client.request("/work").request("/release");
    assert_eq!(client.response().text(), "accepted");
    assert_eq!(client.response().text(), "released");
    drop(client);
    server.wait_line("the work is done");
    let log = server.stop();
    assert!(
        !log.iter().any(|line| line.level <= tracing::Level::WARN),
        "{log:?}"
    );
}

/// `M-09`: streams of one HTTP/2 connection do not wait for each other.
#[test]
fn http_2_streams_are_answered_as_they_come() {
    let server = Serve::guest(guests::HANG).start();
    block_on(async {
        let mut client = server.h2().await;
        let (waits, _) = client.open(H2::request("GET", "/"), true).await;
        let (streams, _) = client.open(H2::request("GET", "/mid"), true).await;
        let (_, mut body) = H2::head(streams).await.unwrap();
        assert_eq!(body.frame().await.unwrap().unwrap(), "part");
        for _ in 0..10 {
            assert_eq!(client.get("/ok").await.text(), "ok");
        }
        drop(waits);
    });
}
