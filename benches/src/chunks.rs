//! A chunked body as the client reads it: counted, checked, thrown away.

use anyhow::{Context as _, bail, ensure};

/// What every piece of a stream is made of.
pub(crate) const DOT: u8 = b'.';

/// Reads one body.
pub(crate) struct Chunks {
    state: State,
    /// Bytes of the body so far, without the framing.
    pub(crate) bytes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the line with the size.
    Size(usize),
    /// This many bytes of a chunk are still to come.
    Data(usize),
    /// In the line end behind a chunk.
    Behind,
    /// In the empty line behind the last chunk.
    Last,
    Whole,
}

impl Chunks {
    /// Before its first byte.
    pub(crate) fn new() -> Self {
        Self {
            state: State::Size(0),
            bytes: 0,
        }
    }

    /// Takes what came, in pieces of any size; whether the body is whole.
    pub(crate) fn feed(&mut self, mut came: &[u8]) -> anyhow::Result<bool> {
        while let Some((&byte, rest)) = came.split_first() {
            if let State::Data(left) = self.state {
                let (data, behind) = came.split_at(left.min(came.len()));
                let dots = data.first() == Some(&DOT) && data.last() == Some(&DOT);
                ensure!(dots, "wrong bytes in a chunk");
                self.bytes += data.len();
                self.state = match left - data.len() {
                    0 => State::Behind,
                    left => State::Data(left),
                };
                came = behind;
                continue;
            }
            self.state = self.framing(byte)?;
            came = rest;
        }
        Ok(self.state == State::Whole)
    }

    fn framing(&self, byte: u8) -> anyhow::Result<State> {
        Ok(match (self.state, byte) {
            (State::Whole, _) => bail!("bytes behind the last chunk"),
            (state, b'\r') => state,
            (State::Size(0), b'\n') => State::Last,
            (State::Size(size), b'\n') => State::Data(size),
            (State::Behind, b'\n') => State::Size(0),
            (State::Last, b'\n') => State::Whole,
            (State::Size(size), digit) => {
                let digit = char::from(digit).to_digit(16);
                let digit = usize::try_from(digit.context("a size that is no number")?)?;
                State::Size(size * 16 + digit)
            }
            _ => bail!("a chunk is longer than its size"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"3\r\n...\r\n1a\r\n..........................\r\n0\r\n\r\n";

    #[test]
    fn pieces_of_any_size() {
        for size in 1..=BODY.len() {
            let mut chunks = Chunks::new();
            let mut pieces = BODY.chunks(size).peekable();
            while let Some(piece) = pieces.next() {
                assert_eq!(chunks.feed(piece).unwrap(), pieces.peek().is_none());
            }
            assert_eq!(chunks.bytes, 29);
        }
    }

    #[test]
    fn wrong_ones() {
        for wrong in [&b"3\r\n,,,"[..], b"3\r\n....", b"x\r\n", b"0\r\n\r\n0"] {
            assert!(
                Chunks::new().feed(wrong).is_err(),
                "{}",
                wrong.escape_ascii()
            );
        }
    }
}
