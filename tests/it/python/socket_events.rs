//! Events of the wrong shape in a WebSocket of a Python app: each raises out of `send`, and the client sees none of it.

use wasgi_tests::Seen;

use super::behaviours;

/// `A-06`, `A-07`, `W-06`, `W-09`–`W-12`, `E-01`: what is wrong raises an error that names what is wrong, and the handshake
/// and the messages that follow are as they should be.
#[test]
fn wrong_events_of_a_websocket_raise_and_change_nothing() {
    let server = behaviours().start();
    let mut socket = server
        .client()
        .websocket("/wrong", &[("sec-websocket-protocol", "chat")])
        .expect("it is accepted");
    assert_eq!(socket.head.header("x-app"), Some("legal"));
    assert!(socket.head.header("x-forged").is_none());
    assert!(socket.head.header("sec-websocket-protocol").is_none());
    for expected in [
        Seen::Text("text".to_owned()),
        Seen::Bytes(b"bytes".to_vec()),
        Seen::Text(String::new()),
        Seen::Bytes(Vec::new()),
        Seen::Bytes(b"array".to_vec()),
        Seen::Bytes(b"view".to_vec()),
        Seen::Text("mapping".to_owned()),
        Seen::Text("key".to_owned()),
    ] {
        assert_eq!(socket.see(), expected);
    }
    assert_eq!(socket.see_close(), (Some(1000), String::new()));

    server.wait_line("all sent");
    let printed = server.printed();
    let listed: Vec<_> = printed
        .iter()
        .filter_map(|line| line.split_once(" -> "))
        .filter(|(_, came)| *came != "taken")
        .collect();
    let mut wrong = Vec::new();
    for (name, class, words) in EXPECTED {
        let came = listed.iter().find(|(of, _)| of == name);
        let (raised, text) = came
            .and_then(|(_, came)| came.split_once(": "))
            .unwrap_or_default();
        if raised != *class || !text.contains(words) {
            wrong.push(format!("{name}: {came:?}, not {class}: …{words}…"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        listed.len(),
        EXPECTED.len(),
        "an event that the table does not have: {listed:#?}"
    );
}

const ANSWERED: &str = "the handshake was answered already";
const CODES: &str = "\"code\" must be 1000, 1001, 1003, 1007 to 1014 or 3000 to 4999, not";

/// What each raises: the class, and words out of the text.
const EXPECTED: &[(&str, &str, &str)] = &[
    (
        "not a dictionary",
        "TypeError",
        "an ASGI event must be a dict, not a list of 1",
    ),
    (
        "no type",
        "ValueError",
        "an ASGI event must have a \"type\"",
    ),
    (
        "unknown type",
        "ValueError",
        "unknown event type \"websocket.open\" in a websocket scope",
    ),
    (
        "an event of receive",
        "ValueError",
        "unknown event type \"websocket.connect\" in a websocket scope",
    ),
    (
        "an event of http",
        "ValueError",
        "unknown event type \"http.response.start\" in a websocket scope",
    ),
    (
        "a message before accept",
        "RuntimeError",
        "websocket.send was sent before websocket.accept",
    ),
    ("a denial's body first", "RuntimeError", "was sent before"),
    (
        "a denial without a status",
        "ValueError",
        "websocket.http.response.start: \"status\" is required",
    ),
    (
        "a denial with status 99",
        "ValueError",
        "\"status\" must be within 200..=999, not 99",
    ),
    (
        "subprotocol of the wrong type",
        "TypeError",
        "websocket.accept: \"subprotocol\" must be a str, not bytes",
    ),
    (
        "subprotocol that was not offered",
        "ValueError",
        "the client has not offered the subprotocol \"soap\"",
    ),
    (
        "headers as text",
        "TypeError",
        "each of \"headers\" must be a pair of bytes, not str",
    ),
    (
        "headers with text",
        "TypeError",
        "the name of a header must be bytes, not str",
    ),
    (
        "header with CR LF",
        "ValueError",
        "has a value with a control character in it",
    ),
    (
        "sec-websocket-protocol",
        "ValueError",
        "is the server's part of the handshake",
    ),
    (
        "code as text",
        "TypeError",
        "websocket.close: \"code\" must be an int, not str",
    ),
    ("code 1005 in a refusal", "ValueError", CODES),
    ("second accept", "RuntimeError", ANSWERED),
    ("a denial after accept", "RuntimeError", ANSWERED),
    ("a denial's body after accept", "RuntimeError", ANSWERED),
    (
        "text and bytes",
        "ValueError",
        "a message is one of the two",
    ),
    ("neither", "ValueError", "\"text\" or \"bytes\" is required"),
    (
        "both none",
        "ValueError",
        "\"text\" or \"bytes\" is required",
    ),
    (
        "text as bytes",
        "TypeError",
        "websocket.send: \"text\" must be a str, not bytes",
    ),
    (
        "text as a number",
        "TypeError",
        "websocket.send: \"text\" must be a str, not int",
    ),
    (
        "bytes as text",
        "TypeError",
        "websocket.send: \"bytes\" must be bytes, not str",
    ),
    (
        "bytes as a list",
        "TypeError",
        "websocket.send: \"bytes\" must be bytes, not a list of 1",
    ),
    (
        "a lone surrogate",
        "UnicodeEncodeError",
        "surrogates not allowed",
    ),
    ("code none of the app's", "ValueError", CODES),
    ("code 1006", "ValueError", CODES),
    ("code 999", "ValueError", CODES),
    ("code 5000", "ValueError", CODES),
    (
        "code huge",
        "ValueError",
        "\"code\" must be within 1000..=4999, not 1180591620717411303424",
    ),
    (
        "code negative",
        "ValueError",
        "\"code\" must be within 1000..=4999, not -1",
    ),
    (
        "code as float",
        "TypeError",
        "websocket.close: \"code\" must be an int, not float",
    ),
    (
        "code as bool",
        "TypeError",
        "websocket.close: \"code\" must be an int, not bool",
    ),
    (
        "reason as bytes",
        "TypeError",
        "websocket.close: \"reason\" must be a str, not bytes",
    ),
    (
        "reason of 124 bytes",
        "ValueError",
        "\"reason\" has at most 123 bytes in UTF-8, not 124",
    ),
    (
        "a message after close",
        "RuntimeError",
        "websocket.close was sent already",
    ),
    (
        "second close",
        "RuntimeError",
        "websocket.close was sent already",
    ),
    (
        "accept after close",
        "RuntimeError",
        "websocket.close was sent already",
    ),
];
