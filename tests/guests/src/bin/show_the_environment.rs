//! Answers with what it can see of the world: environment, arguments, files, sockets.

use std::fmt::Write;

use wasgi_guests::text;
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    scope.into_http()?;
    let mut report = String::new();
    for (name, value) in std::env::vars() {
        writeln!(report, "env {name}={value}")?;
    }
    for argument in std::env::args() {
        writeln!(report, "arg {argument}")?;
    }
    writeln!(report, "files {}", std::fs::read_dir("/").is_ok())?;
    writeln!(
        report,
        "socket {}",
        std::net::TcpListener::bind("127.0.0.1:0").is_ok()
    )?;
    writeln!(
        report,
        "connect {}",
        std::net::TcpStream::connect("127.0.0.1:1").is_ok()
    )?;
    text(&send, 200, report).await
}

wasgi_sdk::app!(app);

fn main() {}
