//! The order of a response's events and its framing, without a call around it.

use super::*;
use crate::bindings::types::FieldLength;

/// Everything is offered; whether the client takes trailers.
fn all(trailers: bool) -> Extras {
    Extras {
        offered: Extensions::all(),
        trailers,
    }
}

fn plain(is_head_request: bool) -> Send {
    let extras = Extras {
        offered: Extensions::empty(),
        trailers: false,
    };
    Send::new(is_head_request, extras)
}

fn none() -> Fields {
    Fields {
        text: vec![],
        lengths: vec![],
    }
}

fn length(value: &str) -> Fields {
    Fields {
        text: format!("content-length{value}").into_bytes(),
        lengths: vec![FieldLength {
            name: 14,
            value: u32::try_from(value.len()).unwrap(),
        }],
    }
}

#[test]
fn r04_the_head_waits_for_a_body() {
    let mut send = plain(false);
    send.start(200, none(), false).unwrap();
    assert!(send.take_head(false).is_none() && send.holds_head());
    send.body(b"x".to_vec(), true).unwrap();
    assert!(send.take_head(false).is_some() && !send.holds_head());
}

#[test]
fn r04_the_head_goes_when_it_has_been_held_long_enough() {
    let mut send = plain(false);
    send.start(200, none(), false).unwrap();
    assert!(send.take_head(true).is_some());
}

#[test]
fn r06_after_the_end_nothing_is_wrong() {
    let mut send = plain(false);
    send.respond(200, none(), b"a".to_vec()).unwrap();
    send.body(b"b".to_vec(), true).unwrap();
    send.respond(200, none(), b"a".to_vec()).unwrap();
    assert_eq!(send.pop().unwrap(), "a");
    assert!(send.pop().is_none());
}

#[test]
fn r07_order() {
    let mut send = plain(false);
    assert!(matches!(
        send.body(vec![], false),
        Err(Violation::InvalidState(_))
    ));
    send.start(200, none(), false).unwrap();
    assert!(matches!(
        send.start(200, none(), false),
        Err(Violation::InvalidState(_))
    ));
}

#[test]
fn r10_statuses() {
    for status in [0, 100, 101, 103, 199, 1000, u16::MAX] {
        assert!(
            matches!(
                plain(false).start(status, none(), false),
                Err(Violation::InvalidEvent(_))
            ),
            "{status}"
        );
    }
    for status in [200, 299, 404, 599, 999] {
        plain(false).start(status, none(), false).unwrap();
    }
}

#[test]
fn m02_m03_the_length_is_kept() {
    let mut over = plain(false);
    over.start(200, length("2"), false).unwrap();
    over.body(b"ab".to_vec(), true).unwrap();
    assert!(over.body(b"c".to_vec(), false).is_err());
    let mut under = plain(false);
    under.start(200, length("2"), false).unwrap();
    assert!(under.body(b"a".to_vec(), false).is_err());
    assert!(
        plain(false)
            .respond(200, length("2"), b"abc".to_vec())
            .is_err()
    );
}

#[test]
fn m04_head_keeps_the_length_and_drops_the_body() {
    let mut send = plain(true);
    send.start(200, length("5"), false).unwrap();
    send.body(vec![], false).unwrap();
    assert_eq!(
        send.take_head(false).unwrap().headers[header::CONTENT_LENGTH],
        "5"
    );
    let mut send = plain(true);
    send.respond(200, length("5"), b"hello".to_vec()).unwrap();
    assert!(send.pop().is_none());
    let mut send = plain(true);
    send.respond(200, none(), b"hello".to_vec()).unwrap();
    let head = send.take_head(false).unwrap();
    assert_eq!(head.headers[header::CONTENT_LENGTH], "5");
}

#[test]
fn m05_204_and_304_have_no_body() {
    for (status, kept) in [(204, false), (304, true)] {
        let mut send = plain(false);
        send.respond(status, length("5"), b"hello".to_vec())
            .unwrap();
        let head = send.take_head(false).unwrap();
        assert_eq!(head.headers.contains_key(header::CONTENT_LENGTH), kept);
        assert!(send.pop().is_none());
    }
}

#[test]
fn g20_one_action_may_cross_the_mark_and_no_more() {
    let mut send = plain(false);
    send.start(200, none(), false).unwrap();
    send.body(vec![0; MARK], true).unwrap();
    send.body(vec![0; 1], true).unwrap();
    assert!(matches!(
        send.body(vec![0; 1], true),
        Err(Violation::LimitExceeded(_))
    ));
    while send.pop().is_some() {}
    assert_eq!(send.writable(), Some(MARK + 1));
    send.body(vec![0; 1], true).unwrap();
}

#[test]
fn r08_empty_bodies_are_no_chunks() {
    let mut send = plain(false);
    send.start(200, none(), false).unwrap();
    send.body(vec![], true).unwrap();
    assert!(send.pop().is_none() && !send.is_complete());
}

fn trailer() -> Fields {
    Fields {
        text: b"x1".to_vec(),
        lengths: vec![FieldLength { name: 1, value: 1 }],
    }
}

#[test]
fn a14_what_was_not_offered_is_refused() {
    let unsupported = |result| {
        assert!(
            matches!(result, Err(Violation::Unsupported(_))),
            "{result:?}"
        )
    };
    let mut send = plain(false);
    unsupported(send.start(200, none(), true));
    send.start(200, none(), false).unwrap();
    unsupported(send.trailers(none(), false));
    unsupported(send.pathsend("/1/x".into()));
}

#[test]
fn e06_trailers_end_the_response() {
    let mut send = Send::new(false, all(true));
    send.start(200, none(), true).unwrap();
    assert!(matches!(
        send.trailers(trailer(), false),
        Err(Violation::InvalidState(_))
    ));
    send.body(b"x".to_vec(), false).unwrap();
    assert!(!send.is_over() && !send.is_complete() && send.take_trailers().is_none());
    assert!(matches!(
        send.body(vec![], false),
        Err(Violation::InvalidState(_))
    ));
    send.trailers(trailer(), true).unwrap();
    assert!(!send.is_complete() && send.take_trailers().is_none());
    send.trailers(trailer(), false).unwrap();
    assert_eq!(send.take_trailers().unwrap().len(), 2);
    send.trailers(trailer(), false).unwrap();
    assert!(send.is_over() && send.take_trailers().is_none());
}

#[test]
fn e06_trailers_are_announced() {
    let mut send = Send::new(false, all(true));
    send.start(200, none(), false).unwrap();
    assert!(matches!(
        send.trailers(trailer(), false),
        Err(Violation::InvalidState(_))
    ));
    send.body(vec![], false).unwrap();
    assert!(send.is_complete() && !send.take_head(false).unwrap().trailers);
}

#[test]
fn e06_who_does_not_take_trailers_does_not_wait_for_them() {
    for (is_head, extras) in [(false, all(false)), (true, all(true))] {
        let mut send = Send::new(is_head, extras);
        send.start(200, none(), true).unwrap();
        send.body(b"x".to_vec(), false).unwrap();
        assert!(!send.take_head(false).unwrap().trailers);
        assert!(!send.is_complete() && (send.is_over() || send.is_bodiless()));
        send.trailers(trailer(), false).unwrap();
        assert!(send.is_complete());
    }
}

#[test]
fn e02_a_path_is_the_body() {
    let mut send = Send::new(false, all(true));
    assert!(matches!(
        send.pathsend("/1/x".into()),
        Err(Violation::InvalidState(_))
    ));
    send.start(200, length("7"), false).unwrap();
    for path in ["", "x", "1/x", "/1/\0", &"/x".repeat(2049)] {
        assert!(
            matches!(
                send.pathsend(path.to_owned()),
                Err(Violation::InvalidEvent(_))
            ),
            "{path:?}"
        );
    }
    send.pathsend("/1/x".into()).unwrap();
    assert!(send.is_complete() && send.take_head(false).is_some());
    let path = send.take_path().unwrap();
    assert_eq!((&*path.path, path.announced), ("/1/x", Some(7)));
    send.body(b"x".to_vec(), false).unwrap();
    send.pathsend("/1/y".into()).unwrap();
    assert!(send.pop().is_none() && send.take_path().is_none());
}

#[test]
fn e02_a_path_stands_alone() {
    for (body, trailers) in [(true, false), (false, true)] {
        let mut send = Send::new(false, all(true));
        send.start(200, none(), trailers).unwrap();
        if body {
            send.body(vec![], true).unwrap();
        }
        assert!(matches!(
            send.pathsend("/1/x".into()),
            Err(Violation::InvalidState(_))
        ));
    }
}

#[test]
fn e02_no_file_for_a_status_without_a_body() {
    let mut send = Send::new(false, all(true));
    send.start(304, length("7"), false).unwrap();
    send.pathsend("/1/x".into()).unwrap();
    assert!(send.take_path().is_none() && send.is_complete());
}
