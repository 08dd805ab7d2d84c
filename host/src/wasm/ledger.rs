//! What an instance computes: since it last came back to `exchange` (`G-06`), since it last rested, and in all.
//!
//! The store's epoch callback asks it on every tick whether to go on; `lane.rs` stands around the future that drives the
//! store, so that time in which others ran on the thread is not charged, and asks it who is a hog. While an instance
//! behaves, the thread's CPU clock, which is a system call, is not read: the time of a turn is taken from the monotonic
//! clock, and the CPU clock's word counts from the first tick on that has found it computing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::engine::TICK;

/// CPU time of a turn in which no tick has found the guest computing: one tick, and what a host function may take.
const COLD_TURN_MAX: Duration = Duration::from_millis(2);

/// Over how long it is looked at how much of a thread an instance takes.
const WINDOW: Duration = Duration::from_millis(50);

/// More CPU time than this in a [`WINDOW`] is heavy use, however short its turns are: a fifth of a thread, which four others
/// may take as well. A hello app gets there with some 40,000 requests per second.
const HEAVY: Duration = Duration::from_millis(10);

/// A turn longer than this is felt by whoever waits for the thread: a hello request takes a tenth of it.
const LONG_TURN: Duration = Duration::from_micros(100);

/// More CPU time than this in long turns of one [`WINDOW`] is heavy use: one in twenty of those who come meets such a turn.
const HEAVY_IN_LONG_TURNS: Duration = Duration::from_micros(2_500);

/// CPU time of one instance. Shared by one store, its callback and what drives it, which all run on the same
/// task: the atomics are for `Send`, not for sharing.
#[derive(Debug)]
pub(super) struct Ledger {
    budget_ns: u64,
    /// In this burst: since the last `exchange`.
    burned_ns: AtomicU64,
    /// Since it last rested, as far as ticks have found it computing.
    restless_ns: AtomicU64,
    /// In all.
    cpu_ns: AtomicU64,
    window: Window,
    /// When the current slice began, on the thread's CPU clock; [`COLD`] when no tick has found it computing.
    slice_ns: AtomicU64,
    /// It has answered its start-up, however long that took.
    has_started: AtomicBool,
}

/// How much of a thread it takes.
#[derive(Debug)]
struct Window {
    origin: Instant,
    /// When this one began, after the origin.
    since_ns: AtomicU64,
    /// What was computed in it.
    cpu_ns: AtomicU64,
    /// That of it which was computed in long turns.
    in_long_turns_ns: AtomicU64,
    is_heavy: AtomicBool,
}

impl Window {
    fn new() -> Self {
        Self {
            origin: Instant::now(),
            since_ns: AtomicU64::new(0),
            cpu_ns: AtomicU64::new(0),
            in_long_turns_ns: AtomicU64::new(0),
            is_heavy: AtomicBool::new(false),
        }
    }

    /// A turn has ended.
    fn count(&self, now: Instant, spent_ns: u64) {
        let now_ns = nanos(now.saturating_duration_since(self.origin));
        let so_far_ns = now_ns.saturating_sub(self.since_ns.load(Ordering::Relaxed));
        let cpu_ns = add(&self.cpu_ns, spent_ns);
        let long_ns = match spent_ns >= nanos(LONG_TURN) {
            true => add(&self.in_long_turns_ns, spent_ns),
            false => self.in_long_turns_ns.load(Ordering::Relaxed),
        };
        let is_over = so_far_ns >= nanos(WINDOW);
        let is_heavy =
            is_above(HEAVY, cpu_ns, so_far_ns) || is_above(HEAVY_IN_LONG_TURNS, long_ns, so_far_ns);
        if is_heavy || is_over {
            self.is_heavy.store(is_heavy, Ordering::Relaxed);
        }
        if is_over {
            self.begin(now_ns);
        }
    }

    fn begin(&self, now_ns: u64) {
        self.since_ns.store(now_ns, Ordering::Relaxed);
        self.cpu_ns.store(0, Ordering::Relaxed);
        self.in_long_turns_ns.store(0, Ordering::Relaxed);
    }
}

/// Only one task counts at a time, so it is no `fetch_add`.
fn add(sum: &AtomicU64, more: u64) -> u64 {
    let sum_now = sum.load(Ordering::Relaxed) + more;
    sum.store(sum_now, Ordering::Relaxed);
    sum_now
}

/// Whether that is more than so much in a [`WINDOW`], and more than that part of a longer time.
fn is_above(bound: Duration, cpu_ns: u64, time_ns: u64) -> bool {
    cpu_ns >= nanos(bound)
        && u128::from(cpu_ns) * WINDOW.as_nanos() >= u128::from(time_ns) * bound.as_nanos()
}

/// Five hundred years at most.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A turn that has begun.
pub(super) enum Slice {
    /// No tick has found it computing before: by the monotonic clock.
    Cold(Instant),
    /// By the thread's CPU clock, in nanoseconds.
    Hot(u64),
}

const COLD: u64 = u64::MAX;

/// The budget is used up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exhausted(pub(super) Duration);

impl std::fmt::Display for Exhausted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "it computed for {:?} without coming back to the host (limit `cpu`); `cpu` below [limits] in wasgi.toml gives it more",
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
            restless_ns: AtomicU64::new(0),
            cpu_ns: AtomicU64::new(0),
            window: Window::new(),
            slice_ns: AtomicU64::new(COLD),
            has_started: AtomicBool::new(false),
        })
    }

    /// The guest has come back: its budget begins anew. True if a tick has found it computing, so that it is worth to
    /// say when it has [rested](Self::rested).
    pub(super) fn reset(&self) -> bool {
        let is_hot = self.slice_ns.load(Ordering::Relaxed) != COLD;
        if is_hot {
            self.burned_ns.store(0, Ordering::Relaxed);
        }
        is_hot
    }

    /// The guest has waited, or something has happened for it. To have asked in vain is no rest: who does so in a loop
    /// computes without an end, though never for long in a row.
    pub(super) fn rested(&self) {
        self.slice_ns.store(COLD, Ordering::Relaxed);
        self.burned_ns.store(0, Ordering::Relaxed);
        self.restless_ns.store(0, Ordering::Relaxed);
    }

    /// It has started. That may take long: an interpreter has much to set up. From now on it is to behave.
    pub(super) fn has_started(&self) {
        self.rested();
        self.window.is_heavy.store(false, Ordering::Relaxed);
        self.window.begin(nanos(self.window.origin.elapsed()));
        self.has_started.store(true, Ordering::Relaxed);
    }

    /// Whether it is still starting: what it computes is no offence yet.
    pub(super) fn is_starting(&self) -> bool {
        !self.has_started.load(Ordering::Relaxed)
    }

    /// Whether it has computed for a whole tick without a rest, or takes a good part of its thread in short turns.
    pub(super) fn is_hog(&self) -> bool {
        u128::from(self.restless_ns.load(Ordering::Relaxed)) >= TICK.as_nanos()
            || self.window.is_heavy.load(Ordering::Relaxed)
    }

    /// What it has computed in all, as of its last turn.
    pub(super) fn cpu(&self) -> Duration {
        Duration::from_nanos(self.cpu_ns.load(Ordering::Relaxed))
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
        self.restless_ns.fetch_add(slice, Ordering::Relaxed);
        self.burned_ns.fetch_add(slice, Ordering::Relaxed) + slice
    }

    /// Its turn begins, on this thread.
    pub(super) fn resume(&self) -> Slice {
        if self.slice_ns.load(Ordering::Relaxed) == COLD {
            return Slice::Cold(Instant::now());
        }
        let now = thread_cpu_ns();
        self.slice_ns.store(now, Ordering::Relaxed);
        Slice::Hot(now)
    }

    /// Its turn ends.
    pub(super) fn pause(&self, slice: Slice) {
        let is_hot = self.slice_ns.load(Ordering::Relaxed) != COLD;
        let now = if is_hot { thread_cpu_ns() } else { 0 };
        if is_hot {
            self.charge(now);
            self.slice_ns.store(now, Ordering::Relaxed);
        }
        let over = Instant::now();
        let spent = match slice {
            // A tick would have found it, had it computed for longer: the rest of the time the thread did not run.
            Slice::Cold(since) => nanos(over.saturating_duration_since(since).min(COLD_TURN_MAX)),
            Slice::Hot(since) if is_hot => now.saturating_sub(since),
            Slice::Hot(since) => thread_cpu_ns().saturating_sub(since),
        };
        self.cpu_ns.fetch_add(spent, Ordering::Relaxed);
        self.window.count(over, spent);
    }
}

fn thread_cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn burn(time: Duration) {
        let start = thread_cpu_ns();
        while u128::from(thread_cpu_ns() - start) < time.as_nanos() {}
    }

    fn ledger(budget_ms: u64) -> Arc<Ledger> {
        Ledger::new(Duration::from_millis(budget_ms))
    }

    #[test]
    fn g06_a_burst_is_charged_and_a_return_forgives() {
        let ledger = ledger(2);
        ledger.tick().unwrap();
        burn(Duration::from_millis(1));
        ledger.tick().unwrap();
        assert!(ledger.reset());
        ledger.tick().unwrap();
        burn(Duration::from_millis(3));
        assert_eq!(ledger.tick(), Err(Exhausted(Duration::from_millis(2))));
    }

    #[test]
    fn what_others_compute_is_not_charged() {
        let ledger = ledger(2);
        ledger.tick().unwrap();
        let slice = ledger.resume();
        ledger.pause(slice);
        burn(Duration::from_millis(5));
        let slice = ledger.resume();
        ledger.tick().unwrap();
        ledger.pause(slice);
        assert!(ledger.cpu() < Duration::from_millis(5), "{ledger:?}");
    }

    #[test]
    fn who_burns_a_tick_without_a_pause_is_a_hog() {
        let ledger = ledger(100);
        ledger.tick().unwrap();
        burn(TICK * 2);
        assert!(!ledger.is_hog());
        ledger.tick().unwrap();
        assert!(ledger.is_hog());
        ledger.rested();
        assert!(!ledger.is_hog());
    }

    #[test]
    fn many_short_turns_are_heavy_use_and_few_are_not() {
        let (window, ms) = (Window::new(), Duration::from_millis);
        let mut now = window.origin;
        let mut turns = |every: Duration, spent: Duration, count: u32| {
            for _ in 0..count {
                now += every;
                window.count(now, nanos(spent));
            }
            window.is_heavy.load(Ordering::Relaxed)
        };
        let us = Duration::from_micros;
        assert!(!turns(us(200), us(20), 5000), "a tenth");
        assert!(turns(us(100), us(50), 400), "a half");
        assert!(!turns(us(200), us(20), 1000), "it behaves again");
        assert!(
            turns(us(50), us(49), 205),
            "at once, not at the end of the window"
        );
        assert!(!turns(ms(1000), ms(30), 10), "rarely");
        assert!(!turns(ms(10), us(400), 100), "a few long ones");
        assert!(turns(ms(10), us(600), 10), "a good many long ones");
    }

    #[test]
    fn polling_the_host_is_no_rest() {
        let ledger = ledger(2);
        ledger.tick().unwrap();
        for _ in 0..5 {
            let slice = ledger.resume();
            burn(TICK / 2);
            ledger.reset();
            ledger.pause(slice);
        }
        ledger.tick().unwrap();
        assert!(ledger.is_hog());
    }

    #[test]
    fn all_that_it_computes_is_counted() {
        let ledger = ledger(100);
        for ticks in [false, true] {
            let slice = ledger.resume();
            burn(Duration::from_millis(1));
            if ticks {
                ledger.tick().unwrap();
            }
            ledger.pause(slice);
        }
        assert!(ledger.cpu() >= Duration::from_millis(2), "{ledger:?}");
    }
}
