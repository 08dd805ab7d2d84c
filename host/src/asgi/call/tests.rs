//! The exit table and the disconnects, without a guest and without a socket.

#![allow(
    clippy::cast_possible_truncation,
    reason = "the numbers of these tests are small"
)]

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::asgi::MARK;
use crate::bindings::types::{Extensions, Fields};

struct Count(AtomicUsize, Arc<Budget>);

impl Default for Count {
    fn default() -> Self {
        Self(AtomicUsize::default(), Budget::new(usize::MAX))
    }
}

impl Inbox for Count {
    fn ready(&self, _: CallId) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn budget(&self) -> &Arc<Budget> {
        &self.1
    }

    fn no_room(&self, _: CallId, _: &OverBudget) {}
}

fn call(more_body: bool) -> (Call, Arc<Count>) {
    let inbox = Arc::new(Count::default());
    let scope = scope(Extensions::empty());
    let asked = Asked {
        more_body,
        trailers: false,
    };
    (Call::new(1, inbox.clone(), &scope, asked), inbox)
}

fn scope(extensions: Extensions) -> HttpScope {
    HttpScope {
        request_id: 1,
        version: types::HttpVersion::Http11,
        scheme: types::Scheme::Http,
        method: types::Method::Get,
        target: b"/".to_vec(),
        root_path: None,
        headers: none(),
        client: None,
        server: None,
        extensions,
        tls: None,
    }
}

fn none() -> Fields {
    Fields {
        text: vec![],
        lengths: vec![],
    }
}

fn start() -> ResponseStart {
    ResponseStart {
        call: 1,
        status: 200,
        headers: none(),
        trailers: false,
    }
}

fn body(body: &[u8], more_body: bool) -> BodyChunk {
    BodyChunk {
        call: 1,
        body: body.to_vec(),
        more_body,
    }
}

fn returned() -> Finished {
    Finished {
        call: 1,
        outcome: types::Outcome::Returned,
    }
}

fn raised() -> Finished {
    Finished {
        call: 1,
        outcome: types::Outcome::Raised("boom".into()),
    }
}

/// What the client gets: status, body, whether it is whole.
fn answer(call: &Call) -> (u16, Vec<u8>, bool) {
    let cx = &mut Context::from_waker(Waker::noop());
    match call.poll_answer(cx, false) {
        Poll::Ready(Ok(Answer {
            head,
            body: AnswerBody::Whole(body),
        })) => (head.status.as_u16(), body.to_vec(), true),
        Poll::Ready(Ok(Answer { head, .. })) => {
            let mut got = Vec::new();
            loop {
                match call.poll_body(cx) {
                    Poll::Ready(Some(Ok(Part::Data(bytes)))) => got.extend_from_slice(&bytes),
                    Poll::Ready(None) => return (head.status.as_u16(), got, true),
                    _ => return (head.status.as_u16(), got, false),
                }
            }
        }
        Poll::Ready(Err(failure)) => (failure.status().as_u16(), vec![], true),
        Poll::Pending => (0, vec![], false),
    }
}

#[test]
fn x01_to_x07_the_exit_table() {
    type Row = (&'static str, fn(&Call), (u16, &'static [u8], bool));
    let rows: &[Row] = &[
        ("X-01", |c| drop(c.finished(raised())), (500, b"", true)),
        (
            "X-02",
            |c| {
                c.start(start());
                c.finished(raised());
            },
            (500, b"", true),
        ),
        (
            "X-03",
            |c| {
                c.start(start());
                c.body(body(b"part", true));
                c.finished(raised());
            },
            (200, b"part", false),
        ),
        (
            "X-04",
            |c| {
                c.start(start());
                c.body(body(b"whole", false));
                c.finished(raised());
            },
            (200, b"whole", true),
        ),
        ("X-05", |c| drop(c.finished(returned())), (500, b"", true)),
        (
            "X-06",
            |c| {
                c.start(start());
                c.finished(returned());
            },
            (500, b"", true),
        ),
        (
            "X-07",
            |c| {
                c.start(start());
                c.body(body(b"part", true));
                c.finished(returned());
            },
            (200, b"part", false),
        ),
        (
            "X-08 trap in this call",
            |c| drop(c.fail(Failure::Trapped("unreachable".into()))),
            (500, b"", true),
        ),
        (
            "X-08 trap in a sibling",
            |c| drop(c.fail(Failure::InstanceLost)),
            (502, b"", true),
        ),
        (
            "X-08 trap after the response",
            |c| {
                c.start(start());
                c.body(body(b"whole", false));
                c.fail(Failure::InstanceLost);
            },
            (200, b"whole", true),
        ),
    ];
    for (name, script, expected) in rows {
        let (call, _inbox) = call(false);
        script(&call);
        let (status, body, whole) = answer(&call);
        assert_eq!((status, &body[..], whole), *expected, "{name}");
    }
}

#[test]
fn x04_a_late_raise_is_only_logged() {
    let (call, _inbox) = call(false);
    call.start(start());
    call.body(body(b"", false));
    assert_eq!(call.finished(raised()), Effect::RaisedLate("boom".into()));
    assert_eq!(call.outcome(), Outcome::Complete);
}

#[test]
fn d03_the_app_hears_of_the_disconnect_once_and_d04_goes_on() {
    let (call, inbox) = call(true);
    call.disconnect();
    call.disconnect();
    assert_eq!(inbox.0.load(Ordering::Relaxed), 1);
    let mut events = Vec::new();
    assert!(!call.events(&mut events));
    assert!(matches!(events[..], [Event::Disconnect(1)]));
    assert_eq!(call.start(start()), Effect::Done);
    assert_eq!(call.body(body(b"x", true)), Effect::Done);
    assert_eq!(call.finished(returned()), Effect::Done);
    assert_eq!(call.outcome(), Outcome::Disconnected);
}

#[test]
fn g23_a_violation_ends_the_call_and_silences_it() {
    let (call, _inbox) = call(false);
    assert!(matches!(
        call.body(body(b"x", true)),
        Effect::Failed(Failure::Violation(_))
    ));
    assert_eq!(call.start(start()), Effect::Done);
    assert_eq!(answer(&call).0, 500);
}

#[test]
fn g09_an_event_is_announced_once_and_never_lost() {
    let (call, inbox) = call(true);
    call.read(u32::try_from(MARK).unwrap());
    call.push_body(Bytes::from_static(b"ab"));
    call.push_body(Bytes::from_static(b"c"));
    assert_eq!(inbox.0.load(Ordering::Relaxed), 1);
    let mut events = Vec::new();
    assert!(call.events(&mut events));
    assert!(!call.events(&mut events));
    call.finish_body();
    assert!(!call.events(&mut events));
    let bodies: Vec<_> = events
        .iter()
        .map(|event| match event {
            Event::Body(chunk) => (chunk.body.clone(), chunk.more_body),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        bodies,
        [
            (b"ab".to_vec(), true),
            (b"c".to_vec(), true),
            (vec![], false)
        ]
    );
}

#[test]
fn q08_the_pump_stops_when_the_response_is_complete() {
    let cx = &mut Context::from_waker(Waker::noop());
    let (call, _inbox) = call(true);
    assert_eq!(call.poll_demand(cx), Poll::Pending);
    call.read(1);
    assert_eq!(call.poll_demand(cx), Poll::Ready(Demand::Read));
    call.start(start());
    call.body(body(b"x", false));
    assert_eq!(call.poll_demand(cx), Poll::Ready(Demand::Stop));
}

/// A call whose response has trailers and lacks only them.
fn before_trailers(taken: bool) -> Call {
    let asked = Asked {
        more_body: false,
        trailers: taken,
    };
    let inbox = Arc::new(Count::default());
    let call = Call::new(1, inbox, &scope(Extensions::TRAILERS), asked);
    call.start(ResponseStart {
        trailers: true,
        ..start()
    });
    call.body(body(b"body", false));
    call
}

fn trailers() -> Trailers {
    Trailers {
        call: 1,
        headers: Fields {
            text: b"x1".to_vec(),
            lengths: vec![types::FieldLength { name: 1, value: 1 }],
        },
        more_trailers: false,
    }
}

#[test]
fn e06_trailers_come_last_and_are_the_end() {
    let call = before_trailers(true);
    let cx = &mut Context::from_waker(Waker::noop());
    let answer = call.poll_answer(cx, false);
    assert!(
        matches!(&answer, Poll::Ready(Ok(answer)) if answer.head.trailers && matches!(answer.body, AnswerBody::Stream)),
        "{answer:?}"
    );
    assert!(matches!(
        call.poll_body(cx),
        Poll::Ready(Some(Ok(Part::Data(_))))
    ));
    assert!(!call.is_taken() && call.poll_body(cx).is_pending());
    call.trailers(trailers());
    let part = call.poll_body(cx);
    assert!(
        matches!(&part, Poll::Ready(Some(Ok(Part::Trailers(map)))) if map["x"] == "1"),
        "{part:?}"
    );
    assert!(call.is_taken());
    assert_eq!(call.outcome(), Outcome::Complete);
}

#[test]
fn e06_an_app_that_ends_without_its_trailers_is_cut() {
    for exit in [raised(), returned()] {
        let call = before_trailers(true);
        assert!(matches!(call.finished(exit), Effect::Failed(_)));
        assert_eq!(answer(&call), (200, b"body".to_vec(), false));
    }
}

#[test]
fn e06_a_client_without_te_has_it_all_with_the_last_byte() {
    let call = before_trailers(false);
    call.finished(returned());
    assert_eq!(answer(&call), (200, b"body".to_vec(), true));

    let call = before_trailers(false);
    assert_eq!(answer(&call), (200, b"body".to_vec(), true));
    call.trailers(trailers());
    assert_eq!(call.finished(raised()), Effect::RaisedLate("boom".into()));
}

/// `G-10`, `G-11`: when the client gets nothing more, and why.
#[test]
fn what_comes_after_the_client_has_what_it_gets() {
    let whole = |gone: bool| {
        let (call, _) = call(false);
        assert_eq!(call.after(), None);
        call.start(start());
        call.body(body(b"whole", false));
        assert_eq!(call.after(), None, "a slow client is still served");
        if gone {
            call.disconnect();
        } else {
            answer(&call);
        }
        call.after()
    };
    assert_eq!(
        (whole(false), whole(true)),
        (Some(After::Complete), Some(After::Complete))
    );

    let (call, _) = call(false);
    call.start(start());
    call.body(body(b"part", true));
    assert_eq!(call.after(), None);
    call.let_go();
    assert_eq!(call.after(), Some(After::Disconnected));
}

fn call_with(budget: &Arc<Budget>) -> Call {
    let inbox = Arc::new(Count(AtomicUsize::default(), budget.clone()));
    let asked = Asked {
        more_body: true,
        trailers: false,
    };
    Call::new(1, inbox, &scope(Extensions::empty()), asked)
}

fn poll<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn g20_what_is_queued_both_ways_is_charged_until_it_is_taken() {
    let budget = Budget::new(100_000);
    let call = call_with(&budget);
    assert_eq!(call.read(1000), Effect::Done);
    call.push_body(Bytes::from(vec![0; 500]));
    assert_eq!(budget.host(), 500 + PIECE_PRICE);
    let mut events = Vec::new();
    call.events(&mut events);
    assert_eq!(budget.host(), 0);
    call.start(start());
    call.body(body(&[0; 2000], true));
    call.body(body(&[0], true));
    assert_eq!(budget.host(), 2001 + 2 * PIECE_PRICE);
    assert!(poll(|cx| call.poll_answer(cx, false)).is_ready());
    assert!(poll(|cx| call.poll_body(cx)).is_ready());
    assert_eq!(budget.host(), 1 + PIECE_PRICE);
    drop(call);
    assert_eq!(budget.host(), 0);
}

#[test]
fn g07_a_call_without_room_fails_and_nothing_of_the_action_is_sent() {
    let budget = Budget::new(1000);
    let call = call_with(&budget);
    call.start(start());
    let effect = call.body(body(&[0; 1001], false));
    let Effect::Failed(Failure::Memory(over)) = effect else {
        panic!("{effect:?}");
    };
    assert_eq!((over.max, over.host), (1000, 0));
    let answer = poll(|cx| call.poll_answer(cx, true));
    assert!(matches!(answer, Poll::Ready(Err(Failure::Memory(_)))));
    assert_eq!(budget.host(), 0);
}

#[test]
fn g07_a_clients_body_without_room_fails_its_call() {
    let budget = Budget::new(1000);
    let call = call_with(&budget);
    call.read(5000);
    call.push_body(Bytes::from(vec![0; 2000]));
    let answer = poll(|cx| call.poll_answer(cx, true));
    assert!(matches!(answer, Poll::Ready(Err(Failure::Memory(_)))));
    assert_eq!(poll(|cx| call.poll_demand(cx)), Poll::Ready(Demand::Stop));
}
