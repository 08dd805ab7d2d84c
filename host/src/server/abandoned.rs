//! Calls that go on although their client has taken the request back, bounded for each HTTP/2 connection and app.
//!
//! Nobody can cancel a call (`D-04`), and a stream that was reset counts no more against the cap on streams. Without a
//! bound of its own, a client that resets each of its streams (CVE-2023-44487) would have any number of calls at work.
//! `request.rs` asks before it opens a call; the end of a call's response adds to it. Each app is counted for itself: behind a proxy
//! many clients share a connection, and those of one app have no part in what became of another's.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::route::Number;
use crate::config::limits::ABANDONED_MAX;

/// Those of one connection.
#[derive(Default)]
pub(super) struct Abandoned {
    /// Most connections never have one, and never take the lock.
    any: AtomicBool,
    calls: Mutex<HashMap<Number, Vec<Weak<dyn Any + Send + Sync>>>>,
}

impl Abandoned {
    /// Whether so many of an app are still at work that no further call of it may begin.
    pub(super) fn is_full(&self, app: Number) -> bool {
        if !self.any.load(Ordering::Relaxed) {
            return false;
        }
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_app) = calls.get_mut(&app) {
            // When its instance has let go of a call, nobody has it any more.
            of_app.retain(|call| call.strong_count() > 0);
            if of_app.len() >= ABANDONED_MAX {
                return true;
            }
            if of_app.is_empty() {
                calls.remove(&app);
            }
        }
        self.any.store(!calls.is_empty(), Ordering::Relaxed);
        false
    }
}

/// Where to leave a call of an app whose client is gone, on a connection that goes on without it.
#[derive(Clone)]
pub(super) struct Leave {
    pub(super) connection: Arc<Abandoned>,
    pub(super) app: Number,
}

impl Leave {
    /// The client of this call is gone, and the app may go on with it.
    pub(super) fn add<T: Send + Sync + 'static>(&self, call: &Arc<T>) {
        let call: Weak<dyn Any + Send + Sync> = Arc::<T>::downgrade(call);
        let calls = &self.connection.calls;
        self.connection.any.store(true, Ordering::Relaxed);
        let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.entry(self.app).or_default().push(call);
    }
}
