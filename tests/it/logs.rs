//! What a guest prints, as lines of its app's log (`G-24`): whose they are, how many, and what cannot be in them.

use wasgi_tests::{Serve, eventually, guests};

/// Each line carries app, instance, stream and the id of the request that printed it, also when two take turns.
#[test]
pub(crate) fn print_lines() {
    let server = Serve::guest(guests::PRINT_LINES).start();
    let mut clients: Vec<_> = (0..4).map(|_| server.client()).collect();
    for client in &mut clients {
        client.request("/two");
    }
    for client in &mut clients {
        let id = client.response().text();
        for (line, stream) in [("first", "stdout"), ("second", "stderr")] {
            let line = server.wait_line(&format!("{line} line of {id}"));
            assert_eq!(
                (line.field("request"), line.field("stream")),
                (id.as_str(), stream),
                "{line}"
            );
            assert_eq!(line.field("instance"), "1");
        }
        let access =
            server.wait_log(|line| line.target == "wasgi::access" && line.field("request") == id);
        assert_eq!(access.field("path"), "/two");
    }
}

/// `G-11`: a task that a request has spawned prints as that request, after the request, too.
#[test]
fn spawned_tasks_print_as_their_request() {
    let server = Serve::guest(guests::PRINT_LINES).start();
    let id = server.get("/spawned").text();
    let line = server.wait_line(&format!("spawned by {id}"));
    assert_eq!(line.field("request"), id, "{line}");
}

/// What would move an operator's cursor, or forge a line, is made harmless.
#[test]
fn control_characters_are_neutralised() {
    let server = Serve::guest(guests::PRINT_LINES).start();
    server.get("/control");
    let line = server.wait_log(|line| line.is_printed() && line.message.contains("red"));
    assert!(
        line.message
            .chars()
            .all(|letter| letter == '\t' || !letter.is_control()),
        "{:?}",
        line.message
    );
    assert!(
        line.message.contains("tab \t") && line.message.contains("end"),
        "{:?}",
        line.message
    );
}

/// A flood costs its author the lines; how many is said.
#[test]
fn a_flood_of_lines_is_rate_limited() {
    let mut server = Serve::guest(guests::PRINT_LINES).start();
    assert_eq!(server.get("/flood?n=20000").status, 200);
    server.assert_serves();
    let log = server.stop();
    let printed = log.iter().filter(|line| line.is_printed()).count();
    let dropped: usize = log
        .iter()
        .filter_map(|line| {
            line.message
                .split_once(" lines dropped")?
                .0
                .parse::<usize>()
                .ok()
        })
        .sum();
    assert!(dropped > 0, "nothing was dropped");
    assert_eq!(printed + dropped, 20_000, "lines are printed or counted");
}

/// A long line is cut, and nothing of it is lost.
#[test]
fn a_long_line_is_cut() {
    let server = Serve::guest(guests::PRINT_LINES).start();
    server.get("/long");
    eventually("all of it is there", || {
        server.printed().iter().map(String::len).sum::<usize>() == 100_000
    });
    assert!(server.printed().iter().all(|line| line.len() <= 8 * 1024));
}

/// A line that has no end is there when the instance is gone.
#[test]
fn an_open_line_is_written_at_the_end() {
    let mut server = Serve::guest(guests::PRINT_LINES).start();
    server.get("/open");
    server.stop();
    assert_eq!(server.printed(), ["a line without an end"]);
}

/// The access line has its fields, and comes at the end of the response.
#[test]
fn the_access_line_tells_how_it_ended() {
    let server = Serve::guest(guests::ANSWER_AS_ASKED).start();
    server.client().post("/a/path?fill=5000&status=201", b"");
    let line = server.wait_log(|line| line.target == "wasgi::access");
    let fields =
        ["method", "path", "status", "bytes", "app", "outcome"].map(|name| line.field(name));
    assert_eq!(
        fields,
        ["POST", "/a/path", "201", "5000", &server.name, "ok"]
    );
    assert_eq!(line.field("request").len(), 16);
    assert!(line.field("ms").parse::<f64>().unwrap() > 0.0);
}

/// The texts of errors are a guest's words, too: what is in them cannot move a cursor or forge a line.
#[test]
pub(crate) fn raise_a_nasty_text() {
    let server = Serve::guest(guests::RAISE_A_NASTY_TEXT).start();
    for target in ["/control", "/panic"] {
        assert_eq!(server.get(target).status, 500);
    }
    server.wait_log(|line| line.message.contains("the app raised") && line.message.contains("end"));
    server.wait_line("the instance ended");
    for line in server.log() {
        let harmless = |letter: char| matches!(letter, '\t' | '\n') || !letter.is_control();
        assert!(line.message.chars().all(harmless), "{:?}", line.message);
    }
    // What has lines of its own, as a traceback has, cannot pass for a line of the log.
    let raised = server.wait_log(|line| line.message.contains("the app raised"));
    let mut lines = raised.message.lines();
    assert!(
        lines
            .next()
            .is_some_and(|line| line.ends_with("bell \u{fffd}")),
        "{raised}"
    );
    assert!(lines.all(|line| line.starts_with("    ")), "{raised}");
}

/// A text that is too long for the contract is cut by the SDK; the call fails and the instance lives.
#[test]
fn a_long_error_text_is_cut() {
    let server = Serve::guest(guests::RAISE_A_NASTY_TEXT).start();
    let mut client = server.client();
    assert_eq!(client.get("/long").status, 500);
    let line = server
        .wait_log(|line| !line.field("request").is_empty() && line.level == tracing::Level::ERROR);
    assert!(
        line.message.contains("the app raised: xxx"),
        "{:.200}",
        line.message
    );
    assert!(line.message.len() < 100_000, "{} bytes", line.message.len());
    client.assert_kept();
    assert!(
        !server
            .log()
            .iter()
            .any(|line| line.message.contains("the instance ended"))
    );
}
