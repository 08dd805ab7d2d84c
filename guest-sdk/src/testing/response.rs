//! What came back.

use bytes::Bytes;

use crate::Headers;
use crate::bindings::types::Fields;

/// How the app callable ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It returned, or the error was a disconnect (`A-09`).
    Returned,
    /// It raised; with the text that the app's log gets.
    Raised(String),
}

/// A response, whole or as far as it has come.
#[derive(Debug, Clone)]
pub struct Response {
    pub(super) status: Option<u16>,
    pub(super) headers: Headers,
    pub(super) chunks: Vec<Bytes>,
    pub(super) trailers: Option<Headers>,
    pub(super) early_hints: Vec<Vec<u8>>,
    pub(super) pathsend: Option<String>,
    pub(super) complete: bool,
    pub(super) outcome: Option<Outcome>,
    /// It came as one `respond`.
    pub(super) in_one: bool,
}

impl Response {
    pub(super) fn new() -> Response {
        Response {
            status: None,
            headers: Headers::new(Fields {
                text: Vec::new(),
                lengths: Vec::new(),
            }),
            chunks: Vec::new(),
            trailers: None,
            early_hints: Vec::new(),
            pathsend: None,
            complete: false,
            outcome: None,
            in_one: false,
        }
    }

    /// The status that a client sees. An app that ended without a response, or right after its start, is a 500 (`X-01`,
    /// `X-02`, `X-05`, `X-06`).
    ///
    /// # Panics
    ///
    /// When there is no head yet.
    #[track_caller]
    pub fn status(&self) -> u16 {
        match self.status {
            Some(status) if self.complete || !self.chunks.is_empty() || self.outcome.is_none() => {
                status
            }
            _ if self.outcome.is_some() => 500,
            _ => panic!("there is no response yet"),
        }
    }

    /// Whether the app has said a status.
    pub fn has_started(&self) -> bool {
        self.status.is_some()
    }

    /// The headers that the app sent.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The first value of a header that is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get_str(name)
    }

    /// The body as far as it has come.
    pub fn body(&self) -> Bytes {
        match self.chunks.as_slice() {
            [] => Bytes::new(),
            [whole] => whole.clone(),
            many => many.concat().into(),
        }
    }

    /// The body as text, with U+FFFD for what is not UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }

    /// The pieces in which the host got the body. Empty ones are left out.
    pub fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    /// The trailers (`E-06`).
    pub fn trailers(&self) -> Option<&Headers> {
        self.trailers.as_ref()
    }

    /// The `link` values of early hints (`E-04`).
    pub fn early_hints(&self) -> &[Vec<u8>] {
        &self.early_hints
    }

    /// The path of `http.response.pathsend` (`E-02`).
    pub fn pathsend(&self) -> Option<&str> {
        self.pathsend.as_deref()
    }

    /// Whether the response is whole.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether the client sees it cut off: the app ended in the middle (`X-03`, `X-07`).
    pub fn is_truncated(&self) -> bool {
        self.outcome.is_some() && !self.complete && !self.chunks.is_empty()
    }

    /// How the app ended; `None` while it runs.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// Whether head and body came as one action, the fast way.
    pub fn came_in_one(&self) -> bool {
        self.in_one
    }
}
