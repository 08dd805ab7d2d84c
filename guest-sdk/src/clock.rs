//! The loop's clock: nanoseconds on the scale that `exchange` understands (`wasi:clocks/monotonic-clock`).
//!
//! Natively it is std's monotonic clock, or a number that a test moves by hand. Reading the clock
//! costs a host call, so the loop only does it while a timer is set.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Clone)]
pub(crate) enum Clock {
    System,
    /// Nanoseconds, moved by `testing`.
    #[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "for native tests"))]
    Virtual(Arc<AtomicU64>),
}

impl Clock {
    /// Nanoseconds since a point that stays the same for the life of the instance.
    pub(crate) fn now(&self) -> u64 {
        match self {
            Clock::System => system_now(),
            Clock::Virtual(now) => now.load(Ordering::Relaxed),
        }
    }
}

#[cfg(target_arch = "wasm32")]
fn system_now() -> u64 {
    crate::bindings::clocks::now()
}

#[cfg(not(target_arch = "wasm32"))]
fn system_now() -> u64 {
    use std::sync::LazyLock;
    use std::time::Instant;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
