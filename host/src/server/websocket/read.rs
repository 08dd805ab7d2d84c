//! What a client sends, byte by byte: messages, pings, pongs and its close (RFC 6455 5 and 8.1, RFC 7692 6.2).
//!
//! No sockets and no clock: `session.rs` feeds it what comes in, tests and fuzzers feed it anything. What it makes of a sequence
//! of bytes does not depend on how they are cut into reads. It keeps what has come of a message, and nothing else.

use crate::bindings::types::Payload;

use super::deflate::Inflater;
use super::frame::{self, CONTROL_BYTES_MAX, Frame, HEADER_BYTES_MAX, Kind};
use super::utf8::Text;
use super::{Fault, frame::is_close_code};

/// So much of a compressed message at a time: it may become a thousand times as much.
const COMPRESSED_PIECE_BYTES: usize = 4096;

/// Reads one connection.
#[derive(Debug)]
pub(super) struct Reader {
    /// The largest message, assembled and decompressed, in bytes.
    message_bytes_max: usize,
    with_deflate: bool,
    /// The beginning of a header of which the rest has not come.
    header: [u8; HEADER_BYTES_MAX],
    header_len: usize,
    frame: Option<Frame>,
    message: Option<Message>,
    /// What has come of a control frame's payload.
    control: Vec<u8>,
}

/// What a client has said.
#[derive(Debug)]
pub(super) enum Said {
    Message(Payload),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// Its close frame: nothing follows. 1005 when it had no code (`W-13`).
    Close {
        code: u16,
        reason: String,
    },
}

/// What came of some bytes.
#[derive(Debug)]
pub(super) struct Step {
    /// How many of them have been read, from the first.
    pub(super) read: usize,
    pub(super) said: Option<Said>,
}

/// A message that is coming.
#[derive(Debug)]
struct Message {
    content: Content,
    inflater: Option<Inflater>,
}

#[derive(Debug)]
enum Content {
    Text(Text),
    Bytes(Vec<u8>),
}

impl Reader {
    pub(super) fn new(message_bytes_max: usize, with_deflate: bool) -> Self {
        Self {
            message_bytes_max,
            with_deflate,
            header: [0; HEADER_BYTES_MAX],
            header_len: 0,
            frame: None,
            message: None,
            control: Vec::new(),
        }
    }

    /// Reads on, up to the next thing that is said or as far as one step takes it; not at all when there are no bytes. It
    /// changes the bytes that it reads. After a fault it is not asked again.
    pub(super) fn read(&mut self, bytes: &mut [u8]) -> Result<Step, Fault> {
        let mut read = 0;
        loop {
            let rest = bytes.get_mut(read..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(Step { read, said: None });
            }
            let Some(frame) = &mut self.frame else {
                read += self.begin(rest)?;
                // A frame without a payload has come with its header.
                if self.frame.as_ref().is_some_and(|frame| frame.left == 0)
                    && let Some(said) = self.finish()?
                {
                    return Ok(Step {
                        read,
                        said: Some(said),
                    });
                }
                continue;
            };
            let inflates = !frame.kind.is_control()
                && self
                    .message
                    .as_ref()
                    .is_some_and(|message| message.inflater.is_some());
            let most = if inflates {
                COMPRESSED_PIECE_BYTES
            } else {
                usize::MAX
            };
            let piece = frame.of(rest.len()).min(most);
            let piece = rest.get_mut(..piece).unwrap_or_default();
            frame.unmask(piece);
            read += piece.len();
            let is_done = frame.left == 0;
            if frame.kind.is_control() {
                self.control.extend_from_slice(piece);
            } else if let Some(message) = &mut self.message {
                let is_whole = is_done && frame.is_final;
                message.push(piece, is_whole, self.message_bytes_max)?;
            }
            let said = if is_done { self.finish()? } else { None };
            if said.is_some() || inflates {
                return Ok(Step { read, said });
            }
        }
    }

    /// What a message takes that has begun and not ended, in bytes.
    pub(super) fn held(&self) -> usize {
        let message = self.message.as_ref();
        message.map_or(0, |message| message.content.capacity())
    }

    /// Whether part of something has come.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn is_between_messages(&self) -> bool {
        self.header_len == 0 && self.frame.is_none() && self.message.is_none()
    }

    /// Reads a header, or as much as there is of it: so many bytes.
    fn begin(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let known = self.header_len;
        let (frame, length) = if known == 0 {
            match frame::read(bytes, self.with_deflate)? {
                Some(whole) => whole,
                None => return Ok(self.keep(bytes)),
            }
        } else {
            let kept = self.keep(bytes);
            let header = self.header.get(..self.header_len).unwrap_or_default();
            match frame::read(header, self.with_deflate)? {
                Some(whole) => whole,
                None => return Ok(kept),
            }
        };
        self.header_len = 0;
        self.check(&frame)?;
        if matches!(frame.kind, Kind::Text | Kind::Binary) {
            self.message = Some(Message {
                content: match frame.kind {
                    Kind::Text => Content::Text(Text::default()),
                    _ => Content::Bytes(Vec::new()),
                },
                inflater: frame.is_compressed.then(Inflater::new),
            });
        }
        self.frame = Some(frame);
        Ok(length.saturating_sub(known))
    }

    /// Keeps the beginning of a header.
    fn keep(&mut self, bytes: &[u8]) -> usize {
        let room = self.header.get_mut(self.header_len..).unwrap_or_default();
        let kept = room.len().min(bytes.len());
        for (slot, byte) in room.iter_mut().zip(bytes) {
            *slot = *byte;
        }
        self.header_len += kept;
        kept
    }

    /// Whether this frame may follow what came before it.
    fn check(&self, frame: &Frame) -> Result<(), Fault> {
        let before = match (frame.kind, &self.message) {
            (Kind::Close | Kind::Ping | Kind::Pong, _) => return Ok(()),
            (Kind::Continuation, None) => {
                return Err(Fault::protocol("continuation without a message"));
            }
            (Kind::Text | Kind::Binary, Some(_)) => {
                return Err(Fault::protocol("message inside a message"));
            }
            (Kind::Continuation, Some(message)) if message.inflater.is_none() => {
                message.content.len()
            }
            (Kind::Text | Kind::Binary, None) if !frame.is_compressed => 0,
            _ => return Ok(()),
        };
        let room = self.message_bytes_max.saturating_sub(before);
        if frame.left > room as u64 {
            return Err(Fault::TOO_BIG);
        }
        Ok(())
    }

    /// The frame has come: what it says, unless a message goes on.
    fn finish(&mut self) -> Result<Option<Said>, Fault> {
        let Some(frame) = self.frame.take() else {
            return Ok(None);
        };
        let control = std::mem::take(&mut self.control);
        Ok(Some(match frame.kind {
            Kind::Ping => Said::Ping(control),
            Kind::Pong => Said::Pong(control),
            Kind::Close => close(&control)?,
            _ if !frame.is_final => return Ok(None),
            _ => match self.message.take() {
                Some(message) => Said::Message(message.finish(self.message_bytes_max)?),
                None => return Ok(None),
            },
        }))
    }
}

impl Message {
    /// Goes on with a piece. `is_whole`: nothing follows, so that the room for it can be exact.
    fn push(&mut self, piece: &[u8], is_whole: bool, bytes_max: usize) -> Result<(), Fault> {
        let Self { content, inflater } = self;
        match inflater {
            Some(inflater) => inflater.read(piece, |bytes| content.push(bytes, false, bytes_max)),
            None => content.push(piece, is_whole, bytes_max),
        }
    }

    fn finish(self, bytes_max: usize) -> Result<Payload, Fault> {
        let Self {
            mut content,
            inflater,
        } = self;
        if let Some(mut inflater) = inflater {
            inflater.finish(|bytes| content.push(bytes, false, bytes_max))?;
        }
        Ok(match content {
            Content::Text(text) => Payload::Text(text.finish()?),
            Content::Bytes(bytes) => Payload::Bytes(bytes),
        })
    }
}

impl Content {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    fn capacity(&self) -> usize {
        match self {
            Self::Text(text) => text.capacity(),
            Self::Bytes(bytes) => bytes.capacity(),
        }
    }

    fn push(&mut self, piece: &[u8], is_whole: bool, bytes_max: usize) -> Result<(), Fault> {
        let len = self.len() + piece.len();
        if len > bytes_max {
            // A fault before the limit comes first, however it was cut.
            if let Self::Text(text) = self {
                let room = bytes_max.saturating_sub(text.len());
                text.push(piece.get(..room).unwrap_or_default())?;
            }
            return Err(Fault::TOO_BIG);
        }
        let capacity = self.capacity();
        if len > capacity {
            // Twice as much each time: no message is copied more often than that costs. Never what a header has only announced.
            let room = if is_whole { len } else { len.max(2 * capacity) };
            let more = room.min(bytes_max) - self.len();
            match self {
                Self::Text(text) => text.reserve_exact(more),
                Self::Bytes(bytes) => bytes.reserve_exact(more),
            }
        }
        match self {
            Self::Text(text) => text.push(piece),
            Self::Bytes(bytes) => {
                bytes.extend_from_slice(piece);
                Ok(())
            }
        }
    }
}

/// RFC 6455 5.5.1 and 7.4.
fn close(payload: &[u8]) -> Result<Said, Fault> {
    let (code, reason) = match payload {
        [] => (1005, &[][..]),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        [_] => return Err(Fault::protocol("bad close frame")),
    };
    if !payload.is_empty() && !is_close_code(code) {
        return Err(Fault::protocol("bad close code"));
    }
    let reason = std::str::from_utf8(reason).map_err(|_| Fault::NOT_UTF_8)?;
    Ok(Said::Close {
        code,
        reason: reason.to_owned(),
    })
}

const _: () = assert!(CONTROL_BYTES_MAX < COMPRESSED_PIECE_BYTES);
