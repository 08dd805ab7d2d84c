//! One HTTP call: its receiving half and its sending half, as a state machine that never waits.
//!
//! The host's events go in through `on_*`, the app's through `take` and `say`; what is to be said goes to the
//! outbox. Who waits for what, and how they are woken, is Python's affair (`python/call.rs`).

mod framing;
mod inbound;
mod outbound;
#[cfg(test)]
mod tests;

use self::inbound::Inbound;
use self::outbound::Outbound;
use crate::error::SendError;
use crate::fields::Fields;
use crate::outbox::{Outbox, Outcome, Said, Start};

/// Bytes of body that may be on their way or unread, per call and direction (`G-20`): `mark` of the WIT.
pub(crate) const MARK: usize = 65_536;
/// Most bytes of body in one action.
pub(crate) const MAX_PIECE: usize = 262_144;

/// A body: a handle that is cheap to clone.
pub(crate) trait Bytes: Clone {
    fn len(&self) -> usize;
}

#[cfg(test)]
impl Bytes for Vec<u8> {
    fn len(&self) -> usize {
        self.as_slice().len()
    }
}

/// The extensions of the scope that `send` needs to know (`A-14`).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Offered {
    pub(crate) trailers: bool,
    pub(crate) early_hint: bool,
    pub(crate) pathsend: bool,
}

/// An event of the app, checked on its own: every value in it is one that a response can have.
#[derive(Debug)]
pub(crate) enum Sent<B> {
    Start(Start),
    /// `None` is an empty body.
    Body(Option<B>, bool),
    Trailers(Fields, bool),
    EarlyHint(Vec<Vec<u8>>),
    Pathsend(String),
}

/// What `receive` has for the app.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received<B> {
    /// `http.request`, with `None` for an empty body.
    Request(Option<B>, bool),
    /// `http.disconnect`.
    Disconnect,
    /// Nothing yet.
    Wait,
}

/// What `say` has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Nothing,
    /// A `start` waits for the end of the turn: `flush_start` then.
    Held,
    /// It does not any more.
    Released,
}

pub(crate) struct Call<B> {
    pub(crate) id: u64,
    inbound: Inbound<B>,
    outbound: Outbound<B>,
    /// The host said so: nobody is listening any more.
    disconnected: bool,
    /// How the app ended, while the rest of its response still waits for credit.
    ending: Option<Outcome>,
    /// `finished` has been said: nothing may be said for this id again.
    finished: bool,
}

impl<B: Bytes> Call<B> {
    /// A call as the host opens it. `head`: the method is HEAD. `first` are the bytes that came with the head.
    pub(crate) fn new(id: u64, head: bool, offered: Offered, first: Option<B>, more: bool) -> Self {
        Call {
            id,
            inbound: Inbound::new(first, more),
            outbound: Outbound::new(head, offered),
            disconnected: false,
            ending: None,
            finished: false,
        }
    }

    // ------------------------------------------------------------ the host's side

    pub(crate) fn on_body(&mut self, body: Option<B>, more: bool) {
        self.inbound.push(body, more);
    }

    /// The client is gone. Answers whether the call has ended by that.
    pub(crate) fn on_disconnect(&mut self, outbox: &mut Outbox<B>) -> bool {
        self.disconnected = true;
        self.outbound.abandon();
        self.try_end(outbox)
    }

    /// `bytes` have left the host's buffer. Answers whether the call has ended by that.
    pub(crate) fn on_writable(&mut self, bytes: u32, outbox: &mut Outbox<B>) -> bool {
        self.outbound.drained(bytes as usize);
        self.outbound.pump(self.id, outbox);
        self.try_end(outbox)
    }

    /// The app has ended. Answers whether the call has too; if not, its last bytes still wait for credit.
    pub(crate) fn end(&mut self, outcome: Outcome, outbox: &mut Outbox<B>) -> bool {
        self.outbound.flush_start(self.id, outbox);
        self.ending = Some(outcome);
        self.try_end(outbox)
    }

    /// The turn is over and no body has come: the head goes out on its own (`R-04`).
    pub(crate) fn flush_start(&mut self, outbox: &mut Outbox<B>) {
        self.outbound.flush_start(self.id, outbox);
    }

    fn try_end(&mut self, outbox: &mut Outbox<B>) -> bool {
        if !self.outbound.has_backlog()
            && let Some(outcome) = self.ending.take()
        {
            self.finished = true;
            self.inbound.clear();
            outbox.push(Said::Finished {
                call: self.id,
                outcome,
            });
        }
        self.finished
    }

    /// Whether `receive` has nothing left to tell but the end (`Q-09`, `Q-11`, `Q-12`).
    fn is_over(&self) -> bool {
        self.disconnected || self.finished || self.ending.is_some() || self.outbound.is_complete()
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether the app may still say something and somebody would listen.
    pub(crate) fn is_open(&self) -> bool {
        !self.is_over()
    }

    pub(crate) fn is_disconnected(&self) -> bool {
        self.disconnected
    }

    // ------------------------------------------------------------ receive

    /// The app has called `receive`: from the first one on the host may be asked for the body (`Q-07`, `G-09`).
    pub(crate) fn ask(&mut self, outbox: &mut Outbox<B>) {
        if !self.is_over()
            && let Some(bytes) = self.inbound.ask()
        {
            self.read(bytes, outbox);
        }
    }

    /// The next event for the app.
    pub(crate) fn take(&mut self, outbox: &mut Outbox<B>) -> Received<B> {
        if self.is_over() {
            return Received::Disconnect;
        }
        let Some((body, more)) = self.inbound.take() else {
            return Received::Wait;
        };
        if let Some(bytes) = self.inbound.top_up() {
            self.read(bytes, outbox);
        }
        Received::Request(body, more)
    }

    /// Whether `take` would not answer `Wait`.
    pub(crate) fn has_event(&self) -> bool {
        self.is_over() || self.inbound.has_event()
    }

    fn read(&self, bytes: u32, outbox: &mut Outbox<B>) {
        outbox.push(Said::Read {
            call: self.id,
            bytes,
        });
    }

    // ------------------------------------------------------------ send

    /// Whether the response is complete: whatever else is sent is ignored (`R-06`).
    pub(crate) fn is_complete(&self) -> bool {
        self.outbound.is_complete()
    }

    /// Says an event, wholly or not at all.
    pub(crate) fn say(
        &mut self,
        event: Sent<B>,
        outbox: &mut Outbox<B>,
    ) -> Result<Effect, SendError> {
        if self.outbound.is_complete() {
            return Ok(Effect::Nothing); // `R-06`
        }
        if self.is_over() {
            return Err(SendError::Disconnected);
        }
        let held = self.outbound.holds_start();
        match event {
            Sent::Start(start) => self.outbound.start(start),
            Sent::Body(body, more) => self.outbound.body(self.id, body, more, outbox),
            Sent::Trailers(headers, more) => self.outbound.trailers(self.id, headers, more, outbox),
            Sent::EarlyHint(links) => self.outbound.early_hint(self.id, links, outbox),
            Sent::Pathsend(path) => self.outbound.pathsend(self.id, path, outbox),
        }?;
        Ok(match (held, self.outbound.holds_start()) {
            (false, true) => Effect::Held,
            (true, false) => Effect::Released,
            _ => Effect::Nothing,
        })
    }

    /// Whether a `send` has to wait until bytes have left (`A-11`).
    pub(crate) fn is_full(&self) -> bool {
        !self.disconnected && !self.finished && self.outbound.unsent() > MARK
    }
}
