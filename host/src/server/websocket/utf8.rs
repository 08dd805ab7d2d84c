//! Text that comes in pieces: checked byte by byte as it comes (RFC 6455 8.1), and looked at once.

use super::Fault;

/// What has come of a text.
#[derive(Debug, Default)]
pub(super) struct Text {
    whole: String,
    /// The beginning of a character of which the rest has not come.
    part: [u8; 4],
    part_len: usize,
}

impl Text {
    /// Bytes that have come, with those that wait for the rest of their character.
    pub(super) fn len(&self) -> usize {
        self.whole.len() + self.part_len
    }

    /// Room for so many more.
    pub(super) fn reserve_exact(&mut self, bytes: usize) {
        self.whole.reserve_exact(bytes);
    }

    pub(super) fn capacity(&self) -> usize {
        self.whole.capacity()
    }

    /// Goes on with these bytes; an error as soon as they can be no text whatever follows.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while self.part_len > 0 {
            let Some((first, rest)) = bytes.split_first() else {
                return Ok(());
            };
            bytes = rest;
            self.extend_part(*first)?;
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => self.whole.push_str(text),
            Err(error) if error.error_len().is_some() => return Err(Fault::NOT_UTF_8),
            Err(error) => {
                let (text, part) = bytes
                    .split_at_checked(error.valid_up_to())
                    .unwrap_or_default();
                self.whole
                    .push_str(std::str::from_utf8(text).unwrap_or_default());
                for byte in part {
                    self.extend_part(*byte)?;
                }
            }
        }
        Ok(())
    }

    fn extend_part(&mut self, byte: u8) -> Result<(), Fault> {
        let Some(slot) = self.part.get_mut(self.part_len) else {
            return Err(Fault::NOT_UTF_8);
        };
        *slot = byte;
        self.part_len += 1;
        let part = self.part.get(..self.part_len).unwrap_or_default();
        match std::str::from_utf8(part) {
            Ok(character) => {
                self.whole.push_str(character);
                self.part_len = 0;
                Ok(())
            }
            Err(error) if error.error_len().is_some() => Err(Fault::NOT_UTF_8),
            Err(_) => Ok(()),
        }
    }

    /// The text, if no character is left open.
    pub(super) fn finish(self) -> Result<String, Fault> {
        if self.part_len > 0 {
            return Err(Fault::NOT_UTF_8);
        }
        Ok(self.whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w24_text_is_the_same_however_it_is_cut() {
        let text = "aé€𝄞ÿz";
        let bytes = text.as_bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let mut came = Text::default();
                came.push(&bytes[..first]).unwrap();
                came.push(&bytes[first..second]).unwrap();
                came.push(&bytes[second..]).unwrap();
                assert_eq!(came.len(), bytes.len());
                assert_eq!(came.finish().unwrap(), text);
            }
        }
    }

    #[test]
    fn w24_what_can_be_no_text_is_refused_at_its_byte() {
        // A surrogate, something overlong, beyond the last character, a continuation without a beginning.
        for bad in [
            &b"ok\xed\xa0"[..],
            b"\xc0",
            b"\xf4\x90",
            b"\x80",
            b"\xe2\x28",
            b"\xff",
        ] {
            let mut came = Text::default();
            let (last, before) = bad.split_last().unwrap();
            for byte in before {
                came.push(&[*byte]).unwrap();
            }
            assert_eq!(came.push(&[*last]), Err(Fault::NOT_UTF_8), "{bad:?}");
            assert_eq!(Text::default().push(bad), Err(Fault::NOT_UTF_8), "{bad:?}");
        }
        let mut open = Text::default();
        open.push("€".as_bytes().split_last().unwrap().1).unwrap();
        assert_eq!(open.finish(), Err(Fault::NOT_UTF_8));
    }
}
