//! Raises texts that must not do harm in a log: `/long` of 2 MiB, `/control` with what moves a cursor and forges a line.
//! `/panic` panics with the latter.

use wasgi_guests::unless_ok;
use wasgi_sdk::{Error, Receive, Scope, Send};

const NASTY: &str = "red \u{1b}[31m\u{1b}[2J bell \u{7}\r\nforged line \u{9b}2J end";

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    let Some(scope) = unless_ok(scope, &send).await? else {
        return Ok(());
    };
    match &*scope.path() {
        "/long" => Err("x".repeat(2 * 1024 * 1024).into()),
        "/panic" => panic!("{NASTY}"),
        _ => Err(NASTY.into()),
    }
}

wasgi_sdk::app!(app);

fn main() {}
