//! One head, line by line: whether it is whole, what is wrong with it, and how it says that its body is framed
//! (`P-01`–`P-10`, `P-12`–`P-16`).
//!
//! It looks at each byte once however the head is cut into reads: what it knows is kept between calls, as offsets from
//! the first byte of the head. `machine.rs` hands it the bytes.

use memchr::memchr;

use super::Sizes;
use super::letters::{are_value, is_token};
use super::target::{self, RequestLine, is_authority, is_target_longer};
use super::verdict::Verdict;

/// The longest that is registered has 17.
const METHOD_BYTES_MAX: usize = 64;

/// Longer names are nobody's; `http` refuses those of 64 KiB.
const NAME_BYTES_MAX: usize = 1024;

/// What follows a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    None,
    /// This many bytes, which is not 0.
    Length(u64),
    Chunked,
}

/// A head that is good.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Whole {
    /// Its bytes, with the empty line at its end.
    pub(super) bytes: usize,
    pub(super) framing: Framing,
    /// It asks for another protocol, which would begin right behind it.
    pub(super) asks_for_upgrade: bool,
}

/// How far a head is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Partial,
    Whole(Whole),
    Bad(Verdict),
}

/// A head that is being read.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// Where the line begins that is not whole yet.
    line: usize,
    /// How far that line has been searched for its end.
    searched: usize,
    /// An empty line stood before the request line (`P-16`).
    skipped: bool,
    begun: bool,
    request: RequestLine,
    fields: usize,
    facts: Facts,
}

/// What the fields say that matters here.
#[derive(Debug, Default)]
struct Facts {
    hosts: usize,
    length: Option<u64>,
    codings: Codings,
    upgrade: bool,
    connection_upgrade: bool,
}

/// `transfer-encoding`, all of its lines together.
#[derive(Debug, Default)]
struct Codings {
    any: bool,
    chunked: usize,
    chunked_is_last: bool,
    others: usize,
}

impl Head {
    /// Reads on. `bytes` are all of the head that there are, from its first one.
    pub(super) fn read(&mut self, bytes: &[u8], sizes: &Sizes) -> Progress {
        loop {
            let rest = bytes.get(self.searched..).unwrap_or_default();
            let found = memchr(b'\n', rest);
            let end = self.searched + found.unwrap_or(rest.len());
            let line = bytes.get(self.line..end).unwrap_or_default();
            if let Err(verdict) = self.check_size(line, end + usize::from(found.is_some()), sizes) {
                return Progress::Bad(verdict);
            }
            if found.is_none() {
                self.searched = end;
                return Progress::Partial;
            }
            let Some((b'\r', line)) = line.split_last() else {
                return Progress::Bad(Verdict::bad("a line that ends without CR"));
            };
            let start = self.line;
            (self.line, self.searched) = (end + 1, end + 1);
            match self.read_line(line, start, sizes) {
                Ok(None) => {}
                Ok(Some(whole)) => return Progress::Whole(whole),
                Err(verdict) => return Progress::Bad(verdict),
            }
        }
    }

    /// Whether of these bytes any belongs to a request; a stray empty line behind the one before does not.
    pub(super) fn has_begun(&self, bytes: &[u8]) -> bool {
        self.begun || !matches!(bytes.get(self.line..).unwrap_or_default(), b"" | b"\r")
    }

    /// Where its request line is, as far as it was good.
    pub(super) fn request(&self) -> &RequestLine {
        &self.request
    }

    /// The verdict is the one of the first byte that is too much, so that it does not depend on how the bytes came.
    fn check_size(&self, line: &[u8], bytes: usize, sizes: &Sizes) -> Result<(), Verdict> {
        if !self.begun
            && line.len() > METHOD_BYTES_MAX
            && !line
                .iter()
                .take(METHOD_BYTES_MAX + 1)
                .any(|byte| *byte == b' ')
        {
            return Err(Verdict::bad("the method is too long"));
        }
        if !self.begun && line.len() > sizes.target_bytes_max {
            let room = sizes.head_bytes_max.saturating_sub(self.line);
            let line = line.get(..room).unwrap_or(line);
            if is_target_longer(line, sizes.target_bytes_max) {
                return Err(Verdict::TARGET_TOO_LONG);
            }
        }
        if bytes > sizes.head_bytes_max {
            return Err(Verdict::HEAD_TOO_LARGE);
        }
        Ok(())
    }

    fn read_line(
        &mut self,
        line: &[u8],
        start: usize,
        sizes: &Sizes,
    ) -> Result<Option<Whole>, Verdict> {
        match (self.begun, line.is_empty()) {
            (false, true) if self.skipped => Err(Verdict::bad("empty lines before a request")),
            (false, true) => {
                self.skipped = true;
                Ok(None)
            }
            (false, false) => {
                self.begun = true;
                target::read(line, start, &mut self.request)?;
                Ok(None)
            }
            (true, true) => self.finish().map(Some),
            (true, false) => {
                self.fields += 1;
                if self.fields > sizes.headers_max {
                    return Err(Verdict::TOO_MANY_FIELDS);
                }
                let (name, value) = field(line)?;
                self.facts.note(name, value)?;
                Ok(None)
            }
        }
    }

    fn finish(&mut self) -> Result<Whole, Verdict> {
        let is_http_1_0 = self.request.is_http_1_0;
        if self.facts.hosts == 0 && !is_http_1_0 {
            return Err(Verdict::bad("no Host"));
        }
        let framing = self.facts.framing(is_http_1_0)?;
        let facts = &self.facts;
        Ok(Whole {
            bytes: self.line,
            framing,
            asks_for_upgrade: facts.upgrade
                && facts.connection_upgrade
                && !is_http_1_0
                && framing == Framing::None,
        })
    }
}

/// Name and value of a field's line, the value without the blanks around it.
fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Verdict> {
    let end = line.iter().position(|byte| !is_token(*byte));
    let (name, rest) = end
        .and_then(|end| line.split_at_checked(end))
        .unwrap_or((line, &[]));
    let value = match (name, rest) {
        ([], [b' ' | b'\t', ..]) => return Err(Verdict::bad("a folded line")),
        ([_, ..], [b':', value @ ..]) => value,
        _ => {
            return Err(Verdict::bad(
                "a field's name is no token with a colon behind it",
            ));
        }
    };
    if name.len() > NAME_BYTES_MAX {
        return Err(Verdict::HEAD_TOO_LARGE);
    }
    if !are_value(value) {
        return Err(Verdict::bad("a control character in a field's value"));
    }
    Ok((name, trim(value)))
}

/// Without the blanks around it; `trim_ascii` takes away more than HTTP does.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

impl Facts {
    fn note(&mut self, name: &[u8], value: &[u8]) -> Result<(), Verdict> {
        let is = |wanted: &[u8]| name.eq_ignore_ascii_case(wanted);
        match name.len() {
            4 if is(b"host") => {
                self.hosts += 1;
                if self.hosts > 1 {
                    return Err(Verdict::bad("more than one Host"));
                }
                if !is_authority(value) {
                    return Err(Verdict::bad("a malformed Host"));
                }
            }
            7 if is(b"upgrade") => self.upgrade = true,
            10 if is(b"connection") => {
                self.connection_upgrade |=
                    elements(value).any(|option| option.eq_ignore_ascii_case(b"upgrade"));
            }
            14 if is(b"content-length") => {
                if self.length.is_some() {
                    return Err(Verdict::bad("more than one Content-Length"));
                }
                self.length = Some(length(value)?);
            }
            17 if is(b"transfer-encoding") => {
                for coding in elements(value) {
                    self.codings.note(coding);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn framing(&self, is_http_1_0: bool) -> Result<Framing, Verdict> {
        let codings = &self.codings;
        if !codings.any {
            return Ok(match self.length {
                None | Some(0) => Framing::None,
                Some(length) => Framing::Length(length),
            });
        }
        if is_http_1_0 {
            return Err(Verdict::bad("Transfer-Encoding in HTTP/1.0"));
        }
        if self.length.is_some() {
            return Err(Verdict::bad("Transfer-Encoding beside Content-Length"));
        }
        // Where chunks are not the last coding nothing says where the body ends (RFC 9112 6.3).
        if codings.chunked != 1 || !codings.chunked_is_last {
            return Err(Verdict::bad(
                "a Transfer-Encoding that does not end with `chunked`",
            ));
        }
        if codings.others > 0 {
            return Err(Verdict::not_offered("a Transfer-Encoding beside `chunked`"));
        }
        Ok(Framing::Chunked)
    }
}

impl Codings {
    fn note(&mut self, coding: &[u8]) {
        self.any = true;
        self.chunked_is_last = coding.eq_ignore_ascii_case(b"chunked");
        if self.chunked_is_last {
            self.chunked += 1;
        } else {
            self.others += 1;
        }
    }
}

/// The elements of a list, empty ones too.
fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(trim)
}

/// RFC 9110 8.6: digits and nothing else.
fn length(value: &[u8]) -> Result<u64, Verdict> {
    let digit = |all: u64, byte: &u8| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        all.checked_mul(10)?.checked_add(digit)
    };
    let length = value.iter().try_fold(0_u64, digit);
    match length {
        // hyper keeps the two largest numbers for itself.
        Some(length) if !value.is_empty() && length < u64::MAX - 1 => Ok(length),
        _ => Err(Verdict::bad("a Content-Length that is no number")),
    }
}
