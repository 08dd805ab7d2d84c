//! A WebSocket's message, and how it becomes what crosses.

use bytes::Bytes;
use wasgi_sdk_core::Payload;

use crate::action::{Body, Text};

/// A message of a WebSocket (`W-09`). Empty ones are messages, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl Message {
    /// Text from anything that becomes a `String`.
    pub fn text(text: impl Into<String>) -> Message {
        Message::Text(text.into())
    }

    /// Bytes from anything that becomes `Bytes`.
    pub fn binary(bytes: impl Into<Bytes>) -> Message {
        Message::Binary(bytes.into())
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Message::Text(text) => Some(text),
            Message::Binary(_) => None,
        }
    }

    /// The bytes of either kind.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
        }
    }

    /// Bytes of it; a text counts in UTF-8.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }
}

impl From<String> for Message {
    fn from(text: String) -> Message {
        Message::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Message {
        Message::Text(text.to_owned())
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Message {
        Message::Binary(bytes)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Message {
        Message::Binary(bytes.into())
    }
}

impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Message {
        Message::Binary(Bytes::copy_from_slice(bytes))
    }
}

impl From<Message> for Payload<Body> {
    fn from(message: Message) -> Payload<Body> {
        match message {
            Message::Text(text) => Payload::Text(Text(text)),
            Message::Binary(bytes) => Payload::Bytes(Body::new(bytes)),
        }
    }
}

impl From<Payload<Body>> for Message {
    fn from(payload: Payload<Body>) -> Message {
        match payload {
            Payload::Text(text) => Message::Text(text.0),
            Payload::Bytes(bytes) => Message::Binary(Body::into_bytes(bytes)),
        }
    }
}
