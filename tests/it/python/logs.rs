//! What a Python app prints and logs (`G-24`), and its tracebacks.

use super::behaviours;

/// Each line carries app, instance, stream and the id of the request that printed it, also when several take turns.
#[test]
fn lines_belong_to_their_requests() {
    let server = behaviours().start();
    let mut clients: Vec<_> = (0..4).map(|_| server.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.request(&format!("/prints?name=n{number}"));
    }
    for client in &mut clients {
        assert_eq!(client.response().text(), "printed");
    }
    let mut ids = std::collections::BTreeSet::new();
    for number in 0..4 {
        let first = server.wait_line(&format!("first line of n{number}"));
        let second = server.wait_line(&format!("second line of n{number}"));
        let logged = server.wait_line(&format!("logged by n{number}"));
        let spawned = server.wait_line(&format!("spawned by n{number}"));
        assert_eq!(first.field("stream"), "stdout", "{first}");
        assert_eq!(second.field("stream"), "stderr", "{second}");
        assert_eq!(first.field("instance"), "1", "{first}");
        let id = first.field("request").to_owned();
        assert!(!id.is_empty(), "{first}");
        for line in [second, logged, spawned] {
            assert_eq!(line.field("request"), id, "{line}");
        }
        ids.insert(id);
    }
    assert_eq!(ids.len(), 4);
}

/// What would move an operator's cursor, or forge a line, is made harmless.
#[test]
fn control_characters_are_neutralised() {
    let server = behaviours().start();
    server.get("/control");
    let line = server.wait_log(|line| line.is_printed() && line.message.contains("red"));
    assert!(
        line.message
            .chars()
            .all(|letter| letter == '\t' || !letter.is_control()),
        "{:?}",
        line.message
    );
}

/// A surrogate cannot be encoded, and is no reason to fail a call.
#[test]
fn odd_letters_can_be_printed() {
    let server = behaviours().start();
    assert_eq!(server.get("/unterminated").text(), "printed");
    let line = server.wait_line("no line break");
    assert!(line.message.contains('☃'), "{line}");
}

/// A huge traceback is cut, with its beginning and its end in the log, and 500 at the client.
#[test]
fn a_huge_traceback_is_cut() {
    let server = behaviours().start();
    for kib in [1, 2000] {
        let mark = server.mark();
        let response = server.get(&format!("/huge-traceback?kib={kib}"));
        assert_eq!(
            (response.status, response.text().as_str()),
            (500, "Internal Server Error")
        );
        let line = server.wait_since(mark, |line| line.message.contains("secret: the last words"));
        assert!(line.message.len() < 70_000, "{} bytes", line.message.len());
        assert!(line.message.contains("RuntimeError"), "{line}");
    }
    server.assert_serves();
    let ended = server
        .log()
        .iter()
        .any(|line| line.message.contains("the instance ended"));
    assert!(!ended);
}

/// An exception that raises when it is shown is still one failed call.
#[test]
fn an_exception_that_cannot_be_shown_is_a_500() {
    let server = behaviours().start();
    let mark = server.mark();
    assert_eq!(server.get("/unprintable").status, 500);
    let line = server.wait_since(mark, |line| line.message.contains("Unprintable"));
    assert!(!line.field("request").is_empty(), "{line}");
    server.assert_serves();
    let ended = server
        .log()
        .iter()
        .any(|line| line.message.contains("the instance ended"));
    assert!(!ended);
}
