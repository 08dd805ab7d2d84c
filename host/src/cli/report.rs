//! What the user gets to see: data on stdout, talk on stderr, errors as what, why and hint.
//!
//! Every verb prints through it and `main.rs` gets its exit codes here. No colour, so nothing is
//! lost without it. A reader that has gone away (`wasgi build | head`) is not an error.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    process::ExitCode,
};

use wasgi::{
    error::{Error, Kind},
    telemetry::is_control,
};

/// The user can fix it.
pub(crate) const USER: ExitCode = ExitCode::FAILURE;

/// Prints one line of data to stdout.
pub(crate) fn data(line: &str) -> anyhow::Result<()> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::internal("cannot write to stdout")
                .because(error)
                .into())
        }
        _ => Ok(()),
    }
}

/// Prints one line of talk to stderr.
pub(crate) fn say(line: &str) {
    // There is no other place to complain to.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Prints an error and gives its exit code.
pub(crate) fn failure(error: &anyhow::Error) -> ExitCode {
    let _ = io::stderr().write_all(text(error).as_bytes());
    match kind(error) {
        Kind::User => USER,
        Kind::Internal => ExitCode::from(2),
    }
}

/// The outermost error that knows whose turn it is decides; nobody knowing is our fault.
fn kind(error: &anyhow::Error) -> Kind {
    let known = error
        .chain()
        .find_map(|error| error.downcast_ref::<Error>());
    known.map_or(Kind::Internal, Error::kind)
}

/// What, why and hint, a line each.
pub(crate) fn text(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for (depth, cause) in error.chain().enumerate() {
        line(
            &mut text,
            if depth == 0 { "error" } else { "caused by" },
            &cause.to_string(),
        );
    }
    let hints = error
        .chain()
        .filter_map(|error| error.downcast_ref::<Error>()?.hint_text());
    for hint in hints {
        line(&mut text, "hint", hint);
    }
    text
}

/// Appends `label: message`, further lines of the message indented below the first.
fn line(text: &mut String, label: &str, message: &str) {
    let mut lines = message.trim_end().lines();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{label}: {}",
        legible(lines.next().unwrap_or_default())
    );
    for more in lines {
        let _ = writeln!(text, "  {}", legible(more));
    }
}

/// Names and messages may come out of a stranger's component: nothing in them moves the cursor.
fn legible(line: &str) -> String {
    let mut legible = String::with_capacity(line.len());
    for letter in line.chars() {
        if is_control(letter) {
            legible.extend(letter.escape_default());
        } else {
            legible.push(letter);
        }
    }
    legible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_shown_as_what_why_and_hint() {
        let why = Error::user("it is a text file\nwith two lines").hint("build it first");
        let error =
            anyhow::Error::new(Error::user("cannot load `a.wasm`").because(why).hint("try"));
        let shown = "error: cannot load `a.wasm`\n\
            caused by: it is a text file\n  with two lines\n\
            hint: try\nhint: build it first\n";
        assert_eq!(text(&error), shown);
        assert_eq!(kind(&error), Kind::User);
        assert_eq!(kind(&error.context("while serving")), Kind::User);
    }

    #[test]
    fn what_nobody_foresaw_is_our_fault() {
        assert_eq!(kind(&anyhow::anyhow!("odd")), Kind::Internal);
        assert_eq!(kind(&Error::internal("odd").into()), Kind::Internal);
    }

    #[test]
    fn a_message_cannot_move_the_cursor() {
        assert_eq!(legible("a\u{1b}[2Jb\tc"), "a\\u{1b}[2Jb\tc");
    }
}
