use super::*;
use crate::refused::Misplaced;

type Bytes = Vec<u8>;

/// An event as a value.
enum Sent {
    Start(Start),
    Body(Option<Bytes>, bool),
    Trailers(Fields, bool),
    EarlyHint(Vec<Vec<u8>>),
    Pathsend(String),
}

trait Say {
    fn say(&mut self, event: Sent, outbox: &mut Outbox<Said<Bytes>>) -> Result<Effect, Refused>;
}

impl Say for Call<Bytes> {
    fn say(&mut self, event: Sent, outbox: &mut Outbox<Said<Bytes>>) -> Result<Effect, Refused> {
        match event {
            Sent::Start(start) => self.start(start),
            Sent::Body(body, more) => self.body(body, more, outbox),
            Sent::Trailers(headers, more) => self.trailers(headers, more, outbox),
            Sent::EarlyHint(links) => self.early_hint(links, outbox),
            Sent::Pathsend(path) => self.pathsend(path, outbox),
        }
    }
}

fn offered() -> Offered {
    Offered {
        trailers: true,
        early_hint: true,
        pathsend: true,
    }
}

fn call() -> (Call<Bytes>, Outbox<Said<Bytes>>) {
    (
        Call::new(7, false, offered(), None, false),
        Outbox::<Said<Bytes>>::new(),
    )
}

fn fields(headers: &[(&str, &str)]) -> Fields {
    let mut fields = Fields::default();
    for (name, value) in headers {
        fields.push(name.as_bytes(), value.as_bytes()).unwrap();
    }
    fields
}

fn start(status: u16, headers: &[(&str, &str)]) -> Sent {
    Sent::Start(Start {
        status,
        headers: fields(headers),
        trailers: false,
    })
}

fn body(bytes: usize, more: bool) -> Sent {
    Sent::Body((bytes > 0).then(|| vec![b'x'; bytes]), more)
}

/// What was said, in short.
fn said(outbox: &mut Outbox<Said<Bytes>>) -> Vec<String> {
    let (full, last) = outbox.take(Vec::new());
    full.into_iter()
        .flatten()
        .chain(last)
        .map(|said| match said {
            Said::Respond { status, body, .. } => {
                format!("respond {status} {}", body.map_or(0, |body| body.len()))
            }
            Said::Start { start, .. } => format!("start {}", start.status),
            Said::Body { part, more, .. } => format!("body {} {more}", part.len()),
            Said::Read { bytes, .. } => format!("read {bytes}"),
            Said::Finished { outcome, .. } => format!("finished {outcome:?}"),
            Said::Trailers { more, .. } => format!("trailers {more}"),
            Said::EarlyHint { links, .. } => format!("hint {}", links.len()),
            Said::Pathsend { path, .. } => format!("pathsend {path}"),
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn start_and_body_in_one_turn_are_one_action() {
    let (mut call, mut outbox) = call();
    assert_eq!(call.say(start(200, &[]), &mut outbox), Ok(Effect::Held));
    assert_eq!(call.say(body(5, false), &mut outbox), Ok(Effect::Released));
    assert!(call.end(Outcome::Returned, &mut outbox));
    assert_eq!(said(&mut outbox), ["respond 200 5", "finished Returned"]);
}

#[test]
fn a_start_alone_goes_out_at_the_end_of_the_turn_r04() {
    let (mut call, mut outbox) = call();
    call.say(start(200, &[]), &mut outbox).unwrap();
    assert!(said(&mut outbox).is_empty());
    call.flush_start(&mut outbox);
    assert_eq!(call.say(body(1, true), &mut outbox), Ok(Effect::Nothing));
    call.say(body(0, false), &mut outbox).unwrap();
    assert_eq!(
        said(&mut outbox),
        ["start 200", "body 1 true", "body 0 false"]
    );
}

#[test]
fn the_wrong_order_changes_nothing_r07() {
    let (mut call, mut outbox) = call();
    assert!(matches!(
        call.say(body(1, false), &mut outbox),
        Err(Refused::Misplaced(_))
    ));
    call.say(start(200, &[]), &mut outbox).unwrap();
    assert!(matches!(
        call.say(start(500, &[]), &mut outbox),
        Err(Refused::Misplaced(_))
    ));
    call.say(body(1, false), &mut outbox).unwrap();
    assert_eq!(said(&mut outbox), ["respond 200 1"]);
}

#[test]
fn a_response_in_one_is_whole_or_nothing() {
    let whole = |bytes: usize| Some(vec![b'x'; bytes]);
    let long = || fields(&[("content-length", "3")]);
    let (mut call, mut outbox) = call();
    assert_eq!(
        call.respond(199, long(), whole(3), &mut outbox),
        Err(Refused::Status(199))
    );
    assert_eq!(
        call.respond(200, long(), whole(2), &mut outbox),
        Err(Refused::ContentLength {
            announced: 3,
            got: 2
        })
    );
    call.respond(200, long(), whole(3), &mut outbox).unwrap();
    assert!(call.is_complete());
    assert_eq!(said(&mut outbox), ["respond 200 3"]);

    let mut large = Call::new(8, false, offered(), None, false);
    large
        .respond(200, fields(&[]), whole(300_000), &mut outbox)
        .unwrap();
    assert_eq!(said(&mut outbox), ["start 200", "body 262144 true"]);

    let mut second = Call::new(9, false, offered(), None, false);
    second.say(start(200, &[]), &mut outbox).unwrap();
    assert_eq!(
        second.respond(200, fields(&[]), whole(1), &mut outbox),
        Err(Refused::Misplaced(Misplaced::SecondStart))
    );
}

#[test]
fn after_completion_everything_is_ignored_r06_and_receive_says_disconnect_q12() {
    let mut outbox = Outbox::<Said<Bytes>>::new();
    let mut call = Call::new(7, false, offered(), Some(vec![0; 3]), true);
    call.say(start(200, &[]), &mut outbox).unwrap();
    call.say(body(0, false), &mut outbox).unwrap();
    assert_eq!(call.say(start(500, &[]), &mut outbox), Ok(Effect::Nothing));
    assert_eq!(call.take(&mut outbox), Received::Disconnect);
    assert_eq!(call.take(&mut outbox), Received::Disconnect); // `Q-11`
}

#[test]
fn content_length_binds_m02_m03_but_not_head_m04() {
    let long = [("content-length", "3")];
    let (mut call, mut outbox) = call();
    call.say(start(200, &long), &mut outbox).unwrap();
    for (bytes, more) in [(4, false), (4, true), (2, false)] {
        assert!(matches!(
            call.say(body(bytes, more), &mut outbox),
            Err(Refused::ContentLength { announced: 3, .. })
        ));
    }
    call.say(body(2, true), &mut outbox).unwrap();
    call.say(body(1, false), &mut outbox).unwrap();

    let mut head = Call::new(8, true, offered(), None, false);
    head.say(start(200, &long), &mut outbox).unwrap();
    head.say(body(0, false), &mut outbox).unwrap();
    assert!(head.is_complete());
}

#[test]
fn a_large_body_is_cut_and_waits_for_credit_a11() {
    let (mut call, mut outbox) = call();
    call.say(start(200, &[]), &mut outbox).unwrap();
    call.say(body(600_000, false), &mut outbox).unwrap();
    assert!(call.is_full());
    assert_eq!(said(&mut outbox), ["start 200", "body 262144 true"]);
    assert!(!call.end(Outcome::Returned, &mut outbox));
    call.on_writable(200_000, &mut outbox);
    assert_eq!(said(&mut outbox), ["body 262144 true"]);
    assert!(!call.on_writable(62_144, &mut outbox));
    assert!(said(&mut outbox).is_empty());
    assert!(call.on_writable(262_144, &mut outbox));
    assert_eq!(said(&mut outbox), ["body 75712 false", "finished Returned"]);
}

#[test]
fn a_send_within_the_mark_does_not_wait() {
    let (mut call, mut outbox) = call();
    call.say(start(200, &[]), &mut outbox).unwrap();
    call.say(body(MARK, true), &mut outbox).unwrap();
    assert!(!call.is_full());
    call.say(body(1, true), &mut outbox).unwrap();
    assert!(call.is_full());
    call.on_writable(40_000, &mut outbox);
    assert!(!call.is_full());
}

#[test]
fn a_gone_client_is_an_error_of_send_d01_and_an_event_of_receive_q11() {
    let (mut call, mut outbox) = call();
    call.say(start(200, &[]), &mut outbox).unwrap();
    assert!(!call.on_disconnect(&mut outbox));
    assert_eq!(
        call.say(body(1, true), &mut outbox),
        Err(Refused::Disconnected)
    );
    assert_eq!(call.take(&mut outbox), Received::Disconnect);
    assert!(call.end(Outcome::Returned, &mut outbox));
    assert_eq!(said(&mut outbox), ["finished Returned"]);
}

#[test]
fn receive_after_the_body_waits_q10() {
    let (mut call, mut outbox) = call();
    call.ask(&mut outbox);
    assert_eq!(call.take(&mut outbox), Received::Request(None, false));
    assert_eq!(call.take(&mut outbox), Received::Wait);
    assert!(!call.has_event());
    call.on_disconnect(&mut outbox);
    assert!(call.has_event());
    assert!(said(&mut outbox).is_empty());
}

#[test]
fn the_first_receive_asks_the_host_q07_and_one_piece_is_ahead_g09() {
    let mut outbox = Outbox::<Said<Bytes>>::new();
    let mut call = Call::<Bytes>::new(7, false, offered(), None, true);
    assert!(said(&mut outbox).is_empty());
    call.ask(&mut outbox);
    call.ask(&mut outbox);
    assert_eq!(said(&mut outbox), ["read 65536"]);
    call.on_body(Some(vec![0; 65_536]), true);
    assert_eq!(
        call.take(&mut outbox),
        Received::Request(Some(vec![0; 65_536]), true)
    );
    assert_eq!(said(&mut outbox), ["read 65536"]);
}

#[test]
fn extensions_that_are_not_offered_are_refused_a14() {
    let mut outbox = Outbox::<Said<Bytes>>::new();
    let mut call = Call::<Bytes>::new(7, false, Offered::default(), None, false);
    for event in [
        Sent::EarlyHint(vec![b"</a>".to_vec()]),
        Sent::Pathsend("/a".into()),
        Sent::Trailers(Fields::default(), false),
    ] {
        assert!(matches!(
            call.say(event, &mut outbox),
            Err(Refused::NotOffered(_))
        ));
    }
}

#[test]
fn hints_come_before_and_trailers_after() {
    let (mut call, mut outbox) = call();
    call.say(Sent::EarlyHint(vec![b"</a>".to_vec()]), &mut outbox)
        .unwrap();
    let Sent::Start(head) = start(200, &[]) else {
        return;
    };
    call.say(
        Sent::Start(Start {
            trailers: true,
            ..head
        }),
        &mut outbox,
    )
    .unwrap();
    assert!(
        call.say(Sent::Trailers(Fields::default(), false), &mut outbox)
            .is_err()
    );
    call.say(body(1, false), &mut outbox).unwrap();
    assert!(!call.is_complete());
    assert!(call.say(body(1, false), &mut outbox).is_err());
    for name in ["Content-Length", "set-cookie", "HOST"] {
        let mut fields = Fields::default();
        fields.push(b"x-sum", b"1").unwrap();
        fields.push(name.as_bytes(), b"1").unwrap();
        assert!(
            matches!(
                call.say(Sent::Trailers(fields, false), &mut outbox),
                Err(Refused::Header { .. })
            ),
            "{name}"
        );
    }
    call.say(Sent::Trailers(Fields::default(), false), &mut outbox)
        .unwrap();
    assert!(call.is_complete());
    assert_eq!(
        said(&mut outbox),
        ["hint 1", "start 200", "body 1 false", "trailers false"]
    );
}

#[test]
fn a_file_stands_in_place_of_the_body() {
    let (mut call, mut outbox) = call();
    assert!(call.say(Sent::Pathsend("/a".into()), &mut outbox).is_err());
    call.say(start(200, &[]), &mut outbox).unwrap();
    assert!(call.say(Sent::Pathsend("a".into()), &mut outbox).is_err());
    call.say(Sent::Pathsend("/a".into()), &mut outbox).unwrap();
    assert_eq!(said(&mut outbox), ["start 200", "pathsend /a"]);
    // An empty body is one, too.
    let (mut call, mut outbox) = self::call();
    call.say(start(200, &[]), &mut outbox).unwrap();
    call.say(body(0, true), &mut outbox).unwrap();
    assert!(call.say(Sent::Pathsend("/a".into()), &mut outbox).is_err());
}
