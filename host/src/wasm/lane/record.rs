//! What an app has done to its neighbours, and for how long that is held against it.
//!
//! One for all instances of an app: what one of them did is to be expected of the next, so that a replacement does not
//! begin where its predecessor was a nuisance. Pure: `lane.rs` says what happens, and when.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::wasm::ledger::nanos;

/// How long an app has to behave at first. 1 s: what an instance does on its server thread before it leaves again,
/// one or two ticks, is then little beside it.
const FORGIVEN: Duration = Duration::from_secs(1);

/// What that grows to with further offences, twice with each that comes after the last was forgiven.
const FORGIVEN_MAX: Duration = Duration::from_secs(64);

/// An app that has behaved for so many times as long as it had to has a clean slate.
const CLEAN_AFTER: u32 = 10;

/// The offences of one app.
#[derive(Debug)]
pub(super) struct Record {
    origin: Instant,
    /// The last one, in nanoseconds after the origin; [`NEVER`] before the first.
    last_ns: AtomicU64,
    /// How long it has to behave, in nanoseconds.
    forgiven_ns: AtomicU64,
    first: Duration,
}

const NEVER: u64 = u64::MAX;

impl Default for Record {
    fn default() -> Self {
        Self::new(FORGIVEN)
    }
}

impl Record {
    /// A clean one, of an app whose first offence is forgiven after so long.
    pub(super) fn new(first: Duration) -> Self {
        Self {
            origin: Instant::now(),
            last_ns: AtomicU64::new(NEVER),
            forgiven_ns: AtomicU64::new(nanos(first)),
            first,
        }
    }

    /// One of its instances is a nuisance now.
    pub(super) fn offend(&self, now: Instant) {
        if let Some(quiet) = self.quiet_for(now)
            && quiet >= self.forgiven()
        {
            let forgiven = match quiet >= self.forgiven() * CLEAN_AFTER {
                true => self.first,
                false => (self.forgiven() * 2).min(FORGIVEN_MAX),
            };
            self.forgiven_ns.store(nanos(forgiven), Ordering::Relaxed);
        }
        let now_ns = nanos(now.saturating_duration_since(self.origin));
        self.last_ns.store(now_ns, Ordering::Relaxed);
    }

    /// Whether it has behaved for long enough.
    pub(super) fn is_forgiven(&self, now: Instant) -> bool {
        self.quiet_for(now)
            .is_none_or(|quiet| quiet >= self.forgiven())
    }

    /// Since its last offence, if there was one.
    fn quiet_for(&self, now: Instant) -> Option<Duration> {
        let last_ns = self.last_ns.load(Ordering::Relaxed);
        (last_ns != NEVER)
            .then(|| now.saturating_duration_since(self.origin + Duration::from_nanos(last_ns)))
    }

    fn forgiven(&self) -> Duration {
        Duration::from_nanos(self.forgiven_ns.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn an_app_without_offences_has_nothing_to_be_forgiven() {
        assert!(Record::new(S).is_forgiven(Instant::now()));
    }

    #[test]
    fn each_offence_counts_from_the_last() {
        let (record, now) = (Record::new(S), Instant::now());
        record.offend(now);
        assert!(!record.is_forgiven(now));
        assert!(!record.is_forgiven(now + S / 2));
        record.offend(now + S / 2);
        assert!(!record.is_forgiven(now + S));
        assert!(record.is_forgiven(now + S * 3 / 2));
    }

    #[test]
    fn who_offends_again_has_to_behave_for_twice_as_long_up_to_a_minute() {
        let (record, mut now) = (Record::new(S), Instant::now());
        for seconds in [1, 2, 4, 8, 16, 32, 64, 64] {
            // Several instances do it together.
            record.offend(now);
            record.offend(now);
            now += S * seconds;
            assert!(!record.is_forgiven(now - S / 2), "{seconds}");
            assert!(record.is_forgiven(now), "{seconds}");
        }
    }

    #[test]
    fn a_long_time_makes_a_clean_slate() {
        let (record, mut now) = (Record::new(S), Instant::now());
        record.offend(now);
        now += S;
        record.offend(now);
        now += 2 * S * CLEAN_AFTER;
        record.offend(now);
        assert!(record.is_forgiven(now + S));
    }
}
