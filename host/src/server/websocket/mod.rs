//! The server's side of WebSocket: RFC 6455 over HTTP/1.1, RFC 8441 over HTTP/2, RFC 7692 on both.
//!
//! `request.rs` asks `handshake` what a head is and how it is answered. When the app has accepted, `connection.rs` (or a
//! task of its own, over HTTP/2) runs a `session`: it moves messages between the upgraded stream and the
//! `asgi::WebSocket`. What stands on the wire is the codec's concern (`read` and `write`), which knows no sockets
//! and no clock.
//!
//! An idle connection holds next to nothing: what is read and written passes through buffers of the thread, and a compressor is
//! never kept from one message to the next (`deflate`).

mod deflate;
mod end;
mod frame;
mod handshake;
mod keep_alive;
mod offer;
mod read;
mod request;
mod session;
mod utf8;
mod write;

use std::time::Duration;

pub(super) use handshake::{Wrong, asks, read};
pub(super) use request::{Asked, serve};
pub(super) use session::{Accepted, Session};

use crate::config::limits;

/// How WebSockets are served, whatever app they ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// A ping each so often (`W-22`); none: no pings.
    pub ping_interval: Option<Duration>,
    /// A ping that is not answered for so long ends it with 1011; none: it may stay unanswered.
    pub ping_timeout: Option<Duration>,
    /// Whether messages are compressed for clients that offer it (`W-25`).
    pub deflate: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ping_interval: Some(limits::WEBSOCKET_PING_INTERVAL),
            ping_timeout: Some(limits::WEBSOCKET_PING_TIMEOUT),
            deflate: true,
        }
    }
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
#[cfg(test)]
mod tests;

/// Why the server closes a WebSocket: the code and the reason of its close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: u16,
    pub(super) reason: &'static str,
}

impl Fault {
    /// 1002.
    const fn protocol(reason: &'static str) -> Self {
        Self { code: 1002, reason }
    }

    /// 1007.
    const NOT_UTF_8: Self = Self {
        code: 1007,
        reason: "invalid UTF-8",
    };

    /// 1011 (`W-22`).
    const NO_PONG: Self = Self {
        code: 1011,
        reason: "keepalive ping timeout",
    };

    /// 1009 (`W-23`).
    const TOO_BIG: Self = Self {
        code: 1009,
        reason: "message too big",
    };
}
