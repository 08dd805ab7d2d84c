//! Memory that an instance may use: its own, and what the host holds for it (`G-07`, `G-20`).
//!
//! One budget per instance. `wasm/store.rs` asks it when the guest's memory grows; calls and WebSockets charge what they
//! have queued, through a [`Charge`] that gives everything back when it is dropped. So a guest that makes the host buffer
//! pays as if it had the bytes itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a queued piece costs beside its bytes: its place in a queue, and an allocation of its own.
pub const PIECE_PRICE: usize = 96;

/// What a call costs the host beside what it has queued: its records, its tasks, its place in several tables. Measured:
/// an idle WebSocket costs the host and its guest 9 KiB together, of which the socket's buffers are no app's.
pub const CALL_PRICE: usize = 2048;

/// The memory of one instance, in bytes.
#[derive(Debug)]
pub struct Budget {
    max: usize,
    /// Whether it refuses anything, and so has to count.
    is_limited: bool,
    /// Of both together.
    used: AtomicUsize,
    /// Linear memory of the guest, a part of it.
    guest: AtomicUsize,
}

/// There is no room for this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverBudget {
    /// What there may be.
    pub max: usize,
    /// The guest's own, at this time.
    pub guest: usize,
    /// What the host holds for it, at this time.
    pub host: usize,
    /// What was asked for beside it.
    pub more: usize,
}

impl Budget {
    /// A budget of `max` bytes, nothing of which is used.
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            is_limited: true,
            used: AtomicUsize::new(0),
            guest: AtomicUsize::new(0),
        })
    }

    /// One that refuses nothing, and does not count what the host holds: of an engine without limits
    /// (`wasm/engine.rs`).
    pub fn unlimited() -> Arc<Self> {
        Arc::new(Self {
            max: usize::MAX,
            is_limited: false,
            used: AtomicUsize::new(0),
            guest: AtomicUsize::new(0),
        })
    }

    /// What there may be, of both together.
    pub fn max(&self) -> usize {
        self.max
    }

    /// Linear memory of the guest.
    pub fn guest(&self) -> usize {
        self.guest.load(Ordering::Relaxed)
    }

    /// What the host holds for it.
    pub fn host(&self) -> usize {
        let used = self.used.load(Ordering::Relaxed);
        used.saturating_sub(self.guest())
    }

    /// The guest's memory grows by `more`, and never shrinks.
    ///
    /// # Errors
    /// [`OverBudget`]: nothing has changed then.
    pub fn grow_guest(&self, more: usize) -> Result<(), OverBudget> {
        self.take(more)?;
        self.guest.fetch_add(more, Ordering::Relaxed);
        Ok(())
    }

    /// The host holds `bytes` for as long as the charge lives.
    ///
    /// # Errors
    /// [`OverBudget`]: nothing has changed then.
    pub fn charge(self: &Arc<Self>, bytes: usize) -> Result<Charge, OverBudget> {
        let mut charge = Charge::nothing(self);
        charge.set(bytes)?;
        Ok(charge)
    }

    fn take(&self, more: usize) -> Result<(), OverBudget> {
        let before = self.used.fetch_add(more, Ordering::Relaxed);
        if before.saturating_add(more) <= self.max {
            return Ok(());
        }
        self.used.fetch_sub(more, Ordering::Relaxed);
        let guest = self.guest();
        Err(OverBudget {
            max: self.max,
            guest,
            host: before.saturating_sub(guest),
            more,
        })
    }
}

/// What somebody holds on a budget. Dropping it gives it back.
#[derive(Debug)]
pub struct Charge {
    /// None if nobody counts.
    budget: Option<Arc<Budget>>,
    bytes: usize,
}

impl Charge {
    /// A charge of no bytes.
    pub fn nothing(budget: &Arc<Budget>) -> Self {
        Self {
            budget: budget.is_limited.then(|| budget.clone()),
            bytes: 0,
        }
    }

    /// From now on it is `bytes`.
    ///
    /// # Errors
    /// [`OverBudget`] when that is more than before, and too much: it is what it was then. To hold less never fails.
    pub fn set(&mut self, bytes: usize) -> Result<(), OverBudget> {
        let Some(budget) = &self.budget else {
            return Ok(());
        };
        if let Some(more) = bytes.checked_sub(self.bytes) {
            if more > 0 {
                budget.take(more)?;
            }
        } else {
            let less = self.bytes - bytes;
            budget.used.fetch_sub(less, Ordering::Relaxed);
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if let Some(budget) = &self.budget
            && self.bytes > 0
        {
            budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}

impl std::fmt::Display for OverBudget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            max,
            guest,
            host,
            more,
        } = *self;
        write!(
            f,
            "it has {} of memory, the host holds {} for it (bodies, messages, calls), and {} more are too much: it may \
             have {} together; `memory` below [limits] in wasgi.toml gives it more",
            Size(guest),
            Size(host),
            Size(more),
            Size(max)
        )
    }
}

/// A size as people read it.
struct Size(usize);

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const KIB: usize = 1024;
        const MIB: usize = 1024 * KIB;
        match self.0 {
            bytes if bytes >= MIB => write!(f, "{} MiB", bytes.div_ceil(MIB)),
            bytes if bytes >= KIB => write!(f, "{} KiB", bytes.div_ceil(KIB)),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g07_the_guest_and_the_host_share_one_budget() {
        let budget = Budget::new(100);
        budget.grow_guest(60).unwrap();
        let mut charge = budget.charge(30).unwrap();
        assert_eq!((budget.guest(), budget.host()), (60, 30));
        let refused = budget.grow_guest(11).unwrap_err();
        assert_eq!((refused.max, refused.guest, refused.host), (100, 60, 30));
        assert!(charge.set(41).is_err());
        assert_eq!(budget.host(), 30, "what is refused changes nothing");
        charge.set(40).unwrap();
        charge.set(5).unwrap();
        budget.grow_guest(35).unwrap();
        drop(charge);
        assert_eq!((budget.guest(), budget.host()), (95, 0));
    }

    #[test]
    fn without_limits_nothing_is_refused_and_nothing_is_counted() {
        let budget = Budget::unlimited();
        budget.grow_guest(10).unwrap();
        let mut charge = budget.charge(usize::MAX).unwrap();
        charge.set(5).unwrap();
        assert_eq!((budget.guest(), budget.host()), (10, 0));
        drop(charge);
        assert_eq!((budget.guest(), budget.host()), (10, 0));
    }

    #[test]
    fn what_is_asked_for_in_vain_at_the_edge_of_numbers_changes_nothing() {
        let budget = Budget::new(usize::MAX);
        budget.grow_guest(10).unwrap();
        assert!(budget.charge(usize::MAX - 10).is_ok());
        assert_eq!((budget.guest(), budget.host()), (10, 0));
    }

    #[test]
    fn the_error_says_what_and_how_to_raise_it() {
        let budget = Budget::new(128 * 1024 * 1024);
        budget.grow_guest(128 * 1024 * 1024 - 100).unwrap();
        let text = budget.charge(65_536).unwrap_err().to_string();
        assert!(
            text.contains("64 KiB more") && text.contains("128 MiB together"),
            "{text}"
        );
        assert!(text.contains("`memory` below [limits]"), "{text}");
    }
}
