//! The handshake: which requests ask for a WebSocket, what is wrong with some, and how one is accepted (RFC 6455 4.2, RFC 8441).
//!
//! `request.rs` asks it of each head. Over HTTP/1.1 it is an upgrade of GET and answered with 101, over HTTP/2 an extended CONNECT and
//! answered with 200. Whether it is accepted at all is the app's to say.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode, Version};
use hyper::ext::Protocol;
use tungstenite::handshake::derive_accept_key;

use super::offer::{self, Agreed};

/// A handshake that is good so far.
#[derive(Debug)]
pub(in crate::server) struct Offer {
    /// In the client's order.
    pub(in crate::server) subprotocols: Vec<String>,
    /// What proves that we have read its key; none over HTTP/2, which has no key.
    accept: Option<HeaderValue>,
    deflate: Option<Agreed>,
}

/// A handshake that cannot be one (`W-26`).
#[derive(Debug, PartialEq, Eq)]
pub(in crate::server) struct Wrong {
    pub(in crate::server) status: StatusCode,
    /// What the client is told besides.
    pub(in crate::server) header: Option<(HeaderName, HeaderValue)>,
    /// For the log.
    pub(in crate::server) why: &'static str,
}

/// Whether a head asks for a WebSocket. Any other upgrade, and one over HTTP/1.0, is ignored (`M-10`, `P-18`).
pub(in crate::server) fn asks<B>(request: &http::Request<B>) -> bool {
    match request.version() {
        Version::HTTP_11 => {
            // Most requests have no such header, and end here.
            request.headers().contains_key(header::UPGRADE)
                && lists(request.headers(), header::UPGRADE, "websocket")
                && lists(request.headers(), header::CONNECTION, "upgrade")
        }
        Version::HTTP_2 if request.method() == Method::CONNECT => {
            let protocol = request.extensions().get::<Protocol>();
            protocol.is_some_and(|protocol| protocol.as_str() == "websocket")
        }
        _ => false,
    }
}

/// Reads the handshake of a head that asks for one. `has_body`: a body follows it. `with_deflate`: messages may be compressed.
pub(in crate::server) fn read(
    parts: &Parts,
    has_body: bool,
    with_deflate: bool,
) -> Result<Offer, Wrong> {
    let wrong = |status, header, why| {
        Err(Wrong {
            status,
            header,
            why,
        })
    };
    let over_http_1 = parts.version < Version::HTTP_2;
    if over_http_1 && parts.method != Method::GET {
        let get = (header::ALLOW, HeaderValue::from_static("GET"));
        return wrong(
            StatusCode::METHOD_NOT_ALLOWED,
            Some(get),
            "a WebSocket that is not asked for with GET",
        );
    }
    if has_body {
        return wrong(
            StatusCode::BAD_REQUEST,
            None,
            "a WebSocket's handshake with a body",
        );
    }
    let headers = &parts.headers;
    if only(headers, header::SEC_WEBSOCKET_VERSION) != Some(b"13") {
        let version = (
            header::SEC_WEBSOCKET_VERSION,
            HeaderValue::from_static("13"),
        );
        // 426 speaks of `Upgrade`, which HTTP/2 does not have.
        let status = if over_http_1 {
            StatusCode::UPGRADE_REQUIRED
        } else {
            StatusCode::BAD_REQUEST
        };
        return wrong(
            status,
            Some(version),
            "a version of WebSocket other than 13",
        );
    }
    let accept = if over_http_1 {
        let key = only(headers, header::SEC_WEBSOCKET_KEY);
        let Some(key) = key.filter(|key| is_key(key)) else {
            return wrong(
                StatusCode::BAD_REQUEST,
                None,
                "a Sec-WebSocket-Key that is missing or malformed",
            );
        };
        HeaderValue::from_str(&derive_accept_key(key)).ok()
    } else {
        None
    };
    Ok(Offer {
        subprotocols: list(headers, header::SEC_WEBSOCKET_PROTOCOL)
            .map(str::to_owned)
            .collect(),
        accept,
        deflate: with_deflate.then(|| offer::agree(headers)).flatten(),
    })
}

impl Offer {
    /// Of what we compress, if anything.
    pub(super) fn window_bits(&self) -> Option<u8> {
        self.deflate.as_ref().map(|agreed| agreed.window_bits)
    }

    /// Status and headers of the answer that accepts it; `headers` are the app's.
    pub(in crate::server) fn accepted(
        &self,
        subprotocol: Option<HeaderValue>,
        mut headers: HeaderMap,
    ) -> (StatusCode, HeaderMap) {
        let status = match &self.accept {
            None => StatusCode::OK,
            Some(accept) => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept.clone());
                StatusCode::SWITCHING_PROTOCOLS
            }
        };
        if let Some(subprotocol) = subprotocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
        }
        if let Some(agreed) = &self.deflate {
            headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, agreed.answer.clone());
        }
        (status, headers)
    }
}

/// RFC 6455 4.1: 16 bytes in base64.
fn is_key(key: &[u8]) -> bool {
    let digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.strip_suffix(b"==")
        .is_some_and(|digits| digits.len() == 22 && digits.iter().all(digit))
}

/// The value of a header that stands there once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&[u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values
        .next()
        .is_none()
        .then(|| value.as_bytes().trim_ascii())
}

/// The elements of a list, over all lines of its name.
fn list(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|element| !element.is_empty())
}

fn lists(headers: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    list(headers, name).any(|element| element.eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn request(changes: &[(&str, &str)]) -> http::Request<()> {
        let mut request = http::Request::get("/").body(()).unwrap();
        let usual = [
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", KEY),
        ];
        let kept = usual
            .iter()
            .filter(|(name, _)| changes.iter().all(|(other, _)| other != name));
        for (name, value) in kept.chain(changes.iter().filter(|(_, value)| !value.is_empty())) {
            let name: HeaderName = name.parse().unwrap();
            request
                .headers_mut()
                .append(name, HeaderValue::from_str(value).unwrap());
        }
        request
    }

    fn read_of(changes: &[(&str, &str)]) -> Result<Offer, Wrong> {
        read(&request(changes).into_parts().0, false, true)
    }

    #[test]
    fn w26_what_browsers_send_asks_for_a_websocket() {
        for changes in [
            &[][..],
            &[("connection", "keep-alive, Upgrade")],
            &[("connection", "keep-alive"), ("connection", "upgrade")],
            &[("upgrade", "WebSocket")],
        ] {
            assert!(asks(&request(changes)), "{changes:?}");
            assert!(read_of(changes).is_ok(), "{changes:?}");
        }
    }

    #[test]
    fn m10_p18_other_upgrades_ask_for_none() {
        for changes in [
            [("upgrade", "h2c")],
            [("upgrade", "")],
            [("connection", "keep-alive")],
            [("connection", "")],
        ] {
            assert!(!asks(&request(&changes)), "{changes:?}");
        }
        let mut old = request(&[]);
        *old.version_mut() = Version::HTTP_10;
        assert!(!asks(&old));
    }

    #[test]
    fn w26_handshakes_that_cannot_be_one() {
        let status = |changes: &[(&str, &str)]| read_of(changes).unwrap_err().status.as_u16();
        for key in [
            "",
            "x",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25jZQ===",
            "dGhl*HNhbXBsZSBub25jZQ==",
            "AAAA",
        ] {
            assert_eq!(status(&[("sec-websocket-key", key)]), 400, "{key:?}");
        }
        assert_eq!(
            status(&[("sec-websocket-key", KEY), ("sec-websocket-key", KEY)]),
            400
        );
        for version in ["", "8", "12", "14", "13, 8", "+13"] {
            let wrong = read_of(&[("sec-websocket-version", version)]).unwrap_err();
            assert_eq!(wrong.status, 426, "{version:?}");
            assert_eq!(wrong.header.unwrap().1, "13");
        }
        let mut post = request(&[]);
        *post.method_mut() = Method::POST;
        let wrong = read(&post.into_parts().0, false, true).unwrap_err();
        assert_eq!(
            (wrong.status.as_u16(), wrong.header.unwrap().1),
            (405, HeaderValue::from_static("GET"))
        );
        let body = read(&request(&[]).into_parts().0, true, true);
        assert_eq!(body.unwrap_err().status, 400);
    }

    #[test]
    fn w01_subprotocols_are_in_the_clients_order() {
        let lists = [
            ("sec-websocket-protocol", "chat,  v2 ,"),
            ("sec-websocket-protocol", "a"),
        ];
        assert_eq!(read_of(&lists).unwrap().subprotocols, ["chat", "v2", "a"]);
        assert!(read_of(&[]).unwrap().subprotocols.is_empty());
    }

    #[test]
    fn w31_the_answer_has_what_was_agreed_on_and_the_apps_headers() {
        let offer = read_of(&[("sec-websocket-extensions", "permessage-deflate")]).unwrap();
        let mut own = HeaderMap::new();
        own.insert("set-cookie", HeaderValue::from_static("a=b"));
        let chat = HeaderValue::from_static("chat");
        let (status, headers) = offer.accepted(Some(chat), own);
        assert_eq!(status, 101);
        // RFC 6455 1.3.
        assert_eq!(
            headers["sec-websocket-accept"],
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
        assert_eq!(headers["upgrade"], "websocket");
        assert_eq!(headers["connection"], "upgrade");
        assert_eq!(headers["sec-websocket-protocol"], "chat");
        assert_eq!(headers["set-cookie"], "a=b");
        assert!(headers.contains_key("sec-websocket-extensions"));
        let off = read(
            &request(&[("sec-websocket-extensions", "permessage-deflate")])
                .into_parts()
                .0,
            false,
            false,
        );
        let (_, headers) = off.unwrap().accepted(None, HeaderMap::new());
        assert!(!headers.contains_key("sec-websocket-extensions"));
    }
}
