//! When a crashed instance may be replaced: at once it would spin the host, so there is a wait, and it grows.
//!
//! One for all instances of an app, so that a crash loop starts no more of them for having more places. Pure: `keeper.rs`
//! asks it before each start, whatever that is for.

use std::time::{Duration, Instant};

/// The first wait after a crash; it doubles up to [`WAIT_MAX`].
const WAIT_MIN: Duration = Duration::from_millis(50);

/// See [`WAIT_MIN`].
const WAIT_MAX: Duration = Duration::from_secs(10);

/// An app without a crash for this long, beside the wait, has a clean slate.
const HEALTHY: Duration = Duration::from_secs(10);

/// The wait of one app.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    crashes: Option<Crashes>,
}

#[derive(Debug)]
struct Crashes {
    wait: Duration,
    /// What was born before this says nothing about whether the wait is long enough.
    grown: Instant,
    last: Instant,
    /// No start before this.
    next: Instant,
}

impl Backoff {
    /// An instance that was born then has crashed. How long until the next may start. `luck` is between 0 and 1.
    pub(super) fn crashed(&mut self, born: Instant, now: Instant, luck: f64) -> Duration {
        self.forget(now);
        let crashes = self.crashes.get_or_insert(Crashes {
            wait: WAIT_MIN / 2,
            grown: born,
            last: now,
            next: now,
        });
        if born >= crashes.grown {
            crashes.wait = (crashes.wait * 2).min(WAIT_MAX);
            crashes.grown = now;
        }
        crashes.last = now;
        crashes.next = crashes.next.max(now + jittered(crashes.wait, luck));
        crashes.next - now
    }

    /// Whether an instance may start now; else when to ask again. Each start that it grants puts off the next.
    pub(super) fn may_start(&mut self, now: Instant, luck: f64) -> Result<(), Instant> {
        self.forget(now);
        match &mut self.crashes {
            Some(crashes) if now < crashes.next => Err(crashes.next),
            Some(crashes) => {
                crashes.next = now + jittered(crashes.wait, luck);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// How long it is until the next may start.
    pub(super) fn left(&self, now: Instant) -> Duration {
        let next = self.crashes.as_ref().map_or(now, |crashes| crashes.next);
        next.saturating_duration_since(now)
    }

    /// There was nothing to be afraid of.
    pub(super) fn calm_down(&mut self) {
        self.crashes = None;
    }

    fn forget(&mut self, now: Instant) {
        let healthy = |crashes: &Crashes| {
            now.saturating_duration_since(crashes.last) >= HEALTHY + crashes.wait
        };
        if self.crashes.as_ref().is_some_and(healthy) {
            self.crashes = None;
        }
    }
}

/// A quarter more or less, so that apps that crashed together do not come back together.
fn jittered(wait: Duration, luck: f64) -> Duration {
    wait.mul_f64(0.75 + luck.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Instances that crash as soon as they have started, on so many places, for so long: when each started.
    fn loop_of(places: usize, time: Duration) -> Vec<Duration> {
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        let mut starts = Vec::new();
        // All are up, and go down together.
        for _ in 0..places {
            backoff.crashed(start, start + MS, 0.5);
        }
        let mut now = start + MS;
        while now < start + time {
            match backoff.may_start(now, 0.5) {
                Err(later) => {
                    assert!(later > now);
                    now = later;
                }
                Ok(()) => {
                    starts.push(now - start);
                    backoff.crashed(now, now + MS, 0.5);
                }
            }
        }
        starts
    }

    #[test]
    fn the_wait_doubles_up_to_ten_seconds() {
        let starts = loop_of(1, Duration::from_secs(100));
        let waits: Vec<_> = starts.windows(2).map(|two| two[1] - two[0]).collect();
        assert!(starts[0] <= 51 * MS, "{starts:?}");
        assert!(waits[0] >= 100 * MS && waits[0] <= 102 * MS, "{waits:?}");
        assert!(waits.is_sorted(), "{waits:?}");
        let last = *waits.last().unwrap();
        assert!((10_000 * MS..10_010 * MS).contains(&last), "{last:?}");
    }

    #[test]
    fn more_places_are_not_more_starts() {
        let (one, many) = (loop_of(1, 60_000 * MS), loop_of(64, 60_000 * MS));
        assert!(many.len() <= one.len() + 1, "{one:?} {many:?}");
    }

    #[test]
    fn places_that_go_down_together_come_back_one_by_one_without_a_longer_wait() {
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        let crashed = start + MS;
        let wait = (0..8).map(|_| backoff.crashed(start, crashed, 0.5)).max();
        assert_eq!(wait, Some(WAIT_MIN));
        let mut now = crashed;
        for _ in 0..8 {
            now = backoff.may_start(now, 0.5).expect_err("one at a time");
            backoff.may_start(now, 0.5).expect("its turn");
        }
        assert_eq!(now, crashed + 8 * WAIT_MIN);
    }

    #[test]
    fn an_app_that_was_healthy_for_a_while_begins_anew() {
        let (mut backoff, mut now) = (Backoff::default(), Instant::now());
        for _ in 0..5 {
            backoff.crashed(now, now, 0.5);
            now = backoff.may_start(now, 0.5).expect_err("a wait");
            backoff.may_start(now, 0.5).expect("after the wait");
        }
        let born = now;
        now += HEALTHY + WAIT_MAX;
        assert_eq!(backoff.may_start(now, 0.5), Ok(()));
        assert_eq!(backoff.may_start(now, 0.5), Ok(()), "as many as it likes");
        assert_eq!(backoff.crashed(born, now, 0.5), WAIT_MIN);
    }

    #[test]
    fn luck_is_a_quarter_more_or_less() {
        let wait = |luck| Backoff::default().crashed(Instant::now(), Instant::now(), luck);
        let (early, late) = (wait(0.0), wait(1.0));
        assert!((37 * MS..38 * MS).contains(&early), "{early:?}");
        assert!((62 * MS..63 * MS).contains(&late), "{late:?}");
    }
}
