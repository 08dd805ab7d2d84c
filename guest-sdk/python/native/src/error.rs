//! Why a `send` fails (`G-08`). The Python side of each is in `python/errors.rs`.

use std::fmt;

/// `wit`'s `send-error`, with the words for the app's author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SendError {
    /// The client is gone, which is nobody's fault (`D-01`).
    Disconnected,
    /// A value that no response can have (`A-06`).
    InvalidEvent(String),
    /// Not the event's turn (`R-07`).
    InvalidState(&'static str),
    /// `M-02`, `M-03`.
    ContentLength { announced: u64, got: u64 },
    /// More than a bound of the contract.
    Limit(&'static str),
    /// An extension that the scope did not offer (`A-14`).
    Unsupported(&'static str),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Disconnected => f.write_str("the client is gone"),
            SendError::InvalidEvent(what) => f.write_str(what),
            SendError::InvalidState(what) | SendError::Limit(what) => f.write_str(what),
            SendError::ContentLength { announced, got } => {
                let how = if got > announced { "more" } else { "less" };
                write!(
                    f,
                    "{how} response body than content-length announced: {got} bytes instead of {announced}"
                )
            }
            SendError::Unsupported(what) => {
                write!(
                    f,
                    "the scope does not offer {what:?} in its extensions, so it must not be sent"
                )
            }
        }
    }
}
