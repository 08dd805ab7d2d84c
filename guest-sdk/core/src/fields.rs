//! Response headers: checked, lowered, and written flat as `wit/types.wit` wants them.

use crate::refused::{HeaderFault, Refused};

/// Most bytes that the headers of one response may have, names and values together: 65,536, so that a
/// head never eats the megabyte that one batch may carry.
pub const MAX_HEADER_BYTES: usize = 65_536;

/// Length of a name and of its value, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of wit/types.wit")]
pub struct FieldLength {
    pub name: u32,
    pub value: u32,
}

/// `fields` of the WIT, and what `content-length` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Names and values, one after the other.
    pub text: Vec<u8>,
    /// One for each name and its value.
    pub lengths: Vec<FieldLength>,
    /// The body's length, if a header announces it.
    pub content_length: Option<u64>,
}

impl Fields {
    /// Room for about so many.
    pub fn with_capacity(fields: usize) -> Fields {
        let fields = fields.min(128);
        Fields {
            text: Vec::with_capacity(fields * 40),
            lengths: Vec::with_capacity(fields),
            content_length: None,
        }
    }

    /// What this costs of a batch's bytes.
    pub(crate) fn size(&self) -> usize {
        self.text.len() + 8 * self.lengths.len()
    }

    /// Adds one field. The name is lowered (`F-03`).
    ///
    /// # Errors
    ///
    /// For what is no legal field (`F-05`, `F-08`), for two lengths that disagree, and beyond [`MAX_HEADER_BYTES`].
    /// The fields are of no use then.
    #[inline]
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refused> {
        if self.text.len() + name.len() + value.len() > MAX_HEADER_BYTES {
            return Err(Refused::HeaderBytes);
        }
        let start = self.text.len();
        self.text.extend_from_slice(name);
        let lower = self.text.get_mut(start..).unwrap_or_default();
        let mut legal = !name.is_empty();
        for byte in &mut *lower {
            *byte = lowered(*byte);
            legal &= *byte != 0;
        }
        if !legal {
            return Err(refused(name, HeaderFault::Name));
        }
        if value
            .iter()
            .any(|&byte| byte.is_ascii_control() && byte != b'\t')
        {
            return Err(refused(name, HeaderFault::Value));
        }
        if lower == CONTENT_LENGTH {
            let length = parse_length(value).ok_or_else(|| refused(name, HeaderFault::Length))?;
            if self.content_length.is_some_and(|before| before != length) {
                return Err(refused(name, HeaderFault::SecondLength));
            }
            self.content_length = Some(length);
        }
        self.text.extend_from_slice(value);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the sum was checked against MAX_HEADER_BYTES"
        )]
        self.lengths.push(FieldLength {
            name: name.len() as u32,
            value: value.len() as u32,
        });
        Ok(())
    }
}

impl Fields {
    /// Whether each of them may stand behind a body (`E-06`).
    ///
    /// # Errors
    ///
    /// For the first that has to be known before it, or is acted on at once: framing, hop-by-hop fields, routing, how to
    /// read the content, sessions and authentication, control of caches and of the response (RFC 9110, section 6.5.1).
    pub(crate) fn check_trailers(&self) -> Result<(), Refused> {
        match self.names().find(|name| HEADS_ONLY.contains(name)) {
            Some(name) => Err(refused(name, HeaderFault::Trailer)),
            None => Ok(()),
        }
    }

    /// Whether they may stand beside the server's own answer to a WebSocket handshake (`W-05`).
    ///
    /// # Errors
    ///
    /// For the first that is part of that answer.
    pub(crate) fn check_accept(&self) -> Result<(), Refused> {
        match self
            .names()
            .find(|name| name.starts_with(b"sec-websocket-"))
        {
            Some(name) => Err(refused(name, HeaderFault::Handshake)),
            None => Ok(()),
        }
    }

    fn names(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.text[..];
        self.lengths.iter().map(move |length| {
            let (field, after) = rest
                .split_at_checked(length.name as usize + length.value as usize)
                .unwrap_or_default();
            rest = after;
            field.get(..length.name as usize).unwrap_or_default()
        })
    }
}

const CONTENT_LENGTH: &[u8] = b"content-length";

/// The same list as the host's (`host/src/asgi/fields.rs`).
const HEADS_ONLY: [&[u8]; 25] = [
    b"age",
    b"authorization",
    b"cache-control",
    b"connection",
    b"content-encoding",
    CONTENT_LENGTH,
    b"content-range",
    b"content-type",
    b"date",
    b"expires",
    b"host",
    b"keep-alive",
    b"location",
    b"max-forwards",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"proxy-connection",
    b"retry-after",
    b"set-cookie",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    b"vary",
    b"www-authenticate",
];

fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cold]
fn refused(name: &[u8], fault: HeaderFault) -> Refused {
    Refused::Header {
        name: name.to_vec(),
        fault,
    }
}

/// A byte of a name in lower case, 0 when no name may have it.
fn lowered(byte: u8) -> u8 {
    LOWERED.get(usize::from(byte)).copied().unwrap_or(0)
}

/// `token` of RFC 9110, lowered. Pseudo-headers fall out here because of their colon (`F-05`).
static LOWERED: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        let is_token = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        if is_token {
            #[expect(
                clippy::indexing_slicing,
                reason = "evaluated by the compiler, and within bounds"
            )]
            {
                table[byte as usize] = byte.to_ascii_lowercase();
            }
        }
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn write(headers: &[(&str, &str)]) -> Result<Fields, Refused> {
        let mut fields = Fields::with_capacity(headers.len());
        for (name, value) in headers {
            fields.push(name.as_bytes(), value.as_bytes())?;
        }
        Ok(fields)
    }

    #[test]
    fn names_are_lowered_and_order_and_doubles_stay_f02_f03() {
        let fields = write(&[("Set-Cookie", "aB"), ("X-B", "b"), ("set-cookie", "c")]).unwrap();
        assert_eq!(fields.text, b"set-cookieaBx-bbset-cookiec");
        let lengths: Vec<_> = fields
            .lengths
            .iter()
            .map(|length| (length.name, length.value))
            .collect();
        assert_eq!(lengths, [(10, 2), (3, 1), (10, 1)]);
        assert_eq!(fields.size(), 27 + 24);
    }

    #[test]
    fn illegal_fields_are_refused_f05_f08() {
        for (name, value) in [
            ("", "x"),
            (":status", "200"),
            ("a b", "x"),
            ("é", "x"),
            ("a", "x\r\ny: z"),
            ("a", "\0"),
        ] {
            let error = write(&[(name, value)]).unwrap_err();
            assert!(matches!(error, Refused::Header { .. }), "{name:?}");
        }
    }

    #[test]
    fn content_length_is_read_once() {
        let length = |headers: &[(&str, &str)]| write(headers).map(|fields| fields.content_length);
        assert_eq!(length(&[("Content-Length", "12")]), Ok(Some(12)));
        assert_eq!(length(&[("x", "12")]), Ok(None));
        assert_eq!(
            length(&[("content-length", "1"), ("content-length", "1")]),
            Ok(Some(1))
        );
        for bad in ["", "+1", "-1", "1 ", "0x1", "99999999999999999999"] {
            assert!(length(&[("content-length", bad)]).is_err(), "{bad:?}");
        }
        assert!(length(&[("content-length", "1"), ("content-length", "2")]).is_err());
    }

    #[test]
    fn too_many_bytes_are_a_limit() {
        let error = write(&[("a", &"x".repeat(MAX_HEADER_BYTES))]).unwrap_err();
        assert_eq!(error, Refused::HeaderBytes);
    }
}
