//! The host of a test: hands events over within the credit, hears actions, and checks that the SDK keeps
//! the contract of `wit/`. Whatever it panics about is a bug of the SDK, never of the app.

#![expect(clippy::panic, reason = "a test helper: a panic is how a test fails")]

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::Started;
use super::call::CallModel;
use super::response::{Outcome, Response};
use super::websocket::{Answer, Socket};
use crate::bindings::types::{
    self, Action, BodyChunk, Credit, Event, Extensions, HttpCall, HttpScope, Shutdown, Startup,
};

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
    denial: bool,
    events: VecDeque<Event>,
    calls: BTreeMap<u64, CallModel>,
    opened: u64,
    started: Option<Started>,
    stopped: Option<Result<(), String>>,
}

impl Host {
    pub(super) fn new(extensions: Extensions, denial: bool) -> Host {
        Host {
            extensions,
            denial,
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

    /// What a WebSocket's scope offers beyond that.
    pub(super) fn websocket_extensions(&self) -> Extensions {
        if self.denial {
            Extensions::WEBSOCKET_DENIAL
        } else {
            Extensions::empty()
        }
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
        let mut call = CallModel::new(matches!(scope.method, types::Method::Head), body, ended);
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

    pub(super) fn open_websocket(&mut self, scope: types::WebsocketScope) -> u64 {
        self.opened += 1;
        let socket = Socket::new(scope.subprotocols.clone(), self.denial);
        self.calls.insert(self.opened, CallModel::websocket(socket));
        self.events
            .push_back(Event::Websocket(types::WebsocketCall {
                call: self.opened,
                scope,
            }));
        self.opened
    }

    /// The app's answer to a handshake.
    #[track_caller]
    pub(super) fn answer(&self, call: u64) -> Option<Answer> {
        let socket = self.look_at_socket(call);
        let response = &self.look(call).response;
        match &socket.answer {
            None if response.complete
                || (response.status.is_some() && response.outcome.is_some()) =>
            {
                Some(Answer::Denied(response.clone()))
            }
            answer => answer.clone(),
        }
    }

    #[track_caller]
    pub(super) fn socket(&mut self, call: u64) -> &mut Socket {
        match &mut self.call(call).socket {
            Some(socket) => socket,
            None => panic!("call {call} is no WebSocket"),
        }
    }

    #[track_caller]
    pub(super) fn look_at_socket(&self, call: u64) -> &Socket {
        match &self.look(call).socket {
            Some(socket) => socket,
            None => panic!("call {call} is no WebSocket"),
        }
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
        if let Some(socket) = &mut call.socket {
            socket.close(1006, "");
            call.disconnected = true;
            return;
        }
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
        self.look(call).credit()
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
            if let Some(socket) = &mut call.socket {
                if call.response.outcome.is_some() {
                    continue;
                }
                while let Some(payload) = socket.take_message() {
                    self.events
                        .push_back(Event::Message(types::Message { call: id, payload }));
                }
                if let Some(closed) = socket.take_closed() {
                    self.events.push_back(Event::Closed(types::Close {
                        call: id,
                        code: closed.code,
                        reason: closed.reason,
                    }));
                }
                continue;
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
                Event::Message(message) => match &message.payload {
                    types::Payload::Text(text) => text.len(),
                    types::Payload::Bytes(bytes) => bytes.len(),
                },
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
                let call = self.call(finished.call);
                if let Some(socket) = &mut call.socket
                    && call.response.status.is_none()
                {
                    socket.finish(matches!(outcome, Outcome::Raised(_)));
                }
                let before = call.response.outcome.replace(outcome);
                assert!(before.is_none(), "call {} finished twice", finished.call);
            }
            Action::Accept(accept) => {
                self.call(accept.call).assert_open();
                self.socket(accept.call).accept(accept);
            }
            Action::Message(message) => self.call(message.call).message(&message.payload),
            Action::Close(close) => {
                self.call(close.call).assert_open();
                self.socket(close.call).said_close(close);
            }
        }
    }
}

fn narrow(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
