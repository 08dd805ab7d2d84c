//! What the whole instance shares: the outbox, the calls that are open, the events that wait to be handed out.
//!
//! The only caller of the host's three functions. Plain thread-locals: an instance has one thread and one of each.

use std::cell::RefCell;
use std::collections::VecDeque;

use pyo3::prelude::*;
use wasgi_sdk_core::{Calls, Fields, Outbox, Outcome, Payload, Said, Startup};

use super::body::Body;
use super::call::Call;
use crate::bindings::types::{
    Accept, Action, BodyChunkParam, CloseParam, Credit, EarlyHint, Event, FieldLength, FieldsParam,
    Finished, MessageParam, Outcome as WireOutcome, Pathsend, PayloadParam, Response,
    ResponseStart, Shutdown, Startup as WireStartup, Trailers,
};
use crate::bindings::{exchange as wait, say as hand_over};

thread_local! {
    static OUTBOX: RefCell<Outbox<Said<Body>>> = const { RefCell::new(Outbox::new()) };
    /// Calls that have outlived their first step, by id.
    static CALLS: RefCell<Calls<Py<Call>>> = RefCell::default();
    /// Calls whose `start` waits for the end of the turn, in case the whole body follows (`R-04`).
    static HELD: RefCell<Vec<Py<Call>>> = const { RefCell::new(Vec::new()) };
    /// Events of the last exchange that have not been handed out: a nested turn goes on with them.
    static EVENTS: RefCell<VecDeque<Event>> = const { RefCell::new(VecDeque::new()) };
    static SPARE: RefCell<Vec<Said<Body>>> = const { RefCell::new(Vec::new()) };
}

/// Lends the outbox. No Python code may run meanwhile.
pub(crate) fn outbox<R>(use_it: impl FnOnce(&mut Outbox<Said<Body>>) -> R) -> R {
    OUTBOX.with_borrow_mut(use_it)
}

pub(crate) fn next_event() -> Option<Event> {
    EVENTS.with_borrow_mut(VecDeque::pop_front)
}

pub(crate) fn call(py: Python<'_>, id: u64) -> Option<Py<Call>> {
    CALLS.with_borrow(|calls| calls.get(&id).map(|call| call.clone_ref(py)))
}

pub(crate) fn keep(id: u64, call: Py<Call>) {
    CALLS.with_borrow_mut(|calls| calls.insert(id, call));
}

pub(crate) fn forget(id: u64) {
    // Dropped after the borrow has ended.
    let _call = CALLS.with_borrow_mut(|calls| calls.remove(&id));
}

pub(crate) fn hold(call: Py<Call>) {
    HELD.with_borrow_mut(|held| held.push(call));
}

/// The body has come, mostly right after the start: the call need not be looked at again.
pub(crate) fn release(call: &Bound<'_, Call>) {
    let _call = HELD.with_borrow_mut(|held| held.pop_if(|last| last.is(call)));
}

/// Hands over what was said and waits for events, which `next_event` hands out then. `until` is an instant of
/// the monotonic clock in nanoseconds.
pub(crate) fn exchange(py: Python<'_>, until: Option<u64>) {
    let last = collect(py);
    let events = lower(py, &last, |actions| wait(actions, until));
    EVENTS.with_borrow_mut(|queue| queue.extend(events));
    recycle(last);
}

/// Hands over what was said, without waiting.
pub(crate) fn flush(py: Python<'_>) {
    let last = collect(py);
    if !last.is_empty() {
        lower(py, &last, hand_over);
    }
    recycle(last);
}

/// The last batch; those before it are handed over.
fn collect(py: Python<'_>) -> Vec<Said<Body>> {
    for call in HELD.take() {
        call.borrow_mut(py).flush_start();
    }
    let spare = SPARE.take();
    let (full, last) = outbox(|outbox| outbox.take(spare));
    for batch in full {
        lower(py, &batch, hand_over);
    }
    last
}

fn recycle(mut batch: Vec<Said<Body>>) {
    batch.clear();
    SPARE.set(batch);
}

/// Gives `hand` a batch as the bindings want it, with everything borrowed.
fn lower<R>(py: Python<'_>, batch: &[Said<Body>], hand: impl FnOnce(&[Action<'_>]) -> R) -> R {
    let mut lengths = Vec::new();
    let mut links: Vec<Vec<&[u8]>> = Vec::new();
    for said in batch {
        match said {
            Said::Respond { headers, .. }
            | Said::Trailers { headers, .. }
            | Said::Accept { headers, .. } => {
                copy(&mut lengths, headers);
            }
            Said::Start { start, .. } => copy(&mut lengths, &start.headers),
            Said::EarlyHint { links: given, .. } => {
                links.push(given.iter().map(Vec::as_slice).collect());
            }
            _ => {}
        }
    }
    let (mut lengths, mut links) = (lengths.as_slice(), links.as_slice());
    let actions: Vec<Action<'_>> = batch
        .iter()
        .map(|said| action(py, said, &mut lengths, &mut links))
        .collect();
    hand(&actions)
}

fn copy(lengths: &mut Vec<FieldLength>, fields: &Fields) {
    lengths.extend(fields.lengths.iter().map(|length| FieldLength {
        name: length.name,
        value: length.value,
    }));
}

fn action<'a>(
    py: Python<'a>,
    said: &'a Said<Body>,
    lengths: &mut &'a [FieldLength],
    links: &mut &'a [Vec<&'a [u8]>],
) -> Action<'a> {
    let mut fields = |fields: &'a Fields| {
        let (own, rest) = lengths
            .split_at_checked(fields.lengths.len())
            .unwrap_or((&[], &[]));
        *lengths = rest;
        FieldsParam {
            text: &fields.text,
            lengths: own,
        }
    };
    match said {
        Said::Startup(startup) => Action::Startup(match startup {
            Startup::Complete => WireStartup::Complete,
            Startup::Unsupported(text) => WireStartup::Unsupported(text),
            Startup::Failed(text) => WireStartup::Failed(text),
        }),
        Said::Shutdown(result) => Action::Shutdown(match result {
            Ok(()) => Shutdown::Complete,
            Err(text) => Shutdown::Failed(text),
        }),
        Said::Respond {
            call,
            status,
            headers,
            body,
        } => Action::Respond(Response {
            call: *call,
            status: *status,
            headers: fields(headers),
            body: body.as_ref().map_or(&[], |body| body.as_slice(py)),
        }),
        Said::Start { call, start } => Action::Start(ResponseStart {
            call: *call,
            status: start.status,
            headers: fields(&start.headers),
            trailers: start.trailers,
        }),
        Said::Body {
            call,
            body,
            part,
            more,
        } => Action::Body(BodyChunkParam {
            call: *call,
            body: body
                .as_ref()
                .and_then(|body| body.as_slice(py).get(part.clone()))
                .unwrap_or_default(),
            more_body: *more,
        }),
        Said::Trailers {
            call,
            headers,
            more,
        } => Action::Trailers(Trailers {
            call: *call,
            headers: fields(headers),
            more_trailers: *more,
        }),
        Said::EarlyHint { call, .. } => {
            let (own, rest) = links
                .split_first()
                .map_or((&[][..], &[][..]), |(own, rest)| (own.as_slice(), rest));
            *links = rest;
            Action::EarlyHint(EarlyHint {
                call: *call,
                links: own,
            })
        }
        Said::Pathsend { call, path } => Action::Pathsend(Pathsend { call: *call, path }),
        Said::Accept {
            call,
            subprotocol,
            headers,
        } => Action::Accept(Accept {
            call: *call,
            subprotocol: subprotocol.as_deref(),
            headers: fields(headers),
        }),
        Said::Message { call, payload } => Action::Message(MessageParam {
            call: *call,
            payload: match payload {
                Payload::Text(text) => PayloadParam::Text(text.as_str(py)),
                Payload::Bytes(bytes) => {
                    PayloadParam::Bytes(bytes.as_ref().map_or(&[], |bytes| bytes.as_slice(py)))
                }
            },
        }),
        Said::Close { call, code, reason } => Action::Close(CloseParam {
            call: *call,
            code: *code,
            reason,
        }),
        Said::Read { call, bytes } => Action::Read(Credit {
            call: *call,
            bytes: *bytes,
        }),
        Said::Finished { call, outcome } => Action::Finished(Finished {
            call: *call,
            outcome: match outcome {
                Outcome::Returned => WireOutcome::Returned,
                Outcome::Raised(text) => WireOutcome::Raised(text),
            },
        }),
    }
}
