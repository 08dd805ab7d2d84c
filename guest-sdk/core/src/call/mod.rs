//! One HTTP call: its receiving half and its sending half, as a state machine that never waits.
//!
//! The host's events go in through `on_*`, the app's through `take` and a method for each event of `send`; what is to be said goes to the
//! outbox. Who waits for what, and how they are woken, is the SDK's affair.

mod framing;
mod inbound;
mod outbound;
#[cfg(test)]
mod tests;

use self::inbound::Inbound;
pub(crate) use self::outbound::Outbound;
use crate::fields::Fields;
use crate::outbox::Outbox;
use crate::refused::Refused;
use crate::said::{Outcome, Said, Start};

/// Body of body that may be on their way or unread, per call and direction (`G-20`): `mark` of the WIT.
pub const MARK: usize = 65_536;
/// Most bytes of body in one action.
pub const MAX_PIECE: usize = 262_144;

/// A body that is not empty: a handle that is cheap to clone.
#[expect(
    clippy::len_without_is_empty,
    reason = "an empty one is no body but None"
)]
pub trait Body: Clone {
    /// What the SDK has for the text of a WebSocket's message.
    type Text: Text;

    /// Body in it, always the same number.
    fn len(&self) -> usize;
}

/// The text of a WebSocket's message: a handle, and empty ones are texts.
#[expect(
    clippy::len_without_is_empty,
    reason = "nothing depends on whether it is empty"
)]
pub trait Text: Clone + std::fmt::Debug {
    /// Bytes of it in UTF-8, always the same number.
    fn len(&self) -> usize;
}

#[cfg(test)]
impl Body for Vec<u8> {
    type Text = String;

    fn len(&self) -> usize {
        self.as_slice().len()
    }
}

#[cfg(test)]
impl Text for String {
    fn len(&self) -> usize {
        self.as_str().len()
    }
}

/// The extensions of the scope that `send` needs to know (`A-14`).
#[derive(Debug, Clone, Copy, Default)]
pub struct Offered {
    /// `http.response.trailers` (`E-06`).
    pub trailers: bool,
    /// `http.response.early_hint` (`E-04`).
    pub early_hint: bool,
    /// `http.response.pathsend` (`E-02`).
    pub pathsend: bool,
}

/// What `receive` has for the app.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<B> {
    /// `http.request`, with `None` for an empty body.
    Request(Option<B>, bool),
    /// `http.disconnect`.
    Disconnect,
    /// Nothing yet.
    Wait,
}

/// What an event of the app has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that the end of the turn has to know.
    Nothing,
    /// A `start` waits for the end of the turn: `flush_start` then.
    Held,
    /// It does not any more.
    Released,
}

/// One HTTP call. `B` is the SDK's handle of a body.
#[derive(Debug)]
pub struct Call<B> {
    id: u64,
    inbound: Inbound<B>,
    outbound: Outbound<B>,
    /// The host said so: nobody is listening any more.
    disconnected: bool,
    /// How the app ended, while the rest of its response still waits for credit.
    ending: Option<Outcome>,
    /// `finished` has been said: nothing may be said for this id again.
    finished: bool,
}

impl<B: Body> Call<B> {
    /// A call as the host opens it. `head`: the method is HEAD. `first` are the bytes that came with the head.
    pub fn new(id: u64, head: bool, offered: Offered, first: Option<B>, more: bool) -> Self {
        Call {
            id,
            inbound: Inbound::new(first, more),
            outbound: Outbound::new(head, offered),
            disconnected: false,
            ending: None,
            finished: false,
        }
    }

    /// The host's name for this call.
    pub fn id(&self) -> u64 {
        self.id
    }

    // ------------------------------------------------------------ the host's side

    /// A piece of the request's body; `None` is an empty one.
    pub fn on_body(&mut self, body: Option<B>, more: bool) {
        self.inbound.push(body, more);
    }

    /// The client is gone. Answers whether the call has ended by that.
    pub fn on_disconnect(&mut self, outbox: &mut Outbox<impl From<Said<B>>>) -> bool {
        self.disconnected = true;
        self.outbound.abandon();
        self.try_end(outbox)
    }

    /// `bytes` have left the host's buffer. Answers whether the call has ended by that.
    pub fn on_writable(&mut self, bytes: u32, outbox: &mut Outbox<impl From<Said<B>>>) -> bool {
        self.outbound.drained(bytes as usize);
        self.outbound.pump(self.id, outbox);
        self.try_end(outbox)
    }

    /// The app has ended. Answers whether the call has too; if not, its last bytes still wait for credit.
    pub fn end(&mut self, outcome: Outcome, outbox: &mut Outbox<impl From<Said<B>>>) -> bool {
        self.outbound.flush_start(self.id, outbox);
        self.ending = Some(outcome);
        self.try_end(outbox)
    }

    /// The turn is over and no body has come: the head goes out on its own (`R-04`).
    pub fn flush_start(&mut self, outbox: &mut Outbox<impl From<Said<B>>>) {
        self.outbound.flush_start(self.id, outbox);
    }

    fn try_end(&mut self, outbox: &mut Outbox<impl From<Said<B>>>) -> bool {
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

    /// Whether `finished` has been said: the host has nothing more for this call.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether the app may still say something and somebody would listen.
    pub fn is_open(&self) -> bool {
        !self.is_over()
    }

    /// Whether the client is gone.
    pub fn is_disconnected(&self) -> bool {
        self.disconnected
    }

    // ------------------------------------------------------------ receive

    /// The app has called `receive`: from the first one on the host may be asked for the body (`Q-07`, `G-09`).
    pub fn ask(&mut self, outbox: &mut Outbox<impl From<Said<B>>>) {
        if !self.is_over()
            && let Some(bytes) = self.inbound.ask()
        {
            self.read(bytes, outbox);
        }
    }

    /// The next event for the app.
    pub fn take(&mut self, outbox: &mut Outbox<impl From<Said<B>>>) -> Received<B> {
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
    pub fn has_event(&self) -> bool {
        self.is_over() || self.inbound.has_event()
    }

    /// Whether the request has no body bytes left to come, as far as is known without waiting.
    pub fn body_is_empty(&self) -> bool {
        self.inbound.is_empty()
    }

    fn read(&self, bytes: u32, outbox: &mut Outbox<impl From<Said<B>>>) {
        outbox.push(Said::Read {
            call: self.id,
            bytes,
        });
    }

    // ------------------------------------------------------------ send

    /// Whether the response is complete: whatever else is sent is ignored (`R-06`).
    pub fn is_complete(&self) -> bool {
        self.outbound.is_complete()
    }

    /// `http.response.start` (`R-01`). Like its siblings it is said wholly or not at all; the head itself is held until
    /// something follows, or [`flush_start`](Call::flush_start).
    ///
    /// # Errors
    ///
    /// Why it is not said. The call is where it was before.
    pub fn start(&mut self, start: Start) -> Result<Effect, Refused> {
        self.attempt(|response, _| response.start(start))
    }

    /// `http.response.body` (`R-02`) and whether more follows; `None` is an empty body.
    ///
    /// # Errors
    ///
    /// As [`start`](Call::start).
    pub fn body(
        &mut self,
        body: Option<B>,
        more: bool,
        outbox: &mut Outbox<impl From<Said<B>>>,
    ) -> Result<Effect, Refused> {
        self.attempt(|response, id| response.body(id, body, more, outbox))
    }

    /// `http.response.start` and the only `http.response.body` in one.
    ///
    /// # Errors
    ///
    /// As [`start`](Call::start).
    pub fn respond(
        &mut self,
        status: u16,
        headers: Fields,
        body: Option<B>,
        outbox: &mut Outbox<impl From<Said<B>>>,
    ) -> Result<Effect, Refused> {
        self.attempt(|response, id| response.respond(id, status, headers, body, outbox))
    }

    /// `http.response.trailers` (`E-06`) and whether more follow.
    ///
    /// # Errors
    ///
    /// As [`start`](Call::start).
    pub fn trailers(
        &mut self,
        headers: Fields,
        more: bool,
        outbox: &mut Outbox<impl From<Said<B>>>,
    ) -> Result<Effect, Refused> {
        self.attempt(|response, id| response.trailers(id, headers, more, outbox))
    }

    /// `http.response.early_hint` (`E-04`): values of `link` headers.
    ///
    /// # Errors
    ///
    /// As [`start`](Call::start).
    pub fn early_hint(
        &mut self,
        links: Vec<Vec<u8>>,
        outbox: &mut Outbox<impl From<Said<B>>>,
    ) -> Result<Effect, Refused> {
        self.attempt(|response, id| response.early_hint(id, links, outbox))
    }

    /// `http.response.pathsend` (`E-02`).
    ///
    /// # Errors
    ///
    /// As [`start`](Call::start).
    pub fn pathsend(
        &mut self,
        path: String,
        outbox: &mut Outbox<impl From<Said<B>>>,
    ) -> Result<Effect, Refused> {
        self.attempt(|response, id| response.pathsend(id, path, outbox))
    }

    fn attempt(
        &mut self,
        event: impl FnOnce(&mut Outbound<B>, u64) -> Result<(), Refused>,
    ) -> Result<Effect, Refused> {
        if self.outbound.is_complete() {
            return Ok(Effect::Nothing); // `R-06`
        }
        if self.is_over() {
            return Err(Refused::Disconnected);
        }
        let held = self.outbound.holds_start();
        event(&mut self.outbound, self.id)?;
        Ok(match (held, self.outbound.holds_start()) {
            (false, true) => Effect::Held,
            (true, false) => Effect::Released,
            _ => Effect::Nothing,
        })
    }

    /// Whether a `send` still has to wait until bytes have left (`A-11`).
    ///
    /// # Errors
    ///
    /// [`Refused::Disconnected`] when it waits in vain: the client is gone, and the response is not complete.
    pub fn must_wait(&self) -> Result<bool, Refused> {
        if self.disconnected && !self.outbound.is_complete() {
            return Err(Refused::Disconnected);
        }
        Ok(self.is_full())
    }

    /// Whether so much is unsent that a `send` has to wait, if anybody is there to send it to.
    pub fn is_full(&self) -> bool {
        !self.disconnected && !self.finished && self.outbound.unsent() > MARK
    }
}
