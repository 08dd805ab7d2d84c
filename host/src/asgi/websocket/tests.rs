//! The matrix of a WebSocket without a socket and without a guest (`W-02`–`W-29`, `E-01`).

use std::sync::Mutex;

use super::*;
use crate::asgi::MARK;
use crate::asgi::budget::Budget;
use crate::asgi::call::AnswerBody;
use crate::bindings::types::{
    Fields, HttpScope, HttpVersion, Method, Outcome, Scheme, WebsocketScope,
};

/// Counts how often it was told.
struct Told(Mutex<usize>, Arc<Budget>);

impl Default for Told {
    fn default() -> Self {
        Self(Mutex::default(), Budget::new(10_000_000))
    }
}

impl Inbox for Told {
    fn ready(&self, _: CallId) {
        *self.0.lock().unwrap() += 1;
    }

    fn budget(&self) -> &Arc<Budget> {
        &self.1
    }

    fn no_room(&self, _: CallId, _: &OverBudget) {}
}

fn no_fields() -> Fields {
    Fields {
        text: Vec::new(),
        lengths: Vec::new(),
    }
}

fn socket_with(extensions: Extensions) -> WebSocket {
    socket_told(extensions, Arc::default())
}

fn socket_told(extensions: Extensions, told: Arc<Told>) -> WebSocket {
    let http = HttpScope {
        request_id: 1,
        version: HttpVersion::Http11,
        scheme: Scheme::Http,
        method: Method::Get,
        target: b"/".to_vec(),
        root_path: None,
        headers: no_fields(),
        client: None,
        server: None,
        extensions,
        tls: None,
    };
    let scope = WebsocketScope {
        http,
        subprotocols: vec!["chat".into(), "superchat".into()],
    };
    WebSocket::new(7, told, &scope, 1_000_000)
}

fn socket() -> WebSocket {
    socket_with(Extensions::WEBSOCKET_DENIAL)
}

fn open() -> WebSocket {
    let socket = socket();
    assert_eq!(socket.accept(accept(None)), Effect::Done);
    assert!(matches!(
        handshake(&socket),
        Some(Ok(Handshake::Accepted { .. }))
    ));
    socket
}

fn accept(subprotocol: Option<&str>) -> Accept {
    Accept {
        call: 7,
        subprotocol: subprotocol.map(str::to_owned),
        headers: no_fields(),
    }
}

fn text(text: &str) -> Message {
    Message {
        call: 7,
        payload: Payload::Text(text.into()),
    }
}

fn close(code: u16, reason: &str) -> types::Close {
    types::Close {
        call: 7,
        code,
        reason: reason.into(),
    }
}

fn done(outcome: Outcome) -> Finished {
    Finished { call: 7, outcome }
}

fn poll<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Option<T> {
    match poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

fn handshake(socket: &WebSocket) -> Option<Result<Handshake, Failure>> {
    poll(|cx| socket.poll_handshake(cx))
}

/// What goes out: texts as they are, a close as its code.
fn outgoing(socket: &WebSocket) -> Vec<String> {
    std::iter::from_fn(|| poll(|cx| socket.poll_outgoing(cx)))
        .map(|next| match next {
            Next::Message(Payload::Text(text)) => text,
            Next::Message(Payload::Bytes(bytes)) => format!("{} bytes", bytes.len()),
            Next::Close(close) => format!("close {} {}", close.code, close.reason),
        })
        .collect()
}

/// What the guest hears.
fn events(socket: &WebSocket) -> Vec<String> {
    let mut events = Vec::new();
    while socket.events(&mut events, 256) {}
    let word = |event: &Event| match event {
        Event::Message(Message { payload, .. }) => match payload {
            Payload::Text(text) => text.clone(),
            Payload::Bytes(bytes) => format!("{} bytes", bytes.len()),
        },
        Event::Closed(close) => format!("closed {} {}", close.code, close.reason),
        Event::Writable(credit) => format!("writable {}", credit.bytes),
        other => format!("{other:?}"),
    };
    events.iter().map(word).collect()
}

fn violates(effect: &Effect) -> bool {
    matches!(effect, Effect::Failed(Failure::Violation(_)))
}

#[test]
fn w05_w06_an_accept_names_one_of_the_subprotocols_or_none() {
    for (chosen, good) in [
        (None, true),
        (Some("chat"), true),
        (Some("other"), false),
        (Some("chat\r\nx: y"), false),
    ] {
        let socket = socket();
        let effect = socket.accept(accept(chosen));
        assert_eq!(effect == Effect::Done, good, "{chosen:?}");
        match handshake(&socket) {
            Some(Ok(Handshake::Accepted { subprotocol, .. })) => {
                assert_eq!(subprotocol.as_ref().and_then(|it| it.to_str().ok()), chosen);
            }
            Some(Err(failure)) => assert!(!good && failure.status() == 500),
            _ => panic!("no answer"),
        }
    }
}

#[test]
fn w07_w08_a_close_before_the_accept_refuses_and_is_heard_as_a_loss() {
    let socket = socket();
    assert_eq!(socket.close(close(4000, "")), Effect::Done);
    assert!(matches!(handshake(&socket), Some(Ok(Handshake::Refused))));
    assert_eq!(events(&socket), ["closed 1006 "]);
    assert_eq!(socket.accept(accept(None)), Effect::Done, "ignored");
    assert_eq!(socket.finished(done(Outcome::Returned)), Effect::Done);
}

#[test]
fn w11_what_is_out_of_turn_is_a_violation() {
    let early = socket();
    assert!(violates(&early.message(text("early"))));
    assert!(matches!(handshake(&early), Some(Err(it)) if it.status() == 500));
    let twice = open();
    assert!(violates(&twice.accept(accept(None))));
    assert_eq!(outgoing(&twice), ["close 1011 "]);
    let late = open();
    assert_eq!(late.close(close(1000, "")), Effect::Done);
    assert!(violates(&late.message(text("late"))));
    assert_eq!(outgoing(&late), ["close 1000 "]);
}

#[test]
fn w12_only_codes_that_an_endpoint_may_say() {
    for code in [1000, 1001, 1003, 1007, 1008, 1011, 1014, 3000, 4999] {
        let socket = open();
        assert_eq!(socket.close(close(code, "bye")), Effect::Done);
        assert_eq!(outgoing(&socket), [format!("close {code} bye")]);
    }
    for code in [0, 999, 1002, 1004, 1005, 1006, 1015, 2999, 5000] {
        assert!(violates(&open().close(close(code, ""))), "{code}");
    }
    assert!(violates(&open().close(close(1000, &"x".repeat(124)))));
}

#[test]
fn w13_w14_messages_stand_before_the_end_and_the_first_end_counts() {
    let socket = open();
    socket.push(Payload::Text("last".into()));
    assert_eq!(events(&socket), [""; 0], "no credit");
    socket.closed(4001, "reason");
    socket.closed(1006, "");
    assert_eq!(events(&socket), ["last", "closed 4001 reason"]);
    assert_eq!(events(&socket), [""; 0]);
    assert_eq!(socket.message(text("late")), Effect::Done, "a race");
    assert_eq!(outgoing(&socket), [""; 0]);
    assert_eq!(socket.outcome(), (Some(4001), None));
}

#[test]
fn w18_a_client_that_leaves_before_the_accept_is_a_loss() {
    let socket = socket();
    socket.closed(LOST, "");
    assert_eq!(events(&socket), ["closed 1006 "]);
    assert_eq!(socket.accept(accept(None)), Effect::Done, "a race");
    assert!(handshake(&socket).is_none());
}

#[test]
fn w19_w20_w21_an_app_that_ends_ends_the_websocket() {
    let raised = || Outcome::Raised("why".into());
    for outcome in [Outcome::Returned, raised()] {
        let unanswered = socket();
        unanswered.finished(done(outcome));
        assert!(matches!(handshake(&unanswered), Some(Err(it)) if it.status() == 500));
    }
    let returned = open();
    returned.message(text("last"));
    assert_eq!(returned.finished(done(Outcome::Returned)), Effect::Done);
    assert_eq!(outgoing(&returned), ["last", "close 1000 "]);
    let failed = open();
    failed.message(text("last"));
    assert!(matches!(failed.finished(done(raised())), Effect::Failed(_)));
    assert_eq!(outgoing(&failed), ["last", "close 1011 "]);
    let late = open();
    late.close(close(1000, ""));
    assert!(matches!(
        late.finished(done(raised())),
        Effect::RaisedLate(_)
    ));
    assert_eq!(outgoing(&late), ["close 1000 "]);
}

#[test]
fn w28_g20_both_directions_are_bounded() {
    let socket = open();
    assert!(poll(|cx| socket.poll_room(cx)).is_some());
    socket.push(Payload::Bytes(vec![0; MARK]));
    assert!(poll(|cx| socket.poll_room(cx)).is_none());
    socket.read(1);
    assert_eq!(events(&socket), ["65536 bytes"]);
    assert!(poll(|cx| socket.poll_room(cx)).is_some());
    assert!(violates(&socket.read(200_000)));

    let sender = open();
    let message = || Message {
        call: 7,
        payload: Payload::Bytes(vec![0; MARK]),
    };
    assert_eq!(sender.message(message()), Effect::Done);
    let full = open();
    full.message(message());
    assert!(violates(&full.message(message())));
    assert_eq!(outgoing(&sender), ["65536 bytes"]);
    assert_eq!(events(&sender), ["writable 66048"]);
}

#[test]
fn a_batch_has_no_more_events_than_there_is_room_for() {
    let socket = open();
    socket.read(65_536);
    for _ in 0..128 {
        socket.push(Payload::Text(String::new()));
    }
    let mut events = Vec::new();
    assert!(socket.events(&mut events, 10));
    assert!(events.len() <= 10);
}

#[test]
fn w29_a_drain_says_1012_to_both_sides_behind_what_was_sent() {
    let socket = open();
    socket.message(text("before"));
    socket.go_away();
    assert_eq!(socket.message(text("after")), Effect::Done, "a race");
    assert_eq!(outgoing(&socket), ["before", "close 1012 "]);
    assert_eq!(events(&socket), ["closed 1012 "]);
    let unanswered = super::tests::socket();
    unanswered.go_away();
    assert_eq!(events(&unanswered), [""; 0]);
    unanswered.accept(accept(None));
    assert!(matches!(
        handshake(&unanswered),
        Some(Ok(Handshake::Accepted { .. }))
    ));
    assert_eq!(outgoing(&unanswered), ["close 1012 "]);
}

fn deadline(name: &'static str) -> crate::config::limits::Deadline {
    let time = std::time::Duration::from_secs(1);
    crate::config::limits::Deadline { name, time }
}

#[test]
fn x08_a_failure_is_an_answer_or_1011() {
    let unanswered = socket();
    unanswered.fail(Failure::Deadline(deadline("websocket_accept")));
    assert!(matches!(handshake(&unanswered), Some(Err(it)) if it.status() == 504));
    assert_eq!(events(&unanswered), ["closed 1006 "]);
    let lost = open();
    lost.fail(Failure::InstanceLost);
    assert_eq!(outgoing(&lost), ["close 1011 "]);
    let stopped = open();
    stopped.fail(Failure::Stopped);
    assert_eq!(outgoing(&stopped), ["close 1012 "]);
}

#[test]
fn e01_a_denial_is_a_response_and_needs_the_extension() {
    let start = || ResponseStart {
        call: 7,
        status: 401,
        headers: no_fields(),
        trailers: false,
    };
    let body = |more_body| BodyChunk {
        call: 7,
        body: b"no".to_vec(),
        more_body,
    };
    let denied = socket();
    assert_eq!(denied.start(start()), Effect::Done);
    assert!(!denied.is_pinned());
    let Some(Ok(Handshake::Denied(call))) = handshake(&denied) else {
        panic!("no denial");
    };
    assert_eq!(denied.body(body(false)), Effect::Done);
    let answer = poll(|cx| call.poll_answer(cx, false)).unwrap().unwrap();
    assert_eq!(answer.head.status, 401);
    assert!(matches!(answer.body, AnswerBody::Whole(it) if it == "no"));
    assert_eq!(denied.finished(done(Outcome::Returned)), Effect::Done);

    let streamed = socket();
    streamed.start(start());
    streamed.body(body(true));
    let Some(Ok(Handshake::Denied(call))) = handshake(&streamed) else {
        panic!("no denial");
    };
    call.disconnect();
    assert_eq!(events(&streamed), ["closed 1006 "]);

    assert!(violates(&socket_with(Extensions::empty()).start(start())));
    assert!(violates(&socket().body(body(false))));
    assert!(violates(&open().start(start())));
    let accepts = socket();
    accepts.start(start());
    assert!(violates(&accepts.accept(accept(None))));
    let Some(Ok(Handshake::Denied(call))) = handshake(&accepts) else {
        panic!("no denial");
    };
    assert!(matches!(poll(|cx| call.poll_answer(cx, false)), Some(Err(it)) if it.status() == 500));
}

/// `G-10`, `G-11`: an app that goes on when its WebSocket has ended.
#[test]
fn what_comes_after_the_end() {
    let refused = socket();
    assert_eq!(refused.after(), None);
    refused.close(close(1000, ""));
    assert_eq!(refused.after(), Some(After::Complete));

    let closed = open();
    assert_eq!(closed.after(), None);
    closed.close(close(1000, ""));
    assert_eq!(closed.after(), Some(After::Complete));

    let lost = open();
    lost.closed(LOST, "");
    assert_eq!(lost.after(), Some(After::Disconnected));

    let failed = open();
    failed.fail(Failure::Deadline(deadline("request")));
    assert_eq!(failed.after(), Some(After::Disconnected));
}

#[test]
fn g20_messages_both_ways_are_charged_until_they_are_taken() {
    let told = Arc::new(Told::default());
    let budget = told.1.clone();
    let socket = socket_told(Extensions::empty(), told);
    assert_eq!(socket.accept(accept(None)), Effect::Done);
    assert!(socket.assembles(60) && socket.assembles(120));
    assert_eq!(budget.host(), 120);
    assert!(!socket.assembles(10_000_001), "over the budget");
    assert_eq!(budget.host(), 120);
    socket.push(Payload::Bytes(vec![0; 100]));
    assert_eq!(budget.host(), 100 + MESSAGE_PRICE);
    socket.read(10_000);
    let mut events = Vec::new();
    socket.events(&mut events, 100);
    assert_eq!(budget.host(), 0);
    let message = Message {
        call: 7,
        payload: Payload::Bytes(vec![0; 50]),
    };
    assert_eq!(socket.message(message), Effect::Done);
    assert_eq!(budget.host(), 50 + MESSAGE_PRICE);
    drop(socket);
    assert_eq!(budget.host(), 0);
}
