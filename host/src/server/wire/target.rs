//! The request line: method, target, version (`H-04`, `H-20`–`H-23`, `P-14`, `P-15`), and what a host is.

use std::net::Ipv6Addr;
use std::ops::Range;

use super::letters::{is_host, is_path, is_query, is_token};
use super::verdict::Verdict;

/// Where the parts of a request line are, as far as they were good.
#[derive(Debug, Default)]
pub(super) struct RequestLine {
    /// Its method.
    pub(super) method: Range<usize>,
    /// Its target.
    pub(super) target: Range<usize>,
    pub(super) is_http_1_0: bool,
}

/// Whether the target of a line, which may not be whole yet, is longer than this.
pub(super) fn is_target_longer(line: &[u8], than: usize) -> bool {
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let _method = words.next();
    words.next().is_some_and(|target| target.len() > than)
}

/// Reads a line without its CRLF, which begins at `start` of the head. What is found is kept in `into` even when the
/// line is refused further on.
pub(super) fn read(line: &[u8], start: usize, into: &mut RequestLine) -> Result<(), Verdict> {
    let mut words = line.split(|byte| *byte == b' ');
    let method = words.next().unwrap_or_default();
    if method.is_empty() || !method.iter().all(|byte| is_token(*byte)) {
        return Err(Verdict::bad("the method is no token"));
    }
    into.method = start..start + method.len();
    let Some(target) = words.next() else {
        return Err(Verdict::bad("a request line without a target"));
    };
    let Some(version) = words.next() else {
        return Err(Verdict::bad("a request line without a version"));
    };
    if words.next().is_some() {
        return Err(Verdict::bad("a request line of more than three words"));
    }
    into.is_http_1_0 = read_version(line, version)?;
    if method == b"CONNECT" {
        return Err(Verdict::not_offered("CONNECT is not offered"));
    }
    check_target(method, target)?;
    let start = into.method.end + 1;
    into.target = start..start + target.len();
    Ok(())
}

/// Whether it is 1.0 rather than 1.1.
fn read_version(line: &[u8], version: &[u8]) -> Result<bool, Verdict> {
    match version {
        b"HTTP/1.1" => return Ok(false),
        b"HTTP/1.0" => return Ok(true),
        _ => {}
    }
    if line == b"PRI * HTTP/2.0" {
        return Err(Verdict::bad("HTTP/2 begins in the middle of HTTP/1"));
    }
    match version.strip_prefix(b"HTTP/") {
        Some([major, b'.', minor]) if major.is_ascii_digit() && minor.is_ascii_digit() => {
            Err(Verdict::VERSION)
        }
        _ => Err(Verdict::bad("a request line without a version")),
    }
}

fn check_target(method: &[u8], target: &[u8]) -> Result<(), Verdict> {
    if target == b"*" {
        return if method == b"OPTIONS" {
            Ok(())
        } else {
            Err(Verdict::bad("the target `*` without OPTIONS"))
        };
    }
    if target.first() == Some(&b'/') {
        return check_path(target);
    }
    let lower = |prefix: &[u8]| {
        let (scheme, rest) = target.split_at_checked(prefix.len())?;
        scheme.eq_ignore_ascii_case(prefix).then_some(rest)
    };
    let Some(rest) = lower(b"http://").or_else(|| lower(b"https://")) else {
        return Err(Verdict::bad("a target that is neither a path nor a URL"));
    };
    let end = rest
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?' | b'#'))
        .unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, &[]));
    if authority.is_empty() || authority.contains(&b'%') || !is_authority(authority) {
        return Err(Verdict::bad("a target with a malformed host"));
    }
    check_path(path)
}

fn check_path(path: &[u8]) -> Result<(), Verdict> {
    let mut rest = path.iter();
    let odd = match rest.find(|byte| !is_path(**byte) || **byte == b'?') {
        Some(b'?') => rest.find(|byte| !is_query(**byte)),
        odd => odd,
    };
    match odd {
        None => Ok(()),
        Some(b'#') => Err(Verdict::bad("a target with a fragment")),
        Some(byte) if !byte.is_ascii() => Err(Verdict::bad("a target with bytes outside ASCII")),
        Some(_) => Err(Verdict::bad("a target with a character that no URL has")),
    }
}

/// `host` or `host:port` (RFC 9110 7.2). An empty one is legal in a `Host` field: the target has none.
pub(super) fn is_authority(text: &[u8]) -> bool {
    let (host, port) = match text {
        [b'[', inside @ ..] => {
            let Some(end) = inside.iter().position(|byte| *byte == b']') else {
                return false;
            };
            let (address, rest) = inside.split_at_checked(end).unwrap_or_default();
            let address = std::str::from_utf8(address).unwrap_or_default();
            if address.parse::<Ipv6Addr>().is_err() {
                return false;
            }
            (&[][..], rest.strip_prefix(b"]").unwrap_or_default())
        }
        _ => {
            let end = text
                .iter()
                .position(|byte| *byte == b':')
                .unwrap_or(text.len());
            text.split_at_checked(end).unwrap_or_default()
        }
    };
    is_name(host) && is_port(port)
}

fn is_name(host: &[u8]) -> bool {
    let mut rest = host;
    loop {
        rest = match rest {
            [] => return true,
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest
            }
            [byte, rest @ ..] if is_host(*byte) => rest,
            _ => return false,
        }
    }
}

/// Nothing, or `:` and digits, which may be none (RFC 3986 3.2.3).
fn is_port(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b':', digits @ ..] => {
            let number = |all: Option<u16>, digit: &u8| {
                all?.checked_mul(10)?
                    .checked_add(u16::from(digit.wrapping_sub(b'0')))
            };
            digits.iter().all(u8::is_ascii_digit) && digits.iter().fold(Some(0), number).is_some()
        }
        _ => false,
    }
}
