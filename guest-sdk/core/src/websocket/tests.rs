use super::*;

type Bytes = Vec<u8>;
type Said = crate::said::Said<Bytes>;

fn socket() -> (WebSocket<Bytes>, Outbox<Said>) {
    let offered = vec!["chat".to_owned(), "json".to_owned()];
    (WebSocket::new(7, offered, true), Outbox::new())
}

/// Accepted, and connect was received.
fn open() -> (WebSocket<Bytes>, Outbox<Said>) {
    let (mut socket, mut outbox) = socket();
    assert!(matches!(socket.take(&mut outbox), Incoming::Connect));
    socket.accept(None, none(), &mut outbox).unwrap();
    assert_eq!(said(&mut outbox), ["accept None 0"]);
    (socket, outbox)
}

fn none() -> Fields {
    Fields::default()
}

fn fields(name: &str) -> Fields {
    let mut fields = none();
    fields.push(name.as_bytes(), b"x").unwrap();
    fields
}

fn text(text: &str) -> Payload<Bytes> {
    Payload::Text(text.to_owned())
}

fn bytes(count: usize) -> Payload<Bytes> {
    Payload::Bytes((count > 0).then(|| vec![0; count]))
}

fn closed(code: u16, reason: &str) -> Closed {
    Closed {
        code,
        reason: reason.to_owned(),
    }
}

/// What was said, in short.
fn said(outbox: &mut Outbox<Said>) -> Vec<String> {
    let (full, last) = outbox.take(Vec::new());
    full.into_iter()
        .flatten()
        .chain(last)
        .map(|said| match said {
            Said::Accept {
                subprotocol,
                headers,
                ..
            } => format!("accept {subprotocol:?} {}", headers.lengths.len()),
            Said::Message {
                payload: Payload::Text(text),
                ..
            } => format!("text {text}"),
            Said::Message { payload, .. } => format!("bytes {}", payload.size()),
            Said::Close { code, reason, .. } => format!("close {code} {reason:?}"),
            Said::Read { bytes, .. } => format!("read {bytes}"),
            Said::Start { start, .. } => format!("start {}", start.status),
            Said::Body { part, more, .. } => format!("body {} {more}", part.len()),
            Said::Respond { status, body, .. } => {
                format!("respond {status} {}", body.map_or(0, |body| body.len()))
            }
            Said::Finished { outcome, .. } => format!("finished {outcome:?}"),
            other => format!("{other:?}"),
        })
        .collect()
}

/// One `receive`, in short.
fn receive(socket: &mut WebSocket<Bytes>, outbox: &mut Outbox<Said>) -> String {
    socket.ask(outbox);
    let ready = socket.has_event();
    let event = match socket.take(outbox) {
        Incoming::Connect => "connect".to_owned(),
        Incoming::Message(Payload::Text(text)) => format!("text {text}"),
        Incoming::Message(payload) => format!("bytes {}", payload.size()),
        Incoming::Disconnect(Closed { code, reason }) => format!("disconnect {code} {reason:?}"),
        Incoming::Wait => "wait".to_owned(),
    };
    assert_eq!(ready, event != "wait");
    event
}

fn misplaced(result: Result<(), Refused>) -> Misplaced {
    match result {
        Err(Refused::Misplaced(misplaced)) => misplaced,
        other => panic!("{other:?}"),
    }
}

#[test]
fn connect_comes_first_and_once_w02() {
    let (mut socket, mut outbox) = socket();
    assert_eq!(receive(&mut socket, &mut outbox), "connect");
    assert_eq!(receive(&mut socket, &mut outbox), "wait");
    assert!(said(&mut outbox).is_empty());
}

#[test]
fn accept_without_connect_leaves_it_for_the_next_receive_w03() {
    let (mut socket, mut outbox) = socket();
    socket
        .accept(Some("json".into()), fields("X-A"), &mut outbox)
        .unwrap();
    assert_eq!(said(&mut outbox), ["accept Some(\"json\") 1"]);
    assert_eq!(receive(&mut socket, &mut outbox), "connect");
    assert!(said(&mut outbox).is_empty());
    assert_eq!(receive(&mut socket, &mut outbox), "wait");
    assert_eq!(said(&mut outbox), ["read 65536"]);
}

#[test]
fn a_receive_that_waits_for_the_accept_asks_when_it_comes() {
    let (mut socket, mut outbox) = socket();
    assert_eq!(receive(&mut socket, &mut outbox), "connect");
    assert_eq!(receive(&mut socket, &mut outbox), "wait");
    socket.accept(None, none(), &mut outbox).unwrap();
    assert_eq!(said(&mut outbox), ["accept None 0", "read 65536"]);
}

#[test]
fn what_cannot_be_accepted_changes_nothing_w05_w06() {
    let (mut socket, mut outbox) = socket();
    assert_eq!(
        socket.accept(Some("soap".into()), none(), &mut outbox),
        Err(Refused::Subprotocol("soap".into()))
    );
    for name in ["Sec-WebSocket-Protocol", "sec-websocket-accept"] {
        assert!(matches!(
            socket.accept(None, fields(name), &mut outbox),
            Err(Refused::Header {
                fault: crate::HeaderFault::Handshake,
                ..
            })
        ));
    }
    assert!(said(&mut outbox).is_empty());
    socket
        .accept(Some("chat".into()), none(), &mut outbox)
        .unwrap();
}

#[test]
fn events_out_of_turn_are_refused_w11() {
    let (mut socket, mut outbox) = socket();
    assert_eq!(
        misplaced(socket.send(text("a"), &mut outbox)),
        Misplaced::MessageBeforeAccept
    );
    socket.accept(None, none(), &mut outbox).unwrap();
    assert_eq!(
        misplaced(socket.accept(None, none(), &mut outbox)),
        Misplaced::SecondAnswer
    );
    assert_eq!(
        misplaced(socket.deny(403, none(), None, &mut outbox)),
        Misplaced::SecondAnswer
    );
    assert_eq!(
        misplaced(socket.deny_body(None, false, &mut outbox)),
        Misplaced::SecondAnswer
    );
    socket.close(1000, String::new(), &mut outbox).unwrap();
    for result in [
        socket.send(text("a"), &mut outbox),
        socket.close(1000, String::new(), &mut outbox),
        socket.accept(None, none(), &mut outbox),
    ] {
        assert_eq!(misplaced(result), Misplaced::AfterClose);
    }
    // And it stays so when the peer has answered.
    socket.on_closed(closed(1000, ""), &mut outbox);
    assert_eq!(
        misplaced(socket.send(text("a"), &mut outbox)),
        Misplaced::AfterClose
    );
    assert_eq!(said(&mut outbox), ["accept None 0", "close 1000 \"\""]);
}

#[test]
fn messages_of_both_kinds_and_empty_ones_go_both_ways_w09_w10() {
    let (mut socket, mut outbox) = open();
    assert_eq!(receive(&mut socket, &mut outbox), "wait");
    said(&mut outbox);
    for message in [text("ä"), text(""), bytes(3), bytes(0)] {
        socket.on_message(message.clone());
        socket.send(message, &mut outbox).unwrap();
    }
    let expected = ["text ä", "text ", "bytes 3", "bytes 0"];
    assert_eq!(said(&mut outbox), expected);
    for event in expected {
        assert_eq!(receive(&mut socket, &mut outbox), event);
    }
    assert!(said(&mut outbox).is_empty());
}

#[test]
fn the_first_receive_asks_and_messages_come_ahead_g09() {
    let (mut socket, mut outbox) = open();
    assert!(said(&mut outbox).is_empty());
    assert_eq!(receive(&mut socket, &mut outbox), "wait");
    assert_eq!(said(&mut outbox), ["read 65536"]);
    // Nobody waits any more; the message lies here for the next one.
    socket.on_message(text("one"));
    assert!(socket.has_event());
    assert_eq!(receive(&mut socket, &mut outbox), "text one");
    assert_eq!(receive(&mut socket, &mut outbox), "wait");
    assert!(said(&mut outbox).is_empty());
}

#[test]
fn the_peers_close_comes_behind_its_messages_and_again_w13_w16() {
    let (mut socket, mut outbox) = open();
    socket.on_message(text("last"));
    assert!(!socket.on_closed(closed(4000, "bye"), &mut outbox));
    assert!(!socket.is_over());
    assert_eq!(receive(&mut socket, &mut outbox), "text last");
    assert!(socket.is_over());
    for _ in 0..2 {
        assert_eq!(receive(&mut socket, &mut outbox), "disconnect 4000 \"bye\"");
    }
    assert!(said(&mut outbox).is_empty());
}

#[test]
fn send_after_the_peer_has_gone_is_disconnected_w17() {
    let (mut socket, mut outbox) = open();
    socket.on_closed(closed(1006, ""), &mut outbox);
    assert_eq!(
        socket.send(text("a"), &mut outbox),
        Err(Refused::Disconnected)
    );
    assert_eq!(
        socket.close(1000, String::new(), &mut outbox),
        Err(Refused::Disconnected)
    );
    assert_eq!(socket.must_wait(), Err(Refused::Disconnected));
    assert!(socket.end(Outcome::Returned, &mut outbox));
    assert_eq!(said(&mut outbox), ["finished Returned"]);
}

#[test]
fn a_client_that_vanishes_before_accept_w18() {
    let (mut socket, mut outbox) = socket();
    socket.on_closed(closed(1006, ""), &mut outbox);
    assert_eq!(
        socket.accept(None, none(), &mut outbox),
        Err(Refused::Disconnected)
    );
    assert_eq!(
        socket.deny(404, none(), None, &mut outbox),
        Err(Refused::Disconnected)
    );
    assert_eq!(receive(&mut socket, &mut outbox), "connect");
    assert_eq!(receive(&mut socket, &mut outbox), "disconnect 1006 \"\"");
}

#[test]
fn a_close_before_accept_refuses_and_receive_says_so_at_once_w07_w08() {
    let (mut socket, mut outbox) = socket();
    assert_eq!(receive(&mut socket, &mut outbox), "connect");
    socket.close(1000, String::new(), &mut outbox).unwrap();
    for _ in 0..2 {
        assert_eq!(receive(&mut socket, &mut outbox), "disconnect 1006 \"\"");
    }
    assert_eq!(
        misplaced(socket.accept(None, none(), &mut outbox)),
        Misplaced::AfterClose
    );
    // Nothing that the host reports of it changes that.
    socket.on_closed(closed(1000, ""), &mut outbox);
    assert_eq!(receive(&mut socket, &mut outbox), "disconnect 1006 \"\"");
    assert!(socket.end(Outcome::Returned, &mut outbox));
    assert_eq!(said(&mut outbox), ["close 1000 \"\"", "finished Returned"]);
}

#[test]
fn close_codes_and_reasons_are_checked_w12() {
    let (mut socket, mut outbox) = open();
    for code in [
        0, 999, 1002, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535,
    ] {
        assert_eq!(
            socket.close(code, String::new(), &mut outbox),
            Err(Refused::CloseCode(code))
        );
    }
    assert_eq!(
        socket.close(1000, "x".repeat(124), &mut outbox),
        Err(Refused::CloseReason(124))
    );
    assert!(said(&mut outbox).is_empty());
    for code in [1000, 1001, 1003, 1007, 1014, 3000, 4999] {
        let (mut socket, mut outbox) = open();
        socket.close(code, "x".repeat(123), &mut outbox).unwrap();
        assert_eq!(said(&mut outbox).len(), 1);
    }
}

#[test]
fn after_its_own_close_the_app_receives_what_ended_it_w15() {
    let (mut socket, mut outbox) = open();
    assert_eq!(receive(&mut socket, &mut outbox), "wait");
    socket.on_message(text("unread"));
    socket.close(4001, "enough".into(), &mut outbox).unwrap();
    socket.on_message(text("late"));
    assert_eq!(receive(&mut socket, &mut outbox), "wait");
    socket.on_closed(closed(4001, "enough"), &mut outbox);
    assert_eq!(
        receive(&mut socket, &mut outbox),
        "disconnect 4001 \"enough\""
    );
    assert_eq!(said(&mut outbox), ["read 65536", "close 4001 \"enough\""]);
}

#[test]
fn messages_beyond_the_mark_wait_whole_and_in_order_a11_g20() {
    let (mut socket, mut outbox) = open();
    socket.send(bytes(65_024), &mut outbox).unwrap();
    assert_eq!(socket.must_wait(), Ok(false));
    socket.send(bytes(3_000_000), &mut outbox).unwrap();
    assert_eq!(socket.must_wait(), Ok(true));
    socket.send(bytes(1), &mut outbox).unwrap();
    socket.close(1000, "done".into(), &mut outbox).unwrap();
    assert_eq!(said(&mut outbox), ["bytes 65024", "bytes 3000000"]);
    assert!(!socket.end(Outcome::Returned, &mut outbox));
    assert!(!socket.on_writable(65_536, &mut outbox));
    assert!(said(&mut outbox).is_empty());
    assert!(socket.on_writable(3_000_512, &mut outbox));
    assert_eq!(
        said(&mut outbox),
        ["bytes 1", "close 1000 \"done\"", "finished Returned"]
    );
}

#[test]
fn small_messages_are_bounded_in_number_g20() {
    let (mut socket, mut outbox) = open();
    for _ in 0..200 {
        socket.send(bytes(0), &mut outbox).unwrap();
    }
    assert_eq!(said(&mut outbox).len(), 129);
    assert!(socket.is_full());
    socket.on_writable(40_000, &mut outbox);
    assert!(!socket.is_full());
    assert_eq!(said(&mut outbox).len(), 71);
}

#[test]
fn a_peer_that_goes_frees_whoever_waits() {
    let (mut socket, mut outbox) = open();
    socket.send(bytes(100_000), &mut outbox).unwrap();
    socket.send(bytes(1), &mut outbox).unwrap();
    assert!(socket.is_full());
    socket.on_closed(closed(1001, ""), &mut outbox);
    assert!(!socket.is_full());
    assert_eq!(socket.must_wait(), Err(Refused::Disconnected));
    assert!(socket.end(Outcome::Returned, &mut outbox));
    assert_eq!(said(&mut outbox), ["bytes 100000", "finished Returned"]);

    // After the app's own close, too, and that is no error.
    let (mut socket, mut outbox) = open();
    socket.send(bytes(100_000), &mut outbox).unwrap();
    socket.close(1000, String::new(), &mut outbox).unwrap();
    assert_eq!(socket.must_wait(), Ok(true));
    socket.on_closed(closed(1006, ""), &mut outbox);
    assert_eq!(socket.must_wait(), Ok(false));
}

#[test]
fn how_the_app_ended_is_what_a_late_receive_finds_w19_w20_w21() {
    for (outcome, code) in [
        (Outcome::Returned, 1000),
        (Outcome::Raised("no".into()), 1011),
    ] {
        let (mut socket, mut outbox) = open();
        socket.on_message(text("unread"));
        assert!(socket.end(outcome, &mut outbox));
        assert_eq!(
            receive(&mut socket, &mut outbox),
            format!("disconnect {code} \"\"")
        );
        assert_eq!(
            socket.send(text("a"), &mut outbox),
            Err(Refused::Disconnected)
        );
    }
    let (mut socket, mut outbox) = socket();
    assert!(socket.end(Outcome::Returned, &mut outbox));
    assert_eq!(said(&mut outbox), ["finished Returned"]);
    assert_eq!(receive(&mut socket, &mut outbox), "connect");
    assert_eq!(receive(&mut socket, &mut outbox), "disconnect 1006 \"\"");
}

#[test]
fn a_denial_is_a_response_and_nothing_follows_e01() {
    let (mut socket, mut outbox) = socket();
    assert_eq!(receive(&mut socket, &mut outbox), "connect");
    assert_eq!(
        misplaced(socket.deny_body(None, false, &mut outbox)),
        Misplaced::BodyBeforeStart
    );
    let start = |status| Start {
        status,
        headers: fields("x-a"),
        trailers: false,
    };
    assert_eq!(
        socket.deny_start(start(101), &mut outbox),
        Err(Refused::Status(101))
    );
    socket.deny_start(start(401), &mut outbox).unwrap();
    assert_eq!(
        misplaced(socket.accept(None, none(), &mut outbox)),
        Misplaced::SecondAnswer
    );
    for result in [
        socket.send(text("a"), &mut outbox),
        socket.close(1000, String::new(), &mut outbox),
    ] {
        assert_eq!(misplaced(result), Misplaced::AfterDenial);
    }
    socket
        .deny_body(Some(vec![0; 3]), true, &mut outbox)
        .unwrap();
    assert_eq!(receive(&mut socket, &mut outbox), "wait");
    socket.deny_body(None, false, &mut outbox).unwrap();
    assert_eq!(receive(&mut socket, &mut outbox), "disconnect 1006 \"\"");
    assert_eq!(
        misplaced(socket.deny_body(None, false, &mut outbox)),
        Misplaced::AfterClose
    );
    assert!(socket.end(Outcome::Returned, &mut outbox));
    assert_eq!(
        said(&mut outbox),
        [
            "start 401",
            "body 3 true",
            "body 0 false",
            "finished Returned"
        ]
    );
}

#[test]
fn a_denial_in_one_is_whole_or_nothing_e01() {
    let (mut socket, mut outbox) = socket();
    let mut wrong = none();
    wrong.push(b"content-length", b"4").unwrap();
    assert!(matches!(
        socket.deny(404, wrong, Some(vec![0; 3]), &mut outbox),
        Err(Refused::ContentLength { .. })
    ));
    socket
        .deny(404, none(), Some(vec![0; 3]), &mut outbox)
        .unwrap();
    assert_eq!(said(&mut outbox), ["respond 404 3"]);
}

#[test]
fn a_large_denial_waits_for_credit_a11() {
    let (mut socket, mut outbox) = socket();
    socket
        .deny(404, none(), Some(vec![0; 300_000]), &mut outbox)
        .unwrap();
    assert_eq!(socket.must_wait(), Ok(true));
    assert!(!socket.end(Outcome::Returned, &mut outbox));
    assert_eq!(said(&mut outbox), ["start 404", "body 262144 true"]);
    assert!(socket.on_writable(262_144, &mut outbox));
    assert_eq!(said(&mut outbox), ["body 37856 false", "finished Returned"]);
}

#[test]
fn a_denial_that_is_not_offered_is_refused_a14() {
    let mut outbox = Outbox::<Said>::new();
    let mut socket = WebSocket::<Bytes>::new(7, Vec::new(), false);
    let start = Start {
        status: 403,
        headers: none(),
        trailers: false,
    };
    for result in [
        socket.deny_start(start, &mut outbox),
        socket.deny_body(None, false, &mut outbox),
        socket.deny(403, none(), None, &mut outbox),
    ] {
        assert!(matches!(result, Err(Refused::NotOffered(_))));
    }
    socket.accept(None, none(), &mut outbox).unwrap();
}
