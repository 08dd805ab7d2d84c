//! The differential test: one app, two servers, the same bytes.
//!
//! Each request goes over a connection of its own to uvicorn and to wasgi, in the same order. Status, headers in their
//! order and body must be equal once the rows of `differences` have been taken out, and each row must have been needed.

use std::collections::BTreeSet;

use wasgi_tests::{Serve, Uvicorn};

use super::ask::{Ask, Got, Jars};
use super::{differences, wide_fastapi, wide_starlette};

/// Runs all requests against both; gives the number of requests.
#[track_caller]
fn compare(app: &'static str, asks: &[Ask]) {
    let native = Uvicorn::start(app, &[]);
    let server = Serve::python(app).start();
    let (mut native_jars, mut jars) = (Jars::default(), Jars::default());
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for ask in asks {
        // Shown when the test fails: one that is not answered is the last.
        println!("{}", ask.name());
        let theirs = ask.send(&mut native.client(), &mut native_jars);
        let ours = ask.send(&mut server.client(), &mut jars);
        let (mut left, mut right) = (theirs.clone(), ours.clone());
        used.extend(differences::take_out(ask, &mut left, &mut right));
        if left != right {
            wrong.push(report(ask, &theirs, &ours));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} answers differ:\n\n{}",
        wrong.len(),
        asks.len(),
        wrong.join("\n\n")
    );
    let unused: Vec<_> = differences::rows_of(app)
        .filter(|what| !used.contains(what))
        .collect();
    assert!(
        unused.is_empty(),
        "no request to {app} shows these differences any more: {unused:#?}"
    );
}

fn report(ask: &Ask, theirs: &Got, ours: &Got) -> String {
    let text = |got: &Got| {
        let headers: Vec<_> = got
            .headers
            .iter()
            .map(|(name, value)| format!("    {name}: {value}"))
            .collect();
        let body: String = String::from_utf8_lossy(&got.body)
            .chars()
            .take(600)
            .collect();
        format!(
            "    {}{}\n{}\n    {} bytes: {body}",
            got.status,
            if got.whole { "" } else { " (cut)" },
            headers.join("\n"),
            got.body.len()
        )
    };
    format!(
        "{}\n  uvicorn:\n{}\n  wasgi:\n{}",
        ask.name(),
        text(theirs),
        text(ours)
    )
}

#[test]
fn starlette_answers_as_under_uvicorn() {
    compare("wide_starlette", &wide_starlette::asks());
}

#[test]
fn fastapi_answers_as_under_uvicorn() {
    compare("wide_fastapi", &wide_fastapi::asks());
}

/// The document shows the table that the test uses.
#[test]
fn the_table_of_differences_is_documented() {
    differences::is_documented(differences::table());
}
