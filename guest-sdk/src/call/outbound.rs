//! The response on its way to the host: the order of events, the announced length, and the credit.
//!
//! Every event is checked completely before anything changes (`A-06`). What the host has no room for waits
//! in a backlog, cut into pieces that the contract allows.

use std::collections::VecDeque;

use bytes::Bytes;

use super::framing::Framing;
use super::{MARK, MAX_PIECE};
use crate::SendError;
use crate::bindings::types::{
    Action, BodyChunk, EarlyHint, Extensions, Pathsend, Response, ResponseStart, Trailers,
};
use crate::headers::{MAX_HEADER_BYTES, Written};
use crate::hub::Outbox;

pub(crate) struct Outbound {
    phase: Phase,
    offered: Extensions,
    framing: Framing,
    trailers: bool,
    /// `start`, until the end of the turn or the first body.
    held: Option<ResponseStart>,
    /// Bytes that the host has and has not reported gone.
    at_host: usize,
    backlog: VecDeque<Waiting>,
    backlog_bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing but early hints.
    Head,
    Body,
    Trailers,
    Complete,
}

/// An action that has to wait for credit, or for one that does.
enum Waiting {
    Body(Bytes, bool),
    Trailers(Trailers),
}

impl Outbound {
    pub(crate) fn new(head: bool, offered: Extensions) -> Outbound {
        Outbound {
            phase: Phase::Head,
            offered,
            framing: Framing::new(head),
            trailers: false,
            held: None,
            at_host: 0,
            backlog: VecDeque::new(),
            backlog_bytes: 0,
        }
    }

    // ------------------------------------------------------------ events of the app

    /// `http.response.start` (`R-01`).
    pub(crate) fn start(
        &mut self,
        call: u64,
        status: u16,
        headers: Written,
        trailers: bool,
    ) -> Result<(), SendError> {
        self.check_start(status)?;
        if trailers && !self.offered.contains(Extensions::TRAILERS) {
            return Err(SendError::Unsupported("http.response.trailers"));
        }
        self.phase = Phase::Body;
        self.trailers = trailers;
        self.framing.start(status, headers.content_length);
        self.held = Some(ResponseStart {
            call,
            status,
            headers: headers.fields,
            trailers,
        });
        Ok(())
    }

    /// `http.response.body` (`R-02`).
    pub(crate) fn body(
        &mut self,
        call: u64,
        body: Bytes,
        more: bool,
        outbox: &mut Outbox,
    ) -> Result<(), SendError> {
        match self.phase {
            Phase::Head => return Err(SendError::InvalidState("a body before the start".into())),
            Phase::Trailers => {
                return Err(SendError::InvalidState("a body after the last body".into()));
            }
            Phase::Body | Phase::Complete => {}
        }
        self.framing.count(body.len(), more)?;
        if !more {
            self.phase = if self.trailers {
                Phase::Trailers
            } else {
                Phase::Complete
            };
        }

        match self.held.take() {
            // The whole response in one turn: one action.
            Some(start) if !more && !start.trailers && body.len() <= MAX_PIECE => {
                self.respond_now(start, body, outbox);
            }
            held => {
                if let Some(start) = held {
                    outbox.push(Action::Start(start));
                }
                let body = if self.framing.is_bodiless() {
                    Bytes::new()
                } else {
                    body
                };
                self.queue(call, Waiting::Body(body, more), outbox);
            }
        }
        Ok(())
    }

    /// `http.response.start` and the only `http.response.body` at once.
    pub(crate) fn respond(
        &mut self,
        call: u64,
        status: u16,
        headers: Written,
        body: Bytes,
        outbox: &mut Outbox,
    ) -> Result<(), SendError> {
        self.check_start(status)?;
        let Written {
            fields,
            content_length,
        } = headers;
        self.framing
            .check_whole(status, content_length, body.len())?;
        self.phase = Phase::Complete;
        self.framing.start(status, content_length);
        let start = ResponseStart {
            call,
            status,
            headers: fields,
            trailers: false,
        };
        if body.len() <= MAX_PIECE {
            self.respond_now(start, body, outbox);
        } else {
            outbox.push(Action::Start(start));
            let body = if self.framing.is_bodiless() {
                Bytes::new()
            } else {
                body
            };
            self.queue(call, Waiting::Body(body, false), outbox);
        }
        Ok(())
    }

    /// `http.response.trailers` (`E-06`).
    pub(crate) fn trailers(
        &mut self,
        call: u64,
        headers: Written,
        more: bool,
        outbox: &mut Outbox,
    ) -> Result<(), SendError> {
        if !self.offered.contains(Extensions::TRAILERS) {
            return Err(SendError::Unsupported("http.response.trailers"));
        }
        if self.phase != Phase::Trailers {
            let why = if self.trailers {
                "trailers before the end of the body"
            } else {
                "trailers that `start` did not announce"
            };
            return Err(SendError::InvalidState(why.into()));
        }
        if !more {
            self.phase = Phase::Complete;
        }
        self.queue(
            call,
            Waiting::Trailers(Trailers {
                call,
                headers: headers.fields,
                more_trailers: more,
            }),
            outbox,
        );
        Ok(())
    }

    /// `http.response.early_hint` (`E-04`).
    pub(crate) fn early_hint(
        &mut self,
        call: u64,
        links: Vec<Vec<u8>>,
        outbox: &mut Outbox,
    ) -> Result<(), SendError> {
        if !self.offered.contains(Extensions::EARLY_HINT) {
            return Err(SendError::Unsupported("http.response.early_hint"));
        }
        if self.phase != Phase::Head {
            return Err(SendError::InvalidState(
                "an early hint after the start".into(),
            ));
        }
        if links
            .iter()
            .flatten()
            .any(|byte| matches!(byte, b'\r' | b'\n' | 0))
        {
            return Err(SendError::InvalidEvent("a link with a line break".into()));
        }
        if links.iter().map(|link| link.len() + 8).sum::<usize>() > MAX_HEADER_BYTES {
            return Err(SendError::LimitExceeded(
                "more than 65536 bytes of links".into(),
            ));
        }
        outbox.push(Action::EarlyHint(EarlyHint { call, links }));
        Ok(())
    }

    /// `http.response.pathsend` (`E-02`).
    pub(crate) fn pathsend(
        &mut self,
        call: u64,
        path: String,
        outbox: &mut Outbox,
    ) -> Result<(), SendError> {
        if !self.offered.contains(Extensions::PATHSEND) {
            return Err(SendError::Unsupported("http.response.pathsend"));
        }
        if self.phase != Phase::Body
            || self.trailers
            || self.framing.has_written()
            || !self.backlog.is_empty()
        {
            return Err(SendError::InvalidState(
                "pathsend is for right after the start, in place of any body".into(),
            ));
        }
        if !path.starts_with('/') || path.contains('\0') || path.len() > 4_096 {
            return Err(SendError::InvalidEvent(
                "pathsend takes an absolute path of at most 4096 bytes".into(),
            ));
        }
        self.phase = Phase::Complete;
        self.flush_start(outbox);
        outbox.push(Action::Pathsend(Pathsend { call, path }));
        Ok(())
    }

    // ------------------------------------------------------------ checks

    fn check_start(&self, status: u16) -> Result<(), SendError> {
        if self.phase != Phase::Head {
            return Err(SendError::InvalidState("a second start".into()));
        }
        if !(200..=999).contains(&status) {
            return Err(SendError::InvalidEvent(
                format!("status {status} is not within 200..=999").into(),
            ));
        }
        Ok(())
    }

    // ------------------------------------------------------------ towards the host

    fn respond_now(&mut self, start: ResponseStart, body: Bytes, outbox: &mut Outbox) {
        let ResponseStart {
            call,
            status,
            headers,
            ..
        } = start;
        let body = if self.framing.drops_whole(status) {
            Vec::new()
        } else {
            Vec::from(body)
        };
        self.at_host += body.len();
        outbox.push(Action::Respond(Response {
            call,
            status,
            headers,
            body,
        }));
    }

    fn queue(&mut self, call: u64, what: Waiting, outbox: &mut Outbox) {
        if let Waiting::Body(body, _) = &what {
            self.backlog_bytes += body.len();
        }
        self.backlog.push_back(what);
        self.pump(call, outbox);
    }

    /// Says what the credit allows. The action that crosses the mark goes whole, the next one waits.
    pub(crate) fn pump(&mut self, call: u64, outbox: &mut Outbox) {
        while let Some(first) = self.backlog.front_mut() {
            match first {
                Waiting::Body(..) if self.at_host > MARK => return,
                Waiting::Body(body, _) if body.len() > MAX_PIECE => {
                    let piece = body.split_to(MAX_PIECE);
                    self.say_body(call, piece, true, outbox);
                    continue;
                }
                _ => {}
            }
            match self.backlog.pop_front() {
                Some(Waiting::Body(body, more)) => self.say_body(call, body, more, outbox),
                Some(Waiting::Trailers(trailers)) => outbox.push(Action::Trailers(trailers)),
                None => return,
            }
        }
    }

    fn say_body(&mut self, call: u64, body: Bytes, more_body: bool, outbox: &mut Outbox) {
        self.backlog_bytes -= body.len();
        self.at_host += body.len();
        outbox.push(Action::Body(BodyChunk {
            call,
            body: Vec::from(body),
            more_body,
        }));
    }

    /// The head goes out alone.
    pub(crate) fn flush_start(&mut self, outbox: &mut Outbox) {
        if let Some(start) = self.held.take() {
            outbox.push(Action::Start(start));
        }
    }

    /// Whether a `start` waits for the end of the turn.
    pub(crate) fn holds_start(&self) -> bool {
        self.held.is_some()
    }

    /// The host reports bytes gone.
    pub(crate) fn drained(&mut self, bytes: usize) {
        self.at_host = self.at_host.saturating_sub(bytes);
    }

    /// Nobody is listening: what waits is dropped.
    pub(crate) fn abandon(&mut self) {
        self.held = None;
        self.backlog.clear();
        self.backlog_bytes = 0;
    }

    /// Bytes that have not left the host, here and there.
    pub(crate) fn unsent(&self) -> usize {
        self.at_host + self.backlog_bytes
    }

    pub(crate) fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Everything has been said by the app, though some of it may still wait for credit.
    pub(crate) fn is_complete(&self) -> bool {
        self.phase == Phase::Complete
    }
}
