//! `E-06`: fields behind the body, for a client that has asked for them.

use h2::Reason;
use wasgi_tests::{Client, H2, Reply, Response, Running, block_on};

use crate::twins;

fn ask(server: &Running, method: &str, query: &str, te: &str) -> (Client, Response) {
    let mut client = server.client();
    client.send(format!(
        "{method} /?{query} HTTP/1.1\r\nhost: h\r\n{te}\r\n"
    ));
    let response = client.response_to(method);
    (client, response)
}

fn ask_h2(server: &Running, method: &str, query: &str, te: bool) -> Reply {
    block_on(async {
        let mut request = H2::request(method, &format!("/?{query}"));
        if te {
            request = request.header("te", "trailers");
        }
        let mut client = server.h2().await;
        let reply = client.fetch(request, None).await.unwrap();
        assert_eq!(client.get("/ok").await.text(), "ok");
        reply
    })
}

const TE: &str = "connection: te\r\nte: trailers\r\n";

/// One body or several, known length or not: the trailers stand behind the last chunk.
#[test]
fn trailers_follow_the_body_over_http_1_1() {
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        for body in [
            "body=hello",
            "body=he&body=llo&pause=3",
            "header=content-length:5&body=hello",
            "body=",
            "fill=200000",
        ] {
            let query = format!(
                "{body}&header=trailer:x-sum,X-Other&trailer=x-sum:7&trailer=x-other:%E9&trailer=x-sum:8"
            );
            for te in [TE, "te: gzip;q=0.5, Trailers\r\n"] {
                let (mut client, response) = ask(&server, "GET", &query, te);
                assert!(response.whole, "{response:?}");
                assert_eq!(
                    (
                        response.header("transfer-encoding"),
                        response.header("content-length")
                    ),
                    (Some("chunked"), None),
                    "{body}"
                );
                let sums = response.trailers.iter().filter(|(name, _)| name == "x-sum");
                let sums: Vec<_> = sums.map(|(_, value)| value.as_str()).collect();
                assert_eq!((sums, response.trailers.len()), (vec!["7", "8"], 3));
                client.assert_kept();
            }
        }
    }
}

/// A client that has not said that it takes them gets the rest, whole and with its length.
#[test]
fn without_te_there_are_no_trailers() {
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        for (query, length) in [
            ("body=hello", Some("5")),
            (
                "header=content-length:5&body=he&body=llo&pause=3",
                Some("5"),
            ),
            ("body=he&body=llo&pause=3", None),
        ] {
            let query = format!("{query}&header=trailer:x-sum&trailer=x-sum:7");
            for te in ["", "te: gzip\r\n"] {
                let (mut client, response) = ask(&server, "GET", &query, te);
                assert_eq!(
                    (response.text().as_str(), response.whole),
                    ("hello", true),
                    "{response:?}"
                );
                assert_eq!(response.header("content-length"), length, "{query}");
                assert_eq!(response.trailers, []);
                client.assert_kept();
            }
            let reply = ask_h2(&server, "GET", &query, false);
            assert_eq!(
                (reply.text().as_str(), reply.trailers, reply.reset),
                ("hello", None, None)
            );
        }
    }
}

/// What gRPC does: the status behind the messages, over HTTP/2, which needs no announcement.
#[test]
fn trailers_follow_the_body_over_http_2() {
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        for body in [
            "body=message",
            "body=mess&body=age&pause=3",
            "header=content-length:7&body=message",
        ] {
            let query = format!(
                "header=content-type:application/grpc&{body}&trailer=Grpc-Status:0&trailer=grpc-message:"
            );
            let reply = ask_h2(&server, "POST", &query, true);
            assert_eq!(
                (reply.text().as_str(), reply.reset),
                ("message", None),
                "{query}"
            );
            let trailers = reply.trailers.expect("trailers");
            assert_eq!(
                (&trailers["grpc-status"], &trailers["grpc-message"]),
                (&"0".parse().unwrap(), &"".parse().unwrap())
            );
        }
    }
}

/// RFC 9110 6.6.2: over HTTP/1.1 only what the `trailer` header has named. The others are dropped, the response is whole.
#[test]
fn over_http_1_1_trailers_are_announced_by_name() {
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        for (header, seen) in [("", 0), ("&header=trailer:x-b", 1)] {
            let query = format!("body=hello&trailer=x-a:1&trailer=x-b:2{header}");
            let (mut client, response) = ask(&server, "GET", &query, TE);
            assert_eq!((response.text().as_str(), response.whole), ("hello", true));
            assert_eq!(response.trailers.len(), seen, "{response:?}");
            client.assert_kept();
        }
    }
}

/// `M-04`, `M-05`: no body, no trailers, and the app may say them all the same.
#[test]
fn what_has_no_body_has_no_trailers() {
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        for (method, status) in [("HEAD", 200), ("GET", 204), ("GET", 304)] {
            let query = format!("status={status}&body=hello&header=trailer:x-sum&trailer=x-sum:7");
            let (mut client, response) = ask(&server, method, &query, TE);
            assert_eq!(
                (response.status, response.header("transfer-encoding")),
                (status, None),
                "{response:?}"
            );
            client.assert_kept();
            let reply = ask_h2(&server, method, &query, true);
            assert_eq!(
                (reply.status, reply.frames, reply.trailers, reply.reset),
                (status, 0, None, None),
                "{method} {status}"
            );
        }
        assert!(
            !server
                .log()
                .iter()
                .any(|line| line.level <= tracing::Level::WARN)
        );
    }
}

/// `X-07`: an app that ends without the trailers that it has announced has not ended its response.
#[test]
fn a_response_without_its_trailers_is_cut() {
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        let query = "trailers=announced&header=trailer:x-sum&body=hello";
        let (mut client, response) = ask(&server, "GET", query, TE);
        assert_eq!(
            (response.text().as_str(), response.whole),
            ("hello", false),
            "{response:?}"
        );
        assert!(client.is_closed());
        server.wait_line("returned before its response was complete");
        let reply = ask_h2(&server, "GET", query, true);
        assert_eq!(
            (reply.text().as_str(), reply.reset),
            ("hello", Some(Reason::INTERNAL_ERROR))
        );
        // Who does not take trailers misses nothing.
        let (mut client, response) = ask(&server, "GET", query, "");
        assert_eq!((response.text().as_str(), response.whole), ("hello", true));
        client.assert_kept();
    }
}

/// RFC 9110 6.5.1, `F-08`: nothing behind a body can be taken for a head, a message or a session.
#[test]
fn what_is_no_trailer_does_not_pass() {
    for serve in twins::answer_as_asked() {
        let server = serve.start();
        for trailer in [
            "content-length:0",
            "Transfer-Encoding:chunked",
            "trailer:x",
            "host:h",
            "set-cookie:forged%3D1",
            "authorization:x",
            "content-type:text/html",
            "connection:close",
            ":status:200",
            "x-sum:1%0D%0Aforged:%201",
            "x-sum%0D%0Aforged:1",
            "x-sum:%00",
        ] {
            let query = format!(
                "body=hello&header=trailer:x-sum,content-length,set-cookie,host&trailer={trailer}"
            );
            let (mut client, response) = ask(&server, "GET", &query, TE);
            assert_eq!(
                (
                    response.text().as_str(),
                    response.whole,
                    &response.trailers[..]
                ),
                ("hello", false, &[][..]),
                "{trailer}: {response:?}"
            );
            assert!(!response.mentions("forged"), "{response:?}");
            assert!(client.is_closed());
            let reply = ask_h2(&server, "GET", &query, true);
            assert_eq!(
                (reply.trailers, reply.reset),
                (None, Some(Reason::INTERNAL_ERROR)),
                "{trailer}"
            );
        }
    }
}
