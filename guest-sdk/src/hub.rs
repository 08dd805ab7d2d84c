//! What all calls of an instance share: the outbox, the timers, the queue of woken tasks and the clock.
//!
//! Handles (`Receive`, `Send`, `Sleep`) hold it by `Arc`, so they are `Send + Sync` and work from any task.
//! Locks are taken in one order: the state of a call, then the outbox. No waker is called under either.

use std::sync::{Arc, Mutex};

use wasgi_sdk_core::Outbox as Batches;

use crate::bindings::types::Action;
use crate::call::Call;
use crate::clock::Clock;
use crate::exec::ready::Ready;
use crate::exec::timers::Timers;

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

/// What the app has said in this turn, and what it may still add to.
#[derive(Default)]
pub(crate) struct Outbox {
    pub(crate) batches: Batches<Action>,
    /// Calls whose `start` waits for the end of the turn, in case the whole body follows (`R-04`).
    held: Vec<Arc<Call>>,
}

impl Outbox {
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
}
