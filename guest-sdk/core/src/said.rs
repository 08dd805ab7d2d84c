//! What an SDK tells the host: `action` of the WIT in plain types.

use std::ops::{Range, RangeInclusive};

use crate::call::Body;
use crate::fields::Fields;
use crate::websocket::Payload;

/// An action on its way, with bodies that are not copied yet. `B` is a body; `None` is an empty one.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are those of wit/types.wit")]
pub enum Said<B: Body> {
    /// Answers `lifespan.startup` (`L-03`).
    Startup(Startup),
    /// Answers `lifespan.shutdown` (`L-03`); `Err` is `failed`, with a text for the log.
    Shutdown(Result<(), String>),
    /// A whole response.
    Respond {
        call: u64,
        status: u16,
        headers: Fields,
        body: Option<B>,
    },
    /// A head, with bodies to follow.
    Start { call: u64, start: Start },
    /// A piece of a body.
    Body {
        call: u64,
        body: Option<B>,
        /// The part of the body that this action carries.
        part: Range<usize>,
        more: bool,
    },
    /// Trailers (`E-06`).
    Trailers {
        call: u64,
        headers: Fields,
        more: bool,
    },
    /// An early hint (`E-04`): values of `link` headers.
    EarlyHint { call: u64, links: Vec<Vec<u8>> },
    /// A file as the body (`E-02`).
    Pathsend { call: u64, path: String },
    /// Accepts a WebSocket (`W-05`).
    Accept {
        call: u64,
        subprotocol: Option<String>,
        headers: Fields,
    },
    /// A message to the client (`W-09`).
    Message { call: u64, payload: Payload<B> },
    /// Closes a WebSocket (`W-12`) or refuses it (`W-07`).
    Close {
        call: u64,
        code: u16,
        reason: String,
    },
    /// Credit for bytes of the request's body (`Q-06`), or for messages at their price.
    Read { call: u64, bytes: u32 },
    /// The app has ended, and nothing follows for this call.
    Finished { call: u64, outcome: Outcome },
}

/// How the app took `lifespan.startup`. Texts are for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Startup {
    /// It is ready.
    Complete,
    /// It knows no lifespan (`L-04`, `L-07`).
    Unsupported(String),
    /// It cannot serve (`L-05`).
    Failed(String),
}

/// `http.response.start` (`R-01`).
#[derive(Debug, PartialEq, Eq)]
pub struct Start {
    /// Within [`Start::STATUS`].
    pub status: u16,
    /// Checked and lowered.
    pub headers: Fields,
    /// Whether trailers follow the body (`E-06`).
    pub trailers: bool,
}

impl Start {
    /// What a response may have as its status (`R-10`).
    pub const STATUS: RangeInclusive<u16> = 200..=999;
}

/// How the app callable ended (`X-01`–`X-07`); the text of `Raised` is for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It returned, or failed because the client was gone (`A-09`).
    Returned,
    /// It failed.
    Raised(String),
}

impl<B: Body> Said<B> {
    /// Bytes of lists and strings.
    #[inline(always)]
    pub(crate) fn size(&self) -> usize {
        match self {
            Said::Startup(Startup::Unsupported(text) | Startup::Failed(text))
            | Said::Shutdown(Err(text))
            | Said::Finished {
                outcome: Outcome::Raised(text),
                ..
            } => text.len(),
            Said::Respond { headers, body, .. } => {
                headers.size() + body.as_ref().map_or(0, Body::len)
            }
            Said::Start { start, .. } => start.headers.size(),
            Said::Body { part, .. } => part.len(),
            Said::Trailers { headers, .. } => headers.size(),
            Said::EarlyHint { links, .. } => links.iter().map(|link| link.len() + 8).sum(),
            Said::Pathsend { path, .. } => path.len(),
            Said::Accept {
                subprotocol,
                headers,
                ..
            } => headers.size() + subprotocol.as_ref().map_or(0, String::len),
            Said::Message { payload, .. } => payload.size(),
            Said::Close { reason, .. } => reason.len(),
            Said::Startup(Startup::Complete)
            | Said::Shutdown(Ok(()))
            | Said::Read { .. }
            | Said::Finished { .. } => 0,
        }
    }
}
