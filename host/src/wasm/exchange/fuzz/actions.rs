//! What a hostile guest may say: any action for any call, good ones among them.

use crate::bindings::types::{
    Accept, Action, BodyChunk, CallId, Close, Credit, EarlyHint, FieldLength, Fields, Finished,
    Message, Outcome, Pathsend, Payload, Response, ResponseStart, Shutdown, Startup, Trailers,
};
use crate::fuzzing::{Choices, SUBPROTOCOL, fields};

/// Mostly the id of a call that there is.
pub(super) fn id(choices: &mut Choices<'_>, given: usize) -> CallId {
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

pub(super) fn action(choices: &mut Choices<'_>, given: usize) -> Action {
    let call = id(choices, given);
    match choices.below(40) {
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
        27..=31 => Action::Accept(Accept {
            call,
            subprotocol: match choices.below(8) {
                0 => Some(text(choices)),
                1 => Some(SUBPROTOCOL.to_owned()),
                _ => None,
            },
            headers: if choices.one_in(4) {
                wild(choices)
            } else {
                fields(&[])
            },
        }),
        32..=35 => Action::Message(Message {
            call,
            payload: if choices.one_in(2) {
                Payload::Bytes(vec![b'x'; choices.size()])
            } else {
                Payload::Text(text(choices))
            },
        }),
        36 | 37 => Action::Close(Close {
            call,
            code: choices.of(&[1000, 1000, 4999, 1005, 0, u16::MAX]),
            reason: text(choices).repeat(choices.of(&[1, 1, 1, 4])),
        }),
        38 => Action::Startup(match choices.below(3) {
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
pub(super) fn call_of(action: &Action) -> Option<CallId> {
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
