//! What the app has said and the host does not know yet, cut into batches that the contract allows.

use std::ops::Range;

use crate::call::Bytes;
use crate::fields::Fields;

/// Most actions in one `exchange` or `say` (`wit/world.wit`, "Bounds of a batch").
const MAX_ACTIONS: usize = 1_024;
/// Most bytes of lists and strings in one of them: a mebibyte.
const MAX_BATCH_BYTES: usize = 1 << 20;

/// An action on its way, `wit`'s `action` with bodies that are not copied yet. `B` is a body; `None` is an empty one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said<B> {
    Startup(Startup),
    /// `Err` is `failed`.
    Shutdown(Result<(), String>),
    Respond {
        call: u64,
        status: u16,
        headers: Fields,
        body: Option<B>,
    },
    Start {
        call: u64,
        start: Start,
    },
    Body {
        call: u64,
        body: Option<B>,
        /// The part of the body that this action carries.
        part: Range<usize>,
        more: bool,
    },
    Trailers {
        call: u64,
        headers: Fields,
        more: bool,
    },
    EarlyHint {
        call: u64,
        links: Vec<Vec<u8>>,
    },
    Pathsend {
        call: u64,
        path: String,
    },
    /// Refuses a WebSocket, which this version does not serve (`W-07`).
    Close {
        call: u64,
        code: u16,
    },
    Read {
        call: u64,
        bytes: u32,
    },
    Finished {
        call: u64,
        outcome: Outcome,
    },
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Startup {
    Complete,
    Unsupported(String),
    Failed(String),
}

/// `http.response.start` (`R-01`).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) status: u16,
    pub(crate) headers: Fields,
    pub(crate) trailers: bool,
}

/// How the app callable ended (`X-01`–`X-07`); the text of `Raised` is for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Returned,
    Raised(String),
}

impl<B: Bytes> Said<B> {
    /// Bytes of lists and strings.
    fn size(&self) -> usize {
        match self {
            Said::Startup(Startup::Unsupported(text) | Startup::Failed(text))
            | Said::Shutdown(Err(text))
            | Said::Finished {
                outcome: Outcome::Raised(text),
                ..
            } => text.len(),
            Said::Respond { headers, body, .. } => {
                headers.size() + body.as_ref().map_or(0, Bytes::len)
            }
            Said::Start { start, .. } => start.headers.size(),
            Said::Body { part, .. } => part.len(),
            Said::Trailers { headers, .. } => headers.size(),
            Said::EarlyHint { links, .. } => links.iter().map(|link| link.len() + 8).sum(),
            Said::Pathsend { path, .. } => path.len(),
            Said::Startup(Startup::Complete)
            | Said::Shutdown(Ok(()))
            | Said::Close { .. }
            | Said::Read { .. }
            | Said::Finished { .. } => 0,
        }
    }
}

/// What is said in this turn.
pub(crate) struct Outbox<B> {
    /// Full batches, to be said before the last one.
    full: Vec<Vec<Said<B>>>,
    last: Vec<Said<B>>,
    last_bytes: usize,
}

impl<B: Bytes> Outbox<B> {
    pub(crate) const fn new() -> Outbox<B> {
        Outbox {
            full: Vec::new(),
            last: Vec::new(),
            last_bytes: 0,
        }
    }

    pub(crate) fn push(&mut self, said: Said<B>) {
        let bytes = said.size();
        if self.last.len() == MAX_ACTIONS || self.last_bytes + bytes > MAX_BATCH_BYTES {
            self.full.push(std::mem::take(&mut self.last));
            self.last_bytes = 0;
        }
        self.last_bytes += bytes;
        self.last.push(said);
    }

    /// The batches of this turn; the last one is for `exchange` and may be empty. `spare` is an empty list whose
    /// room is used again.
    pub(crate) fn take(&mut self, spare: Vec<Said<B>>) -> (Vec<Vec<Said<B>>>, Vec<Said<B>>) {
        self.last_bytes = 0;
        (
            std::mem::take(&mut self.full),
            std::mem::replace(&mut self.last, spare),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(bytes: usize) -> Said<Vec<u8>> {
        Said::Body {
            call: 1,
            body: Some(vec![0; bytes]),
            part: 0..bytes,
            more: true,
        }
    }

    #[test]
    fn a_batch_has_at_most_1024_actions() {
        let mut outbox = Outbox::new();
        for _ in 0..2_049 {
            outbox.push(piece(0));
        }
        let (full, last) = outbox.take(Vec::new());
        assert_eq!(
            full.iter().map(Vec::len).collect::<Vec<_>>(),
            [1_024, 1_024]
        );
        assert_eq!(last.len(), 1);
    }

    #[test]
    fn a_batch_has_at_most_a_mebibyte() {
        let mut outbox = Outbox::new();
        for _ in 0..5 {
            outbox.push(piece(262_144));
        }
        let (full, last) = outbox.take(Vec::new());
        assert_eq!((full.len(), last.len()), (1, 1));
        outbox.push(piece(1_000_000));
        assert_eq!(outbox.take(Vec::new()).0.len(), 0);
    }
}
