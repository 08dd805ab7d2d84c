//! Requests that end without an app's response: why, and what the client gets (`G-13`, `G-24`).
//!
//! One table for all of them: `request.rs`, and what it asks, says why; the client learns a status and its name.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode, Version};

use super::access::Access;
use super::body::ResponseBody;
use super::concurrency::Full;
use super::file::Unfit;
use super::websocket::Wrong;
use super::wire::Verdict;
use crate::asgi::call::Failure;
use crate::asgi::scope;
use crate::wasm::pool::Unavailable;

/// Why there is no app's response.
pub(super) struct Refused {
    status: StatusCode,
    /// For the access line.
    word: &'static str,
    /// What the client sends further on is not read: the connection closes.
    closes: bool,
    /// What the client is told besides.
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refused {
    /// The connection goes on.
    pub(super) fn new(status: StatusCode, word: &'static str) -> Self {
        Self {
            status,
            word,
            closes: false,
            header: None,
        }
    }

    /// What the client gets.
    pub(super) fn respond(self, mut access: Access, version: Version) -> Response<ResponseBody> {
        let status = self.status;
        access.status(status);
        access.outcome(self.word);
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        headers.extend(self.header);
        if self.closes && version < Version::HTTP_2 {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let soon = HeaderValue::from_static("1");
            headers.entry(header::RETRY_AFTER).or_insert(soon);
        }
        let own = &access.connection().server.settings.headers;
        own.add_to(&mut headers);
        let reason = status.canonical_reason().unwrap_or("Error");
        let reason = Bytes::from_static(reason.as_bytes());
        let mut response = Response::new(ResponseBody::whole(reason, access));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

impl From<Verdict> for Refused {
    fn from(verdict: Verdict) -> Self {
        tracing::debug!("refused: {}", verdict.why);
        Self {
            closes: true,
            ..Self::new(verdict.status, verdict.word)
        }
    }
}

impl From<scope::Refusal> for Refused {
    fn from(refusal: scope::Refusal) -> Self {
        tracing::debug!("refused: {}", refusal.why);
        Self::new(refusal.status, "refused")
    }
}

/// What stands behind such a handshake may be frames or a body, and is not HTTP for certain.
impl From<Wrong> for Refused {
    fn from(wrong: Wrong) -> Self {
        tracing::debug!("refused: {}", wrong.why);
        Self {
            closes: true,
            header: wrong.header,
            ..Self::new(wrong.status, "refused")
        }
    }
}

impl From<Unavailable> for Refused {
    fn from(why: Unavailable) -> Self {
        let header = match why {
            // Rounded up, so that whoever comes then is not too early.
            Unavailable::Down(time) => {
                let seconds = HeaderValue::from(time.as_secs() + 1);
                Some((header::RETRY_AFTER, seconds))
            }
            _ => None,
        };
        Self {
            header,
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
    }
}

impl From<Full> for Refused {
    fn from(_: Full) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "over-limit")
    }
}

/// A file that cannot be sent is the app's fault, found out before anything was (`E-02`).
impl From<Unfit> for Refused {
    fn from(_: Unfit) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "violation")
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self {
            closes: matches!(
                failure,
                Failure::BodyStalled | Failure::BodyTooLarge | Failure::BodyBroken
            ),
            ..Self::new(failure.status(), failure.word())
        }
    }
}
