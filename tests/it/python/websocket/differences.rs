//! Every difference between a WebSocket of uvicorn and one of wasgi that is meant, and why. Nothing else may differ.

use super::talk::Talk;

/// One difference: what it is, and how it is taken out of the lines of a talk.
struct Row {
    what: &'static str,
    uvicorn: &'static str,
    wasgi: &'static str,
    why: &'static str,
    /// Takes it out of both; whether it was there.
    take_out: fn(&Talk, &mut Vec<String>, &mut Vec<String>) -> bool,
}

/// In the order in which they are taken out.
const ROWS: &[Row] = &[
    Row {
        what: "`date`, `server`",
        uvicorn: "`server` only on a 101",
        wasgi: "both on every answer, unless the app has set them",
        why: "`W-31`, `F-10`; and it is another second",
        take_out: |_, theirs, ours| {
            let theirs = remove(theirs, |line| {
                line.starts_with("header date: ") || line == "header server: uvicorn"
            });
            theirs
                && remove(ours, |line| line.starts_with("header date: "))
                && remove(ours, |line| line == "header server: wasgi")
        },
    },
    Row {
        what: "`connection` of a 101",
        uvicorn: "`Upgrade`",
        wasgi: "`upgrade`",
        why: "RFC 9110, section 7.6.1: its case has no meaning",
        take_out: |_, theirs, ours| {
            remove(theirs, |line| line == "header connection: Upgrade")
                && remove(ours, |line| line == "header connection: upgrade")
        },
    },
    Row {
        what: "a 403 or 500 that is the server's",
        uvicorn: "a 403 has no body; the connection is closed",
        wasgi: "the status' name as the body; the connection is kept",
        why: "as for a request: no WebSocket has begun, and the client may go on (`W-07`, `W-19`)",
        take_out: |_, theirs, ours| {
            let failed = ours
                .iter()
                .any(|line| line == "body \"Internal Server Error\"");
            let refused = remove(ours, |line| line == "body \"Forbidden\"")
                && remove(ours, |line| line == "header content-length: 9")
                && remove(theirs, |line| line == "body \"\"")
                && remove(theirs, |line| line == "header content-length: 0");
            (failed || refused) && remove(theirs, |line| line == "header connection: close")
        },
    },
    Row {
        what: "a denial response that is streamed",
        uvicorn: "collected, with a `content-length`",
        wasgi: "streamed",
        why: "`E-01`: `more_body` means the same as in a response",
        take_out: |_, theirs, ours| {
            remove(ours, |line| line == "header transfer-encoding: chunked")
                && remove(theirs, |line| line.starts_with("header content-length: "))
        },
    },
    Row {
        what: "a denial response without a `content-type`",
        uvicorn: "`text/plain; charset=utf-8`",
        wasgi: "none",
        why: "headers are the app's",
        take_out: |_, theirs, ours| {
            let named = |line: &str| line.starts_with("header content-type: ");
            let denied = ours
                .first()
                .is_some_and(|line| line.starts_with("answered "));
            denied && !ours.iter().any(|line| named(line)) && remove(theirs, named)
        },
    },
    Row {
        what: "the answer to a client's close frame",
        uvicorn: "its code and its reason",
        wasgi: "its code",
        why: "RFC 6455, section 5.5.1: the code is echoed; the client knows its own reason",
        take_out: |_, theirs, ours| {
            let differ = theirs
                .iter()
                .zip(ours.iter())
                .find(|(left, right)| left != right);
            let Some((left, right)) = differ.map(|(left, right)| (left.clone(), right.clone()))
            else {
                return false;
            };
            let code = right
                .strip_suffix(" \"\"")
                .filter(|code| code.starts_with("close "));
            code.is_some_and(|code| left.starts_with(&format!("{code} ")))
                && replace(theirs, &left, &right)
        },
    },
    Row {
        what: "a connection that is lost",
        uvicorn: "`websocket.disconnect` with 1005, and without a `reason`",
        wasgi: "with 1006 and an empty one",
        why: "`W-13`, `W-14`: 1005 is a close frame without a code, and nothing was received",
        take_out: |_, theirs, ours| {
            let lost =
                |line: &str| matches!(line, r#"journal ["1005 None"]"# | r#"journal ["1005 ''"]"#);
            let left = theirs.last().filter(|line| lost(line)).cloned();
            let right = r#"journal ["1006 ''"]"#;
            ours.last().is_some_and(|line| line == right)
                && left.is_some_and(|left| replace(theirs, &left, right))
        },
    },
    Row {
        what: "an app that returns or raises without `websocket.close`",
        uvicorn: "the connection ends without a close frame",
        wasgi: "1000 after a return, 1011 after an exception",
        why: "`W-20`, `W-21`",
        take_out: |_, theirs, ours| {
            let without = !theirs.iter().any(|line| line.starts_with("close "))
                && theirs.iter().any(|line| line == "end");
            without
                && remove(ours, |line| {
                    line == "close 1000 \"\"" || line == "close 1011 \"\""
                })
        },
    },
    Row {
        what: "`websocket.disconnect` after the app's own close",
        uvicorn: "the app's code and reason, at once",
        wasgi: "those of the client's answer, when it has come",
        why: "`W-15`: what has ended the WebSocket",
        take_out: |talk, theirs, ours| {
            let journal = |lines: &[String]| {
                let last = lines.last().filter(|line| line.starts_with("journal"));
                last.cloned().unwrap_or_default()
            };
            let (left, right) = (journal(theirs), journal(ours));
            talk.path() == "/sockets/ends"
                && left != right
                && right.ends_with(" ''\"]")
                && replace(theirs, &left, &right)
        },
    },
    Row {
        what: "`spec_version`",
        uvicorn: "2.4",
        wasgi: "2.5",
        why: "`A-03`: `websocket.disconnect` has its reason, always",
        take_out: |_, theirs, _| {
            let line = theirs
                .iter_mut()
                .find(|line| line.contains("'spec_version': '2.4'"));
            line.map(|line| *line = line.replace("'2.4'", "'2.5'"))
                .is_some()
        },
    },
    Row {
        what: "an event of HTTP in a websocket scope",
        uvicorn: "`RuntimeError`",
        wasgi: "`ValueError`",
        why: "as any event that the scope does not have (`A-06`)",
        take_out: |talk, theirs, ours| {
            let others = r#"journal ["RuntimeError","RuntimeError","ValueError","RuntimeError"]"#;
            talk.path() == "/sockets/order"
                && ours.last().is_some_and(|line| line == others)
                && replace(
                    theirs,
                    &others.replace("ValueError", "RuntimeError"),
                    others,
                )
        },
    },
];

/// Removes the lines that are wanted; whether there was one.
fn remove(lines: &mut Vec<String>, wanted: impl Fn(&str) -> bool) -> bool {
    let before = lines.len();
    lines.retain(|line| !wanted(line));
    lines.len() < before
}

/// Puts another line in the place of one; whether it was there.
fn replace(lines: &mut [String], from: &str, to: &str) -> bool {
    let found = lines.iter_mut().find(|line| *line == from);
    found.map(|line| to.clone_into(line)).is_some()
}

/// Takes out of the lines of a talk what the table explains; gives the rows that it took.
pub(super) fn take_out(
    talk: &Talk,
    theirs: &mut Vec<String>,
    ours: &mut Vec<String>,
) -> Vec<&'static str> {
    let taken = ROWS.iter().filter(|row| (row.take_out)(talk, theirs, ours));
    taken.map(|row| row.what).collect()
}

/// All rows.
pub(super) fn rows() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.what)
}

/// What the documentation says of each row.
pub(super) fn table() -> impl Iterator<Item = [&'static str; 4]> {
    ROWS.iter()
        .map(|row| [row.what, row.uvicorn, row.wasgi, row.why])
}
