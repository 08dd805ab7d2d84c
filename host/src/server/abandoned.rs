//! Calls that go on although their client has taken the request back, bounded for each HTTP/2 connection.
//!
//! Nobody can cancel a call (`D-04`), and a stream that was reset counts no more against the cap on streams. Without a
//! bound of its own, a client that resets each of its streams (CVE-2023-44487) would have any number of calls at work.
//! `request.rs` asks before it opens a call; the end of a call's response adds to it.

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::config::limits::ABANDONED_MAX;

/// Those of one connection.
#[derive(Default)]
pub(super) struct Abandoned {
    /// Most connections never have one, and never take the lock.
    any: AtomicBool,
    calls: Mutex<Vec<Weak<dyn Any + Send + Sync>>>,
}

impl Abandoned {
    /// The client of this call is gone, and the app may go on with it.
    pub(super) fn add<T: Send + Sync + 'static>(&self, call: &Arc<T>) {
        let call: Weak<dyn Any + Send + Sync> = Arc::<T>::downgrade(call);
        self.any.store(true, Ordering::Relaxed);
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push(call);
    }

    /// Whether so many are still at work that no further call may begin.
    pub(super) fn is_full(&self) -> bool {
        if !self.any.load(Ordering::Relaxed) {
            return false;
        }
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        // When its instance has let go of a call, nobody has it any more.
        calls.retain(|call| call.strong_count() > 0);
        self.any.store(!calls.is_empty(), Ordering::Relaxed);
        calls.len() >= ABANDONED_MAX
    }
}
