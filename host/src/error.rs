//! One error type for everything that a person at the terminal, or in a log, gets to read.
//!
//! It answers three questions: *what* went wrong, *why* (the chain of sources) and *what to try*
//! (the hint), and it knows whose turn it is: the user's, or ours. `config`, `wasm`, `server` and
//! `cli` make them; `main.rs` prints them and turns the [`Kind`] into an exit code. It never decides
//! what an HTTP client sees, and a client never sees its text.

use std::{error::Error as StdError, fmt};

/// What a fallible function of this library returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose turn it is to do something about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The user can fix it: a file, a flag, an app, a port. Exit code 1.
    User,
    /// We could not do it, and nothing in the input explains why. Exit code 2.
    Internal,
}

/// What went wrong, why, and what to try.
pub struct Error {
    kind: Kind,
    what: String,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Something that the user can fix. `what` is one line without a full stop.
    pub fn user(what: impl Into<String>) -> Self {
        Self::new(Kind::User, what.into())
    }

    /// Something that is ours to fix. `what` is one line without a full stop.
    pub fn internal(what: impl Into<String>) -> Self {
        Self::new(Kind::Internal, what.into())
    }

    /// Adds the reason. It becomes the `caused by` lines.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds what the user may try next, as a sentence or as a command.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whose turn it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What to try, where we know.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    fn new(kind: Kind, what: String) -> Self {
        Self {
            kind,
            what,
            hint: None,
            source: None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Error")
            .field("kind", &self.kind)
            .field("what", &self.what)
            .field("hint", &self.hint)
            .field("source", &self.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_what_why_and_hint_apart() {
        let why = std::io::Error::other("disk on fire");
        let error = Error::user("cannot read `a.wasm`")
            .because(why)
            .hint("put it out");
        assert_eq!(error.to_string(), "cannot read `a.wasm`");
        assert_eq!(
            error.source().map(ToString::to_string).as_deref(),
            Some("disk on fire")
        );
        assert_eq!(error.hint_text(), Some("put it out"));
        assert_eq!(error.kind(), Kind::User);
    }
}
