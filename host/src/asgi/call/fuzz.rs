//! Fuzz target of a call's state machine: both of its ends do anything in any order, and a model says what they may see.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a target says what it has found"
)]

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Wake;

use http::header;

use super::*;
use crate::asgi::{ACTION_BYTES_MAX, MARK};
use crate::bindings::types::{Extensions, Method, Pathsend, Response, Trailers};
use crate::fuzzing::noise::Noise;
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

/// How often a call has said that it has events.
#[derive(Default)]
struct Count(AtomicUsize);

impl Inbox for Count {
    fn ready(&self, _: CallId) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// One who waits: it may only find what it was woken for.
struct Waiter {
    woken: Arc<Woken>,
    waits: bool,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Waiter {
    fn new() -> Self {
        let woken = Arc::default();
        Self {
            woken,
            waits: false,
        }
    }

    /// Polls. `unasked`: something other than a wake-up may be why it is ready.
    fn poll<T>(
        &mut self,
        unasked: bool,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let woken = self.woken.0.swap(false, Ordering::Relaxed);
        let waker = Waker::from(self.woken.clone());
        let polled = poll(&mut Context::from_waker(&waker));
        let lost = polled.is_ready() && self.waits && !woken;
        assert!(!lost || unasked, "nobody has woken it");
        self.waits = polled.is_pending();
        polled
    }
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

/// Bytes of which each place looks different.
fn pattern(at: usize, length: usize) -> &'static [u8] {
    const PERIOD: usize = 99_991;
    static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let letters: Vec<u8> = (0..=255).collect();
        let mut noise = Noise::new(7);
        let once: Vec<u8> = std::iter::repeat_with(|| letters[noise.below(256)])
            .take(PERIOD)
            .collect();
        once.repeat(2 + ACTION_BYTES_MAX.div_ceil(PERIOD))
    });
    &BYTES[at % PERIOD..][..length]
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
                let effect = self.call.fail(Failure::Deadline("request"));
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

    // ------------------------------------------------------------ the server's end

    /// The pump reads only what was asked for, and nothing after the end.
    fn pump(&mut self, choices: &mut Choices<'_>) {
        if self.pump_done {
            return;
        }
        match self.pump.poll(false, |cx| self.call.poll_demand(cx)) {
            Poll::Pending => {
                let wanted = self.granted > self.pushed && self.end.is_none();
                assert!(
                    !wanted || self.complete,
                    "the guest waits for a body that nobody reads"
                );
            }
            Poll::Ready(Demand::Stop) => {
                assert!(self.end.is_some() || self.complete);
                self.pump_done = true;
            }
            Poll::Ready(Demand::Read) if choices.one_in(6) => {
                self.call.finish_body();
                self.pump_done = true;
            }
            Poll::Ready(Demand::Read) => {
                assert!(
                    self.granted > self.pushed,
                    "more is buffered than was asked for"
                );
                let bytes = pattern(self.pushed, choices.size());
                self.pushed += bytes.len();
                self.call.push_body(Bytes::from_static(bytes));
            }
        }
    }

    fn disconnect(&mut self) {
        let taken = self.call.is_taken();
        self.call.disconnect();
        // It is the server that says so, and needs nobody to wake it.
        self.server.waits = false;
        if !taken && self.end.is_none() {
            self.end = Some(Outcome::Disconnected);
        }
        self.check_end();
    }

    /// Takes what the server would write, at most so many parts; 0 is all.
    fn write(&mut self, force: bool, parts_max: usize) {
        if !self.head && !self.cut {
            // A head that has waited is taken without being told.
            match self
                .server
                .poll(force, |cx| self.call.poll_answer(cx, force))
            {
                Poll::Ready(Ok(answer)) => self.answered(answer),
                Poll::Ready(Err(failure)) => {
                    assert!(failure.status().as_u16() >= 400);
                    self.cut_by(&failure);
                }
                Poll::Pending => return,
            }
        }
        let mut parts = 0;
        while !self.whole && !self.cut && (parts_max == 0 || parts < parts_max) {
            parts += 1;
            match self.server.poll(false, |cx| self.call.poll_body(cx)) {
                Poll::Ready(Some(Ok(Part::Data(bytes)))) => self.take(&bytes),
                Poll::Ready(Some(Ok(Part::Trailers(map)))) => {
                    assert!(
                        self.asked.trailers && self.trailing && self.complete && !map.is_empty()
                    );
                    assert_eq!(self.sent, self.said, "trailers before the end");
                    self.whole();
                }
                Poll::Ready(Some(Err(failure))) => self.cut_by(&failure),
                Poll::Ready(None) => self.whole(),
                Poll::Pending => break,
            }
            if self.call.is_taken() && !self.whole && !self.cut {
                self.whole();
            }
        }
    }

    fn answered(&mut self, answer: Answer) {
        self.head = true;
        let Head {
            status,
            headers,
            trailers,
        } = answer.head;
        assert_eq!(Some(status.as_u16()), self.status);
        assert!((200..=999).contains(&status.as_u16()));
        for name in [header::TRANSFER_ENCODING, header::UPGRADE, header::TE] {
            assert!(!headers.contains_key(name), "{headers:?}");
        }
        assert!(!headers.contains_key("x-hop") && !headers.contains_key("keep-alive"));
        let lengths: Vec<_> = headers.get_all(header::CONTENT_LENGTH).iter().collect();
        assert!(
            lengths.len() <= 1 && (lengths.is_empty() || status != 204),
            "{headers:?}"
        );
        self.length = lengths
            .first()
            .map(|value| value.to_str().unwrap().parse().unwrap());
        assert!(!trailers || self.trailing && self.asked.trailers && !self.is_bodiless());
        match answer.body {
            AnswerBody::Whole(body) => {
                if !body.is_empty() {
                    self.take(&body);
                }
                assert!(self.call.is_taken());
                self.whole();
            }
            AnswerBody::File(path) => {
                assert!(self.path && path.path == "/data/file");
                self.file = true;
                self.whole();
            }
            AnswerBody::Stream => assert!(!self.is_bodiless()),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        assert!(!self.is_bodiless() && !bytes.is_empty());
        assert!(
            bytes == pattern(self.sent, bytes.len()),
            "bytes lost, doubled or in disorder"
        );
        self.sent += bytes.len();
        assert!(self.sent <= self.said, "bytes that nobody said");
        assert!(
            self.length.is_none_or(|length| self.sent <= length),
            "`M-02`"
        );
    }

    /// The client is told that it has everything.
    fn whole(&mut self) {
        self.whole = true;
        let over = self.complete || self.is_bodiless() || self.trailing && !self.asked.trailers;
        assert!(over, "`M-06`: it is cut and looks whole");
        if !self.is_bodiless() && !self.file {
            assert_eq!(self.sent, self.said, "whole, and not all of it");
            assert!(
                self.length.is_none_or(|length| length == self.sent),
                "`M-03`"
            );
        }
    }

    fn cut_by(&mut self, failure: &Failure) {
        self.cut = true;
        match &self.end {
            Some(Outcome::Failed(end)) => assert_eq!(end, failure),
            Some(Outcome::Disconnected) => {}
            other => panic!("{other:?} and cut by {failure:?}"),
        }
    }

    fn is_bodiless(&self) -> bool {
        self.is_head || matches!(self.status, Some(204 | 304))
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

/// Headers of a response, some of which no response may have.
fn headers(choices: &mut Choices<'_>) -> types::Fields {
    let length = choices.of(&["0", "5", "99", "65536", "+1", "0005"]);
    let length = (&b"content-length"[..], length.as_bytes());
    match choices.below(12) {
        0..=5 => fields(&[]),
        6 | 7 => fields(&[length]),
        8 => fields(&[
            (b"Transfer-Encoding", b"chunked"),
            (b"TE", b"x"),
            (b"upgrade", b"h2c"),
        ]),
        9 => fields(&[
            (b"x-hop", b"1"),
            (b"connection", b"x-hop, keep-alive"),
            (b"keep-alive", b"1"),
        ]),
        10 => fields(&[length, (b"content-length", b"5")]),
        _ => {
            let mut lying = fields(&[(b"x", b"1")]);
            lying.lengths[0].value = choices.of(&[0, 2, u32::MAX]);
            lying
        }
    }
}
