//! What is wrong with a request, and what it is answered.

use http::StatusCode;

/// Why a request is refused before any app is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The answer.
    pub status: StatusCode,
    /// One or two words for the access line.
    pub word: &'static str,
    /// For the log.
    pub why: &'static str,
}

impl Verdict {
    /// 400.
    pub(super) const fn bad(why: &'static str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            word: "refused",
            why,
        }
    }

    /// 501.
    pub(super) const fn not_offered(why: &'static str) -> Self {
        Self {
            status: StatusCode::NOT_IMPLEMENTED,
            word: "refused",
            why,
        }
    }

    /// `P-15`.
    pub(super) const VERSION: Self = Self {
        status: StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        word: "refused",
        why: "a version of HTTP that is not spoken here",
    };

    /// `P-14`.
    pub(in crate::server) const TARGET_TOO_LONG: Self = Self {
        status: StatusCode::URI_TOO_LONG,
        word: "target-too-long",
        why: "the target is too long",
    };

    /// `P-12`.
    pub(super) const HEAD_TOO_LARGE: Self = Self {
        status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        word: "head-too-large",
        why: "the head has too many bytes",
    };

    /// `P-13`.
    pub(in crate::server) const TOO_MANY_FIELDS: Self = Self {
        status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        word: "head-too-large",
        why: "the head has too many fields",
    };

    /// `T-02`.
    pub(super) const HEAD_TOO_SLOW: Self = Self {
        status: StatusCode::REQUEST_TIMEOUT,
        word: "head-stalled",
        why: "the head did not come in time",
    };
}
