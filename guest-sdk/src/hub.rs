//! What all calls of an instance share: the outbox, the timers, the queue of woken tasks and the clock.
//!
//! Handles (`Receive`, `Send`, `Sleep`) hold it by `Arc`, so they are `Send + Sync` and work from any task.
//! Locks are taken in one order: the state of a call, then the outbox. No waker is called under either.

use std::sync::{Arc, Mutex};

use crate::bindings::types::{Action, Fields};
use crate::call::Call;
use crate::clock::Clock;
use crate::exec::ready::Ready;
use crate::exec::timers::Timers;

/// Most actions in one `exchange` or `say` (WIT, "Bounds of a batch").
const MAX_ACTIONS: usize = 1_024;
/// Most bytes of lists and strings in one of them: a mebibyte.
const MAX_BATCH_BYTES: usize = 1 << 20;

pub(crate) struct Hub {
    pub(crate) outbox: Mutex<Outbox>,
    pub(crate) timers: Timers,
    pub(crate) ready: Arc<Ready>,
    pub(crate) clock: Clock,
}

impl Hub {
    pub(crate) fn new(clock: Clock) -> Arc<Hub> {
        Arc::new(Hub {
            outbox: Mutex::default(),
            timers: Timers::default(),
            ready: Arc::default(),
            clock,
        })
    }
}

/// What the app has said in this turn, cut into batches that the contract allows.
#[derive(Default)]
pub(crate) struct Outbox {
    /// Full batches, to be said before the last one.
    full: Vec<Vec<Action>>,
    last: Vec<Action>,
    last_bytes: usize,
    /// Calls whose `start` waits for the end of the turn, in case the whole body follows (`R-04`).
    held: Vec<Arc<Call>>,
}

impl Outbox {
    pub(crate) fn push(&mut self, action: Action) {
        let bytes = size(&action);
        if self.last.len() == MAX_ACTIONS || self.last_bytes + bytes > MAX_BATCH_BYTES {
            self.full.push(std::mem::take(&mut self.last));
            self.last_bytes = 0;
        }
        self.last_bytes += bytes;
        self.last.push(action);
    }

    pub(crate) fn hold(&mut self, call: Arc<Call>) {
        self.held.push(call);
    }

    /// The body has come, mostly right after the start: the call need not be looked at again.
    pub(crate) fn release(&mut self, call: &Arc<Call>) {
        let _ = self.held.pop_if(|held| Arc::ptr_eq(held, call));
    }

    /// The calls whose `start` still waits; there are few.
    pub(crate) fn take_held(&mut self) -> Vec<Arc<Call>> {
        if self.held.is_empty() {
            return Vec::new(); // keeps the room for the next turn
        }
        std::mem::take(&mut self.held)
    }

    /// The batches of this turn; the last one is for `exchange` and may be empty. `spare` is an
    /// empty list whose room is used again.
    pub(crate) fn take(&mut self, spare: Vec<Action>) -> (Vec<Vec<Action>>, Vec<Action>) {
        self.last_bytes = 0;
        (
            std::mem::take(&mut self.full),
            std::mem::replace(&mut self.last, spare),
        )
    }
}

/// Bytes of lists and strings in an action.
fn size(action: &Action) -> usize {
    match action {
        Action::Respond(respond) => fields(&respond.headers) + respond.body.len(),
        Action::Start(start) => fields(&start.headers),
        Action::Body(chunk) => chunk.body.len(),
        Action::Trailers(trailers) => fields(&trailers.headers),
        Action::EarlyHint(hint) => hint.links.iter().map(|link| link.len() + 8).sum(),
        Action::Pathsend(pathsend) => pathsend.path.len(),
        Action::Accept(accept) => {
            fields(&accept.headers) + accept.subprotocol.as_ref().map_or(0, String::len)
        }
        Action::Close(close) => close.reason.len(),
        Action::Startup(startup) => match startup {
            crate::bindings::types::Startup::Complete => 0,
            crate::bindings::types::Startup::Unsupported(text)
            | crate::bindings::types::Startup::Failed(text) => text.len(),
        },
        Action::Shutdown(crate::bindings::types::Shutdown::Failed(text)) => text.len(),
        Action::Finished(finished) => match &finished.outcome {
            crate::bindings::types::Outcome::Raised(text) => text.len(),
            crate::bindings::types::Outcome::Returned => 0,
        },
        Action::Message(message) => match &message.payload {
            crate::bindings::types::Payload::Text(text) => text.len(),
            crate::bindings::types::Payload::Bytes(bytes) => bytes.len(),
        },
        Action::Shutdown(crate::bindings::types::Shutdown::Complete) | Action::Read(_) => 0,
    }
}

fn fields(fields: &Fields) -> usize {
    fields.text.len() + 8 * fields.lengths.len()
}
