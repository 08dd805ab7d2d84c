//! Headers as they cross: one buffer of text and a list of lengths (`fields` in the WIT).
//!
//! Reading never copies; writing checks, lower-cases and appends in one pass (`F-03`, `F-08`).

use std::fmt;

use bytes::Bytes;

use crate::bindings::types::{FieldLength, Fields};
use crate::error::SendError;

/// Most bytes that the headers of one response may have, names and values together: 65,536, so that a
/// head never eats the megabyte that one batch may carry.
pub const MAX_HEADER_BYTES: usize = 65_536;

/// Request headers: lower-case names, bytes as values, order and doubles kept (`F-01`, `F-02`).
///
/// ```
/// # fn show(headers: &wasgi_sdk::Headers) {
/// if let Some(agent) = headers.get("user-agent") {
///     println!("{}", String::from_utf8_lossy(agent));
/// }
/// for (name, value) in headers {
///     println!("{name:?}: {value:?}");
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Headers {
    text: Bytes,
    lengths: Vec<FieldLength>,
}

impl Headers {
    pub(crate) fn new(fields: Fields) -> Headers {
        Headers {
            text: fields.text.into(),
            lengths: fields.lengths,
        }
    }

    /// How many there are, doubles counted.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// The first value of `name`, which is compared without case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// The first value of `name` when it is UTF-8.
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name)
            .and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Every value of `name`, in order (`F-02`).
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.iter()
            .filter(move |(other, _)| other.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// Name and value, the latter sharing the buffer.
    #[cfg(feature = "tower")]
    pub(crate) fn shared(&self) -> impl Iterator<Item = (&[u8], Bytes)> {
        self.iter()
            .map(|(name, value)| (name, self.text.slice_ref(value)))
    }

    /// Name and value, in the order of the wire.
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            text: &self.text,
            lengths: self.lengths.iter(),
        }
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        f.debug_map()
            .entries(self.iter().map(|(name, value)| (text(name), text(value))))
            .finish()
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = (&'a [u8], &'a [u8]);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// See [`Headers::iter`].
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    text: &'a [u8],
    lengths: std::slice::Iter<'a, FieldLength>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = self.lengths.next()?;
        let (name, rest) = self.text.split_at_checked(length.name as usize)?;
        let (value, rest) = rest.split_at_checked(length.value as usize)?;
        self.text = rest;
        Some((name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.lengths.size_hint()
    }
}

/// Response headers, ready to be said.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) fields: Fields,
    pub(crate) content_length: Option<u64>,
}

/// Checks `headers` and writes them flat. Names are lowered (`F-03`); what is no legal field is an error
/// (`F-05`, `F-08`), and so are two lengths that disagree.
pub(crate) fn write<I, N, V>(headers: I) -> Result<Written, SendError>
where
    I: IntoIterator<Item = (N, V)>,
    N: AsRef<[u8]>,
    V: AsRef<[u8]>,
{
    let headers = headers.into_iter();
    let about = headers.size_hint().0.min(128);
    let mut text = Vec::with_capacity(about * 40);
    let mut lengths = Vec::with_capacity(about);
    let mut content_length = None;

    for (name, value) in headers {
        let (name, value) = (name.as_ref(), value.as_ref());
        let start = text.len();
        text.extend(name.iter().map(|&byte| lowered(byte)));
        if name.is_empty() || text.iter().skip(start).any(|&byte| byte == 0) {
            return Err(invalid("header name", name));
        }
        if value.iter().any(|&byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Err(invalid("value of header", name));
        }
        if text.len() + value.len() > MAX_HEADER_BYTES {
            return Err(SendError::LimitExceeded(
                "more than 65536 bytes of headers".into(),
            ));
        }
        if name.len() == CONTENT_LENGTH.len() && name.eq_ignore_ascii_case(CONTENT_LENGTH) {
            let length = parse_length(value).ok_or_else(|| invalid("value of header", name))?;
            if content_length.is_some_and(|before| before != length) {
                return Err(invalid("second value of header", name));
            }
            content_length = Some(length);
        }
        text.extend_from_slice(value);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the sum was checked against MAX_HEADER_BYTES"
        )]
        lengths.push(FieldLength {
            name: name.len() as u32,
            value: value.len() as u32,
        });
    }
    Ok(Written {
        fields: Fields { text, lengths },
        content_length,
    })
}

const CONTENT_LENGTH: &[u8] = b"content-length";

fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn invalid(what: &str, name: &[u8]) -> SendError {
    SendError::InvalidEvent(format!("{what} {:?}", String::from_utf8_lossy(name)).into())
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

    #[test]
    fn names_are_lowered_and_order_and_doubles_stay_f02_f03() {
        let written = write([("Set-Cookie", "a"), ("X-B", "b"), ("set-cookie", "c")]).unwrap();
        let headers = Headers::new(written.fields);
        assert_eq!(
            headers.get_all("SET-COOKIE").collect::<Vec<_>>(),
            [b"a", b"c"]
        );
        assert_eq!(headers.iter().next(), Some((&b"set-cookie"[..], &b"a"[..])));
        assert_eq!(headers.len(), 3);
    }

    #[test]
    fn illegal_fields_are_refused_f05_f08() {
        for (name, value) in [
            ("", "x"),
            (":status", "200"),
            ("a b", "x"),
            ("a", "x\r\ny: z"),
            ("a", "\0"),
        ] {
            let error = write([(name, value)]).unwrap_err();
            assert!(
                matches!(error, SendError::InvalidEvent(_)),
                "{name:?} {value:?}"
            );
        }
    }

    #[test]
    fn content_length_is_read_once() {
        assert_eq!(
            write([("Content-Length", "12")]).unwrap().content_length,
            Some(12)
        );
        assert_eq!(
            write([("content-length", "1"), ("content-length", "1")])
                .unwrap()
                .content_length,
            Some(1)
        );
        for bad in ["", "+1", "-1", "1 ", "0x1", "99999999999999999999"] {
            assert!(write([("content-length", bad)]).is_err(), "{bad:?}");
        }
        assert!(write([("content-length", "1"), ("content-length", "2")]).is_err());
    }

    #[test]
    fn too_many_bytes_are_a_limit() {
        let error = write([("a", vec![b'x'; MAX_HEADER_BYTES])]).unwrap_err();
        assert!(matches!(error, SendError::LimitExceeded(_)));
    }
}
