//! The rules of ASGI as state machines: what may be said when, what it means, and what an offence costs.
//!
//! `server/` drives one end of a call (a request arrives, body bytes, the client goes away), `wasm/` the other
//! (actions of the guest). Nothing in here knows of sockets, of wasm or of clocks: unit tests and fuzzers
//! drive these types directly.

pub mod budget;
pub mod call;
pub mod fields;
pub mod lifespan;
pub mod receive;

pub mod scope;
pub mod send;
pub mod websocket;

pub use call::{Call, Effect, Outcome};
pub use websocket::WebSocket;

/// Bytes of unread request body, and of unsent response body, that one call may have (`G-20`): enough for
/// one network round trip on a fast link, small enough that ten thousand calls fit in a gigabyte.
pub const MARK: usize = 65_536;

/// Most body bytes in one action; an SDK splits what is larger (`wit/world.wit`, "Bounds of a batch").
pub const ACTION_BYTES_MAX: usize = 262_144;

/// Why the guest's action was refused: the words of `send-error` in the contract (`G-08`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// A value that no response can have (`A-06`).
    InvalidEvent(String),
    /// Not the call's turn to say this (`R-07`).
    InvalidState(&'static str),
    /// The body does not have the length that was announced (`M-02`, `M-03`).
    ContentLengthMismatch {
        /// What `content-length` said, in bytes.
        announced: u64,
        /// What the app has sent, with the offending action.
        sent: u64,
    },
    /// More than the contract allows.
    LimitExceeded(&'static str),
    /// An extension that the scope did not offer (`A-14`).
    Unsupported(&'static str),
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InvalidEvent(what) => write!(f, "invalid event: {what}"),
            Self::InvalidState(what) => write!(f, "invalid state: {what}"),
            Self::ContentLengthMismatch { announced, sent } => write!(
                f,
                "content-length mismatch: {announced} bytes announced, {sent} sent"
            ),
            Self::LimitExceeded(what) => write!(f, "limit exceeded: {what}"),
            Self::Unsupported(what) => write!(f, "unsupported: {what}"),
        }
    }
}

impl std::error::Error for Violation {}
