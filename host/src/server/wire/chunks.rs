//! A body in chunks: where it ends, and whether its framing is HTTP's (`P-11`, RFC 9112 7.1).
//!
//! It keeps nothing of the body and changes nothing: bytes that it lets pass go on to hyper, which takes the framing
//! away. What passes here is what hyper accepts, and a little less.

use super::letters::{is_token, is_value};
use crate::config::limits::CHUNK_EXTRA_BYTES_MAX;

/// Where in its framing a body is.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    at: At,
    /// What is left of the chunk, or its size as far as it has been read.
    size: u64,
    digits: u8,
    /// Bytes of extensions and trailers so far, over the whole body.
    extra: usize,
    trailers: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    #[default]
    Size,
    /// Blanks, which may stand before an extension and nowhere else.
    Blank,
    Extension,
    SizeEnd,
    Data,
    DataCr,
    DataLf,
    /// The beginning of a trailer, or of the empty line behind them.
    Line,
    Name,
    Value,
    ValueEnd,
    End,
}

/// What came of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// All of them are the body's.
    More,
    /// This many of them, and they are its last.
    End(usize),
    /// This many of them; the next one is wrong.
    Broken(usize, &'static str),
}

impl Chunks {
    pub(super) fn read(&mut self, bytes: &[u8], trailers_max: usize) -> Progress {
        let mut read = 0;
        loop {
            if self.at == At::Data {
                let left = bytes.len() - read;
                let take = usize::try_from(self.size).unwrap_or(usize::MAX).min(left);
                self.size -= take as u64;
                read += take;
                if self.size > 0 {
                    return Progress::More;
                }
                self.at = At::DataCr;
            }
            let Some(byte) = bytes.get(read) else {
                return Progress::More;
            };
            match self.step(*byte, trailers_max) {
                Ok(Some(at)) => self.at = at,
                Ok(None) => return Progress::End(read + 1),
                Err(why) => return Progress::Broken(read, why),
            }
            read += 1;
        }
    }

    /// Takes one byte of framing; where it stands then, or none at the end of the body.
    fn step(&mut self, byte: u8, trailers_max: usize) -> Result<Option<At>, &'static str> {
        let next = match (self.at, byte) {
            (At::Size, b';') if self.digits > 0 => At::Extension,
            (At::Blank, b';') => At::Extension,
            (At::Size, b' ' | b'\t') if self.digits > 0 => At::Blank,
            (At::Blank, b' ' | b'\t') => {
                self.count()?;
                At::Blank
            }
            (At::Size, b'\r') if self.digits > 0 => At::SizeEnd,
            (At::Size, digit) => {
                let digit = char::from(digit)
                    .to_digit(16)
                    .ok_or("a chunk without a size")?;
                // 16 digits are a number of 64 bits.
                if self.digits == 16 {
                    return Err("a chunk's size is too long");
                }
                self.digits += 1;
                self.size = self.size << 4 | u64::from(digit);
                At::Size
            }
            (At::Extension | At::Value, b'\r') => {
                self.count()?;
                if self.at == At::Value {
                    At::ValueEnd
                } else {
                    At::SizeEnd
                }
            }
            (At::Extension | At::Value, byte) if is_value(byte) => {
                self.count()?;
                self.at
            }
            (At::SizeEnd, b'\n') if self.size == 0 => At::Line,
            (At::SizeEnd, b'\n') => {
                self.digits = 0;
                At::Data
            }
            (At::DataCr, b'\r') => At::DataLf,
            (At::DataLf, b'\n') => At::Size,
            (At::Line, b'\r') => At::End,
            (At::Line, byte) if is_token(byte) => {
                self.trailers += 1;
                if self.trailers > trailers_max {
                    return Err("too many trailers");
                }
                self.count()?;
                At::Name
            }
            (At::Name, b':') => {
                self.count()?;
                At::Value
            }
            (At::Name, byte) if is_token(byte) => {
                self.count()?;
                At::Name
            }
            (At::ValueEnd, b'\n') => At::Line,
            (At::End, b'\n') => return Ok(None),
            _ => return Err("broken chunk framing"),
        };
        Ok(Some(next))
    }

    fn count(&mut self) -> Result<(), &'static str> {
        self.extra += 1;
        if self.extra > CHUNK_EXTRA_BYTES_MAX {
            return Err("too many chunk extensions or trailers");
        }
        Ok(())
    }
}
