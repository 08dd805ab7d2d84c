//! When an instance has had its time, and why: the bounds of one life, drawn at its start.
//!
//! `link.rs` counts calls against them, `keeper.rs` looks at age and memory four times a second. What follows is the same
//! for all: [`Link::retire`](super::link::Link::retire).

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::config::Instances;

/// By how much a life may be shorter than what the manifest says, so that not all instances of a pool retire together.
const SHORTER: f64 = 0.1;

/// What one instance is allowed, and told when it is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Calls in its life.
    pub(super) calls: u64,
    pub(super) age: Duration,
    /// Linear memory, in bytes.
    pub(super) memory: usize,
}

/// Why an instance has had its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// So many calls.
    Calls(u64),
    /// So old.
    Age(Duration),
    /// So many bytes of linear memory.
    Memory(usize),
    /// It has a call that does not end (`G-10`, `G-11`).
    Overtime,
}

impl Bounds {
    /// For ever.
    pub(super) const NONE: Self = Self {
        calls: u64::MAX,
        age: Duration::MAX,
        memory: usize::MAX,
    };

    /// `luck` is between 0 and 1.
    pub(super) fn draw(instances: &Instances, luck: f64) -> Self {
        let part = 1.0 - SHORTER * luck.clamp(0.0, 1.0);
        Self {
            calls: instances
                .calls_max
                .map_or(u64::MAX, |calls| shortened(calls, part)),
            age: instances
                .age_max
                .map_or(Duration::MAX, |age| age.mul_f64(part)),
            memory: instances.memory_mark.unwrap_or(usize::MAX),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a part of a number that fits, not below zero"
)]
fn shortened(calls: u32, part: f64) -> u64 {
    ((f64::from(calls) * part).round() as u64).max(1)
}

/// Between 0 and 1.
pub(super) fn luck() -> f64 {
    let random = RandomState::new().hash_one("luck") >> 32;
    u32::try_from(random).map_or(0.0, |random| f64::from(random) / f64::from(u32::MAX))
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Calls(calls) => write!(f, "it had {calls} calls (`max_calls_per_instance`)"),
            Self::Age(age) => write!(f, "it was {age:.1?} old (`max_instance_age`)"),
            Self::Memory(bytes) => {
                let mib = bytes.div_ceil(1024 * 1024);
                write!(f, "it had {mib} MiB of memory (`max_memory`)")
            }
            Self::Overtime => f.write_str("a call of it did not end"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(calls: u32, luck: f64) -> Bounds {
        let instances = Instances {
            calls_max: Some(calls),
            age_max: Some(Duration::from_secs(100)),
            ..Instances::default()
        };
        Bounds::draw(&instances, luck)
    }

    #[test]
    fn a_life_is_up_to_a_tenth_shorter_and_never_longer() {
        assert_eq!(
            (drawn(1000, 0.0).calls, drawn(1000, 1.0).calls),
            (1000, 900)
        );
        assert_eq!((drawn(1, 0.0).calls, drawn(1, 1.0).calls), (1, 1));
        assert_eq!(drawn(u32::MAX, 0.0).calls, u64::from(u32::MAX));
        let ages = [0.0, 1.0].map(|luck| drawn(1, luck).age.as_secs());
        assert_eq!(ages, [100, 90]);
    }

    #[test]
    fn without_bounds_it_is_for_ever() {
        let bounds = Bounds::draw(&Instances::default(), luck());
        assert_eq!(
            (bounds.calls, bounds.age, bounds.memory),
            (u64::MAX, Duration::MAX, usize::MAX)
        );
    }

    #[test]
    fn luck_is_not_always_the_same() {
        let drawn: Vec<_> = (0..100).map(|_| luck()).collect();
        assert!(drawn.iter().all(|luck| (0.0..=1.0).contains(luck)));
        assert!(drawn.iter().any(|luck| *luck < 0.5) && drawn.iter().any(|luck| *luck > 0.5));
    }
}
