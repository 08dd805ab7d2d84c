//! Prints: `/two?tag=T` two lines around a pause, on stdout and stderr; `/flood?n=N` lines; `/control` what would move a
//! terminal's cursor; `/open` a line without an end; `/long` one of 100,000 letters; `/spawned` from a task of its own.

use std::io::Write;
use std::time::Duration;

use wasgi_guests::{number, text, unless_ok};
use wasgi_sdk::task::{sleep, spawn};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    let Some(scope) = unless_ok(scope, &send).await? else {
        return Ok(());
    };
    let id = scope.request_id();
    match &*scope.path() {
        "/two" => {
            println!("first line of {id}");
            sleep(Duration::from_millis(30)).await;
            eprintln!("second line of {id}");
        }
        "/flood" => {
            for line in 0..number(&scope, "n").unwrap_or_default() {
                println!("line {line}");
            }
        }
        "/control" => println!("red \u{1b}[31m, bell \u{7}, tab \t, return \r, C1 \u{9b}2J, end"),
        "/open" => {
            print!("a line without an end");
            std::io::stdout().flush()?;
        }
        "/long" => println!("{}", "x".repeat(100_000)),
        "/spawned" => {
            let _task = spawn(async move {
                sleep(Duration::from_millis(5)).await;
                println!("spawned by {id}");
            });
        }
        _ => {}
    }
    text(&send, 200, id.to_string()).await
}

wasgi_sdk::app!(app);

fn main() {}
