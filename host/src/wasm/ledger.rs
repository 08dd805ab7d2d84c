//! What an instance has computed since it last came back to `exchange` (`G-06`).
//!
//! The store's epoch callback asks it on every tick whether to go on; [`Metered`] stands around the future that
//! drives the store so that time in which others ran on the thread is not charged. While an instance behaves,
//! nothing is measured at all: the clock is read only after a tick has found it computing.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time of one burst of computing. Shared by one store, its callback and its [`Metered`] future, which all
/// run on the same task: the atomics are for `Send`, not for sharing.
#[derive(Debug)]
pub(super) struct Ledger {
    budget_ns: u64,
    burned_ns: AtomicU64,
    /// When the current slice began, on the thread's CPU clock; [`COLD`] when no tick has found it computing.
    slice_ns: AtomicU64,
}

const COLD: u64 = u64::MAX;

/// The budget is used up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exhausted(pub(super) Duration);

impl std::fmt::Display for Exhausted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "it computed for {:?} without coming back to the host (limit `cpu`)",
            self.0
        )
    }
}

impl std::error::Error for Exhausted {}

impl Ledger {
    /// A ledger that allows `budget` of CPU time in a row.
    pub(super) fn new(budget: Duration) -> Arc<Self> {
        Arc::new(Self {
            budget_ns: u64::try_from(budget.as_nanos()).unwrap_or(COLD - 1),
            burned_ns: AtomicU64::new(0),
            slice_ns: AtomicU64::new(COLD),
        })
    }

    /// The guest has come back.
    pub(super) fn reset(&self) {
        if self.slice_ns.load(Ordering::Relaxed) != COLD {
            self.slice_ns.store(COLD, Ordering::Relaxed);
            self.burned_ns.store(0, Ordering::Relaxed);
        }
    }

    /// A tick has found the guest computing.
    ///
    /// # Errors
    /// When it has used up its budget.
    pub(super) fn tick(&self) -> Result<(), Exhausted> {
        let now = thread_cpu_ns();
        let burned = self.charge(now);
        self.slice_ns.store(now, Ordering::Relaxed);
        if burned > self.budget_ns {
            return Err(Exhausted(Duration::from_nanos(self.budget_ns)));
        }
        Ok(())
    }

    fn charge(&self, now: u64) -> u64 {
        let slice = match self.slice_ns.load(Ordering::Relaxed) {
            COLD => 0,
            since => now.saturating_sub(since),
        };
        self.burned_ns.fetch_add(slice, Ordering::Relaxed) + slice
    }

    fn resume(&self) {
        if self.slice_ns.load(Ordering::Relaxed) != COLD {
            self.slice_ns.store(thread_cpu_ns(), Ordering::Relaxed);
        }
    }

    fn pause(&self) {
        if self.slice_ns.load(Ordering::Relaxed) != COLD {
            let now = thread_cpu_ns();
            self.charge(now);
            self.slice_ns.store(now, Ordering::Relaxed);
        }
    }
}

fn thread_cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

/// Drives a store and keeps its ledger true.
pub(super) struct Metered<F> {
    ledger: Arc<Ledger>,
    future: Pin<Box<F>>,
}

impl<F: Future> Metered<F> {
    /// Wraps the future that drives the store of `ledger`.
    pub(super) fn new(ledger: Arc<Ledger>, future: F) -> Self {
        Self {
            ledger,
            future: Box::pin(future),
        }
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.ledger.resume();
        let poll = self.future.as_mut().poll(cx);
        self.ledger.pause();
        poll
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn burn(time: Duration) {
        let start = thread_cpu_ns();
        while u128::from(thread_cpu_ns() - start) < time.as_nanos() {}
    }

    #[test]
    fn g06_a_burst_is_charged_and_a_return_forgives() {
        let ledger = Ledger::new(Duration::from_millis(2));
        ledger.tick().unwrap();
        burn(Duration::from_millis(1));
        ledger.tick().unwrap();
        ledger.reset();
        ledger.tick().unwrap();
        burn(Duration::from_millis(3));
        assert_eq!(ledger.tick(), Err(Exhausted(Duration::from_millis(2))));
    }

    #[test]
    fn what_others_compute_is_not_charged() {
        let ledger = Ledger::new(Duration::from_millis(2));
        ledger.tick().unwrap();
        ledger.pause();
        burn(Duration::from_millis(5));
        ledger.resume();
        ledger.tick().unwrap();
    }
}
