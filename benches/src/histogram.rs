//! A latency histogram: buckets that widen with the value, three per cent wide at most.

use std::time::Duration;

/// Buckets per power of two.
const STEPS: u64 = 32;

/// Powers of two from the first exact bucket up: 2^5 ns to 2^40 ns, a quarter of an hour.
const POWERS: u64 = 35;

/// Counts durations.
#[derive(Clone)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: vec![0; usize::try_from(STEPS * (POWERS + 1)).unwrap_or_default()],
            count: 0,
        }
    }
}

impl Histogram {
    /// Counts one. What is longer than all buckets falls into the last.
    pub(crate) fn record(&mut self, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = usize::try_from(bucket(nanoseconds)).unwrap_or(usize::MAX);
        let last = self.buckets.len() - 1;
        if let Some(count) = self.buckets.get_mut(bucket.min(last)) {
            *count += 1;
            self.count += 1;
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The microseconds that this share of all (0 to 1) did not exceed: the upper end of a bucket.
    pub(crate) fn quantile_us(&self, share: f64) -> f64 {
        let wanted = share * self.count as f64;
        let mut seen = 0;
        for (bucket, count) in (0..).zip(&self.buckets) {
            seen += count;
            if *count > 0 && seen as f64 >= wanted {
                return upper_end(bucket) as f64 / 1000.0;
            }
        }
        0.0
    }
}

fn bucket(value: u64) -> u64 {
    if value < STEPS {
        return value;
    }
    let power = value.ilog2() - STEPS.ilog2();
    // The leading bit and the five behind it: 32 to 63.
    u64::from(power) * STEPS + (value >> power)
}

fn upper_end(bucket: u64) -> u64 {
    if bucket < STEPS {
        return bucket;
    }
    let power = bucket / STEPS - 1;
    ((bucket - power * STEPS + 1) << power) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_and_are_narrow() {
        let mut last = 0;
        for value in (0..100_000).chain((100_000..1 << 39).step_by(999_999_937)) {
            let at = bucket(value);
            assert!(
                at == last || at == last + 1 || value > 100_000,
                "{value}: {last}, {at}"
            );
            let end = upper_end(at);
            assert!(
                value <= end && end - value <= value / 32,
                "{value} in {at} ends at {end}"
            );
            last = at;
        }
    }

    #[test]
    fn quantiles() {
        let mut histogram = Histogram::default();
        for us in 1..=100 {
            histogram.record(Duration::from_micros(us));
        }
        assert_eq!(histogram.count(), 100);
        let near = |share, us: f64| (histogram.quantile_us(share) / us - 1.0).abs() < 0.04;
        assert!(near(0.5, 50.0) && near(0.99, 99.0) && near(1.0, 100.0));
        histogram.record(Duration::MAX);
        assert_eq!(histogram.count(), 101);
        assert!(Histogram::default().quantile_us(0.5) < 1.0);
    }
}
