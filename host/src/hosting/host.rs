//! The host of a request: what is compared of an authority.
//!
//! A name is compared without its case, its port and a trailing dot, an IPv6 literal as the address that it is, however
//! it was written (RFC 3986 6.2.2.1, RFC 9110 4.2.3). What cannot be a DNS name or an address is no host: it is served by
//! a route for any host and by no other.

use std::borrow::Cow;
use std::net::Ipv6Addr;

/// The longest name that DNS has, and one trailing dot.
const HOST_BYTES_MAX: usize = 254;

/// The host of an authority (`host`, `host:port`, `[::1]:port`), as it is compared; none where there is none that could be
/// compared. Borrows unless something had to be changed, which is rare.
pub fn of(authority: &str) -> Option<Cow<'_, str>> {
    if let Some(inside) = authority.strip_prefix('[') {
        let (address, rest) = inside.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        return is_port(rest).then(|| Cow::Owned(format!("[{address}]")));
    }
    let end = authority.find(':').unwrap_or(authority.len());
    let (host, port) = authority.split_at_checked(end)?;
    if !is_port(port) || host.len() > HOST_BYTES_MAX {
        return None;
    }
    name(host.strip_suffix('.').unwrap_or(host))
}

/// A name in lower case, if each of its labels could be one.
fn name(host: &str) -> Option<Cow<'_, str>> {
    let (mut upper, mut label) = (false, 0);
    for byte in host.bytes() {
        label += 1;
        match byte {
            b'.' if label > 1 => label = 0,
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => {}
            b'A'..=b'Z' => upper = true,
            _ => return None,
        }
    }
    if label == 0 {
        return None;
    }
    Some(if upper {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    })
}

/// Nothing, or a colon and digits. Which port is not compared, so how large it is matters to nobody.
fn is_port(text: &str) -> bool {
    match text.strip_prefix(':') {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => text.is_empty(),
    }
}

/// Whether a name in lower case is written as an IPv4 address is, or as something that resolvers take for one: its last
/// label is a number. It has no labels below it.
pub(super) fn is_numeric(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_port_and_trailing_dot_are_not_compared() {
        for (authority, host) in [
            ("a.test", Some("a.test")),
            ("A.TeSt:8000", Some("a.test")),
            ("a.test.", Some("a.test")),
            ("A.test.:80", Some("a.test")),
            ("a.test:", Some("a.test")),
            ("xn--bcher-kva.example", Some("xn--bcher-kva.example")),
            ("under_score.test", Some("under_score.test")),
            ("localhost", Some("localhost")),
            ("127.0.0.1:1", Some("127.0.0.1")),
            ("[::1]", Some("[::1]")),
            ("[0:0:0:0:0:0:0:1]:443", Some("[::1]")),
            ("[2001:DB8::A]", Some("[2001:db8::a]")),
            ("[::ffff:192.0.2.1]", Some("[::ffff:192.0.2.1]")),
            // None of these is a host.
            ("", None),
            (".", None),
            (":80", None),
            ("a..test", None),
            (".a.test", None),
            ("a.test..", None),
            ("a.test:80:80", None),
            ("a.test:x", None),
            ("user@a.test", None),
            ("a.test@b.test", None),
            ("*.test", None),
            ("a%2etest", None),
            ("bücher.example", None),
            ("a b", None),
            ("a\0", None),
            ("::1", None),
            ("[::1", None),
            ("[::1]x", None),
            ("[::1].", None),
            ("[::1%25eth0]", None),
            ("[127.0.0.1]", None),
            ("a,b.test", None),
        ] {
            assert_eq!(of(authority).as_deref(), host, "{authority}");
        }
        let long = "a.".repeat(200);
        assert_eq!(of(&long), None);
        assert!(matches!(of("a.test:80"), Some(Cow::Borrowed(_))));
    }
}
