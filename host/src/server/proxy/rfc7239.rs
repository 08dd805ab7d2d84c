//! `Forwarded` (RFC 7239): elements from the last to the first, each with who asked, for which host, with which scheme.
//!
//! Pure: header lines in, elements out. It reads from the right because that end was written by the proxy that we trust;
//! what a client wrote on the left, an open quote for example, must not change how the right is understood.

use super::node::{self, Host, Node};
use super::walk::{Element, Malformed};
use crate::server::wire::letters::is_token;

/// The elements of the lines, last first. An element that cannot be read is an error of its own.
pub(super) fn elements<'a>(
    lines: impl DoubleEndedIterator<Item = &'a [u8]>,
) -> impl Iterator<Item = Result<Element, Malformed>> {
    lines.rev().flat_map(|line| Backwards { rest: Some(line) })
}

/// One line's elements.
struct Backwards<'a> {
    rest: Option<&'a [u8]>,
}

impl Iterator for Backwards<'_> {
    type Item = Result<Element, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let last;
            (self.rest, last) = split_last(self.rest?);
            let last = last.trim_ascii();
            // RFC 9110, 5.6.1.2: an empty one is no element.
            if !last.is_empty() {
                return Some(element(last));
            }
        }
    }
}

/// Splits at the last comma that is not between quotes.
fn split_last(line: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let mut quoted = false;
    for (at, byte) in line.iter().enumerate().rev() {
        let before = line.get(..at).unwrap_or_default();
        match byte {
            b'"' if !(quoted && is_escaped(before)) => quoted = !quoted,
            b',' if !quoted => return (Some(before), line.get(at + 1..).unwrap_or_default()),
            _ => {}
        }
    }
    (None, line)
}

/// Whether what follows these bytes has a backslash of its own in front.
fn is_escaped(before: &[u8]) -> bool {
    let slashes = before.iter().rev().take_while(|byte| **byte == b'\\');
    slashes.count() % 2 == 1
}

/// `for=…;proto=…;host=…;by=…`, in any order, each at most once. Unknown parameters are skipped.
fn element(mut rest: &[u8]) -> Result<Element, Malformed> {
    let mut element = Element::default();
    let mut seen = [false; 4];
    while !rest.is_empty() {
        let (name, after) = token(rest)?;
        let value;
        (value, rest) = value_of(after.strip_prefix(b"=").ok_or(Malformed)?)?;
        let known = [&b"for"[..], b"proto", b"host", b"by"];
        let which = known.iter().position(|k| name.eq_ignore_ascii_case(k));
        if let Some(seen) = which.and_then(|which| seen.get_mut(which))
            && std::mem::replace(seen, true)
        {
            return Err(Malformed);
        }
        match which {
            Some(0) => element.node = Some(Node::read(&value).ok_or(Malformed)?),
            Some(1) => element.scheme = node::scheme(&value),
            Some(2) => element.host = Host::read(&value),
            _ => {}
        }
        rest = rest.trim_ascii_start();
        if !rest.is_empty() {
            let after = rest.strip_prefix(b";").ok_or(Malformed)?;
            rest = after.trim_ascii_start();
        }
    }
    Ok(element)
}

fn token(text: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let end = text.iter().position(|byte| !is_token(*byte));
    match text.split_at_checked(end.unwrap_or(text.len())) {
        Some((token, rest)) if !token.is_empty() => Ok((token, rest)),
        _ => Err(Malformed),
    }
}

/// A token or a quoted string, without its quotes and backslashes. Tokens may have the `:`, `[` and `]` in them that
/// RFC 7239 wants to see in quotes only: some proxies write addresses so.
fn value_of(text: &[u8]) -> Result<(Vec<u8>, &[u8]), Malformed> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let legal = |byte: u8| is_token(byte) || matches!(byte, b':' | b'[' | b']');
        let end = text.iter().position(|byte| !legal(*byte));
        return match text.split_at_checked(end.unwrap_or(text.len())) {
            Some((value, rest)) if !value.is_empty() => Ok((value.to_vec(), rest)),
            _ => Err(Malformed),
        };
    };
    let mut value = Vec::new();
    let mut bytes = quoted.iter();
    loop {
        match bytes.next() {
            Some(b'"') => return Ok((value, bytes.as_slice())),
            Some(b'\\') => value.push(*bytes.next().ok_or(Malformed)?),
            Some(byte) => value.push(*byte),
            None => return Err(Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::node::Name;
    use super::*;
    use crate::bindings::types::Scheme;
    use crate::fuzzing::noise::Noise;

    fn read(lines: &[&str]) -> Vec<Result<Element, Malformed>> {
        elements(lines.iter().map(|line| line.as_bytes())).collect()
    }

    /// The `for` of each element, last first; `-` for none, `!` for what cannot be read.
    fn nodes(lines: &[&str]) -> Vec<String> {
        let shown = read(lines).into_iter().map(|element| match element {
            Err(Malformed) => "!".to_owned(),
            Ok(Element { node: None, .. }) => "-".to_owned(),
            Ok(Element {
                node: Some(Node::Hidden),
                ..
            }) => "?".to_owned(),
            Ok(Element {
                node: Some(Node::At(at)),
                ..
            }) => at.to_string(),
        });
        shown.collect()
    }

    #[test]
    fn the_examples_of_the_rfc() {
        assert_eq!(nodes(&["for=\"_gazonk\""]), ["?"]);
        assert_eq!(
            nodes(&["For=\"[2001:db8:cafe::17]:4711\""]),
            ["[2001:db8:cafe::17]:4711"]
        );
        let all = read(&["for=192.0.2.60;proto=http;by=203.0.113.43"]);
        let [Ok(element)] = &all[..] else {
            panic!("{all:?}")
        };
        assert_eq!(element.scheme, Some(Scheme::Http));
        assert_eq!(
            nodes(&["for=192.0.2.43, for=198.51.100.17"]),
            ["198.51.100.17:0", "192.0.2.43:0"]
        );
        assert_eq!(
            nodes(&["for=192.0.2.43", "for=\"198.51.100.17:80\", for=unknown"]),
            ["?", "198.51.100.17:80", "192.0.2.43:0"]
        );
    }

    #[test]
    fn parameters_in_quotes_with_escapes() {
        let all =
            read(&[r#"host="sh\op.example:8443" ; PROTO=hTTps;for="192.0.2.1";secret="a,b;c\"d""#]);
        let [Ok(element)] = &all[..] else {
            panic!("{all:?}")
        };
        assert_eq!(element.scheme, Some(Scheme::Https));
        let host = element.host.as_ref().unwrap();
        assert_eq!(
            (&host.name, host.port),
            (&Name::Text("shop.example".to_owned()), Some(8443))
        );
    }

    /// What stands on the left cannot swallow what the proxy has added on the right.
    #[test]
    fn f14_an_open_quote_of_the_client_changes_nothing_on_its_right() {
        for left in [
            "for=\"evil",
            "\"",
            "for=\"\\",
            "x=\"\\\"",
            "for=\"6.6.6.6\", \"",
            "=\"",
            ",\",",
        ] {
            for (right, expected) in [
                ("for=203.0.113.9", "203.0.113.9:0"),
                ("for=\"[2001:db8::1]:80\";by=\"_x\"", "[2001:db8::1]:80"),
                ("by=\"a\\\"b,c\";for=\"203.0.113.9\"", "203.0.113.9:0"),
            ] {
                let line = format!("{left}, {right}");
                assert_eq!(nodes(&[&line])[0], expected, "{line}");
                assert_eq!(nodes(&[left, right])[0], expected, "{line}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_element_of_its_own() {
        assert_eq!(
            nodes(&[
                "for=192.0.2.1, for=, for, =x, for=a b, for=1.2.3.4;for=1.2.3.4, for=1.2.3.4,"
            ]),
            ["1.2.3.4:0", "!", "!", "!", "!", "!", "192.0.2.1:0"]
        );
        assert_eq!(
            nodes(&["for=192.0.2.1;proto=ftp;host=a/b"]),
            ["!"],
            "no token"
        );
        assert_eq!(
            nodes(&["for=192.0.2.1;proto=ftp;host=\"a/b\""]),
            ["192.0.2.1:0"]
        );
        assert_eq!(nodes(&["proto=https", " ,, "]), ["-"]);
    }

    /// No bytes make it panic, and none of them an endless loop.
    #[test]
    fn any_bytes_end() {
        let mut noise = Noise::new(7239);
        for _ in 0..20_000 {
            let line = noise.text(b"for=\"\\,;[]:1.2_ ho\xff\0", 40);
            assert!(elements([&line[..]].into_iter()).count() <= line.len() + 1);
        }
    }
}
