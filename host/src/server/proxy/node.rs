//! The words that forwarded headers are made of: who, where, and with which scheme. Pure: bytes in, values out.
//!
//! `x_forwarded.rs` and `rfc7239.rs` split headers and give the pieces to this. It knows of no header's name. What it
//! cannot read is `None`, and never an error of the client's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::bindings::types::Scheme;

/// Whoever asked a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    /// Its address; the port is 0 where none was told.
    At(SocketAddr),
    /// The proxy does not know, or does not say (`unknown`, `_hidden`).
    Hidden,
}

impl Node {
    /// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`, `unknown`, `_name`.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok()?;
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Some(Self::At(SocketAddr::new(ip, 0)));
        }
        let (host, port) = split_port(text)?;
        if host.eq_ignore_ascii_case("unknown") || is_obfuscated(host) {
            return Some(Self::Hidden);
        }
        let ip = address(host)?;
        let port = match port {
            None => 0,
            Some(port) if is_obfuscated(port) => 0,
            Some(port) => number(port)?,
        };
        Some(Self::At(SocketAddr::new(ip, port)))
    }
}

/// A public name or address, as a client asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) name: Name,
    pub(super) port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    Ip(IpAddr),
    /// Letters, digits, `-`, `.` and `_`; at most 255 of them.
    Text(String),
}

impl Host {
    /// What may stand in a `Host` header.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let (host, port) = split_port(str::from_utf8(text).ok()?)?;
        let port = match port {
            None => None,
            Some(port) => Some(number(port)?),
        };
        let name = match address(host) {
            Some(ip) => Name::Ip(ip),
            None if is_name(host) => Name::Text(host.to_owned()),
            None => return None,
        };
        Some(Self { name, port })
    }
}

/// `http`, `https`; `ws` and `wss` are what they run on.
pub(super) fn scheme(text: &[u8]) -> Option<Scheme> {
    let is = |name: &str| text.eq_ignore_ascii_case(name.as_bytes());
    if is("http") || is("ws") {
        Some(Scheme::Http)
    } else if is("https") || is("wss") {
        Some(Scheme::Https)
    } else {
        None
    }
}

/// A port: digits, and nothing else that Rust would take for a number.
pub(super) fn port(text: &[u8]) -> Option<u16> {
    number(str::from_utf8(text).ok()?)
}

fn number(text: &str) -> Option<u16> {
    if text.len() > 5 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A host and what stands behind its colon. That of IPv6 stands in brackets, which stay.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if text.starts_with('[') {
        let (inside, rest) = text.split_once(']')?;
        let host = text.get(..inside.len() + 1)?;
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None if rest.is_empty() => Some((host, None)),
            None => None,
        };
    }
    match text.split_once(':') {
        Some((host, port)) => Some((host, Some(port))),
        None => Some((text, None)),
    }
}

fn address(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[') {
        Some(rest) => rest
            .strip_suffix(']')
            .and_then(|inside| inside.parse::<Ipv6Addr>().ok())
            .map(IpAddr::V6),
        None => host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

/// RFC 7239, 6.3: an underscore, and then at least one letter, digit, `.`, `_` or `-`.
fn is_obfuscated(text: &str) -> bool {
    text.strip_prefix('_').is_some_and(is_name)
}

fn is_name(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (1..=255).contains(&text.len()) && text.bytes().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_of_every_form() {
        let at = |address: &str| Some(Node::At(address.parse().unwrap()));
        for (text, expected) in [
            ("192.0.2.1", at("192.0.2.1:0")),
            ("192.0.2.1:4711", at("192.0.2.1:4711")),
            ("192.0.2.1:_secret", at("192.0.2.1:0")),
            ("2001:db8::1", at("[2001:db8::1]:0")),
            ("[2001:db8::1]", at("[2001:db8::1]:0")),
            ("[2001:DB8::1]:80", at("[2001:db8::1]:80")),
            ("::ffff:192.0.2.1", at("[::ffff:192.0.2.1]:0")),
            ("unknown", Some(Node::Hidden)),
            ("Unknown:80", Some(Node::Hidden)),
            ("_mdn", Some(Node::Hidden)),
            ("_SEVKISEK:_x", Some(Node::Hidden)),
            ("", None),
            ("_", None),
            ("example.org", None),
            ("192.0.2.1:", None),
            ("192.0.2.1:+80", None),
            ("192.0.2.1:65536", None),
            ("192.0.2.1:00080", at("192.0.2.1:80")),
            ("192.0.2.1:000080", None),
            ("192.0.2.01", None),
            ("192.0.2", None),
            ("[192.0.2.1]", None),
            ("[2001:db8::1", None),
            ("[2001:db8::1]x", None),
            ("[2001:db8::1]:", None),
            ("2001:db8::1:g", None),
            ("fe80::1%eth0", None),
            ("192.0.2.1 ", None),
            ("caf\u{e9}", None),
        ] {
            assert_eq!(Node::read(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(Node::read(b"\xff\xfe"), None);
    }

    #[test]
    fn hosts_of_every_form() {
        let text = |name: &str, port| {
            let name = Name::Text(name.to_owned());
            Some(Host { name, port })
        };
        let ip = |ip: &str, port| {
            let name = Name::Ip(ip.parse().unwrap());
            Some(Host { name, port })
        };
        let long = "x".repeat(256);
        for (given, expected) in [
            ("shop.example", text("shop.example", None)),
            ("Shop.Example:8443", text("Shop.Example", Some(8443))),
            ("a_b-c", text("a_b-c", None)),
            ("192.0.2.1:80", ip("192.0.2.1", Some(80))),
            ("[2001:db8::1]:80", ip("2001:db8::1", Some(80))),
            ("", None),
            (":80", None),
            ("shop.example:", None),
            ("shop.example:x", None),
            ("shop.example/x", None),
            ("user@shop.example", None),
            ("shop example", None),
            ("2001:db8::1", None),
            (&long, None),
        ] {
            assert_eq!(Host::read(given.as_bytes()), expected, "{given}");
        }
    }

    #[test]
    fn h05_schemes() {
        assert_eq!(scheme(b"HTTPS"), Some(Scheme::Https));
        assert_eq!(scheme(b"wss"), Some(Scheme::Https));
        assert_eq!(scheme(b"http"), Some(Scheme::Http));
        assert_eq!(scheme(b"ws"), Some(Scheme::Http));
        for wrong in ["", "on", "https ", "ftp", "https,http"] {
            assert_eq!(scheme(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
