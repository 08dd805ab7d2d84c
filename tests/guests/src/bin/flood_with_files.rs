//! Opens the file at `path` of its query again and again and closes none, `/ok` alone gets an answer (`G-07`).

use std::fs::File;

use wasgi_guests::{query, text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    let Some(scope) = unless_ok(scope, &send).await? else {
        return Ok(());
    };
    let path = query(&scope).into_iter().find(|(name, _)| name == "path");
    let path = String::from_utf8(path.map(|(_, path)| path).unwrap_or_default())?;
    let mut opened = 0;
    let mut refused = 0;
    while refused < 1000 {
        match File::open(&path) {
            Ok(file) => {
                std::mem::forget(file);
                opened += 1;
            }
            Err(_) => refused += 1,
        }
    }
    text(&send, 200, format!("{opened} open")).await
}

wasgi_sdk::app!(app);

fn main() {}
