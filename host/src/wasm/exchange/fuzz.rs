//! Fuzz target of what a hostile guest says: batches of any actions, for any calls, with lengths that lie, while the server's
//! side goes on. What it may cost is its own calls and its own instance.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a target says what it has found"
)]

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::*;
use crate::asgi::MARK;
use crate::asgi::call::{AnswerBody, Asked, Demand};
use crate::asgi::lifespan::Phase;
use crate::bindings::types::{
    Accept, BodyChunk, Close, Credit, EarlyHint, Extensions, FieldLength, Finished, Message,
    Method, Pathsend, Response, ResponseStart, Trailers,
};
use crate::config::limits::Limits;
use crate::fuzzing::{Choices, scope};
use crate::wasm::link::Opening;
use crate::wasm::opened::{Opened, Scope};
use crate::wasm::waiting::Waiting;

/// Calls at the same time: few, so that the bound is met.
const CALLS_MAX: usize = 4;

/// Runs an instance as the bytes say.
pub fn batch(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let limits = Limits {
        calls_max: CALLS_MAX,
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
    };
    while !choices.is_done() {
        instance.step(&mut choices);
    }
    instance.finish();
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
}

/// A call, as both sides know it.
struct Served {
    call: Arc<Call>,
    /// The guest has its `http` event.
    given: bool,
    finished: bool,
    headed: bool,
    over: bool,
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
                    let later = Instant::now() + Duration::from_secs(100);
                    self.link.enforce_deadlines(&self.limits, later);
                }
                2 => {
                    self.link.close();
                    self.closed = true;
                }
                3 if self.closed => {
                    self.link.abandon_calls();
                    self.abandoned = true;
                }
                _ => {}
            },
            _ => self.ready(),
        }
        assert!(self.link.calls_count() <= CALLS_MAX);
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
        let room = self.link.calls_count() < CALLS_MAX;
        let opening = Opening {
            scope: Scope::Http(scope(method, offered), asked),
            permit: None,
        };
        match self.link.open(opening, Instant::now()) {
            Ok(opened) => {
                assert!(ready && room);
                let Opened::Http(call) = opened else {
                    panic!("a WebSocket for a request");
                };
                self.calls.push(Served {
                    call,
                    given: false,
                    finished: false,
                    headed: false,
                    over: false,
                });
                assert_eq!(
                    self.calls.last().map(|call| call.call.id()),
                    Some(self.calls.len() as u64)
                );
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
            let id = match event {
                Event::LifespanStartup => {
                    assert!(!std::mem::replace(&mut self.startup, true));
                    continue;
                }
                Event::LifespanShutdown => {
                    assert!(self.closed && !std::mem::replace(&mut self.shutdown, true));
                    assert!(self.abandoned || self.link.calls_count() == 0);
                    continue;
                }
                Event::Http(it) => {
                    let call = &mut self.calls[usize::try_from(it.call).unwrap() - 1];
                    assert!(self.startup && !std::mem::replace(&mut call.given, true));
                    continue;
                }
                Event::Body(it) => {
                    assert!(it.body.len() <= MARK);
                    bytes += it.body.len();
                    it.call
                }
                Event::Disconnect(id) => id,
                Event::Writable(it) => it.call,
                other => panic!("{other:?}"),
            };
            let call = &self.calls[usize::try_from(id).unwrap() - 1];
            assert!(
                call.given && !call.finished,
                "an event of a call that the guest does not have"
            );
        }
        assert!(bytes <= 10 * MARK);
    }

    /// The server's side of one call.
    fn serve(&mut self, choices: &mut Choices<'_>) {
        if self.calls.is_empty() {
            return;
        }
        let at = choices.below(self.calls.len());
        let served = &mut self.calls[at];
        let cx = &mut Context::from_waker(Waker::noop());
        match choices.below(8) {
            0 => served.call.disconnect(),
            1 | 2 => {
                if served.call.poll_demand(cx) == Poll::Ready(Demand::Read) {
                    served.call.push_body(Bytes::from(vec![7; choices.size()]));
                }
            }
            3 => served.call.finish_body(),
            _ => served.write(cx, choices.one_in(2)),
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
        let cx = &mut Context::from_waker(Waker::noop());
        for served in &mut self.calls {
            served.write(cx, true);
            assert!(served.over, "a client waits for ever");
        }
        // A link that nobody keeps has kept nothing of its calls.
        let link = Arc::downgrade(&self.link);
        drop(self);
        assert_eq!(link.strong_count(), 0, "a call keeps its instance");
    }
}

impl Served {
    /// Takes what there is.
    fn write(&mut self, cx: &mut Context<'_>, force: bool) {
        if !self.headed && !self.over {
            match self.call.poll_answer(cx, force) {
                Poll::Ready(Ok(answer)) => {
                    self.headed = true;
                    self.over = !matches!(answer.body, AnswerBody::Stream);
                }
                Poll::Ready(Err(_)) => self.over = true,
                Poll::Pending => return,
            }
        }
        while !self.over {
            match self.call.poll_body(cx) {
                Poll::Ready(Some(Ok(_))) => self.over = self.call.is_taken(),
                Poll::Ready(_) => self.over = true,
                Poll::Pending => return,
            }
        }
    }
}

/// Mostly the id of a call that there is.
fn id(choices: &mut Choices<'_>, given: usize) -> CallId {
    match choices.below(32) {
        0 => choices.of(&[0, u64::MAX, given as u64 + 1]),
        _ => 1 + choices.below(given.max(1)) as u64,
    }
}

/// Fields that a guest may write into its memory: some are good.
fn wild(choices: &mut Choices<'_>) -> Fields {
    let text = choices.text(40);
    let mut lengths = Vec::new();
    let mut left = text.len();
    for _ in 0..choices.below(4) {
        let name = choices.below(left + 1);
        let value = choices.below(left - name + 1);
        left -= name + value;
        let length = |length: usize| u32::try_from(length).unwrap();
        lengths.push(FieldLength {
            name: length(name),
            value: length(value),
        });
    }
    if left > 0 && choices.one_in(2) {
        lengths.push(FieldLength {
            name: u32::try_from(left).unwrap(),
            value: choices.of(&[0, 0, 1, u32::MAX]),
        });
    }
    if choices.one_in(32) {
        let empty = FieldLength { name: 0, value: 0 };
        lengths.resize(choices.of(&[255, 256, 257, 100_000]), empty);
    }
    Fields { text, lengths }
}

fn text(choices: &mut Choices<'_>) -> String {
    String::from_utf8_lossy(&choices.text(40)).into_owned()
}

fn action(choices: &mut Choices<'_>, given: usize) -> Action {
    let call = id(choices, given);
    match choices.below(32) {
        0..=4 => Action::Respond(Response {
            call,
            status: choices.of(&[200, 204, 304, 199, 65535]),
            headers: wild(choices),
            body: vec![b'x'; choices.size()],
        }),
        5..=9 => Action::Start(ResponseStart {
            call,
            status: choices.of(&[200, 200, 204, 304, 0]),
            headers: wild(choices),
            trailers: choices.one_in(4),
        }),
        10..=15 => Action::Body(BodyChunk {
            call,
            body: vec![b'x'; choices.size()],
            more_body: !choices.one_in(3),
        }),
        16..=19 => Action::Read(Credit {
            call,
            bytes: u32::try_from(choices.size()).unwrap() << choices.of(&[0, 0, 0, 14]),
        }),
        20..=23 => Action::Finished(Finished {
            call,
            outcome: if choices.one_in(2) {
                Outcome::Raised(text(choices))
            } else {
                Outcome::Returned
            },
        }),
        24 => Action::Trailers(Trailers {
            call,
            headers: wild(choices),
            more_trailers: choices.one_in(3),
        }),
        25 => Action::Pathsend(Pathsend {
            call,
            path: text(choices),
        }),
        26 => Action::EarlyHint(EarlyHint {
            call,
            links: vec![choices.text(40)],
        }),
        27 => Action::Accept(Accept {
            call,
            subprotocol: None,
            headers: wild(choices),
        }),
        28 => Action::Message(Message {
            call,
            payload: Payload::Bytes(choices.text(40)),
        }),
        29 => Action::Close(Close {
            call,
            code: 1000,
            reason: text(choices),
        }),
        30 => Action::Startup(match choices.below(3) {
            0 => Startup::Complete,
            1 => Startup::Unsupported(text(choices)),
            _ => Startup::Failed(text(choices)),
        }),
        _ => Action::Shutdown(if choices.one_in(2) {
            Shutdown::Complete
        } else {
            Shutdown::Failed(text(choices))
        }),
    }
}

/// The call that an action is for; none for those of the lifespan.
fn call_of(action: &Action) -> Option<CallId> {
    Some(match action {
        Action::Respond(it) => it.call,
        Action::Start(it) => it.call,
        Action::Body(it) => it.call,
        Action::Read(it) => it.call,
        Action::Finished(it) => it.call,
        Action::Trailers(it) => it.call,
        Action::Pathsend(it) => it.call,
        Action::EarlyHint(it) => it.call,
        Action::Accept(it) => it.call,
        Action::Message(it) => it.call,
        Action::Close(it) => it.call,
        Action::Startup(_) | Action::Shutdown(_) => return None,
    })
}
