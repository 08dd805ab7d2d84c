//! What the server sends: messages as frames, many of them into one buffer (RFC 6455 5, RFC 7692 6.1).
//!
//! No sockets and no clock: `session.rs` asks for bytes as the client takes them. A large message is taken a piece at a time, so
//! that what is on its way to the socket is bounded.

use tungstenite::protocol::frame::coding::{Data, OpCode};

use super::{deflate, frame};
use crate::bindings::types::Payload;

/// Shorter messages are not compressed. They fit into one packet as they are, so that nothing would be saved but part of that,
/// and it takes 1.4 to 2.6 µs, which is what a message costs otherwise.
const COMPRESSED_BYTES_MIN: usize = 1024;

/// A longer message is compressed so much at a time, each piece for itself and as a frame of its own: it takes 70 µs, and the
/// thread's compressor is free for others in between.
const PIECE_BYTES: usize = 64 * 1024;

/// Writes one connection.
#[derive(Debug)]
pub(super) struct Writer {
    /// The window that the client has asked for, if messages are compressed.
    window_bits: Option<u8>,
    /// A message of which the rest is still to be written.
    message: Option<Rest>,
}

#[derive(Debug)]
struct Rest {
    bytes: Vec<u8>,
    written: usize,
    /// Frame by frame; else its one frame has begun.
    is_compressed: bool,
}

impl Writer {
    pub(super) fn new(window_bits: Option<u8>) -> Self {
        Self {
            window_bits,
            message: None,
        }
    }

    /// Begins a message, of which [`fill`](Self::fill) writes the rest. None is under way.
    pub(super) fn begin(&mut self, payload: Payload, out: &mut Vec<u8>) {
        let (data, bytes) = match payload {
            Payload::Text(text) => (Data::Text, text.into_bytes()),
            Payload::Bytes(bytes) => (Data::Binary, bytes),
        };
        let opcode = OpCode::Data(data);
        let mut rest = Rest {
            bytes,
            written: 0,
            is_compressed: false,
        };
        match self.window_bits {
            Some(bits) if rest.bytes.len() >= COMPRESSED_BYTES_MIN => {
                rest.is_compressed = rest.compress(opcode, bits, out);
            }
            _ => {}
        }
        if !rest.is_compressed {
            frame::write(out, opcode, true, false, rest.bytes.len());
        }
        self.message = Some(rest);
    }

    /// Writes more of the message that is under way, until it ends or the buffer has so many bytes.
    pub(super) fn fill(&mut self, out: &mut Vec<u8>, bytes: usize) {
        while let Some(rest) = &mut self.message {
            let left = rest.bytes.get(rest.written..).unwrap_or_default();
            if left.is_empty() {
                self.message = None;
                return;
            }
            if out.len() >= bytes {
                return;
            }
            match self.window_bits {
                Some(bits) if rest.is_compressed => {
                    let opcode = OpCode::Data(Data::Continue);
                    rest.compress(opcode, bits, out);
                }
                _ => {
                    let piece = left.len().min(bytes - out.len());
                    out.extend_from_slice(left.get(..piece).unwrap_or_default());
                    rest.written += piece;
                }
            }
        }
    }

    /// Whether a control frame may be written now: not inside of a frame.
    pub(super) fn is_between_frames(&self) -> bool {
        self.message.as_ref().is_none_or(|rest| rest.is_compressed)
    }

    /// Whether a message is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.message.is_none()
    }
}

impl Rest {
    /// Writes the next piece as a frame. False, and nothing is written, when it does not get smaller by it: of a message that
    /// begins that means that it is sent as it is.
    fn compress(&mut self, opcode: OpCode, window_bits: u8, out: &mut Vec<u8>) -> bool {
        let left = self.bytes.get(self.written..).unwrap_or_default();
        let piece = left.get(..PIECE_BYTES).unwrap_or(left);
        let is_last = piece.len() == left.len();
        deflate::compress(window_bits, piece, is_last, |compressed| {
            let is_first = self.written == 0;
            if is_first && compressed.len() >= piece.len() {
                return false;
            }
            frame::write(out, opcode, is_last, is_first, compressed.len());
            out.extend_from_slice(compressed);
            self.written += piece.len();
            true
        })
    }
}
