//! The timers of an instance: a queue of our own, whose earliest deadline becomes `until` of `exchange`.
//!
//! A host timer per sleep would cost several microseconds each; here it is one entry in a tree.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::task::Waker;

use crate::sync::lock;

/// Deadline in nanoseconds of the loop's clock, and a number that keeps equal deadlines in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerKey {
    deadline: u64,
    number: u64,
}

#[derive(Default)]
pub(crate) struct Timers {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    pending: BTreeMap<TimerKey, Waker>,
    next_number: u64,
}

impl Timers {
    pub(crate) fn add(&self, deadline: u64, waker: Waker) -> TimerKey {
        let mut queue = lock(&self.queue);
        let key = TimerKey {
            deadline,
            number: queue.next_number,
        };
        queue.next_number += 1;
        queue.pending.insert(key, waker);
        key
    }

    /// Whether the timer has fired; if not, it will wake `waker`.
    pub(crate) fn poll(&self, key: TimerKey, waker: &Waker) -> bool {
        match lock(&self.queue).pending.get_mut(&key) {
            Some(kept) => {
                kept.clone_from(waker);
                false
            }
            None => true,
        }
    }

    pub(crate) fn remove(&self, key: TimerKey) {
        let removed = lock(&self.queue).pending.remove(&key);
        // The waker may be the last owner of something that has timers of its own: drop it unlocked.
        drop(removed);
    }

    /// The earliest deadline, in nanoseconds of the loop's clock.
    pub(crate) fn earliest(&self) -> Option<u64> {
        lock(&self.queue)
            .pending
            .first_key_value()
            .map(|(key, _)| key.deadline)
    }

    /// Wakes everything that is due at `now`, earliest first.
    pub(crate) fn fire(&self, now: u64) {
        loop {
            let waker = {
                let mut queue = lock(&self.queue);
                match queue.pending.first_entry() {
                    Some(first) if first.key().deadline <= now => first.remove(),
                    _ => return,
                }
            };
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::task::Wake;

    struct Note(u32, Arc<Mutex<Vec<u32>>>);

    impl Wake for Note {
        fn wake(self: Arc<Self>) {
            lock(&self.1).push(self.0);
        }
    }

    #[test]
    fn timers_fire_by_deadline_then_by_age() {
        let log = Arc::new(Mutex::new(Vec::new()));
        let timers = Timers::default();
        for (number, deadline) in [(1, 30), (2, 10), (3, 20), (4, 10)] {
            timers.add(deadline, Arc::new(Note(number, log.clone())).into());
        }
        assert_eq!(timers.earliest(), Some(10));
        timers.fire(9);
        assert!(lock(&log).is_empty());
        timers.fire(20);
        assert_eq!(*lock(&log), [2, 4, 3]);
        assert_eq!(timers.earliest(), Some(30));
    }

    #[test]
    fn a_removed_timer_never_fires() {
        let timers = Timers::default();
        let key = timers.add(5, Waker::noop().clone());
        assert!(!timers.poll(key, Waker::noop()));
        timers.remove(key);
        assert_eq!(timers.earliest(), None);
    }
}
