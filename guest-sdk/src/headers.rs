//! Headers as they cross: one buffer of text and a list of lengths (`fields` in the WIT).
//!
//! Reading never copies; what writing checks is [`Fields::push`](wasgi_sdk_core::Fields::push).

use std::fmt;

use bytes::Bytes;
use wasgi_sdk_core::Refused;

use crate::bindings::types::{FieldLength, Fields};

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

/// Checks `headers` and writes them flat.
pub(crate) fn write<I, N, V>(headers: I) -> Result<wasgi_sdk_core::Fields, Refused>
where
    I: IntoIterator<Item = (N, V)>,
    N: AsRef<[u8]>,
    V: AsRef<[u8]>,
{
    let headers = headers.into_iter();
    let mut fields = wasgi_sdk_core::Fields::with_capacity(headers.size_hint().0);
    for (name, value) in headers {
        fields.push(name.as_ref(), value.as_ref())?;
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_can_be_read_f02_f03() {
        let written = write([("Set-Cookie", "a"), ("X-B", "b"), ("set-cookie", "c")]).unwrap();
        let headers = Headers::new(written.into());
        assert_eq!(
            headers.get_all("SET-COOKIE").collect::<Vec<_>>(),
            [b"a", b"c"]
        );
        assert_eq!(headers.iter().next(), Some((&b"set-cookie"[..], &b"a"[..])));
        assert_eq!(headers.len(), 3);
    }
}
