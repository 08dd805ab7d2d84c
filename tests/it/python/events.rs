//! Events of the wrong shape out of a Python app (`A-06`, `A-07`): each raises out of `send`, leaves the response as it was,
//! and never shows on the wire.

use tracing::Level;

use super::behaviours;

/// `A-04`–`A-06`, `A-08`, `R-03`, `R-07`: every wrong event raises an error that names what is wrong; the response that follows
/// is as it should be.
#[test]
fn wrong_events_raise_and_change_nothing() {
    let server = behaviours().start();
    let mut client = server.client();
    let response = client.get("/wrong");
    assert_eq!((response.status, response.text().as_str()), (200, "legal!"));
    assert_eq!(response.header("x-app"), Some("legal"));
    assert!(response.header("x-forged").is_none(), "{response:?}");
    client.assert_kept();
    server.wait_line("all sent");
    let printed = server.printed();
    let said = |name: &str| {
        let found = printed
            .iter()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(" -> "));
        found.unwrap_or_else(|| panic!("nothing about {name:?} in {printed:#?}"))
    };
    let mut wrong = Vec::new();
    for (name, class, words) in EXPECTED {
        let answer = said(name);
        let (raised, text) = answer.split_once(": ").unwrap_or((answer, ""));
        if raised != *class || !text.contains(words) {
            wrong.push(format!("{name}: {answer}, not {class}: …{words}…"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // `R-06`: after the end everything is a no-op.
    for line in printed
        .iter()
        .filter(|line| line.starts_with("after the end"))
    {
        assert!(line.ends_with("-> taken"), "{line}");
    }
    let listed = printed.iter().filter(|line| line.contains(" -> ")).count();
    let after = printed
        .iter()
        .filter(|line| line.starts_with("after the end"))
        .count();
    assert_eq!(
        EXPECTED.len(),
        listed - after,
        "an event that the table does not have"
    );
}

/// What each raises: the class, and words out of the text.
const EXPECTED: &[(&str, &str, &str)] = &[
    (
        "not a dictionary",
        "TypeError",
        "an ASGI event must be a dict, not a list of 2",
    ),
    (
        "none",
        "TypeError",
        "an ASGI event must be a dict, not None",
    ),
    (
        "no type",
        "ValueError",
        "an ASGI event must have a \"type\"",
    ),
    (
        "type of the wrong type",
        "TypeError",
        "event: \"type\" must be a str, not int",
    ),
    (
        "type as bytes",
        "TypeError",
        "event: \"type\" must be a str, not bytes",
    ),
    (
        "unknown type",
        "ValueError",
        "unknown event type \"http.response.begin\" in an http scope",
    ),
    (
        "an event of receive",
        "ValueError",
        "unknown event type \"http.request\" in an http scope",
    ),
    (
        "an event of a websocket",
        "ValueError",
        "unknown event type \"websocket.accept\" in an http scope",
    ),
    (
        "an event of the lifespan",
        "ValueError",
        "unknown event type \"lifespan.startup.complete\" in an http scope",
    ),
    ("no status", "ValueError", "\"status\" is required"),
    (
        "status as text",
        "TypeError",
        "\"status\" must be an int, not str",
    ),
    (
        "status as float",
        "TypeError",
        "\"status\" must be an int, not float",
    ),
    (
        "status none",
        "TypeError",
        "\"status\" must be an int, not None",
    ),
    (
        "status 0",
        "ValueError",
        "\"status\" must be within 200..=999, not 0",
    ),
    (
        "status 99",
        "ValueError",
        "\"status\" must be within 200..=999, not 99",
    ),
    (
        "status 101",
        "ValueError",
        "\"status\" must be within 200..=999, not 101",
    ),
    (
        "status 103",
        "ValueError",
        "\"status\" must be within 200..=999, not 103",
    ),
    (
        "status 1000",
        "ValueError",
        "\"status\" must be within 200..=999, not 1000",
    ),
    (
        "status negative",
        "ValueError",
        "\"status\" must be within 200..=999, not -200",
    ),
    (
        "status huge",
        "ValueError",
        "\"status\" must be within 200..=999, not 1180591620717411303424",
    ),
    (
        "headers as text",
        "TypeError",
        "each of \"headers\" must be a pair of bytes, not str",
    ),
    (
        "headers as number",
        "TypeError",
        "\"headers\" must be an iterable of pairs of bytes, not int",
    ),
    (
        "headers with text",
        "TypeError",
        "the name of a header must be bytes, not str; encode it, for example with .encode(\"latin-1\")",
    ),
    (
        "header value as text",
        "TypeError",
        "the value of a header must be bytes, not str; encode it, for example with .encode(\"latin-1\")",
    ),
    (
        "header value as number",
        "TypeError",
        "the value of a header must be bytes, not int",
    ),
    (
        "header of one",
        "TypeError",
        "each of \"headers\" must be a pair of bytes, not a tuple of 1",
    ),
    (
        "header of three",
        "TypeError",
        "each of \"headers\" must be a pair of bytes, not a tuple of 3",
    ),
    (
        "header that is none",
        "TypeError",
        "each of \"headers\" must be a pair of bytes, not None",
    ),
    (
        "header name empty",
        "ValueError",
        "the header \"\" is no legal header name",
    ),
    (
        "header name with a space",
        "ValueError",
        "the header \"a b\" is no legal header name",
    ),
    (
        "header name with a line break",
        "ValueError",
        "the header \"a\\nx-forged\" is no legal header name",
    ),
    (
        "header with CR LF",
        "ValueError",
        "the header \"a\" has a value with a control character in it",
    ),
    (
        "header with NUL",
        "ValueError",
        "the header \"a\" has a value with a control character in it",
    ),
    (
        "pseudo-header",
        "ValueError",
        "the header \":status\" is no legal header name",
    ),
    (
        "content-length not a number",
        "ValueError",
        "the header \"content-length\" has a value that is no length in bytes",
    ),
    (
        "content-length twice",
        "ValueError",
        "the header \"content-length\" is there twice, with different values",
    ),
    (
        "trailers of the wrong type",
        "TypeError",
        "\"trailers\" must be a bool, not str",
    ),
    (
        "body before the start",
        "RuntimeError",
        "http.response.body was sent before http.response.start",
    ),
    (
        "early hint",
        "RuntimeError",
        "the scope does not offer \"http.response.early_hint\" in its extensions, so it must not be sent",
    ),
    (
        "pathsend",
        "RuntimeError",
        "http.response.pathsend is for right after http.response.start, in place of any body",
    ),
    (
        "push",
        "ValueError",
        "unknown event type \"http.response.push\" in an http scope",
    ),
    (
        "debug",
        "ValueError",
        "unknown event type \"http.response.debug\" in an http scope",
    ),
    (
        "second start",
        "RuntimeError",
        "http.response.start was sent already; a response starts once",
    ),
    (
        "body as text",
        "TypeError",
        "\"body\" must be bytes, not str",
    ),
    ("body none", "TypeError", "\"body\" must be bytes, not None"),
    (
        "body as list",
        "TypeError",
        "\"body\" must be bytes, not a list of 1",
    ),
    (
        "more_body as text",
        "TypeError",
        "\"more_body\" must be a bool, not str",
    ),
    (
        "more than announced",
        "RuntimeError",
        "more response body than content-length announced: 7 bytes instead of 6",
    ),
    (
        "less than announced",
        "RuntimeError",
        "less response body than content-length announced: 5 bytes instead of 6",
    ),
    (
        "trailers",
        "RuntimeError",
        "http.response.trailers was sent, but http.response.start had no \"trailers\": True",
    ),
];

/// One that escapes is the app's failure: 500, the reason in the log, the instance lives on.
#[test]
fn a_wrong_event_that_escapes_is_a_500() {
    let server = behaviours().start();
    for (which, words) in [
        ("no%20status", "status"),
        ("headers%20with%20text", "bytes"),
        ("header%20with%20CR%20LF", "header"),
        ("unknown%20type", "http.response.begin"),
        ("not%20a%20dictionary", "dict"),
        ("second%20start", "start"),
        ("body%20as%20text", "bytes"),
    ] {
        let (mut client, mark) = (server.client(), server.mark());
        let response = client.get(&format!("/one-wrong?which={which}"));
        assert_eq!(
            (response.status, response.text().as_str()),
            (500, "Internal Server Error"),
            "{which}"
        );
        client.assert_kept();
        let line = server.wait_since(mark, |line| {
            line.level == Level::ERROR && line.message.contains(words)
        });
        assert!(line.message.contains("Traceback"), "{line}");
        assert!(!line.field("request").is_empty(), "{line}");
    }
    server.assert_serves();
}

/// `A-07`, `F-03`, `F-12`: unknown keys never raise, headers may be any iterable, bodies any bytes-like object.
#[test]
fn unknown_keys_and_iterables_are_legal() {
    let server = behaviours().start();
    let response = server.get("/unknown-keys");
    assert_eq!(
        (response.status, response.text().as_str()),
        (200, "legal too")
    );
    assert_eq!(response.header("x-app"), Some("legal"));
    assert!(
        response.headers.iter().any(|(name, _)| name == "x-upper"),
        "{response:?}"
    );
    for line in server.printed() {
        assert!(
            !line.contains(" -> ") || line.ends_with("-> taken"),
            "{line}"
        );
    }
}

/// `R-01`, `R-02`, `R-08`: defaults, and empty events in the middle.
#[test]
fn defaults_and_empty_events_are_legal() {
    let server = behaviours().start();
    let mut client = server.client();
    let response = client.get("/body-shapes");
    assert_eq!((response.text().as_str(), response.whole), ("ab", true));
    let response = client.get("/bare-start");
    assert_eq!((response.status, response.text().as_str()), (200, "bare"));
    let response = client.get("/body-first");
    assert!(response.text().contains("Error"), "{response:?}");
    client.assert_kept();
}

/// `M-04`, `M-05`: no body where none may be, on HTTP/1.1 and HTTP/2.
#[test]
fn no_body_where_none_may_be() {
    let server = behaviours().start();
    for status in [204, 304] {
        for length in ["", "&length"] {
            let mut client = server.client();
            let response = client.get(&format!("/status?status={status}{length}"));
            assert_eq!((response.status, response.body.len()), (status, 0));
            assert_eq!(
                response.header("content-length").is_some(),
                status == 304 && !length.is_empty(),
                "{response:?}"
            );
            client.assert_kept();
        }
    }
    let mut client = server.client();
    client.send("HEAD /status?status=200&length HTTP/1.1\r\nhost: h\r\n\r\n");
    let response = client.response_to("HEAD");
    assert_eq!(response.header("content-length"), Some("4"));
    client.assert_kept();
    // `R-10`: any status from 200 on.
    for status in [200, 299, 418, 599, 999] {
        assert_eq!(
            server.get(&format!("/status?status={status}")).status,
            status
        );
    }
}

/// `M-02`, `M-03`: never a byte more than announced, and never a response that looks whole and is not.
#[test]
fn a_wrong_length_is_never_on_the_wire() {
    let server = behaviours().start();
    for (query, status, body) in [
        ("announced=3&sent=5", 500, "Internal Server Error"),
        ("announced=5&sent=3", 500, "Internal Server Error"),
        ("announced=x&sent=3", 500, "Internal Server Error"),
    ] {
        let response = server.get(&format!("/bad-length?{query}"));
        assert_eq!(
            (response.status, response.text().as_str()),
            (status, body),
            "{query}"
        );
    }
    for query in ["announced=5&sent=2&pieces=2", "announced=3&sent=2&pieces=2"] {
        let mut client = server.client();
        let response = client.get(&format!("/bad-length?{query}"));
        assert!(
            response.status == 500 || !response.whole,
            "{query}: {response:?}"
        );
        assert!(
            response.body.len() <= 3 || response.status == 500,
            "{query}: {response:?}"
        );
    }
    let response = server.get("/bad-length?announced=6&sent=2&pieces=3");
    assert_eq!((response.text().as_str(), response.whole), ("xxxxxx", true));
    server.assert_serves();
}

/// `F-07`, `F-09`, `F-10`: framing is the host's; `date` and `server` are the app's if it sets them.
#[test]
fn framing_belongs_to_the_host() {
    let server = behaviours().start();
    let mut client = server.client();
    let response = client.get("/server-header");
    assert_eq!(
        (response.text().as_str(), response.whole),
        ("headers", true)
    );
    assert_eq!(response.all("date"), ["Tue, 14 Nov 2023 22:13:20 GMT"]);
    assert_eq!(response.all("server"), ["mine"]);
    assert!(client.is_closed(), "the app wanted it closed");
}

/// More than a response may have fails the call, not the instance.
#[test]
fn too_many_headers_are_a_500() {
    let server = behaviours().start();
    assert_eq!(server.get("/many-headers?count=200&length=10").status, 200);
    for query in ["count=300&length=10", "count=10&length=10000"] {
        let response = server.get(&format!("/many-headers?{query}"));
        assert_eq!(response.status, 500, "{query}");
    }
    server.assert_serves();
}
