//! The calls as the loop and the app's handles have them: each is a state machine of `wasgi-sdk-core`, and who waits for
//! which half of it ([`shared`]).
//!
//! The loop feeds host events in (`on_*`), the handles [`Receive`](crate::Receive) and
//! [`Send`](crate::Send) work on it from the app's side, and what it says goes to the hub's outbox. It never
//! waits, never polls and never touches the host.

mod http;
mod shared;
mod waiters;
mod websocket;

use std::sync::Arc;

use wasgi_sdk_core::Outcome;

pub(crate) use self::http::Call;
pub(crate) use self::shared::ReceiveTicket;
pub(crate) use self::websocket::WebSocketCall;

/// A call of either protocol, as the loop has it.
#[derive(Clone)]
pub(crate) enum Open {
    Http(Arc<Call>),
    WebSocket(Arc<WebSocketCall>),
}

impl Open {
    pub(crate) fn id(&self) -> u64 {
        match self {
            Open::Http(call) => call.id,
            Open::WebSocket(call) => call.id,
        }
    }

    /// `bytes` have left the host's buffer. Answers whether the call has ended by that.
    pub(crate) fn on_writable(&self, bytes: u32) -> bool {
        match self {
            Open::Http(call) => call.on_writable(bytes),
            Open::WebSocket(call) => call.on_writable(bytes),
        }
    }

    /// The app has ended. Answers whether the call has too; if not, what it said last still waits for credit.
    pub(crate) fn end(&self, outcome: Outcome) -> bool {
        match self {
            Open::Http(call) => call.end(outcome),
            Open::WebSocket(call) => call.end(outcome),
        }
    }

    /// Whether `finished` has been said.
    pub(crate) fn is_finished(&self) -> bool {
        match self {
            Open::Http(call) => call.is_finished(),
            Open::WebSocket(call) => call.is_finished(),
        }
    }
}
