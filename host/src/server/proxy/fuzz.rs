//! Fuzz target of what proxies say: the PROXY protocol's header and the forwarded headers, of any bytes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a target says what it has found"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::task::{Context, Poll, Waker};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::preamble::{self, Preamble};
use super::{Arrival, Settings};
use crate::asgi::scope::{Ends, Server};
use crate::bindings::types::Scheme;
use crate::config::limits::PROXY_HEADER_BYTES_MAX;

/// Reading a PROXY header takes that header and nothing else; and what somebody wrote left of a trusted proxy's element
/// changes nothing.
pub fn proxy(bytes: &[u8]) {
    header_of_a_connection(bytes);
    for line in bytes.split(|byte| *byte == b'\n') {
        left_of_the_proxy(line);
    }
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n').take(100) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (name, value) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        let value = HeaderValue::from_bytes(value.trim_ascii());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), value) {
            headers.append(name, value);
        }
    }
    for list in ["127.0.0.1", "*", "127.0.0.1,10.0.0.0/8,::/0"] {
        let ends = seen(list, &headers);
        if let Server::Named(name, _) = &ends.server {
            assert!(!name.is_empty() && name.is_ascii(), "{headers:?}: {name:?}");
        }
    }
}

fn header_of_a_connection(bytes: &[u8]) {
    let mut rest = bytes;
    let Some(read) = at_once(preamble::read(&mut rest)) else {
        panic!("it waits for a slice");
    };
    let Ok(preamble) = read else {
        return;
    };
    let header = &bytes[..bytes.len() - rest.len()];
    assert!(header.len() <= 16 + PROXY_HEADER_BYTES_MAX);
    if header.starts_with(b"PROXY") {
        assert!(
            header.len() <= 107 && header.ends_with(b"\r\n"),
            "{header:?}"
        );
        assert_eq!(header.iter().filter(|byte| **byte == b'\n').count(), 1);
    } else {
        let length = u16::from_be_bytes([header[14], header[15]]);
        assert_eq!(header.len(), 16 + usize::from(length));
    }
    if let Preamble::Proxied {
        source,
        destination,
        ..
    } = &preamble
    {
        assert_eq!(source.ip().is_some(), destination.ip().is_some());
    }
    // The header alone is the same.
    let mut alone = header;
    let again = at_once(preamble::read(&mut alone));
    assert!(
        matches!(again, Some(Ok(again)) if again == preamble),
        "{header:?}"
    );
}

/// The proxy has added its element to a line of somebody's.
fn left_of_the_proxy(line: &[u8]) {
    for (name, of_the_proxy) in [
        ("x-forwarded-for", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9;proto=https;host=shop.example"),
    ] {
        let both = [line, b", ", of_the_proxy.as_bytes()].concat();
        let Ok(both) = HeaderValue::from_bytes(&both) else {
            return;
        };
        let mut headers = HeaderMap::new();
        headers.append(name, of_the_proxy.parse().unwrap());
        let expected = format!("{:?}", seen("127.0.0.1", &headers));
        headers.insert(name, both);
        assert_eq!(
            format!("{:?}", seen("127.0.0.1", &headers)),
            expected,
            "{headers:?}"
        );
        // Or a line of its own.
        if let Ok(line) = HeaderValue::from_bytes(line) {
            headers.insert(name, line);
            headers.append(name, of_the_proxy.parse().unwrap());
            assert_eq!(
                format!("{:?}", seen("127.0.0.1", &headers)),
                expected,
                "{headers:?}"
            );
        }
    }
}

fn seen(trusted: &str, headers: &HeaderMap) -> Ends {
    let settings = Settings {
        trusted: trusted.parse().unwrap(),
        ..Settings::default()
    };
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let arrival = Arrival {
        ends: Ends {
            client: Some(at(4711)),
            server: Server::Tcp(at(8000)),
            scheme: Scheme::Http,
            tls: None,
        },
        proxied: true,
    };
    settings.ends(&arrival, headers).into_owned()
}

fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}
