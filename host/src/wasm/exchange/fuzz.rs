//! Fuzz target of what a hostile guest says: batches of any actions, for any calls, with lengths that lie, while the server's
//! side goes on. What it may cost is its own calls and its own instance.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a target says what it has found"
)]

mod actions;
mod client;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::*;
use crate::asgi::MARK;
use crate::asgi::call::Asked;
use crate::asgi::lifespan::Phase;
use crate::bindings::types::{
    Credit, Extensions, HttpCall, Method, Payload, WebsocketCall, WebsocketScope,
};
use crate::config::limits::Limits;
use crate::fuzzing::{Choices, SUBPROTOCOL, scope};
use crate::wasm::link::Opening;
use crate::wasm::opened::Scope;
use crate::wasm::waiting::Waiting;
use actions::{action, call_of, id};
use client::Client;

/// Calls at the same time, and WebSockets apart from them: few, so that the bounds are met.
const CALLS_MAX: usize = 4;
const WEBSOCKETS_MAX: usize = 2;

/// Runs an instance as the bytes say.
pub fn batch(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let limits = Limits {
        calls_max: CALLS_MAX,
        websockets_max: WEBSOCKETS_MAX,
        websocket_message_bytes_max: 200_000,
        ..Limits::default()
    };
    let mut instance = Instance {
        link: Link::new("fuzz".into(), 1, &limits, Arc::new(Waiting::new(&limits))),
        limits,
        calls: Vec::new(),
        closed: false,
        abandoned: false,
        ended: false,
        startup: false,
        shutdown: false,
        later: Duration::ZERO,
        over: 0,
    };
    while !choices.is_done() {
        instance.step(&mut choices);
    }
    instance.finish();
}

/// A call, as both sides know it.
struct Served {
    client: Client,
    /// The guest has the event that opens it.
    given: bool,
    finished: bool,
    /// The guest has been told how it ended.
    closed: bool,
}

struct Instance {
    link: Arc<Link>,
    limits: Limits,
    /// The call with id `n` at `n - 1`.
    calls: Vec<Served>,
    closed: bool,
    abandoned: bool,
    /// The guest has broken the contract, and is no more.
    ended: bool,
    startup: bool,
    shutdown: bool,
    /// How far the clock has been put on.
    later: Duration,
    /// How many calls have been over time.
    over: usize,
}

impl Instance {
    fn step(&mut self, choices: &mut Choices<'_>) {
        match choices.below(16) {
            0..=2 => self.open(choices),
            3..=7 => self.say(choices),
            8..=10 => self.collect(),
            11..=13 => self.serve(choices),
            14 => match choices.below(8) {
                0 => self.link.enter(id(choices, self.calls.len())),
                1 => {
                    self.later += Duration::from_secs(100);
                    let now = Instant::now() + self.later;
                    self.over += self.link.enforce_deadlines(&self.limits, now).len();
                }
                2 => {
                    self.link.close();
                    self.closed = true;
                }
                3 if self.closed => {
                    self.link.abandon_calls();
                    self.abandoned = true;
                }
                4 => self.link.part_with_websockets(),
                _ => {}
            },
            _ => self.ready(),
        }
        let (in_flight, pinned) = self.link.in_flight_and_pinned();
        // A WebSocket counts as a call until it is accepted, so the last may come over.
        assert!(in_flight <= CALLS_MAX && pinned < WEBSOCKETS_MAX + CALLS_MAX);
    }

    /// Start-up as a good guest has it, so that calls can be opened.
    fn ready(&mut self) {
        if !self.startup {
            self.collect();
        }
        if self.link.phase() == Phase::Starting {
            self.apply(vec![Action::Startup(Startup::Complete)], false);
        }
    }

    fn open(&mut self, choices: &mut Choices<'_>) {
        let method = if choices.one_in(4) {
            Method::Head
        } else {
            Method::Get
        };
        let offered = if choices.one_in(2) {
            Extensions::all()
        } else {
            Extensions::empty()
        };
        let asked = Asked {
            more_body: choices.one_in(2),
            trailers: choices.one_in(2),
        };
        let ready = self.link.phase() == Phase::Ready && !self.closed && !self.ended;
        let (in_flight, pinned) = self.link.in_flight_and_pinned();
        let http = scope(method, offered);
        let (scope, room) = if choices.one_in(2) {
            let scope = WebsocketScope {
                http,
                subprotocols: vec![SUBPROTOCOL.to_owned()],
            };
            (Scope::WebSocket(scope), pinned < WEBSOCKETS_MAX)
        } else {
            (Scope::Http(http, asked), true)
        };
        let room = room && in_flight < CALLS_MAX;
        let opening = Opening {
            scope,
            permit: None,
        };
        match self.link.open(opening, Instant::now()) {
            Ok(opened) => {
                assert!(ready && room);
                let client = Client::new(opened);
                assert_eq!(client.id(), self.calls.len() as u64 + 1);
                self.calls.push(Served {
                    client,
                    given: false,
                    finished: false,
                    closed: false,
                });
            }
            Err(_) => assert!(!(ready && room), "it takes no call although it could"),
        }
    }

    fn say(&mut self, choices: &mut Choices<'_>) {
        if self.ended {
            return;
        }
        let given = self.calls.len();
        let mut said: Vec<_> = (0..=choices.below(6))
            .map(|_| action(choices, given))
            .collect();
        if choices.one_in(64) {
            let more = vec![Action::Read(Credit { call: 1, bytes: 0 }); SAID_ACTIONS_MAX];
            said.extend(more);
        }
        let unknown =
            |action: &Action| call_of(action).is_some_and(|id| id == 0 || id > given as u64);
        let bytes: usize = said.iter().map(bytes_of).sum();
        let broken =
            said.iter().any(unknown) || said.len() > SAID_ACTIONS_MAX || bytes > SAID_BYTES_MAX;
        self.apply(said, broken);
    }

    /// Gives a batch to the host. `broken`: it may not be taken. What is out of order in a lifespan may not either.
    fn apply(&mut self, said: Vec<Action>, broken: bool) {
        let lifespan = said.iter().any(|action| call_of(action).is_none());
        let finished: Vec<_> = said
            .iter()
            .filter_map(|action| match action {
                Action::Finished(it) => usize::try_from(it.call).ok()?.checked_sub(1),
                _ => None,
            })
            .collect();
        match apply(&self.link, said) {
            Ok(()) => {
                assert!(!broken, "a broken contract is taken");
                for at in finished {
                    self.calls[at].finished = true;
                }
            }
            Err(error) => {
                assert!(broken || lifespan, "{error:?}");
                // What the instance does about a trap.
                self.link.end(Some("contract broken"));
                self.ended = true;
                self.closed = true;
            }
        }
    }

    fn collect(&mut self) {
        if self.ended {
            return;
        }
        let cx = &mut Context::from_waker(Waker::noop());
        let Poll::Ready(events) = self.link.poll_events(cx) else {
            return;
        };
        assert!(!events.is_empty() && events.len() <= 256);
        let mut bytes = 0;
        for event in events {
            let mut ends = false;
            let id = match event {
                Event::LifespanStartup => {
                    assert!(!std::mem::replace(&mut self.startup, true));
                    continue;
                }
                Event::LifespanShutdown => {
                    assert!(self.closed && !std::mem::replace(&mut self.shutdown, true));
                    assert!(self.abandoned || self.link.calls_count() <= self.over);
                    continue;
                }
                Event::Http(HttpCall { call, .. })
                | Event::Websocket(WebsocketCall { call, .. }) => {
                    let call = &mut self.calls[usize::try_from(call).unwrap() - 1];
                    assert!(self.startup && !std::mem::replace(&mut call.given, true));
                    continue;
                }
                Event::Body(it) => {
                    assert!(it.body.len() <= MARK);
                    bytes += it.body.len();
                    it.call
                }
                Event::Message(it) => {
                    let Payload::Bytes(message) = it.payload else {
                        panic!("nobody has sent text");
                    };
                    bytes += message.len();
                    it.call
                }
                Event::Closed(it) => {
                    ends = true;
                    it.call
                }
                Event::Disconnect(id) => {
                    ends = true;
                    id
                }
                Event::Writable(it) => it.call,
            };
            let call = &mut self.calls[usize::try_from(id).unwrap() - 1];
            assert!(
                call.given && !call.finished,
                "an event of a call that the guest does not have"
            );
            assert!(!(call.closed && ends), "it ends twice");
            call.closed |= ends;
        }
        // The one that passes 512 KiB may be a message of a quarter.
        assert!(bytes <= 12 * MARK + MARK);
    }

    /// The client's side of one call.
    fn serve(&mut self, choices: &mut Choices<'_>) {
        if !self.calls.is_empty() {
            let at = choices.below(self.calls.len());
            self.calls[at].client.step(choices);
        }
    }

    fn finish(mut self) {
        if !self.ended {
            self.link.end(None);
        }
        assert_eq!(
            self.link.calls_count(),
            0,
            "a call of an instance that has ended"
        );
        for served in &mut self.calls {
            assert!(served.client.read(true), "a client waits for ever");
        }
        // A link that nobody keeps has kept nothing of its calls.
        let link = Arc::downgrade(&self.link);
        drop(self);
        assert_eq!(link.strong_count(), 0, "a call keeps its instance");
    }
}
