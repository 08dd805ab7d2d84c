//! Fuzz target of the frame path: what is made of any bytes of a client, and of what we send.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a target says what it has found"
)]

use super::Fault;
use super::frame::{CONTROL_BYTES_MAX, is_close_code};
use super::read::{Reader, Said};
use super::write::Writer;
use crate::bindings::types::Payload;
use crate::fuzzing::noise::Noise;

/// Small, so that it is met.
pub(super) const MESSAGE_BYTES_MAX: usize = 3000;

/// What came of a sequence of bytes.
#[derive(Debug, PartialEq)]
pub(super) struct Run {
    pub(super) said: Vec<Say>,
    pub(super) fault: Option<Fault>,
    /// Nothing has begun that has not ended.
    pub(super) is_whole: bool,
}

/// As `Said`, to be compared.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Say {
    Text(String),
    Bytes(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
}

/// Feeds a reader as the session does: bytes in pieces, until it has said goodbye or has had enough.
pub(super) fn run(bytes: &[u8], with_deflate: bool, cut: impl FnMut(usize) -> usize) -> Run {
    let mut cut = cut;
    let mut reader = Reader::new(MESSAGE_BYTES_MAX, with_deflate);
    let mut run = Run {
        said: Vec::new(),
        fault: None,
        is_whole: true,
    };
    let mut bytes = bytes.to_vec();
    let mut rest = &mut bytes[..];
    'all: while !rest.is_empty() {
        let (mut piece, behind) = rest.split_at_mut(cut(rest.len()));
        rest = behind;
        while !piece.is_empty() {
            match reader.read(piece) {
                Ok(step) => {
                    assert!(step.read > 0, "no step is taken");
                    piece = &mut piece[step.read..];
                    let Some(said) = step.said else {
                        continue;
                    };
                    let said = check(said);
                    let is_last = matches!(said, Say::Close(..));
                    run.said.push(said);
                    if is_last {
                        break 'all;
                    }
                }
                Err(fault) => {
                    run.fault = Some(fault);
                    break 'all;
                }
            }
        }
    }
    run.is_whole = run.fault.is_none() && reader.is_between_messages();
    run
}

fn check(said: Said) -> Say {
    match said {
        Said::Message(Payload::Text(text)) => {
            assert!(text.len() <= MESSAGE_BYTES_MAX);
            Say::Text(text)
        }
        Said::Message(Payload::Bytes(bytes)) => {
            assert!(bytes.len() <= MESSAGE_BYTES_MAX && bytes.capacity() <= MESSAGE_BYTES_MAX);
            Say::Bytes(bytes)
        }
        Said::Ping(bytes) => {
            assert!(bytes.len() <= CONTROL_BYTES_MAX);
            Say::Ping(bytes)
        }
        Said::Pong(bytes) => {
            assert!(bytes.len() <= CONTROL_BYTES_MAX);
            Say::Pong(bytes)
        }
        Said::Close { code, reason } => {
            assert!(is_close_code(code) || (code == 1005 && reason.is_empty()));
            assert!(reason.len() <= CONTROL_BYTES_MAX - 2);
            Say::Close(code, reason)
        }
    }
}

/// However bytes are cut, a reader says the same of them; a fault has a code that may be sent; and what we write of what came
/// comes back when it is read, whatever was agreed on.
pub fn frames(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let with_deflate = choice & 1 == 1;
    let at_once = run(bytes, with_deflate, |left| left);
    let seed = bytes.iter().fold(bytes.len() as u64, |seed, byte| {
        seed.wrapping_mul(0x100_0000_01b3) ^ u64::from(*byte)
    });
    let mut noise = Noise::new(seed);
    let in_pieces = run(bytes, with_deflate, |left| 1 + noise.below(left));
    assert_eq!(in_pieces, at_once);
    let in_bytes = run(bytes, with_deflate, |_| 1);
    assert_eq!(in_bytes, at_once);
    if let Some(fault) = at_once.fault {
        assert!(matches!(fault.code, 1002 | 1007 | 1009) && fault.reason.len() < 100);
    }

    let bits = (choice & 2 == 2).then_some(9 + (choice >> 2) % 7);
    let written = write(&at_once.said, bits, 1 + usize::from(*choice) * 8);
    let again = run(&mask(&written), bits.is_some(), |left| left);
    let messages = at_once.said.iter();
    let messages: Vec<_> = messages
        .filter(|said| matches!(said, Say::Text(_) | Say::Bytes(_)))
        .cloned()
        .collect();
    assert_eq!(again.said, messages);
    assert!(again.fault.is_none() && again.is_whole);
}

/// Our frames of these messages, of which so many bytes are written at a time.
pub(super) fn write(said: &[Say], bits: Option<u8>, bytes: usize) -> Vec<u8> {
    let mut writer = Writer::new(bits);
    let mut all = Vec::new();
    for said in said {
        let payload = match said {
            Say::Text(text) => Payload::Text(text.clone()),
            Say::Bytes(bytes) => Payload::Bytes(bytes.clone()),
            _ => continue,
        };
        let mut out = Vec::new();
        writer.begin(payload, &mut out);
        while !writer.is_idle() {
            writer.fill(&mut out, bytes);
            all.append(&mut out);
        }
        all.append(&mut out);
    }
    all
}

/// Frames of a server as a client's: with a mask. They have to be whole and well-formed.
pub(super) fn mask(mut frames: &[u8]) -> Vec<u8> {
    let mut masked = Vec::new();
    while let [first, second, ..] = *frames {
        assert_eq!(second & 0x80, 0, "the server masks nothing");
        let (length, header) = match second {
            126 => (
                u64::from(u16::from_be_bytes(frames[2..4].try_into().unwrap())),
                4,
            ),
            127 => (u64::from_be_bytes(frames[2..10].try_into().unwrap()), 10),
            short => (u64::from(short), 2),
        };
        let end = header + usize::try_from(length).unwrap();
        masked.extend([first, second | 0x80]);
        masked.extend(&frames[2..header]);
        let mask = [0x12, 0xfe, 0x00, 0x77];
        masked.extend(mask);
        let payload = frames[header..end].iter().zip(mask.iter().cycle());
        masked.extend(payload.map(|(byte, mask)| byte ^ mask));
        frames = &frames[end..];
    }
    assert!(frames.is_empty());
    masked
}
