//! The differential test of WebSockets: one app, two servers, the same conversations.
//!
//! Each talk goes over a connection of its own to uvicorn (with `websockets`) and to wasgi. What was seen, and what the app
//! has noted in its journal, must be equal once the rows of `differences` have been taken out, and each row must have
//! been needed.

mod differences;
mod talk;

use std::collections::BTreeSet;

use wasgi_tests::{Serve, Uvicorn};

use self::talk::{Talk, talk};

/// What came of the talks with all apps.
#[derive(Default)]
struct Compared {
    /// Talks that differ, with what was seen.
    wrong: Vec<String>,
    /// Rows of the table that were needed.
    used: BTreeSet<&'static str>,
}

impl Compared {
    /// Has all talks with both.
    fn with(&mut self, app: &'static str, talks: &[Talk]) {
        let native = Uvicorn::start(app, &[]);
        let server = Serve::python(app).start();
        for (number, talk) in talks.iter().enumerate() {
            let name = format!("{app} {}", talk.name());
            // Shown when the test fails: one that does not end is the last.
            println!("{name}");
            let theirs = talk.with(|| native.client(), number);
            let ours = talk.with(|| server.client(), number);
            let (mut left, mut right) = (theirs.clone(), ours.clone());
            self.used
                .extend(differences::take_out(talk, &mut left, &mut right));
            if left != right {
                self.wrong.push(format!(
                    "{name}\n  uvicorn:\n    {}\n  wasgi:\n    {}",
                    theirs.join("\n    "),
                    ours.join("\n    ")
                ));
            }
        }
    }
}

const LONG: usize = 200_000;

fn of_starlette() -> Vec<Talk> {
    let ends = |how: &str| talk(&format!("/sockets/ends?how={how}"));
    let deny = |how: &str| talk(&format!("/sockets/deny?how={how}"));
    vec![
        talk("/sockets/echo")
            .text("hello")
            .text("")
            .text("grüße 🐍")
            .bytes(b"\0\xff")
            .bytes(b"")
            .close(1000, "")
            .journal(1),
        talk("/sockets/echo").close(4000, "bye ü").journal(1),
        talk("/sockets/echo")
            .close(3999, &"x".repeat(123))
            .journal(1),
        talk("/sockets/echo").frame(0x88, b"").journal(1),
        talk("/sockets/echo").text("one").leave().journal(1),
        talk("/sockets/echo")
            .text(&"x".repeat(LONG))
            .close(1001, "")
            .journal(1),
        talk("/sockets/echo")
            .bytes(&vec![7; LONG])
            .close(1000, "")
            .journal(1),
        // Three fragments with a ping between them.
        talk("/sockets/echo")
            .frame(0x01, "frag")
            .frame(0x00, "ment")
            .frame(0x89, "ping")
            .frame(0x80, "ed")
            .see(2)
            .close(1000, "")
            .journal(1),
        talk("/sockets/echo")
            .frame(0x8a, "nobody asked")
            .frame(0x89, "")
            .see(1)
            .close(1000, "")
            .journal(1),
        talk("/sockets/texts")
            .text("upper")
            .text("case")
            .close(1000, "")
            .journal(1),
        talk("/sockets/json?mode=text")
            .text(r#"{"a": [1, "ü"]}"#)
            .close(1000, "done")
            .journal(1),
        talk("/sockets/json?mode=binary")
            .bytes(br#"[null]"#)
            .close(1000, "")
            .journal(1),
        talk("/sockets/wrong-kind").bytes(b"bytes"),
        talk("/sockets/protocols").header("sec-websocket-protocol", "chat.v1, chat.v2"),
        talk("/sockets/protocols")
            .header("sec-websocket-protocol", "other")
            .header("sec-websocket-protocol", "chat.v2"),
        talk("/sockets/protocols").header("sec-websocket-protocol", "soap"),
        talk("/sockets/protocols"),
        talk("/sockets/headers"),
        talk("/sockets/scope?a=1&b=%20")
            .header("cookie", "a=b; c=d")
            .header("x-a", "1")
            .header("x-b", "2"),
        talk("/sockets/rooms/caf%C3%A9?x=%2F"),
        talk("/sockets/none"),
        talk("/sockets/begin"),
        talk("/sockets/refuse").journal(1),
        deny("json"),
        deny("empty"),
        deny("stream"),
        deny("http-exception"),
        deny("websocket-exception"),
        ends("return-before"),
        ends("raise-before"),
        ends("return"),
        ends("raise"),
        ends("exception"),
        ends("value-error"),
        ends("close&code=1000").journal(1),
        ends("close&code=1001&reason=going").journal(1),
        ends("close&code=3000&reason=gr%C3%BC%C3%9Fe").journal(1),
        ends("close&code=4999").journal(1),
        talk("/sockets/after-close").journal(2),
        talk("/sockets/order").journal(4),
        talk("/sockets/gone").see(3).leave().journal(1),
        talk("/sockets/raced")
            .see(1)
            .text("a")
            .text("b")
            .close(1000, "")
            .journal(1),
        talk("/sockets/both-ways")
            .frame(0x81, "a")
            .see(3)
            .frame(0x81, "b")
            .see(3)
            .close(1000, "")
            .journal(1),
        talk("/sockets/numbers")
            .text("[1, 2, 3]")
            .text("[]")
            .close(1000, "")
            .journal(1),
    ]
}

fn of_fastapi() -> Vec<Talk> {
    vec![
        talk("/sockets/echo")
            .text("hello")
            .text("")
            .close(1000, "bye")
            .journal(1),
        talk("/sockets/echo").text("hello").leave().journal(1),
        talk("/sockets/unguarded").text("hello").close(1000, ""),
        talk("/sockets/unguarded")
            .text("hello")
            .close(4321, "why not"),
        talk("/sockets/moves")
            .text(r#"{"x": 1}"#)
            .text(r#"{"y": 1}"#)
            .text(r#"{"x": "2", "y": 3}"#)
            .text("[]")
            .close(1000, ""),
        talk("/sockets/moves").text(r#"{"x": 1}"#).frame(0x81, "{"),
        talk("/sockets/items/7?token=t&q=3")
            .header("x-token", "a")
            .header("x-token", "b")
            .journal(1),
        talk("/sockets/items/7")
            .header("cookie", "session=s")
            .journal(1),
        talk("/sockets/items/7"),
        talk("/sockets/items/seven?token=t"),
        talk("/sockets/items/7?token=t&q=x"),
        talk("/sockets/late").frame(0x81, "go"),
        talk("/sockets/none"),
    ]
}

fn of_quart() -> Vec<Talk> {
    vec![
        talk("/sockets/echo")
            .text("hello")
            .bytes(b"\0\xff")
            .close(1000, "")
            .journal(1),
        talk("/sockets/echo").text("hello").leave().journal(1),
        talk("/sockets/json?q=1")
            .header("sec-websocket-protocol", "other, chat")
            .frame(0x81, "[1]"),
        talk("/sockets/refused"),
        talk("/sockets/denied"),
        talk("/sockets/raises"),
        talk("/sockets/none"),
    ]
}

/// `W-01`, `W-05`, `W-07`–`W-09`, `W-11`–`W-17`, `W-19`, `E-01`, `G-09`: where the two agree, and where the table says
/// that they do not.
#[test]
fn websockets_of_starlette_fastapi_and_quart_are_as_under_uvicorn() {
    let mut compared = Compared::default();
    compared.with("wide_starlette", &of_starlette());
    compared.with("wide_fastapi", &of_fastapi());
    compared.with("wide_quart", &of_quart());
    assert!(
        compared.wrong.is_empty(),
        "{} talks differ:\n\n{}",
        compared.wrong.len(),
        compared.wrong.join("\n\n")
    );
    let unused: Vec<_> = differences::rows()
        .filter(|what| !compared.used.contains(what))
        .collect();
    assert!(
        unused.is_empty(),
        "no talk shows these differences any more: {unused:#?}"
    );
}

/// The document shows the table that the test uses.
#[test]
fn the_table_of_differences_is_documented() {
    super::differences::is_documented(differences::table());
}
