//! The `wasgi` program: parse, start telemetry, run one command, say how it went.
//!
//! Everything else is in the library or under `cli`. It decides nothing but the order.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    let command = match cli::parse() {
        Ok(command) => command,
        Err(early) => return early,
    };
    match cli::run(command) {
        Ok(code) => code,
        Err(error) => cli::report::failure(&error),
    }
}
