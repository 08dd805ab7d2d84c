//! One WebSocket: its receiving half and its sending half, as a state machine that never waits.
//!
//! It is used as [`Call`](crate::Call) is: the host's events go in through `on_*`, the app's through `take` and a method for each event
//! of `send`; what is to be said goes to the outbox.
//!
//! What `send` answers at the end, where ASGI leaves a choice: after the *peer* has gone every event is
//! [`Refused::Disconnected`] (`W-17`, `W-18`), because no app can know in time. After the app's *own* close every event is
//! [`Refused::Misplaced`] (`W-11`), because it is the app that has said so; it stays that also when the peer answers.

mod inbound;
mod message;
mod outbound;
#[cfg(test)]
mod tests;

use self::inbound::Inbound;
pub use self::message::{Closed, Incoming, MAX_CLOSE_REASON, MESSAGE_PRICE, Payload};
use self::outbound::Outbound;
use crate::call::{self, Body, MARK, Offered};
use crate::fields::Fields;
use crate::outbox::Outbox;
use crate::refused::{Misplaced, Refused};
use crate::said::{Outcome, Said, Start};

/// Lost without a close frame, or never accepted (`W-08`, `W-14`).
const LOST: u16 = 1006;

/// How far the app's answers have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The handshake is not answered (`W-02`).
    Connecting,
    /// Accepted.
    Open,
    /// A denial response has begun (`E-01`).
    Denying,
    /// The app has closed, or its denial is complete.
    Closed,
}

/// One WebSocket call. `B` is the SDK's handle of a body, and with it of a text.
#[derive(Debug)]
pub struct WebSocket<B: Body> {
    id: u64,
    phase: Phase,
    /// What the client offered (`W-06`).
    subprotocols: Vec<String>,
    offers_denial: bool,
    /// `websocket.connect` has been taken.
    connected: bool,
    /// Somebody has waited for a message since.
    asked: bool,
    inbound: Inbound<B>,
    outbound: Outbound<B>,
    /// The response in place of `accept`, once there is one.
    denial: Option<Box<call::Outbound<B>>>,
    /// How it ended, as far as `receive` knows.
    closed: Option<Closed>,
    /// The host said that it ended.
    gone: bool,
    /// So it did, and the app had not.
    lost: bool,
    /// How the app ended, while its last messages still wait for credit.
    ending: Option<Outcome>,
    /// `finished` has been said: nothing may be said for this id again.
    finished: bool,
}

impl<B: Body> WebSocket<B> {
    /// A WebSocket as the host opens it. `subprotocols` are those of its scope, `offers_denial` whether the scope has
    /// `websocket.http.response` (`E-01`).
    pub fn new(id: u64, subprotocols: Vec<String>, offers_denial: bool) -> Self {
        WebSocket {
            id,
            phase: Phase::Connecting,
            subprotocols,
            offers_denial,
            connected: false,
            asked: false,
            inbound: Inbound::new(),
            outbound: Outbound::new(),
            denial: None,
            closed: None,
            gone: false,
            lost: false,
            ending: None,
            finished: false,
        }
    }

    /// The host's name for this call.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// What the client offered, in its order (`W-01`).
    pub fn subprotocols(&self) -> &[String] {
        &self.subprotocols
    }

    // ------------------------------------------------------------ the host's side

    /// A message from the client. After the app's own close nobody wants it.
    pub fn on_message(&mut self, message: Payload<B>) {
        self.inbound.push(message);
    }

    /// It is closed, by whomever. Answers whether the call has ended by that.
    pub fn on_closed(&mut self, closed: Closed, outbox: &mut Outbox<impl From<Said<B>>>) -> bool {
        self.gone = true;
        self.lost |= self.phase != Phase::Closed;
        self.closed.get_or_insert(closed);
        self.outbound.abandon();
        if let Some(denial) = &mut self.denial {
            denial.abandon();
        }
        self.try_end(outbox)
    }

    /// `bytes` have left the host's buffer. Answers whether the call has ended by that.
    pub fn on_writable(&mut self, bytes: u32, outbox: &mut Outbox<impl From<Said<B>>>) -> bool {
        match &mut self.denial {
            Some(denial) => {
                denial.drained(bytes as usize);
                denial.pump(self.id, outbox);
            }
            None => {
                self.outbound.drained(bytes as usize);
                self.outbound.pump(self.id, outbox);
            }
        }
        self.try_end(outbox)
    }

    /// The app has ended. Answers whether the call has too; if not, its last messages still wait for credit.
    ///
    /// What the client gets is the host's affair: 1000 after a return and 1011 after an error (`W-20`, `W-21`), 500 where
    /// the handshake was not answered (`W-19`).
    pub fn end(&mut self, outcome: Outcome, outbox: &mut Outbox<impl From<Said<B>>>) -> bool {
        self.inbound.close();
        if self.closed.is_none() {
            let code = match (self.phase, &outcome) {
                (Phase::Open, Outcome::Returned) => 1000,
                (Phase::Open, Outcome::Raised(_)) => 1011,
                _ => LOST,
            };
            self.closed = Some(Closed {
                code,
                reason: String::new(),
            });
        }
        self.ending = Some(outcome);
        self.try_end(outbox)
    }

    fn try_end(&mut self, outbox: &mut Outbox<impl From<Said<B>>>) -> bool {
        let waits = match &self.denial {
            Some(denial) => denial.has_backlog(),
            None => self.outbound.has_backlog(),
        };
        if !waits && let Some(outcome) = self.ending.take() {
            self.finished = true;
            outbox.push(Said::Finished {
                call: self.id,
                outcome,
            });
        }
        self.finished
    }

    /// Whether the app has ended.
    fn has_ended(&self) -> bool {
        self.finished || self.ending.is_some()
    }

    /// Whether `finished` has been said: the host has nothing more for this call.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether the app has answered the handshake.
    pub fn is_answered(&self) -> bool {
        self.phase != Phase::Connecting
    }

    /// Whether messages may be sent: accepted, and closed by nobody.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open && !self.lost && !self.has_ended()
    }

    /// Whether nobody is there any more: the host said that it is over, or `finished` has been said.
    pub fn is_gone(&self) -> bool {
        self.gone || self.finished
    }

    // ------------------------------------------------------------ receive

    /// The app has called `receive`: from the first one after `connect` and `accept` on the host may hand over messages,
    /// and goes on to do so while nobody waits (`G-09`).
    pub fn ask(&mut self, outbox: &mut Outbox<impl From<Said<B>>>) {
        self.asked |= self.connected;
        if self.asked
            && self.is_open()
            && let Some(bytes) = self.inbound.ask()
        {
            self.read(bytes, outbox);
        }
    }

    /// The next event for the app.
    pub fn take(&mut self, outbox: &mut Outbox<impl From<Said<B>>>) -> Incoming<B> {
        if !self.connected {
            self.connected = true;
            return Incoming::Connect;
        }
        if let Some(message) = self.inbound.take() {
            if self.closed.is_none()
                && let Some(bytes) = self.inbound.top_up()
            {
                self.read(bytes, outbox);
            }
            return Incoming::Message(message);
        }
        match &self.closed {
            Some(closed) => Incoming::Disconnect(closed.clone()),
            None => Incoming::Wait,
        }
    }

    /// Whether `take` would not answer `Wait`.
    pub fn has_event(&self) -> bool {
        !self.connected || !self.inbound.is_empty() || self.closed.is_some()
    }

    /// Whether `receive` has nothing left to tell but the end (`W-16`): everyone who waits may have it.
    pub fn is_over(&self) -> bool {
        self.connected && self.inbound.is_empty() && self.closed.is_some()
    }

    fn read(&self, bytes: u32, outbox: &mut Outbox<impl From<Said<B>>>) {
        outbox.push(Said::Read {
            call: self.id,
            bytes,
        });
    }

    // ------------------------------------------------------------ send

    /// `websocket.accept` (`W-05`). Like its siblings it is said wholly or not at all. `connect` need not have been
    /// received (`W-03`).
    ///
    /// # Errors
    ///
    /// Why it is not said: an event out of turn (`W-11`), a subprotocol that was not offered (`W-06`), a header that is the
    /// server's, a client that has gone (`W-18`). The call is where it was before.
    pub fn accept(
        &mut self,
        subprotocol: Option<String>,
        headers: Fields,
        outbox: &mut Outbox<impl From<Said<B>>>,
    ) -> Result<(), Refused> {
        self.check_phase(Phase::Connecting)?;
        if let Some(chosen) = &subprotocol
            && !self.subprotocols.contains(chosen)
        {
            return Err(Refused::Subprotocol(chosen.clone()));
        }
        headers.check_accept()?;
        self.phase = Phase::Open;
        outbox.push(Said::Accept {
            call: self.id,
            subprotocol,
            headers,
        });
        if self.asked {
            self.ask(outbox); // whoever waits already
        }
        Ok(())
    }

    /// `websocket.send` (`W-09`).
    ///
    /// # Errors
    ///
    /// Why it is not said: before `accept` and after the app's own close (`W-11`), or nobody is there (`W-17`).
    pub fn send(
        &mut self,
        message: Payload<B>,
        outbox: &mut Outbox<impl From<Said<B>>>,
    ) -> Result<(), Refused> {
        self.check_phase(Phase::Open)?;
        self.outbound.send(self.id, message, outbox);
        Ok(())
    }

    /// `websocket.close` (`W-12`); before `accept` it refuses the handshake with 403 (`W-07`). From here on messages that
    /// wait to be received are dropped, and `receive` tells the end: at once where it was refused (`W-08`), else as the
    /// host reports it (`W-15`).
    ///
    /// # Errors
    ///
    /// Why it is not said: a code that no app may send, a long reason, a second close (`W-11`), or nobody is there.
    pub fn close(
        &mut self,
        code: u16,
        reason: String,
        outbox: &mut Outbox<impl From<Said<B>>>,
    ) -> Result<(), Refused> {
        if self.phase == Phase::Connecting {
            self.check_phase(Phase::Connecting)?;
        } else {
            self.check_phase(Phase::Open)?;
        }
        if !is_close_code(code) {
            return Err(Refused::CloseCode(code));
        }
        if reason.len() > MAX_CLOSE_REASON {
            return Err(Refused::CloseReason(reason.len()));
        }
        if self.phase == Phase::Connecting {
            self.refuse();
        }
        self.phase = Phase::Closed;
        self.inbound.close();
        self.outbound.close(self.id, code, reason, outbox);
        Ok(())
    }

    /// `websocket.http.response.start` (`E-01`), in place of `accept`. `trailers` of `start` is ignored: they are not part of
    /// the extension.
    ///
    /// # Errors
    ///
    /// Why it is not said: an extension that was not offered (`A-14`), an event out of turn, a head that no response can
    /// have.
    pub fn deny_start(
        &mut self,
        start: Start,
        outbox: &mut Outbox<impl From<Said<B>>>,
    ) -> Result<(), Refused> {
        let mut denial = self.denial("websocket.http.response.start")?;
        denial.start(Start {
            trailers: false,
            ..start
        })?;
        denial.flush_start(self.id, outbox);
        self.begin_denial(denial);
        Ok(())
    }

    /// `websocket.http.response.body` (`E-01`) and whether more follows; `None` is an empty body.
    ///
    /// # Errors
    ///
    /// Why it is not said: no denial has been started or it is complete, or the bytes do not fit its `content-length`.
    pub fn deny_body(
        &mut self,
        body: Option<B>,
        more: bool,
        outbox: &mut Outbox<impl From<Said<B>>>,
    ) -> Result<(), Refused> {
        if !self.offers_denial {
            return Err(Refused::NotOffered("websocket.http.response.body"));
        }
        self.check_phase(Phase::Denying)?;
        if let Some(denial) = &mut self.denial {
            denial.body(self.id, body, more, outbox)?;
            self.follow_denial();
        }
        Ok(())
    }

    /// The head and the only body of a denial in one.
    ///
    /// # Errors
    ///
    /// Those of [`deny_start`](WebSocket::deny_start) and [`deny_body`](WebSocket::deny_body).
    pub fn deny(
        &mut self,
        status: u16,
        headers: Fields,
        body: Option<B>,
        outbox: &mut Outbox<impl From<Said<B>>>,
    ) -> Result<(), Refused> {
        let mut denial = self.denial("websocket.http.response.start")?;
        denial.respond(self.id, status, headers, body, outbox)?;
        self.begin_denial(denial);
        Ok(())
    }

    /// A denial that has not begun, if one may.
    fn denial(&self, event: &'static str) -> Result<Box<call::Outbound<B>>, Refused> {
        if !self.offers_denial {
            return Err(Refused::NotOffered(event));
        }
        self.check_phase(Phase::Connecting)?;
        Ok(Box::new(call::Outbound::new(false, Offered::default())))
    }

    fn begin_denial(&mut self, denial: Box<call::Outbound<B>>) {
        self.phase = Phase::Denying;
        self.denial = Some(denial);
        self.follow_denial();
    }

    fn follow_denial(&mut self) {
        if self.denial.as_ref().is_some_and(|it| it.is_complete()) {
            self.phase = Phase::Closed;
            self.refuse();
        }
    }

    /// There will be no WebSocket (`W-08`).
    fn refuse(&mut self) {
        self.closed.get_or_insert(Closed {
            code: LOST,
            reason: String::new(),
        });
    }

    /// Whether an event may be said that belongs in `wanted`, and why not.
    fn check_phase(&self, wanted: Phase) -> Result<(), Refused> {
        if self.lost || self.has_ended() {
            return Err(Refused::Disconnected);
        }
        let misplaced = match (wanted, self.phase) {
            (_, phase) if phase == wanted => return Ok(()),
            (_, Phase::Closed) => Misplaced::AfterClose,
            (Phase::Open, Phase::Denying) => Misplaced::AfterDenial,
            (Phase::Open, _) => Misplaced::MessageBeforeAccept,
            (Phase::Denying, Phase::Connecting) => Misplaced::BodyBeforeStart,
            _ => Misplaced::SecondAnswer,
        };
        Err(Refused::Misplaced(misplaced))
    }

    /// Whether a `send` still has to wait until messages have left (`A-11`).
    ///
    /// # Errors
    ///
    /// [`Refused::Disconnected`] when it waits in vain: nobody is there any more.
    pub fn must_wait(&self) -> Result<bool, Refused> {
        if self.lost {
            return Err(Refused::Disconnected);
        }
        Ok(self.is_full())
    }

    /// Whether so much is unsent that a `send` has to wait, if anybody is there to send it to.
    pub fn is_full(&self) -> bool {
        let unsent = match &self.denial {
            Some(denial) => denial.unsent(),
            None => self.outbound.unsent(),
        };
        !self.is_gone() && unsent > MARK
    }
}

/// Whether an app may send it (`W-12`; RFC 6455, section 7.4, and the codes registered since).
fn is_close_code(code: u16) -> bool {
    matches!(code, 1000 | 1001 | 1003 | 1007..=1014 | 3000..=4999)
}
