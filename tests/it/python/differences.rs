//! Every difference between an answer of uvicorn and one of wasgi that is meant, and why. Nothing else may differ.

use std::fmt::Write as _;

use super::ask::{Ask, Got};

/// One difference: what it is and how it is taken out of a pair of answers.
struct Row {
    what: &'static str,
    uvicorn: &'static str,
    wasgi: &'static str,
    why: &'static str,
    /// The apps whose requests must show it.
    shown_by: &'static [&'static str],
    /// Takes it out of both; whether it was there.
    take_out: fn(&Ask, &mut Got, &mut Got) -> bool,
}

const BOTH: &[&str] = &["wide_starlette", "wide_fastapi"];

/// In the order in which they are taken out.
const ROWS: &[Row] = &[
    Row {
        what: "unknown methods",
        uvicorn: "400 from its parser",
        wasgi: "reach the app, which answers 405 or what it likes",
        why: "`H-04`: methods are open",
        shown_by: &["wide_starlette"],
        take_out: |ask, theirs, ours| {
            let refused = theirs.body == b"Invalid HTTP request received.";
            refused && ask.method() == "BREW" && ours.status == 405 && {
                *theirs = ours.clone();
                true
            }
        },
    },
    Row {
        what: "order of request headers",
        uvicorn: "as sent",
        wasgi: "doubled ones beside the first of that name, in their order",
        why: "`F-02` holds: no value is lost or joined; the HTTP library keeps values by name",
        shown_by: &["wide_starlette"],
        take_out: |ask, theirs, ours| {
            ask.path() == "/request-headers"
                && shown_headers(&theirs.body) != shown_headers(&ours.body)
                && rewrite_shown_headers(theirs, |headers| *headers = grouped(headers))
        },
    },
    Row {
        what: "spaces behind a request header's value",
        uvicorn: "part of the value",
        wasgi: "left out",
        why: "RFC 9112, section 5: they are not part of it",
        shown_by: &["wide_starlette"],
        take_out: |ask, theirs, _| {
            ask.path() == "/request-headers"
                && rewrite_shown_headers(theirs, |headers| {
                    for (_, value) in headers {
                        value.truncate(value.trim_end_matches([' ', '\t']).len());
                    }
                })
        },
    },
    Row {
        what: "`allow`",
        uvicorn: "methods in any order",
        wasgi: "methods in any order",
        why: "the frameworks keep them in a set, whose order hangs on the interpreter's hash seed",
        shown_by: &["wide_starlette"],
        take_out: |_, theirs, ours| {
            let before = theirs.headers != ours.headers;
            let sorted = [theirs.sort_list("allow"), ours.sort_list("allow")];
            before && sorted == [true, true]
        },
    },
    Row {
        what: "HTTP/1.0",
        uvicorn: "`connection: close` even if the client asks to keep it; a stream is sent in chunks, which HTTP/1.0 does not know",
        wasgi: "closed without a word, kept if the client asks; a stream ends with the connection",
        why: "`M-01`, `M-07`",
        shown_by: &["wide_starlette"],
        take_out: |ask, theirs, ours| {
            ask.is_http_1_0() && {
                remove_first(theirs, "transfer-encoding", |_| true);
                let kept = remove_first(ours, "connection", |value| value == "keep-alive");
                let closed = remove_first(theirs, "connection", |value| value == "close");
                closed && kept == ask.has("connection")
            }
        },
    },
    Row {
        what: "a stream of nothing",
        uvicorn: "`transfer-encoding: chunked`, and no chunk",
        wasgi: "`content-length: 0`",
        why: "the end came together with the head, so the length is known",
        shown_by: &["wide_starlette"],
        take_out: |_, theirs, ours| {
            theirs.body.is_empty()
                && ours.values("content-length") == ["0"]
                && theirs.values("content-length").is_empty()
                && remove_first(theirs, "transfer-encoding", |value| value == "chunked")
                && remove_first(ours, "content-length", |_| true)
        },
    },
    Row {
        what: "`server`",
        uvicorn: "`server: uvicorn` in front, also beside one that the app has set",
        wasgi: "`server: wasgi` behind, unless the app has set one",
        why: "`F-10`: a header that the app sets is the app's",
        shown_by: BOTH,
        take_out: |_, theirs, ours| {
            // Each on its own: one that is missing stays a difference.
            let of_app = theirs
                .values("server")
                .iter()
                .any(|value| *value != "uvicorn");
            remove_first(theirs, "server", |value| value == "uvicorn")
                & (of_app || remove_first(ours, "server", |value| value == "wasgi"))
        },
    },
    Row {
        what: "`date`",
        uvicorn: "in front, once a second, also beside one that the app has set",
        wasgi: "behind, unless the app has set one",
        why: "`F-10`; and it is another second",
        shown_by: BOTH,
        take_out: |_, theirs, ours| {
            let of_app = theirs.values("date").len() > 1;
            remove_first(theirs, "date", |_| true)
                & (of_app || remove_first(ours, "date", |_| true))
        },
    },
    Row {
        what: "place of `content-length`",
        uvicorn: "where the app has put it",
        wasgi: "behind the app's other headers",
        why: "the host takes it out, checks it against what is sent, and writes it itself (`M-02`, `M-03`)",
        shown_by: BOTH,
        take_out: |_, theirs, ours| {
            let (left, right) = (
                theirs.values("content-length"),
                ours.values("content-length"),
            );
            let same = left.len() == 1 && left == right;
            same && remove_first(theirs, "content-length", |_| true)
                & remove_first(ours, "content-length", |_| true)
        },
    },
    Row {
        what: "place of doubled headers",
        uvicorn: "where the app has put each",
        wasgi: "beside the first of that name, in their order",
        why: "`F-11`: the HTTP library keeps values by name; no order between names has a meaning",
        shown_by: &["wide_starlette"],
        take_out: |_, theirs, ours| {
            let differ = theirs.headers != ours.headers;
            let grouped = grouped(&theirs.headers);
            differ && grouped == ours.headers && {
                theirs.headers = grouped;
                true
            }
        },
    },
];

/// Takes out of a pair of answers what the table explains; gives the rows that it took.
pub(super) fn take_out(ask: &Ask, theirs: &mut Got, ours: &mut Got) -> Vec<&'static str> {
    let taken = ROWS.iter().filter(|row| (row.take_out)(ask, theirs, ours));
    taken.map(|row| row.what).collect()
}

/// The rows that the requests to an app must show.
pub(super) fn rows_of(app: &'static str) -> impl Iterator<Item = &'static str> {
    let rows = ROWS.iter().filter(move |row| row.shown_by.contains(&app));
    rows.map(|row| row.what)
}

/// What the documentation says of each row.
pub(super) fn table() -> impl Iterator<Item = [&'static str; 4]> {
    ROWS.iter()
        .map(|row| [row.what, row.uvicorn, row.wasgi, row.why])
}

/// The document shows the table that a test uses.
#[track_caller]
pub(super) fn is_documented(rows: impl Iterator<Item = [&'static str; 4]>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/python-differences.md");
    let document = std::fs::read_to_string(path).unwrap_or_default();
    let mut table = String::from("| what | uvicorn | wasgi | why |\n|---|---|---|---|\n");
    for [what, uvicorn, wasgi, why] in rows {
        let _ = writeln!(table, "| {what} | {uvicorn} | {wasgi} | {why} |");
    }
    assert!(
        document.contains(&table),
        "docs/python-differences.md must contain this table:\n\n{table}"
    );
}

/// Removes the first header of this name whose value is wanted; whether there was one.
fn remove_first(got: &mut Got, name: &str, wanted: impl Fn(&str) -> bool) -> bool {
    let found = got
        .headers
        .iter()
        .position(|(other, value)| other == name && wanted(value));
    found.map(|at| got.headers.remove(at)).is_some()
}

/// The headers that `/request-headers` has answered with.
fn shown_headers(body: &[u8]) -> Vec<(String, String)> {
    serde_json::from_slice(body).unwrap_or_default()
}

/// Changes them; whether that made a difference.
fn rewrite_shown_headers(got: &mut Got, change: impl Fn(&mut Vec<(String, String)>)) -> bool {
    let before = shown_headers(&got.body);
    let mut after = before.clone();
    change(&mut after);
    let text = serde_json::to_string(&after).unwrap_or_default();
    after != before && got.replace(&String::from_utf8_lossy(&got.body.clone()), &text)
}

/// Headers of one name side by side, where the first of them was.
fn grouped(headers: &[(String, String)]) -> Vec<(String, String)> {
    let mut grouped: Vec<(String, String)> = Vec::new();
    for (name, value) in headers {
        let last = grouped.iter().rposition(|(other, _)| other == name);
        let at = last.map_or(grouped.len(), |last| last + 1);
        grouped.insert(at, (name.clone(), value.clone()));
    }
    grouped
}
