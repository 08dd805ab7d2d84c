//! Fuzz target of a call's state machine: both of its ends do anything in any order, and a model says what they may see.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a target says what it has found"
)]

mod props;
mod served;

use std::sync::atomic::Ordering;

use props::{Count, Waiter, headers, pattern};

use super::*;
use crate::asgi::{ACTION_BYTES_MAX, MARK};
use crate::bindings::types::{Extensions, Method, Pathsend, Response, Trailers};
use crate::fuzzing::{Choices, fields, scope};

/// Runs a call as the bytes say.
pub fn call(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let mut both = Both::new(&mut choices);
    while !choices.is_done() {
        both.step(&mut choices);
    }
    both.finish();
}

/// What both ends did to one call, and what they may expect of it.
struct Both {
    call: Call,
    inbox: Arc<Count>,
    is_head: bool,
    asked: Asked,
    offered: Extensions,

    pump: Waiter,
    pump_done: bool,
    pushed: usize,
    delivered: usize,
    granted: usize,
    body_over: bool,

    /// What the guest has been told of by the inbox.
    announced: usize,
    told_gone: bool,
    guest_done: bool,

    server: Waiter,
    /// What `start` or `respond` said, once it was taken.
    status: Option<u16>,
    trailing: bool,
    path: bool,
    complete: bool,
    said: usize,
    unsent: usize,
    sent: usize,
    length: Option<usize>,
    head: bool,
    cut: bool,
    whole: bool,
    file: bool,

    /// How it ended, if it has.
    end: Option<Outcome>,
}

impl Both {
    fn new(choices: &mut Choices<'_>) -> Self {
        let kind = choices.below(32);
        let bit = |bit: usize| kind & bit != 0;
        let asked = Asked {
            more_body: bit(1),
            trailers: bit(2),
        };
        let mut offered = Extensions::empty();
        if bit(4) {
            offered |= Extensions::TRAILERS | Extensions::PATHSEND;
        }
        let is_head = bit(8) && bit(16);
        let method = if is_head { Method::Head } else { Method::Post };
        let inbox = Arc::new(Count::default());
        Self {
            call: Call::new(1, inbox.clone(), &scope(method, offered), asked),
            inbox,
            is_head,
            asked,
            offered,
            pump: Waiter::new(),
            pump_done: !asked.more_body,
            pushed: 0,
            delivered: 0,
            granted: 0,
            body_over: !asked.more_body,
            announced: 0,
            told_gone: false,
            guest_done: false,
            server: Waiter::new(),
            status: None,
            trailing: false,
            path: false,
            complete: false,
            said: 0,
            unsent: 0,
            sent: 0,
            length: None,
            head: false,
            cut: false,
            whole: false,
            file: false,
            end: None,
        }
    }

    fn step(&mut self, choices: &mut Choices<'_>) {
        match choices.below(16) {
            0 | 1 => self.pump(choices),
            2 | 3 => self.write(choices.one_in(4), choices.below(3)),
            4 | 5 => self.collect(),
            6 if choices.one_in(4) => self.disconnect(),
            6 if choices.one_in(4) => {
                let effect = self
                    .call
                    .fail(Failure::Deadline(crate::config::limits::Deadline {
                        name: "request",
                        time: std::time::Duration::from_secs(1),
                    }));
                self.done(effect);
            }
            _ if self.guest_done => {}
            7 | 8 => self.read(choices),
            9 => self.start(choices),
            10 => self.respond(choices),
            11 | 12 => self.body(choices),
            13 => self.trailers(choices),
            14 if choices.one_in(4) => {
                let outcome = if choices.one_in(2) {
                    types::Outcome::Raised("boom".into())
                } else {
                    types::Outcome::Returned
                };
                self.finished(outcome);
            }
            14 => self.pathsend(),
            _ if choices.one_in(16) => {
                let effect = self.call.refuse(Violation::InvalidState("no such action"));
                assert!(self.end.is_some() || effect != Effect::Done);
                self.done(effect);
            }
            _ => self.collect(),
        }
    }

    // ------------------------------------------------------------ the guest's end

    fn read(&mut self, choices: &mut Choices<'_>) {
        let bytes = choices.size();
        let effect = self.call.read(u32::try_from(bytes).unwrap());
        if self.end.is_none() {
            let fits = self.granted - self.delivered + bytes <= MARK;
            assert_eq!(effect == Effect::Done, fits, "`G-20`");
            if fits {
                self.granted += bytes;
            }
        }
        self.done(effect);
    }

    fn start(&mut self, choices: &mut Choices<'_>) {
        let status = choices.of(&[200, 200, 200, 404, 204, 304, 999, 199, 1000, 0]);
        let trailers = choices.one_in(4);
        let effect = self.call.start(ResponseStart {
            call: 1,
            status,
            headers: headers(choices),
            trailers,
        });
        let legal = self.status.is_none() && (200..=999).contains(&status);
        if self.end.is_none() && effect == Effect::Done {
            assert!(legal && (!trailers || self.offered.contains(Extensions::TRAILERS)));
            self.status = Some(status);
            self.trailing = trailers;
        }
        self.done(effect);
    }

    fn respond(&mut self, choices: &mut Choices<'_>) {
        let body = pattern(self.said, choices.size());
        let status = choices.of(&[200, 200, 204, 304, 500]);
        let effect = self.call.respond(Response {
            call: 1,
            status,
            headers: headers(choices),
            body: body.to_vec(),
        });
        if self.end.is_none() && !self.complete && effect == Effect::Done {
            assert!(self.status.is_none() && body.len() <= ACTION_BYTES_MAX);
            self.status = Some(status);
            self.complete = true;
            self.accepted(body.len());
        }
        self.done(effect);
    }

    fn body(&mut self, choices: &mut Choices<'_>) {
        let at = if self.is_bodiless() { 0 } else { self.said };
        let (body, more_body) = (pattern(at, choices.size()), !choices.one_in(4));
        let over = self.complete;
        let effect = self.call.body(BodyChunk {
            call: 1,
            body: body.to_vec(),
            more_body,
        });
        if self.end.is_none() && !over {
            let room = self.unsent <= MARK && body.len() <= ACTION_BYTES_MAX;
            if let Effect::Failed(Failure::Violation(Violation::LimitExceeded(_))) = effect {
                assert!(!room, "`G-20`: refused although there is room");
            }
            if effect == Effect::Done {
                assert!(self.status.is_some() && room, "`R-07`, `G-20`");
                self.complete = !more_body && !self.trailing;
                self.accepted(body.len());
            }
        }
        self.done(effect);
    }

    fn accepted(&mut self, bytes: usize) {
        self.unsent += bytes;
        if !self.is_bodiless() {
            self.said += bytes;
        }
        assert!(
            self.said - self.sent <= MARK + ACTION_BYTES_MAX,
            "too much is buffered"
        );
    }

    fn trailers(&mut self, choices: &mut Choices<'_>) {
        let name = choices.of(&[&b"x"[..], b"x", b"content-length", b"a b"]);
        let more_trailers = choices.one_in(3);
        let effect = self.call.trailers(Trailers {
            call: 1,
            headers: fields(&[(name, b"1")]),
            more_trailers,
        });
        if self.end.is_none() && !self.complete && effect == Effect::Done {
            assert!(self.trailing && name == b"x");
            self.complete = !more_trailers;
        }
        self.done(effect);
    }

    fn pathsend(&mut self) {
        let effect = self.call.pathsend(Pathsend {
            call: 1,
            path: "/data/file".into(),
        });
        if self.end.is_none() && !self.complete && effect == Effect::Done {
            assert!(self.offered.contains(Extensions::PATHSEND) && self.status.is_some());
            assert!(self.unsent == 0 && !self.trailing);
            self.path = true;
            self.complete = true;
        }
        self.done(effect);
    }

    fn finished(&mut self, outcome: types::Outcome) {
        let effect = self.call.finished(Finished { call: 1, outcome });
        self.guest_done = true;
        self.done(effect);
        assert!(
            self.complete || self.end.is_some(),
            "`X-05`: done, and the client would wait"
        );
    }

    /// Collects what has been announced, as the instance does, and checks each.
    fn collect(&mut self) {
        if self.guest_done {
            return;
        }
        let announced = self.inbox.0.load(Ordering::Relaxed);
        let told = announced - self.announced;
        assert!(told <= 1, "`G-09`: announced twice");
        self.announced = announced;
        let mut events = Vec::new();
        while self.call.events(&mut events) {}
        assert!(
            events.is_empty() || told == 1,
            "`G-09`: events of which nobody was told: {events:?}"
        );
        for event in events {
            assert!(!self.told_gone, "an event after the disconnect: {event:?}");
            match event {
                Event::Body(chunk) => {
                    assert!(!self.body_over, "a body after its end");
                    let length = chunk.body.len();
                    assert!(length <= MARK && (length > 0 || !chunk.more_body));
                    assert!(
                        chunk.body == pattern(self.delivered, length),
                        "bytes lost, doubled or in disorder"
                    );
                    self.delivered += length;
                    self.body_over = !chunk.more_body;
                    assert!(!self.body_over || self.delivered == self.pushed);
                }
                Event::Disconnect(1) => {
                    assert!(self.end.is_some());
                    self.told_gone = true;
                }
                Event::Writable(credit) => {
                    let bytes = credit.bytes as usize;
                    assert!(bytes >= MARK / 2 || self.unsent > MARK);
                    self.unsent = self
                        .unsent
                        .checked_sub(bytes)
                        .expect("more gone than was said");
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(self.delivered <= self.granted, "more than the credit");
    }

    // ------------------------------------------------------------ how it ends

    /// What became of an action: a call fails once.
    fn done(&mut self, effect: Effect) {
        match effect {
            Effect::Failed(failure) => {
                assert!(
                    self.end.is_none(),
                    "it ends twice: {:?}, {failure:?}",
                    self.end
                );
                self.end = Some(Outcome::Failed(failure));
            }
            Effect::RaisedLate(_) => assert!(self.complete || self.end.is_some()),
            Effect::Done => {}
        }
        self.check_end();
    }

    fn check_end(&self) {
        if let Some(end) = &self.end {
            assert_eq!(&self.call.outcome(), end, "it ends otherwise than before");
        }
    }

    fn finish(mut self) {
        self.write(true, 0);
        self.collect();
        if !self.guest_done {
            let may_say_more = self.complete && !self.told_gone;
            assert!(
                !may_say_more || self.unsent <= MARK,
                "`A-11`: a `send` that never returns"
            );
            let heard = self.told_gone || self.complete || self.end.is_none();
            assert!(heard, "`D-03`, `G-23`: the guest has not heard of the end");
            self.finished(types::Outcome::Returned);
        }
        self.write(true, 0);
        assert!(self.whole || self.cut, "the client waits for ever");
    }
}
