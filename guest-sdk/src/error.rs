//! The errors of an app: what `send` says no with, and what an app may return.

use std::borrow::Cow;
use std::fmt;

use wasgi_sdk_core::{HeaderFault, Misplaced, Refused};

/// Anything that an app may fail with. `?` turns every error into it, and `"text".into()` works too.
///
/// An error that is, or was caused by, [`SendError::Disconnected`] is no failure (`A-09`).
pub type Error = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Why a `send` failed (`G-08`). Everything is checked before anything changes (`A-06`): after an
/// error the call is where it was before.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The client is gone. Not the app's fault (`D-01`): return it with `?` and the call ends cleanly.
    Disconnected,
    /// A value that no response and no WebSocket can have: a status, a header, a subprotocol, a close code (`F-08`, `R-10`, `W-06`,
    /// `W-12`).
    InvalidEvent(Cow<'static, str>),
    /// An event that is not the call's turn: a second start, a body before the start (`R-07`), a message before the accept
    /// (`W-11`).
    InvalidState(Cow<'static, str>),
    /// More body than `content-length` announced (`M-02`), or less at the end (`M-03`).
    ContentLengthMismatch {
        /// Bytes that `content-length` announced.
        announced: u64,
        /// Bytes that the body would have had.
        got: u64,
    },
    /// More than a bound of the contract allows.
    LimitExceeded(Cow<'static, str>),
    /// An extension that the scope did not offer (`A-14`).
    Unsupported(&'static str),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Disconnected => f.write_str("the client is gone"),
            SendError::InvalidEvent(what) => write!(f, "invalid event: {what}"),
            SendError::InvalidState(what) => write!(f, "invalid state: {what}"),
            SendError::ContentLengthMismatch { announced, got } if got > announced => {
                write!(
                    f,
                    "more body than content-length announced: {got} bytes instead of {announced}"
                )
            }
            SendError::ContentLengthMismatch { announced, got } => {
                write!(
                    f,
                    "less body than content-length announced: {got} bytes instead of {announced}"
                )
            }
            SendError::LimitExceeded(what) => write!(f, "limit exceeded: {what}"),
            SendError::Unsupported(what) => write!(f, "not offered by this scope: {what}"),
        }
    }
}

impl std::error::Error for SendError {}

impl From<Refused> for SendError {
    fn from(refused: Refused) -> SendError {
        match refused {
            Refused::Disconnected => SendError::Disconnected,
            Refused::Misplaced(misplaced) => SendError::InvalidState(words(misplaced).into()),
            Refused::Status(status) => {
                SendError::InvalidEvent(format!("status {status} is not within 200..=999").into())
            }
            Refused::Header { name, fault } => {
                let what = match fault {
                    HeaderFault::Name => "header name",
                    HeaderFault::Value | HeaderFault::Length => "value of header",
                    HeaderFault::SecondLength => "second value of header",
                    HeaderFault::Trailer => "no trailer can be",
                    HeaderFault::Handshake => "the server answers a WebSocket handshake with",
                };
                let name = String::from_utf8_lossy(&name);
                SendError::InvalidEvent(format!("{what} {name:?}").into())
            }
            Refused::HeaderBytes => {
                SendError::LimitExceeded("more than 65536 bytes of headers".into())
            }
            Refused::Link => SendError::InvalidEvent("a link with a line break".into()),
            Refused::LinkBytes => SendError::LimitExceeded("more than 65536 bytes of links".into()),
            Refused::Path => SendError::InvalidEvent(
                "pathsend takes an absolute path of at most 4096 bytes".into(),
            ),
            Refused::ContentLength { announced, got } => {
                SendError::ContentLengthMismatch { announced, got }
            }
            Refused::Subprotocol(chosen) => SendError::InvalidEvent(
                format!("the client has not offered the subprotocol {chosen:?}").into(),
            ),
            Refused::CloseCode(code) => SendError::InvalidEvent(
                format!("close code {code} is not one that an app may send").into(),
            ),
            Refused::CloseReason(bytes) => SendError::InvalidEvent(
                format!("a close reason has at most 123 bytes, not {bytes}").into(),
            ),
            Refused::NotOffered(event) => SendError::Unsupported(event),
        }
    }
}

fn words(misplaced: Misplaced) -> &'static str {
    match misplaced {
        Misplaced::SecondStart => "a second start",
        Misplaced::BodyBeforeStart => "a body before the start",
        Misplaced::BodyAfterLast => "a body after the last body",
        Misplaced::TrailersBeforeEnd => "trailers before the end of the body",
        Misplaced::TrailersUnannounced => "trailers that `start` did not announce",
        Misplaced::HintAfterStart => "an early hint after the start",
        Misplaced::Pathsend => "pathsend is for right after the start, in place of any body",
        Misplaced::MessageBeforeAccept => "a message before the accept",
        Misplaced::SecondAnswer => "a second answer to the WebSocket handshake",
        Misplaced::AfterDenial => "a WebSocket event after the start of a denial",
        Misplaced::AfterClose => "the app has closed the WebSocket",
    }
}

/// Whether an escaped error means no more than that the client is gone (`A-09`, `D-02`).
pub(crate) fn is_disconnect(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<SendError>() == Some(&SendError::Disconnected) {
            return true;
        }
        if let Some(io) = error.downcast_ref::<std::io::Error>()
            && let Some(inner) = io.get_ref()
            && is_disconnect(inner)
        {
            return true;
        }
        next = error.source();
    }
    false
}

/// The error and its causes in one line, for the app's log.
pub(crate) fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    shorten(text)
}

/// Most bytes of a text for the app's log: what the host keeps of one, and far below what a batch may carry.
const MAX_TEXT: usize = 16 * 1024;

/// Cuts a text for the app's log. A batch that is too large would end the instance.
pub(crate) fn shorten(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.push_str(" … (cut)");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disconnect_is_found_behind_io_errors() {
        let io = std::io::Error::other(SendError::Disconnected);
        assert!(is_disconnect(&io));
        assert!(!is_disconnect(&std::io::Error::other("no")));
    }

    #[test]
    fn mismatch_says_which_way() {
        let error = SendError::ContentLengthMismatch {
            announced: 5,
            got: 6,
        };
        assert!(error.to_string().starts_with("more body"));
    }
}
