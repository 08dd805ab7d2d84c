//! The host of a test: hands events over within the credit, hears actions, and checks that the SDK keeps
//! the contract of `wit/`. Whatever it panics about is a bug of the SDK, never of the app.

#![expect(clippy::panic, reason = "a test helper: a panic is how a test fails")]

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::Started;
use super::response::{Outcome, Response};
use crate::Headers;
use crate::bindings::types::{
    self, Action, BodyChunk, Credit, Event, Extensions, HttpCall, HttpScope, Shutdown, Startup,
};
use crate::call::{MARK, MAX_PIECE};

const MAX_EVENTS: usize = 256;
const MAX_EVENT_BYTES: usize = 512 * 1_024;
const MAX_ACTIONS: usize = 1_024;

thread_local! {
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Stands in for `enter`.
pub(super) fn note_enter(call: u64) {
    ENTERED.with_borrow_mut(|entered| entered.push(call));
}

/// The calls that were entered on this thread since the last look.
#[cfg(test)]
pub(crate) fn entered() -> Vec<u64> {
    ENTERED.take()
}

pub(super) struct Host {
    extensions: Extensions,
    events: VecDeque<Event>,
    calls: BTreeMap<u64, CallModel>,
    opened: u64,
    started: Option<Started>,
    stopped: Option<Result<(), String>>,
}

struct CallModel {
    head: bool,
    /// Request body that the client has sent and the app has not got.
    inbox: VecDeque<Bytes>,
    ended: bool,
    end_delivered: bool,
    credit: usize,
    /// Response bytes that the client has not read.
    unsent: usize,
    /// Read by the client, not reported.
    unreported: usize,
    paused: bool,
    disconnected: bool,
    trailers_announced: bool,
    body_done: bool,
    written: u64,
    response: Response,
}

impl Host {
    pub(super) fn new(extensions: Extensions) -> Host {
        Host {
            extensions,
            events: VecDeque::new(),
            calls: BTreeMap::new(),
            opened: 0,
            started: None,
            stopped: None,
        }
    }

    pub(super) fn extensions(&self) -> Extensions {
        self.extensions
    }

    pub(super) fn next_id(&self) -> u64 {
        self.opened + 1
    }

    pub(super) fn started(&self) -> Option<&Started> {
        self.started.as_ref()
    }

    pub(super) fn stopped(&self) -> Result<(), String> {
        self.stopped.clone().unwrap_or(Ok(()))
    }

    pub(super) fn queue(&mut self, event: Event) {
        self.events.push_back(event);
    }

    // ------------------------------------------------------------ the client

    pub(super) fn open(&mut self, scope: HttpScope, body: Vec<Bytes>, ended: bool) -> u64 {
        self.opened += 1;
        let mut call = CallModel {
            head: matches!(scope.method, types::Method::Head),
            inbox: body.into(),
            ended,
            end_delivered: false,
            credit: MARK, // with the head, unasked
            unsent: 0,
            unreported: 0,
            paused: false,
            disconnected: false,
            trailers_announced: false,
            body_done: false,
            written: 0,
            response: Response::new(),
        };
        let (first, more_body) = call.take_body().unwrap_or((Bytes::new(), true));
        call.credit = 0;
        self.events.push_back(Event::Http(HttpCall {
            call: self.opened,
            scope,
            body: first.into(),
            more_body,
        }));
        self.calls.insert(self.opened, call);
        self.opened
    }

    #[track_caller]
    pub(super) fn push(&mut self, call: u64, body: Bytes) {
        self.call(call).inbox.push_back(body);
    }

    #[track_caller]
    pub(super) fn end_body(&mut self, call: u64) {
        self.call(call).ended = true;
    }

    #[track_caller]
    pub(super) fn disconnect(&mut self, id: u64) {
        let call = self.call(id);
        if !call.response.complete && !call.disconnected && call.response.outcome.is_none() {
            call.disconnected = true;
            self.events.push_back(Event::Disconnect(id));
        }
    }

    #[track_caller]
    pub(super) fn pause(&mut self, call: u64, paused: bool) {
        let call = self.call(call);
        call.paused = paused;
        if !paused {
            call.drain();
        }
    }

    #[track_caller]
    pub(super) fn response(&self, call: u64) -> Response {
        self.look(call).response.clone()
    }

    #[track_caller]
    pub(super) fn credit(&self, call: u64) -> usize {
        self.look(call).credit
    }

    #[track_caller]
    pub(super) fn is_answered(&self, call: u64) -> bool {
        let response = self.look(call);
        response.response.complete || response.response.outcome.is_some()
    }

    #[track_caller]
    pub(super) fn is_finished(&self, call: u64) -> bool {
        self.look(call).response.outcome.is_some()
    }

    #[track_caller]
    fn call(&mut self, id: u64) -> &mut CallModel {
        match self.calls.get_mut(&id) {
            Some(call) => call,
            None => panic!("the SDK speaks of call {id}, which was never opened"),
        }
    }

    #[track_caller]
    fn look(&self, id: u64) -> &CallModel {
        match self.calls.get(&id) {
            Some(call) => call,
            None => panic!("call {id} was never opened"),
        }
    }

    // ------------------------------------------------------------ events

    /// Whether nothing would be handed over now.
    pub(super) fn is_quiet(&self) -> bool {
        self.events.is_empty() && self.calls.values().all(CallModel::is_quiet)
    }

    /// What `exchange` returns.
    pub(super) fn events(&mut self) -> Vec<Event> {
        for (&id, call) in &mut self.calls {
            if call.reports() {
                let bytes = std::mem::take(&mut call.unreported);
                self.events.push_back(Event::Writable(Credit {
                    call: id,
                    bytes: narrow(bytes),
                }));
            }
            while let Some((body, more_body)) = call.take_body() {
                self.events.push_back(Event::Body(BodyChunk {
                    call: id,
                    body: body.into(),
                    more_body,
                }));
            }
        }
        let mut bytes = 0;
        let mut batch = Vec::new();
        while batch.len() < MAX_EVENTS && bytes <= MAX_EVENT_BYTES {
            let Some(event) = self.events.pop_front() else {
                break;
            };
            bytes += match &event {
                Event::Http(call) => call.body.len(),
                Event::Body(chunk) => chunk.body.len(),
                _ => 0,
            };
            let alone = matches!(event, Event::LifespanStartup);
            batch.push(event);
            if alone {
                break; // `L-03`: nothing beside it
            }
        }
        batch
    }

    // ------------------------------------------------------------ actions

    /// What `exchange` or `say` hands over.
    #[track_caller]
    pub(super) fn hear(&mut self, batch: &[Action]) {
        assert!(
            batch.len() <= MAX_ACTIONS,
            "{} actions in one batch",
            batch.len()
        );
        for action in batch {
            self.hear_one(action);
        }
    }

    #[track_caller]
    fn hear_one(&mut self, action: &Action) {
        match action {
            Action::Startup(startup) => {
                let started = match startup {
                    Startup::Complete => Started::Complete,
                    Startup::Unsupported(text) => Started::Unsupported(text.clone()),
                    Startup::Failed(text) => Started::Failed(text.clone()),
                };
                assert!(
                    self.started.replace(started).is_none(),
                    "startup was said twice"
                );
            }
            Action::Shutdown(shutdown) => {
                let stopped = match shutdown {
                    Shutdown::Complete => Ok(()),
                    Shutdown::Failed(text) => Err(text.clone()),
                };
                assert!(
                    self.stopped.replace(stopped).is_none(),
                    "shutdown was said twice"
                );
            }
            Action::Respond(respond) => {
                let call = self.call(respond.call);
                call.start(respond.status, &respond.headers, false);
                call.body(&respond.body, false);
                call.response.in_one = true;
            }
            Action::Start(start) => {
                self.call(start.call)
                    .start(start.status, &start.headers, start.trailers)
            }
            Action::Body(chunk) => self.call(chunk.call).body(&chunk.body, chunk.more_body),
            Action::Trailers(trailers) => self.call(trailers.call).trailers(trailers),
            Action::EarlyHint(hint) => {
                let call = self.call(hint.call);
                assert!(
                    call.response.status.is_none(),
                    "an early hint after the start"
                );
                call.response.early_hints.extend(hint.links.iter().cloned());
            }
            Action::Pathsend(pathsend) => {
                let call = self.call(pathsend.call);
                assert!(
                    call.response.status.is_some() && call.written == 0,
                    "pathsend out of order"
                );
                call.response.pathsend = Some(pathsend.path.clone());
                call.finish_body();
            }
            Action::Read(credit) => self.call(credit.call).read(credit.bytes),
            Action::Finished(finished) => {
                let outcome = match &finished.outcome {
                    types::Outcome::Returned => Outcome::Returned,
                    types::Outcome::Raised(text) => Outcome::Raised(text.clone()),
                };
                let before = self.call(finished.call).response.outcome.replace(outcome);
                assert!(before.is_none(), "call {} finished twice", finished.call);
            }
            Action::Accept(_) | Action::Message(_) | Action::Close(_) => {
                panic!("nobody opened a websocket: {action:?}")
            }
        }
    }
}

impl CallModel {
    fn is_quiet(&self) -> bool {
        let body = self.credit > 0 && !self.inbox.is_empty();
        let end = self.ended && self.inbox.is_empty() && !self.end_delivered;
        let listening = !self.disconnected && self.response.outcome.is_none();
        !self.reports() && !(listening && (body || end))
    }

    fn reports(&self) -> bool {
        self.unreported >= MARK / 2 && self.response.outcome.is_none()
    }

    /// The next piece of request body that the credit allows.
    fn take_body(&mut self) -> Option<(Bytes, bool)> {
        if self.end_delivered || self.disconnected || self.response.outcome.is_some() {
            return None;
        }
        let room = self.credit.min(MARK);
        let piece = match self.inbox.front_mut() {
            Some(front) if front.len() > room => {
                if room == 0 {
                    return None;
                }
                front.split_to(room)
            }
            Some(_) => self.inbox.pop_front()?,
            None if self.ended => Bytes::new(),
            None => return None,
        };
        self.credit -= piece.len();
        self.end_delivered = self.ended && self.inbox.is_empty();
        Some((piece, !self.end_delivered))
    }

    fn read(&mut self, bytes: u32) {
        self.assert_open();
        self.credit += bytes as usize;
        assert!(
            self.credit <= MARK,
            "{} bytes of credit are more than the mark",
            self.credit
        );
    }

    fn start(&mut self, status: u16, headers: &types::Fields, trailers: bool) {
        self.assert_open();
        if self.disconnected {
            return;
        }
        assert!(self.response.status.is_none(), "a second start");
        assert!((200..=999).contains(&status), "status {status}");
        self.response.status = Some(status);
        self.response.headers = Headers::new(headers.clone());
        self.trailers_announced = trailers;
    }

    fn body(&mut self, body: &[u8], more: bool) {
        self.assert_open();
        if self.disconnected {
            return;
        }
        assert!(self.response.status.is_some(), "a body before the start");
        assert!(!self.body_done, "a body after the last one");
        assert!(
            self.unsent <= MARK,
            "a body while {} bytes are unsent",
            self.unsent
        );
        assert!(body.len() <= MAX_PIECE, "a body of {} bytes", body.len());
        self.written += body.len() as u64;
        if !body.is_empty() && !self.head {
            self.response.chunks.push(Bytes::copy_from_slice(body));
        }
        self.unsent += body.len();
        if !self.paused {
            self.drain();
        }
        if !more {
            self.finish_body();
        }
    }

    fn finish_body(&mut self) {
        self.body_done = true;
        self.response.complete = !self.trailers_announced;
        let announced = self
            .response
            .header("content-length")
            .and_then(|length| length.parse::<u64>().ok());
        let bodiless = self.head || matches!(self.response.status, Some(204 | 304));
        if let (Some(announced), false, None) = (announced, bodiless, &self.response.pathsend) {
            assert_eq!(self.written, announced, "content-length");
        }
    }

    fn trailers(&mut self, trailers: &types::Trailers) {
        self.assert_open();
        if self.disconnected {
            return;
        }
        assert!(
            self.trailers_announced && self.body_done,
            "trailers out of order"
        );
        self.response.trailers = Some(Headers::new(trailers.headers.clone()));
        self.response.complete |= !trailers.more_trailers;
    }

    fn drain(&mut self) {
        self.unreported += std::mem::take(&mut self.unsent);
    }

    fn assert_open(&self) {
        assert!(
            self.response.outcome.is_none(),
            "an action after `finished`"
        );
    }
}

fn narrow(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
