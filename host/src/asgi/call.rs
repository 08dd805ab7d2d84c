//! One HTTP call: a scope with its `receive` and `send`, between the server and an instance.
//!
//! Two parties hold a [`Call`]. The **server** pushes body bytes, takes the head and the body out, and says when
//! the client is gone; it waits through wakers. The **guest's side** (`wasm/exchange.rs`) applies actions and asks
//! for events; it is told through [`Inbox`] that a call has some. Every rule of the exit table (`X-01`–`X-08`) and
//! of disconnects (`D-01`–`D-04`) is decided in this file, under one lock that is never held across a wait.

mod after;
mod end;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::HeaderMap;

pub use after::After;
pub use end::{Failure, Outcome};

use super::Violation;
use super::budget::{Budget, Charge, OverBudget, PIECE_PRICE};
use super::receive::Receive;
use super::send::{Extras, Head, Path, Send};
use crate::bindings::types::{
    self, BodyChunk, CallId, Credit, Event, Finished, HttpScope, Pathsend, Response, ResponseStart,
    Trailers,
};

/// Where a call announces that it has events for the guest.
pub trait Inbox: std::marker::Send + Sync {
    /// `call` has at least one event; said once until its events have been collected.
    fn ready(&self, call: CallId);

    /// Where calls charge what they hold.
    fn budget(&self) -> &Arc<Budget>;

    /// Something that came for `call` found no room there, and the call has failed for it; for the log.
    fn no_room(&self, call: CallId, over: &OverBudget);
}

/// What a request says of its call, beside its scope.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked {
    /// Body bytes will follow the head.
    pub more_body: bool,
    /// The client takes trailers (`E-06`).
    pub trailers: bool,
}

/// The head of a response, and how to get at its body.
#[derive(Debug)]
pub struct Answer {
    /// Status and headers.
    pub head: Head,
    /// What follows them.
    pub body: AnswerBody,
}

/// The body of a response.
#[derive(Debug)]
pub enum AnswerBody {
    /// All of it is at hand.
    Whole(Bytes),
    /// It has to be [polled](Call::poll_body) for.
    Stream,
    /// It is a file (`E-02`). The call has nothing more to give.
    File(Path),
}

/// A part of a body on its way to the client.
#[derive(Debug)]
pub enum Part {
    /// Bytes.
    Data(Bytes),
    /// What stands behind the last of them (`E-06`).
    Trailers(HeaderMap),
    /// All of it is this file: the app said so when its head had gone out already (`R-04`, `E-02`).
    File(Path),
}

/// What the pump of the request body is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// Read a frame from the client: the app has asked for it.
    Read,
    /// Nobody will want the rest.
    Stop,
}

/// What became of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing worth telling.
    Done,
    /// The call has just failed; for the log.
    Failed(Failure),
    /// The app raised after its response was complete (`X-04`); for the log.
    RaisedLate(String),
}

/// One HTTP call.
pub struct Call {
    id: CallId,
    inbox: Arc<dyn Inbox>,
    state: Mutex<State>,
}

struct State {
    receive: Receive,
    send: Send,
    /// What both hold.
    charge: Charge,
    end: Option<Outcome>,
    /// The guest has to hear of the end: a disconnect event is due.
    disconnect_due: bool,
    /// The inbox knows of this call.
    queued: bool,
    /// The server has taken the last byte.
    taken: bool,
    server: Option<Waker>,
    pump: Option<Waker>,
}

impl Call {
    /// A call that has just been opened, with what its `http` event says.
    pub fn new(id: CallId, inbox: Arc<dyn Inbox>, scope: &HttpScope, asked: Asked) -> Self {
        let extras = Extras {
            offered: scope.extensions,
            trailers: asked.trailers,
        };
        let is_head_request = matches!(scope.method, types::Method::Head);
        let receive = Receive::new(asked.more_body);
        Self::with(id, inbox, receive, Send::new(is_head_request, extras))
    }

    /// The response with which an app denies a handshake (`E-01`). Nothing follows its body, and it has no request to read.
    pub fn denial(id: CallId, inbox: Arc<dyn Inbox>) -> Self {
        let extras = Extras {
            offered: types::Extensions::empty(),
            trailers: false,
        };
        Self::with(id, inbox, Receive::new(false), Send::new(false, extras))
    }

    fn with(id: CallId, inbox: Arc<dyn Inbox>, receive: Receive, send: Send) -> Self {
        let charge = Charge::nothing(inbox.budget());
        Self {
            id,
            inbox,
            state: Mutex::new(State {
                receive,
                send,
                charge,
                end: None,
                disconnect_due: false,
                queued: false,
                taken: false,
                server: None,
                pump: None,
            }),
        }
    }

    /// The id that the guest knows it by.
    pub fn id(&self) -> CallId {
        self.id
    }

    // ------------------------------------------------------------ the server's end

    /// Waits for the head. `force` takes one that waits for a body (`R-04`); [`holds_head`](Self::holds_head)
    /// says whether there is one.
    ///
    /// # Errors
    /// The failure of the call, if nothing has been sent.
    pub fn poll_answer(&self, cx: &mut Context<'_>, force: bool) -> Poll<Result<Answer, Failure>> {
        let mut state = self.lock();
        if let Some(head) = state.send.take_head(force) {
            let body = state.answer_body();
            let due = state.send.is_writable_due();
            self.announce(state, due);
            return Poll::Ready(Ok(Answer { head, body }));
        }
        if let Some(failure) = state.failure() {
            return Poll::Ready(Err(failure));
        }
        keep(&mut state.server, cx);
        Poll::Pending
    }

    /// Whether the app has said `start` and no body yet (`R-04`).
    pub fn holds_head(&self) -> bool {
        self.lock().send.holds_head()
    }

    /// The next part of the body; none at its end, an error where it has to be cut (`M-06`).
    ///
    /// # Errors
    /// The failure of the call: the connection (or stream) must not look complete.
    pub fn poll_body(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Part, Failure>>> {
        let mut state = self.lock();
        if let Some(chunk) = state.send.pop() {
            let due = state.send.is_writable_due();
            state.taken =
                state.send.is_over() && state.send.pieces() == 0 && !state.send.has_trailers();
            self.announce(state, due);
            return Poll::Ready(Some(Ok(Part::Data(chunk))));
        }
        if let Some(failure) = state.failure() {
            return Poll::Ready(Some(Err(failure)));
        }
        if let Some(path) = state.send.take_path() {
            state.taken = true;
            return Poll::Ready(Some(Ok(Part::File(path))));
        }
        if state.send.is_over() {
            state.taken = true;
            let trailers = state.send.take_trailers();
            return Poll::Ready(trailers.map(|trailers| Ok(Part::Trailers(trailers))));
        }
        keep(&mut state.server, cx);
        Poll::Pending
    }

    /// Whether the last byte of the body has been taken, so that no further poll is needed.
    pub fn is_taken(&self) -> bool {
        self.lock().taken
    }

    /// The client's end is gone: what is not sent never will be, and the app hears of it (`D-03`). Nobody
    /// cancels the app (`D-04`). After the last byte has been taken it says nothing.
    pub fn disconnect(&self) {
        let state = self.lock();
        if !state.taken && state.end.is_none() {
            self.leave(state);
        }
    }

    /// Waits until body bytes are wanted, or nobody will want any.
    pub fn poll_demand(&self, cx: &mut Context<'_>) -> Poll<Demand> {
        let mut state = self.lock();
        if state.end.is_some() || state.send.is_complete() {
            Poll::Ready(Demand::Stop)
        } else if state.receive.wants() {
            Poll::Ready(Demand::Read)
        } else {
            keep(&mut state.pump, cx);
            Poll::Pending
        }
    }

    /// Body bytes came.
    pub fn push_body(&self, bytes: Bytes) {
        let mut state = self.lock();
        if let Err(over) = state.reserve(bytes.len()) {
            self.inbox.no_room(self.id, &over);
            self.fail_in(state, Failure::Memory(over));
            return;
        }
        state.receive.push(bytes);
        self.announce(state, true);
    }

    /// The body is over.
    pub fn finish_body(&self) {
        let mut state = self.lock();
        state.receive.finish();
        self.announce(state, true);
    }

    /// How it ended, or would end if nothing more came.
    pub fn outcome(&self) -> Outcome {
        let state = self.lock();
        match &state.end {
            Some(end) => end.clone(),
            None if state.taken || state.send.is_complete() => Outcome::Complete,
            None => Outcome::Disconnected,
        }
    }

    // ------------------------------------------------------------ the guest's end

    /// Collects the events that the call has for the guest; true if there are more than fitted.
    pub fn events(&self, out: &mut Vec<Event>) -> bool {
        let mut state = self.lock();
        let more = self.collect(&mut state, out);
        state.settle();
        more
    }

    fn collect(&self, state: &mut State, out: &mut Vec<Event>) -> bool {
        state.queued = false;
        if state.disconnect_due {
            state.disconnect_due = false;
            out.push(Event::Disconnect(self.id));
            return false;
        }
        match state.end {
            None => {}
            // A guest that has said all is not told, but its last `send` may still wait (`A-11`).
            Some(Outcome::Disconnected) if state.send.is_complete() => {}
            Some(_) => return false,
        }
        if let Some(bytes) = state.send.writable() {
            out.push(Event::Writable(Credit {
                call: self.id,
                bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            }));
        }
        let Some(chunk) = state.receive.take() else {
            return false;
        };
        let more = chunk.more;
        out.push(Event::Body(BodyChunk {
            call: self.id,
            body: chunk.body.into(),
            more_body: more,
        }));
        if more {
            // The same lock that took the bytes decides whether to come back for the rest.
            state.queued = state.receive.has_next();
        }
        state.queued
    }

    /// `respond`.
    pub fn respond(&self, action: Response) -> Effect {
        let bytes = action.body.len();
        self.act(bytes, |send| {
            send.respond(action.status, action.headers, action.body)
        })
    }

    /// `start`.
    pub fn start(&self, action: ResponseStart) -> Effect {
        self.act(0, |send| {
            send.start(action.status, action.headers, action.trailers)
        })
    }

    /// `body`.
    pub fn body(&self, action: BodyChunk) -> Effect {
        let bytes = action.body.len();
        self.act(bytes, |send| send.body(action.body, action.more_body))
    }

    /// `trailers`.
    pub fn trailers(&self, action: Trailers) -> Effect {
        self.act(0, |send| {
            send.trailers(action.headers, action.more_trailers)
        })
    }

    /// `pathsend`.
    pub fn pathsend(&self, action: Pathsend) -> Effect {
        self.act(0, |send| send.pathsend(action.path))
    }

    /// An action that this call does not have.
    pub fn refuse(&self, violation: Violation) -> Effect {
        self.act(0, |_| Err(violation))
    }

    /// `read`.
    pub fn read(&self, credit: u32) -> Effect {
        let mut state = self.lock();
        if state.end.is_some() {
            return Effect::Done;
        }
        if let Err(violation) = state.receive.grant(credit as usize) {
            return self.end(state, Failure::Violation(violation));
        }
        let pump = state.pump.take();
        let due = state.receive.has_next();
        self.announce(state, due);
        wake(pump);
        Effect::Done
    }

    /// `finished`: the app callable is done (`X-01`–`X-07`).
    pub fn finished(&self, action: Finished) -> Effect {
        let state = self.lock();
        let complete = state.send.is_complete();
        match (action.outcome, &state.end) {
            (types::Outcome::Raised(text), None) if complete => Effect::RaisedLate(text),
            (types::Outcome::Raised(text), Some(_)) => Effect::RaisedLate(text),
            (types::Outcome::Raised(text), None) => self.end(state, Failure::Raised(text)),
            (types::Outcome::Returned, None) if !complete => self.end(state, Failure::Returned),
            (types::Outcome::Returned, _) => Effect::Done,
        }
    }

    /// Ends the call from the host's side; nothing happens if its response is complete or it has ended.
    pub fn fail(&self, failure: Failure) -> Effect {
        self.fail_in(self.lock(), failure)
    }

    fn fail_in(&self, state: MutexGuard<'_, State>, failure: Failure) -> Effect {
        if state.end.is_some() || state.send.is_complete() {
            return Effect::Done;
        }
        self.end(state, failure)
    }

    /// Whether the app has said anything of its response (`first response` deadline).
    pub fn is_started(&self) -> bool {
        let state = self.lock();
        state.send.is_started() || state.end.is_some()
    }

    // ------------------------------------------------------------ within

    /// Applies an action of `bytes` body bytes.
    fn act(&self, bytes: usize, action: impl FnOnce(&mut Send) -> Result<(), Violation>) -> Effect {
        let mut state = self.lock();
        if state.end.is_some() {
            // The host ended it: a race and nobody's fault (`G-23`).
            return Effect::Done;
        }
        if let Err(over) = state.reserve(bytes) {
            return self.end(state, Failure::Memory(over));
        }
        if let Err(violation) = action(&mut state.send) {
            return self.end(state, Failure::Violation(violation));
        }
        let server = state.server.take();
        let pump = if state.send.is_complete() {
            state.pump.take()
        } else {
            None
        };
        let due = state.send.is_writable_due();
        self.announce(state, due);
        wake(server);
        wake(pump);
        Effect::Done
    }

    /// Fails the call. An app that is not done yet hears of it as a disconnect.
    fn end(&self, mut state: MutexGuard<'_, State>, failure: Failure) -> Effect {
        let due = !matches!(failure, Failure::Raised(_) | Failure::Returned);
        state.end = Some(Outcome::Failed(failure.clone()));
        state.disconnect_due = due;
        state.receive.discard();
        state.send.discard_held_head();
        let wakers = (state.server.take(), state.pump.take());
        self.announce(state, due);
        wake(wakers.0);
        wake(wakers.1);
        Effect::Failed(failure)
    }

    /// Nobody takes anything any more, and the app hears of it if it has more to say.
    fn leave(&self, mut state: MutexGuard<'_, State>) {
        state.end = Some(Outcome::Disconnected);
        state.disconnect_due = !state.send.is_complete();
        state.receive.discard();
        state.send.discard();
        let due = state.disconnect_due || state.send.is_writable_due();
        let pump = state.pump.take();
        self.announce(state, due);
        wake(pump);
    }

    fn announce(&self, mut state: MutexGuard<'_, State>, due: bool) {
        let announce = due && !state.queued;
        state.queued |= due;
        state.settle();
        drop(state);
        if announce {
            self.inbox.ready(self.id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn held(&self) -> usize {
        self.receive.held() + self.send.held()
    }

    /// Charges a piece that is about to be queued.
    fn reserve(&mut self, bytes: usize) -> Result<(), OverBudget> {
        if bytes == 0 {
            return Ok(());
        }
        self.charge.set(self.held() + bytes + PIECE_PRICE)
    }

    /// Charges what is held now, which is no more than was [reserved](Self::reserve).
    fn settle(&mut self) {
        // To hold less never fails.
        let _ = self.charge.set(self.held());
    }

    /// Why nothing more will come for the client. When it was lost in the middle of its body, somebody may still wait to
    /// answer it, and would wait for ever.
    fn failure(&self) -> Option<Failure> {
        match self.end.as_ref()? {
            // The client has all that it takes: what failed are trailers that it does not (`E-06`).
            Outcome::Failed(_) if self.send.is_over() => None,
            Outcome::Failed(failure) => Some(failure.clone()),
            Outcome::Disconnected => Some(Failure::BodyBroken),
            Outcome::Complete => None,
        }
    }

    /// The body, as far as it is known when the head is taken.
    fn answer_body(&mut self) -> AnswerBody {
        if let Some(path) = self.send.take_path() {
            self.taken = true;
            return AnswerBody::File(path);
        }
        if self.send.is_bodiless() {
            // The app may go on to send, and what it sends is dropped (`M-04`, `M-05`).
            self.taken = true;
            return AnswerBody::Whole(Bytes::new());
        }
        if !self.send.is_over() || self.send.pieces() > 1 || self.send.has_trailers() {
            return AnswerBody::Stream;
        }
        self.taken = true;
        AnswerBody::Whole(self.send.pop().unwrap_or_default())
    }
}

/// Has whoever polls woken by what comes next.
pub(crate) fn keep(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
}

/// Wakes whoever waits, if somebody does.
pub(crate) fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests;
