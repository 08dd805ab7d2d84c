//! Headers between the wire and the contract: `http::HeaderMap` on one side, the flat `fields` record of
//! `wit/types.wit` on the other.
//!
//! This is where a guest's header can first do harm, so everything that must never reach the wire is refused
//! or dropped here (`F-03`–`F-09`, `E-06`).

use std::iter;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::Violation;
use crate::bindings::types::{FieldLength, Fields};

/// Most header fields in one response. hyper's own bound for requests is 100; a response may carry many
/// cookies.
pub const RESPONSE_FIELDS_MAX: usize = 256;

/// Most bytes of names and values in one response head: what common clients and proxies accept.
pub const RESPONSE_HEAD_BYTES_MAX: usize = 65_536;

/// Room in a response's map for what a browser's request has. hyper keeps the map of a response that it has written for the
/// connection's next request, which then needs no new one.
const REQUEST_FIELDS: usize = 24;

/// What a response's headers say, once everything that the host owns is taken out of them.
#[derive(Debug, Default, PartialEq)]
pub struct ResponseHeaders {
    /// What goes on the wire, without `content-length` and without framing or hop-by-hop fields.
    pub map: HeaderMap,
    /// What `content-length` announced, in bytes.
    pub content_length: Option<u64>,
}

/// Writes request headers in the form that the guest reads (`F-01`, `F-02`), `host` first when it was not among
/// them (`F-04`), cookie crumbs joined (`F-06`).
pub fn lower(headers: &HeaderMap, authority: Option<&str>) -> Fields {
    let mut text = Vec::with_capacity(1024);
    let mut lengths = Vec::with_capacity(headers.len() + 1);
    let mut push = |name: &[u8], value: &[u8], crumbs: &mut dyn Iterator<Item = &HeaderValue>| {
        text.extend_from_slice(name);
        let start = text.len();
        text.extend_from_slice(value);
        for crumb in crumbs {
            text.extend_from_slice(b"; ");
            text.extend_from_slice(crumb.as_bytes());
        }
        let value = text.len() - start;
        lengths.push(FieldLength {
            name: length(name.len()),
            value: length(value),
        });
    };
    if let Some(authority) = authority {
        push(b"host", authority.as_bytes(), &mut iter::empty());
    }
    let mut cookies_done = false;
    for (name, value) in headers {
        if *name == header::HOST && authority.is_some() {
            continue;
        }
        if *name == header::COOKIE {
            if !cookies_done {
                cookies_done = true;
                let mut crumbs = headers.get_all(header::COOKIE).iter().skip(1);
                push(b"cookie", value.as_bytes(), &mut crumbs);
            }
            continue;
        }
        push(
            name.as_str().as_bytes(),
            value.as_bytes(),
            &mut iter::empty(),
        );
    }
    Fields { text, lengths }
}

/// Reads a guest's response headers.
///
/// # Errors
/// `InvalidEvent` for lengths that do not fit the text, for names and values that are no legal fields (`F-05`,
/// `F-08`), and for a `content-length` that is no number or has two values; `LimitExceeded` over the bounds
/// above.
pub fn response(fields: Fields) -> Result<ResponseHeaders, Violation> {
    let mut out = ResponseHeaders {
        map: HeaderMap::with_capacity(
            (fields.lengths.len() + 2).clamp(REQUEST_FIELDS, RESPONSE_FIELDS_MAX + 2),
        ),
        content_length: None,
    };
    let mut hops = Vec::new();
    each(fields, |name, value| add(&mut out, &mut hops, name, value))?;
    for hop in hops {
        out.map.remove(hop);
    }
    Ok(out)
}

/// Reads the headers of a `websocket.accept` (`W-05`). What belongs to the handshake is the host's.
///
/// # Errors
/// As [`response`]; also `InvalidEvent` for `sec-websocket-…`.
pub fn accept(fields: Fields) -> Result<HeaderMap, Violation> {
    let mut map = response(fields)?.map;
    map.remove(header::CONNECTION);
    match map.keys().find(|name| is_of_handshake(name)) {
        None => Ok(map),
        Some(name) => Err(Violation::InvalidEvent(format!(
            "`{name}` in `websocket.accept`: the handshake's fields are the server's"
        ))),
    }
}

fn is_of_handshake(name: &HeaderName) -> bool {
    name.as_str().starts_with("sec-websocket-")
}

/// Reads the fields of one `http.response.trailers` into those that came before (`E-06`).
///
/// # Errors
/// As [`response`]; also `InvalidEvent` for a field that may not stand behind a body, and `LimitExceeded` when all
/// trailers together are over the bounds of a head.
pub fn trailers(fields: Fields, into: &mut HeaderMap) -> Result<(), Violation> {
    if into.len() + fields.lengths.len() > RESPONSE_FIELDS_MAX {
        return Err(Violation::LimitExceeded("more than 256 trailers"));
    }
    let before: usize = into.iter().map(|(n, v)| n.as_str().len() + v.len()).sum();
    if before + fields.text.len() > RESPONSE_HEAD_BYTES_MAX {
        return Err(Violation::LimitExceeded("more than 64 KiB of trailers"));
    }
    each(fields, |name, value| {
        if is_for_heads_only(&name) {
            let what = format!("`{name}` is no field for trailers");
            return Err(Violation::InvalidEvent(what));
        }
        into.append(name, value);
        Ok(())
    })
}

/// Whether the client takes trailers: it has said `te: trailers` (`E-06`).
pub fn takes_trailers(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::TE)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

/// What a recipient must know before the body, or acts on at once: framing, routing, authentication, how to read the
/// content, control of caches and of the response (RFC 9110 6.5.1).
fn is_for_heads_only(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::AGE
            | header::AUTHORIZATION
            | header::CACHE_CONTROL
            | header::CONNECTION
            | header::CONTENT_ENCODING
            | header::CONTENT_LENGTH
            | header::CONTENT_RANGE
            | header::CONTENT_TYPE
            | header::DATE
            | header::EXPIRES
            | header::HOST
            | header::LOCATION
            | header::MAX_FORWARDS
            | header::PROXY_AUTHENTICATE
            | header::PROXY_AUTHORIZATION
            | header::RETRY_AFTER
            | header::SET_COOKIE
            | header::TE
            | header::TRAILER
            | header::TRANSFER_ENCODING
            | header::UPGRADE
            | header::VARY
            | header::WWW_AUTHENTICATE
    ) || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

/// Cuts the flat text into fields, each of them legal.
fn each(
    fields: Fields,
    mut take: impl FnMut(HeaderName, HeaderValue) -> Result<(), Violation>,
) -> Result<(), Violation> {
    let Fields { text, lengths } = fields;
    if lengths.len() > RESPONSE_FIELDS_MAX {
        return Err(Violation::LimitExceeded("more than 256 response headers"));
    }
    if text.len() > RESPONSE_HEAD_BYTES_MAX {
        return Err(Violation::LimitExceeded(
            "more than 64 KiB of response headers",
        ));
    }
    let unfitting = || Violation::InvalidEvent("header lengths do not fit the header text".into());
    let mut text = Bytes::from(text);
    for length in lengths {
        let (name, value) = (length.name as usize, length.value as usize);
        if name.saturating_add(value) > text.len() {
            return Err(unfitting());
        }
        let (name, value) = legal(&text.split_to(name), text.split_to(value))?;
        take(name, value)?;
    }
    if text.is_empty() {
        Ok(())
    } else {
        Err(unfitting())
    }
}

fn legal(name: &[u8], value: Bytes) -> Result<(HeaderName, HeaderValue), Violation> {
    let shown = || String::from_utf8_lossy(name).escape_debug().to_string();
    let name = HeaderName::from_bytes(name)
        .map_err(|_| Violation::InvalidEvent(format!("header name `{}`", shown())))?;
    let value = HeaderValue::from_maybe_shared(value).map_err(|_| {
        Violation::InvalidEvent(format!(
            "the value of header `{name}` has a control character (CR, LF, NUL …)"
        ))
    })?;
    Ok((name, value))
}

/// A head is at most 64 KiB, so no length is ever cut.
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// `hops` gets what a `connection` header names: it is for the next hop, which is us (`F-09`).
fn add(
    out: &mut ResponseHeaders,
    hops: &mut Vec<HeaderName>,
    name: HeaderName,
    value: HeaderValue,
) -> Result<(), Violation> {
    match name {
        header::CONTENT_LENGTH => {
            let length = content_length(value.as_bytes())?;
            match out.content_length {
                Some(before) if before != length => {
                    return Err(Violation::InvalidEvent(
                        "two `content-length` headers that differ".into(),
                    ));
                }
                _ => out.content_length = Some(length),
            }
        }
        // The host owns framing (`F-07`); hop-by-hop fields are its own business (`F-09`).
        header::TRANSFER_ENCODING | header::UPGRADE | header::TE => {}
        header::CONNECTION => {
            for option in value.as_bytes().split(|byte| *byte == b',') {
                let option = option.trim_ascii();
                if option.eq_ignore_ascii_case(b"close") {
                    out.map
                        .insert(header::CONNECTION, HeaderValue::from_static("close"));
                } else if let Ok(hop) = HeaderName::from_bytes(option)
                    && hop != header::CONNECTION
                {
                    hops.push(hop);
                }
            }
        }
        name if name.as_str() == "keep-alive" || name.as_str() == "proxy-connection" => {}
        name => {
            out.map.append(name, value);
        }
    }
    Ok(())
}

/// RFC 9110 8.6: digits only; `str::parse` alone would take a `+`.
fn content_length(value: &[u8]) -> Result<u64, Violation> {
    let text = std::str::from_utf8(value).unwrap_or("");
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Violation::InvalidEvent(
            "`content-length` is not a number".into(),
        ));
    }
    text.parse()
        .map_err(|_| Violation::InvalidEvent("`content-length` is too large".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &[u8])]) -> Fields {
        let mut text = Vec::new();
        let mut lengths = Vec::new();
        for (name, value) in pairs {
            text.extend_from_slice(name.as_bytes());
            text.extend_from_slice(value);
            lengths.push(FieldLength {
                name: length(name.len()),
                value: length(value.len()),
            });
        }
        Fields { text, lengths }
    }

    fn pairs(fields: &Fields) -> Vec<(String, String)> {
        let mut at = 0;
        let mut take = |n: u32| {
            let s = String::from_utf8(fields.text[at..at + n as usize].to_vec()).unwrap();
            at += n as usize;
            s
        };
        fields
            .lengths
            .iter()
            .map(|l| (take(l.name), take(l.value)))
            .collect()
    }

    #[test]
    fn f02_order_and_doubles_stay_in_requests() {
        let mut map = HeaderMap::new();
        map.append("x-a", HeaderValue::from_static("1"));
        map.append("x-b", HeaderValue::from_static("2"));
        map.append("x-a", HeaderValue::from_static("3"));
        let values: Vec<_> = pairs(&lower(&map, None))
            .into_iter()
            .filter(|(name, _)| name == "x-a")
            .map(|(_, value)| value)
            .collect();
        assert_eq!(values, ["1", "3"]);
    }

    #[test]
    fn f04_authority_becomes_the_first_host() {
        let mut map = HeaderMap::new();
        map.append("accept", HeaderValue::from_static("*/*"));
        map.append("host", HeaderValue::from_static("other"));
        let got = pairs(&lower(&map, Some("example.org")));
        assert_eq!(got[0], ("host".into(), "example.org".into()));
        assert_eq!(got.len(), 2);
    }

    #[test]
    fn f06_cookie_crumbs_are_joined_in_place() {
        let mut map = HeaderMap::new();
        map.append("cookie", HeaderValue::from_static("a=1"));
        map.append("accept", HeaderValue::from_static("*/*"));
        map.append("cookie", HeaderValue::from_static("b=2"));
        let got = pairs(&lower(&map, None));
        assert_eq!(got[0], ("cookie".into(), "a=1; b=2".into()));
        assert_eq!(got.len(), 2);
    }

    #[test]
    fn f05_f08_what_is_no_field_is_refused() {
        for (name, value) in [
            (":status", &b"200"[..]),
            ("x y", b"1"),
            ("", b"1"),
            ("x\r\ny", b"1"),
            ("x", b"a\r\nset-cookie: b"),
            ("x", b"a\0b"),
            ("content-length", b"+5"),
            ("content-length", b"-5"),
            ("content-length", b""),
            ("content-length", b"99999999999999999999"),
        ] {
            assert!(
                matches!(
                    response(fields(&[(name, value)])),
                    Err(Violation::InvalidEvent(_))
                ),
                "{name:?}: {value:?}"
            );
        }
    }

    #[test]
    fn f03_f07_f09_the_host_owns_framing_and_hops() {
        let got = response(fields(&[
            ("X-Name", b"V"),
            ("Transfer-Encoding", b"chunked"),
            ("Connection", b"keep-alive, Close"),
            ("Keep-Alive", b"timeout=5"),
            ("Upgrade", b"h2c"),
            ("Content-Length", b"5"),
        ]))
        .unwrap();
        assert_eq!(got.content_length, Some(5));
        assert_eq!(got.map.len(), 2);
        assert_eq!(got.map["x-name"], "V");
        assert_eq!(got.map["connection"], "close");
    }

    #[test]
    fn f09_what_connection_names_is_for_one_hop() {
        let got = response(fields(&[
            ("x-hop", b"1"),
            ("connection", b"X-Hop, connection,, close"),
            ("x-hop", b"2"),
            ("x-end", b"3"),
        ]))
        .unwrap();
        assert_eq!(got.map.len(), 2);
        assert_eq!(
            (&got.map["x-end"], &got.map["connection"]),
            (&"3".parse().unwrap(), &"close".parse().unwrap())
        );
    }

    #[test]
    fn e06_trailers_are_fields_that_may_come_late() {
        let mut map = HeaderMap::new();
        trailers(fields(&[("Grpc-Status", b"0"), ("x", b"1")]), &mut map).unwrap();
        trailers(fields(&[("x", b"2")]), &mut map).unwrap();
        assert_eq!((map.len(), &map["grpc-status"]), (3, &"0".parse().unwrap()));
        for (name, value) in [
            ("content-length", &b"5"[..]),
            ("transfer-encoding", b"chunked"),
            ("trailer", b"x"),
            ("connection", b"close"),
            ("keep-alive", b"x"),
            ("host", b"x"),
            ("set-cookie", b"a=b"),
            ("content-type", b"x"),
            ("authorization", b"x"),
            ("www-authenticate", b"x"),
            ("cache-control", b"x"),
            (":status", b"200"),
            ("x", b"a\r\nb: c"),
            ("x\r\ny", b"a"),
        ] {
            let mut map = HeaderMap::new();
            assert!(
                matches!(
                    trailers(fields(&[(name, value)]), &mut map),
                    Err(Violation::InvalidEvent(_))
                ),
                "{name:?}"
            );
        }
    }

    #[test]
    fn e06_trailers_are_bounded_over_all_events() {
        let mut map = HeaderMap::new();
        let many: Vec<_> = (0..256).map(|_| ("x", &b"1"[..])).collect();
        trailers(fields(&many), &mut map).unwrap();
        assert!(matches!(
            trailers(fields(&[("x", b"1")]), &mut map),
            Err(Violation::LimitExceeded(_))
        ));
        let mut map = HeaderMap::new();
        let long = vec![b'x'; 40_000];
        trailers(fields(&[("x", &long)]), &mut map).unwrap();
        assert!(matches!(
            trailers(fields(&[("x", &long)]), &mut map),
            Err(Violation::LimitExceeded(_))
        ));
    }

    #[test]
    fn e06_te_is_a_list() {
        for (te, takes) in [
            ("trailers", true),
            ("gzip;q=1, Trailers", true),
            ("trailersx", false),
            ("gzip", false),
            ("", false),
        ] {
            let mut map = HeaderMap::new();
            map.append("te", HeaderValue::from_static("deflate"));
            map.append("te", HeaderValue::from_static(te));
            assert_eq!(takes_trailers(&map), takes, "{te}");
        }
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        let mut long = fields(&[("a", b"b")]);
        long.lengths[0].value = u32::MAX;
        assert!(response(long).is_err());
        let mut short = fields(&[("a", b"bc")]);
        short.lengths[0].value = 1;
        assert!(response(short).is_err());
    }
}
