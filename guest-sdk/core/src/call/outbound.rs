//! The response on its way to the host: the order of events, the announced length, and the credit.
//!
//! Every event is checked completely before anything changes (`A-06`). What the host has no room for waits
//! in a backlog, cut into pieces that the contract allows.

use std::collections::VecDeque;

use super::framing::Framing;
use super::{Body, MARK, MAX_PIECE, Offered};
use crate::fields::{Fields, MAX_HEADER_BYTES};
use crate::outbox::Outbox;
use crate::refused::{Misplaced, Refused};
use crate::said::{Said, Start};

/// Most bytes of a path.
const MAX_PATH: usize = 4_096;

#[derive(Debug)]
pub(crate) struct Outbound<B> {
    phase: Phase,
    offered: Offered,
    framing: Framing,
    trailers: bool,
    /// `start`, until the end of the turn or the first body (`R-04`).
    held: Option<Start>,
    /// Bytes that the host has and has not reported gone.
    at_host: usize,
    backlog: VecDeque<Waiting<B>>,
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
#[derive(Debug)]
enum Waiting<B> {
    /// What is left of a body from `from` on.
    Body {
        body: Option<B>,
        from: usize,
        more: bool,
    },
    Trailers {
        headers: Fields,
        more: bool,
    },
}

impl<B: Body> Outbound<B> {
    pub(crate) fn new(head: bool, offered: Offered) -> Outbound<B> {
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
    pub(crate) fn start(&mut self, start: Start) -> Result<(), Refused> {
        self.check_start(start.status)?;
        if start.trailers && !self.offered.trailers {
            return Err(Refused::NotOffered("http.response.trailers"));
        }
        self.phase = Phase::Body;
        self.trailers = start.trailers;
        self.framing
            .start(start.status, start.headers.content_length);
        self.held = Some(start);
        Ok(())
    }

    /// `http.response.body` (`R-02`). `body` is `None` when it is empty.
    pub(crate) fn body(
        &mut self,
        call: u64,
        body: Option<B>,
        more: bool,
        outbox: &mut Outbox<impl From<Said<B>>>,
    ) -> Result<(), Refused> {
        match self.phase {
            Phase::Head => return Err(Refused::Misplaced(Misplaced::BodyBeforeStart)),
            Phase::Trailers => return Err(Refused::Misplaced(Misplaced::BodyAfterLast)),
            Phase::Body | Phase::Complete => {}
        }
        let bytes = body.as_ref().map_or(0, Body::len);
        self.framing.count(bytes, more)?;
        if !more {
            self.phase = if self.trailers {
                Phase::Trailers
            } else {
                Phase::Complete
            };
        }

        match self.held.take() {
            // The whole response in one turn: one action.
            Some(start) if !more && !start.trailers && bytes <= MAX_PIECE => {
                self.say_whole(call, start.status, start.headers, body, outbox);
            }
            held => {
                if let Some(start) = held {
                    outbox.push(Said::Start { call, start });
                }
                self.queue_body(call, body, more, outbox);
            }
        }
        Ok(())
    }

    /// `http.response.start` and the only `http.response.body` at once.
    pub(crate) fn respond(
        &mut self,
        call: u64,
        status: u16,
        headers: Fields,
        body: Option<B>,
        outbox: &mut Outbox<impl From<Said<B>>>,
    ) -> Result<(), Refused> {
        self.check_start(status)?;
        let bytes = body.as_ref().map_or(0, Body::len);
        self.framing
            .check_whole(status, headers.content_length, bytes)?;
        self.phase = Phase::Complete;
        self.framing.start(status, headers.content_length);
        if bytes <= MAX_PIECE {
            self.say_whole(call, status, headers, body, outbox);
        } else {
            let start = Start {
                status,
                headers,
                trailers: false,
            };
            outbox.push(Said::Start { call, start });
            self.queue_body(call, body, false, outbox);
        }
        Ok(())
    }

    /// `http.response.trailers` (`E-06`).
    pub(crate) fn trailers(
        &mut self,
        call: u64,
        headers: Fields,
        more: bool,
        outbox: &mut Outbox<impl From<Said<B>>>,
    ) -> Result<(), Refused> {
        if !self.offered.trailers {
            return Err(Refused::NotOffered("http.response.trailers"));
        }
        if self.phase != Phase::Trailers {
            return Err(Refused::Misplaced(if self.trailers {
                Misplaced::TrailersBeforeEnd
            } else {
                Misplaced::TrailersUnannounced
            }));
        }
        headers.check_trailers()?;
        if !more {
            self.phase = Phase::Complete;
        }
        self.queue(call, Waiting::Trailers { headers, more }, outbox);
        Ok(())
    }

    /// `http.response.early_hint` (`E-04`).
    pub(crate) fn early_hint(
        &mut self,
        call: u64,
        links: Vec<Vec<u8>>,
        outbox: &mut Outbox<impl From<Said<B>>>,
    ) -> Result<(), Refused> {
        if !self.offered.early_hint {
            return Err(Refused::NotOffered("http.response.early_hint"));
        }
        if self.phase != Phase::Head {
            return Err(Refused::Misplaced(Misplaced::HintAfterStart));
        }
        if links
            .iter()
            .flatten()
            .any(|byte| matches!(byte, b'\r' | b'\n' | 0))
        {
            return Err(Refused::Link);
        }
        if links.iter().map(|link| link.len() + 8).sum::<usize>() > MAX_HEADER_BYTES {
            return Err(Refused::LinkBytes);
        }
        outbox.push(Said::EarlyHint { call, links });
        Ok(())
    }

    /// `http.response.pathsend` (`E-02`).
    pub(crate) fn pathsend(
        &mut self,
        call: u64,
        path: String,
        outbox: &mut Outbox<impl From<Said<B>>>,
    ) -> Result<(), Refused> {
        if !self.offered.pathsend {
            return Err(Refused::NotOffered("http.response.pathsend"));
        }
        if self.phase != Phase::Body || self.trailers || self.framing.has_begun() {
            return Err(Refused::Misplaced(Misplaced::Pathsend));
        }
        if !path.starts_with('/') || path.contains('\0') || path.len() > MAX_PATH {
            return Err(Refused::Path);
        }
        self.phase = Phase::Complete;
        self.flush_start(call, outbox);
        outbox.push(Said::Pathsend { call, path });
        Ok(())
    }

    fn check_start(&self, status: u16) -> Result<(), Refused> {
        if self.phase != Phase::Head {
            return Err(Refused::Misplaced(Misplaced::SecondStart));
        }
        if !Start::STATUS.contains(&status) {
            return Err(Refused::Status(status));
        }
        Ok(())
    }

    // ------------------------------------------------------------ towards the host

    fn say_whole(
        &mut self,
        call: u64,
        status: u16,
        headers: Fields,
        body: Option<B>,
        outbox: &mut Outbox<impl From<Said<B>>>,
    ) {
        let body = body.filter(|_| !self.framing.drops_whole(status));
        self.at_host += body.as_ref().map_or(0, Body::len);
        outbox.push(Said::Respond {
            call,
            status,
            headers,
            body,
        });
    }

    fn queue_body(
        &mut self,
        call: u64,
        body: Option<B>,
        more: bool,
        outbox: &mut Outbox<impl From<Said<B>>>,
    ) {
        let body = body.filter(|_| !self.framing.is_bodiless());
        let from = 0;
        self.queue(call, Waiting::Body { body, from, more }, outbox);
    }

    fn queue(&mut self, call: u64, what: Waiting<B>, outbox: &mut Outbox<impl From<Said<B>>>) {
        if let Waiting::Body {
            body: Some(body), ..
        } = &what
        {
            self.backlog_bytes += body.len();
        }
        self.backlog.push_back(what);
        self.pump(call, outbox);
    }

    /// Says what the credit allows. The action that crosses the mark goes whole, the next one waits.
    pub(crate) fn pump(&mut self, call: u64, outbox: &mut Outbox<impl From<Said<B>>>) {
        while let Some(first) = self.backlog.front_mut() {
            if let Waiting::Body { body, from, .. } = first {
                if self.at_host > MARK {
                    return;
                }
                if let Some(body) = body
                    && body.len() - *from > MAX_PIECE
                {
                    let part = *from..*from + MAX_PIECE;
                    *from = part.end;
                    self.at_host += MAX_PIECE;
                    self.backlog_bytes -= MAX_PIECE;
                    outbox.push(Said::Body {
                        call,
                        body: Some(body.clone()),
                        part,
                        more: true,
                    });
                    continue;
                }
            }
            match self.backlog.pop_front() {
                Some(Waiting::Body { body, from, more }) => {
                    let part = from..body.as_ref().map_or(0, Body::len);
                    self.at_host += part.len();
                    self.backlog_bytes -= part.len();
                    outbox.push(Said::Body {
                        call,
                        body,
                        part,
                        more,
                    });
                }
                Some(Waiting::Trailers { headers, more }) => outbox.push(Said::Trailers {
                    call,
                    headers,
                    more,
                }),
                None => return,
            }
        }
    }

    /// The head goes out alone.
    pub(crate) fn flush_start(&mut self, call: u64, outbox: &mut Outbox<impl From<Said<B>>>) {
        if let Some(start) = self.held.take() {
            outbox.push(Said::Start { call, start });
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
