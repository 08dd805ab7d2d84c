//! The wire guard: the part of HTTP/1 that hyper does not do, between the socket and hyper.
//!
//! `connection.rs` puts a `Guard` around what it was handed (a socket, or TLS on one). It sees every byte of a head before
//! hyper does, lets nothing ambiguous pass, and keeps the deadlines of a client that is slow. What it refuses is answered by
//! `request.rs`, in its turn. It never changes a byte that it lets pass, and never looks into a body further than its framing.
//!
//! The rules are a pure state machine ([`Machine`]): no sockets, no clock.

mod alarm;
mod chunks;
mod guard;
mod head;
pub(super) mod letters;
mod machine;
mod shared;
mod target;
mod verdict;

use std::time::Duration;

pub(super) use alarm::Alarm;
pub(super) use guard::{Guard, Transport};
pub use machine::{Fed, Machine, Then};
pub(super) use shared::Shared;
pub use verdict::Verdict;

use crate::config::limits;

/// What a client may send and how slow it may be, whatever app it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Bounds of a head.
    pub sizes: Sizes,
    /// From the connection to its first byte (`T-01`), and from the first byte of a head to its last (`T-02`).
    pub head: Duration,
    /// A connection without a request (`T-03`).
    pub keep_alive: Duration,
    /// The client takes nothing of what there is to write (`T-05`).
    pub stalled_write: Duration,
    /// Whether a client that has sent its request may close its side and still be answered (`D-05`).
    pub half_close: bool,
}

/// Bounds of a head, in bytes and fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// The whole head; 431 over it (`P-12`).
    pub head_bytes_max: usize,
    /// Its fields; 431 over it (`P-13`). As many trailers.
    pub headers_max: usize,
    /// The target; 414 over it (`P-14`).
    pub target_bytes_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sizes: Sizes::default(),
            head: limits::HEAD_READ,
            keep_alive: limits::KEEP_ALIVE,
            stalled_write: limits::STALLED_WRITE,
            half_close: false,
        }
    }
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            head_bytes_max: limits::HEAD_BYTES_MAX,
            headers_max: limits::HEADERS_MAX,
            target_bytes_max: limits::TARGET_BYTES_MAX,
        }
    }
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;
