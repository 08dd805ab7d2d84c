//! What a WebSocket's events carry: a message and its price, how it ended, what `receive` has.

use crate::call::{Body, Text};

/// What a message costs of the credit beyond its length, so that one number bounds messages in bytes and in number.
pub const MESSAGE_PRICE: usize = 512;
/// Most bytes of a close's reason (RFC 6455, section 5.5).
pub const MAX_CLOSE_REASON: usize = 123;

/// A message (`W-09`): exactly one of the two. Empty ones are messages (`W-10`).
#[derive(Debug, Clone)]
pub enum Payload<B: Body> {
    /// Text.
    Text(B::Text),
    /// Bytes; `None` when there are none.
    Bytes(Option<B>),
}

impl<B: Body> Payload<B> {
    /// Bytes of the message.
    #[inline]
    pub fn size(&self) -> usize {
        match self {
            Payload::Text(text) => Text::len(text),
            Payload::Bytes(bytes) => bytes.as_ref().map_or(0, Body::len),
        }
    }

    #[inline]
    pub(super) fn price(&self) -> usize {
        self.size() + MESSAGE_PRICE
    }
}

/// How a WebSocket ended: `websocket.disconnect` (`W-13`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// 1005 when the close frame had none, 1006 when there was no close frame (`W-14`).
    pub code: u16,
    /// May be empty.
    pub reason: String,
}

/// What `receive` has for the app.
#[derive(Debug)]
pub enum Incoming<B: Body> {
    /// `websocket.connect` (`W-02`), once and first.
    Connect,
    /// `websocket.receive` (`W-09`).
    Message(Payload<B>),
    /// `websocket.disconnect` (`W-13`), for ever (`W-16`).
    Disconnect(Closed),
    /// Nothing yet.
    Wait,
}
