//! One frame's header (RFC 6455 5.2): read with all of its rules, and written.
//!
//! Bytes and their fields are tungstenite's concern; which frames a client may send is decided here. `read.rs` and
//! `write.rs` call it.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::Fault;

/// The longest header: eight bytes of length, four of mask.
pub(super) const HEADER_BYTES_MAX: usize = 14;

/// Of a control frame's payload.
pub(super) const CONTROL_BYTES_MAX: usize = 125;

/// A frame that a client may send, and where in it we are.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) is_final: bool,
    /// RSV1: the message is compressed (RFC 7692 6).
    pub(super) is_compressed: bool,
    /// Bytes of its payload that are to come.
    pub(super) left: u64,
    /// Turned, so that its first byte is for the next byte of the payload.
    mask: [u8; 4],
}

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The first of a message; else what continues one.
    Text,
    Binary,
    Continuation,
    Close,
    Ping,
    Pong,
}

/// A header at the beginning of `bytes`, and how long it is; none when it is not whole.
pub(super) fn read(bytes: &[u8], with_deflate: bool) -> Result<Option<(Frame, usize)>, Fault> {
    let mut cursor = Cursor::new(bytes);
    let header = FrameHeader::parse(&mut cursor).map_err(|_| Fault::protocol("reserved opcode"))?;
    let Some((header, length)) = header else {
        return Ok(None);
    };
    let bytes = usize::try_from(cursor.position()).unwrap_or(HEADER_BYTES_MAX);
    let kind = match header.opcode {
        OpCode::Data(Data::Text) => Kind::Text,
        OpCode::Data(Data::Binary) => Kind::Binary,
        OpCode::Data(_) => Kind::Continuation,
        OpCode::Control(Control::Close) => Kind::Close,
        OpCode::Control(Control::Ping) => Kind::Ping,
        OpCode::Control(_) => Kind::Pong,
    };
    let may_be_compressed = with_deflate && matches!(kind, Kind::Text | Kind::Binary);
    if header.rsv2 || header.rsv3 || (header.rsv1 && !may_be_compressed) {
        return Err(Fault::protocol("reserved bits"));
    }
    let Some(mask) = header.mask else {
        return Err(Fault::protocol("unmasked frame"));
    };
    if bytes != header.len(length) || length > i64::MAX as u64 {
        return Err(Fault::protocol("bad frame length"));
    }
    if kind.is_control() && (!header.is_final || length > CONTROL_BYTES_MAX as u64) {
        return Err(Fault::protocol("bad control frame"));
    }
    let frame = Frame {
        kind,
        is_final: header.is_final,
        is_compressed: header.rsv1,
        left: length,
        mask,
    };
    Ok(Some((frame, bytes)))
}

impl Kind {
    pub(super) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

impl Frame {
    /// How many of so many bytes are its payload.
    pub(super) fn of(&self, bytes: usize) -> usize {
        usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes)
    }

    /// Takes the mask off the next bytes of its payload.
    pub(super) fn unmask(&mut self, payload: &mut [u8]) {
        // Sixteen at a time: the compiler makes one instruction of it.
        let [a, b, c, d] = self.mask;
        let wide = u128::from_ne_bytes([a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d]);
        let (chunks, rest) = payload.as_chunks_mut::<16>();
        for chunk in chunks {
            *chunk = (u128::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
        }
        for (byte, mask) in rest.iter_mut().zip(self.mask.iter().cycle()) {
            *byte ^= mask;
        }
        self.mask.rotate_left(payload.len() % 4);
        self.left -= payload.len() as u64;
    }
}

/// Writes the header of a frame of ours: never masked.
pub(super) fn write(
    out: &mut Vec<u8>,
    opcode: OpCode,
    is_final: bool,
    is_compressed: bool,
    length: usize,
) {
    let header = FrameHeader {
        is_final,
        rsv1: is_compressed,
        opcode,
        ..FrameHeader::default()
    };
    // Nothing fails that writes to memory.
    let _ = header.format(length as u64, out);
}

/// Writes a control frame, whose payload has at most [`CONTROL_BYTES_MAX`] bytes; what is more is cut.
pub(super) fn write_control(out: &mut Vec<u8>, control: Control, payload: &[u8]) {
    let payload = payload.get(..CONTROL_BYTES_MAX).unwrap_or(payload);
    write(out, OpCode::Control(control), true, false, payload.len());
    out.extend_from_slice(payload);
}

/// Writes a close frame.
pub(super) fn write_close(out: &mut Vec<u8>, code: u16, reason: &str) {
    // RFC 6455 7.4.1: what was none, or was lost, is never said.
    if matches!(code, 1005 | 1006 | 1015) {
        return write_control(out, Control::Close, &[]);
    }
    let mut end = reason.len().min(CONTROL_BYTES_MAX - 2);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let reason = reason.as_bytes().get(..end).unwrap_or_default();
    write_control(out, Control::Close, &[&code.to_be_bytes(), reason].concat());
}

/// Whether a close frame may carry this code: those of RFC 6455 7.4 and of its registry, and those for apps.
pub(super) fn is_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
