//! One timer for a connection, set rarely: a deadline that moves with each request must not cost a timer for each.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

use tokio::time::{Instant, Sleep};

/// Wakes the task that polls it; early, never late.
pub(in crate::server) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    /// Whom it wakes.
    waker: Option<Waker>,
}

impl Alarm {
    /// For this instant.
    pub(in crate::server) fn at(at: Instant) -> Self {
        Self {
            sleep: Box::pin(tokio::time::sleep_until(at)),
            waker: None,
        }
    }

    /// Whether `deadline` has passed. If not, the task is woken when it has, or before.
    pub(in crate::server) fn has_passed(
        &mut self,
        deadline: Instant,
        cx: &mut Context<'_>,
    ) -> bool {
        if self.sleep.is_elapsed() || self.sleep.deadline() > deadline {
            if Instant::now() >= deadline {
                return true;
            }
            self.set(deadline);
        }
        self.rings(cx) && self.has_passed(deadline, cx)
    }

    /// Whether it has rung. If not, the task is woken when it does.
    pub(in crate::server) fn rings(&mut self, cx: &mut Context<'_>) -> bool {
        let known = self.waker.as_ref();
        if !known.is_some_and(|waker| waker.will_wake(cx.waker())) {
            // Once for each task and time: it stays registered.
            let _ = self.sleep.as_mut().poll(cx);
            self.waker = Some(cx.waker().clone());
        }
        self.sleep.is_elapsed()
    }

    /// For another instant.
    pub(in crate::server) fn set(&mut self, at: Instant) {
        self.sleep.as_mut().reset(at);
        self.waker = None;
    }
}
