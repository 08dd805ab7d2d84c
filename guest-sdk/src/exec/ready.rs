//! Which tasks have been woken, in order.
//!
//! Wakers may be called from anywhere, by code of others and on other threads natively, so this is the
//! one part that locks for real. A task stands in the queue at most once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

use crate::sync::lock;

/// Names a task in the loop's table. A key that has been given out again means one poll for nothing.
pub(crate) type TaskKey = usize;

#[derive(Default)]
pub(crate) struct Ready {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    keys: Vec<TaskKey>,
    /// Whoever waits for the queue to fill: the `exchange` that is awaited beside other waitables, or
    /// the thread of a test.
    outer: Option<Waker>,
}

impl Ready {
    pub(crate) fn push(&self, key: TaskKey) {
        let outer = {
            let mut queue = lock(&self.queue);
            queue.keys.push(key);
            queue.outer.take()
        };
        if let Some(outer) = outer {
            outer.wake();
        }
    }

    /// Moves the woken keys to `into`, which is empty.
    pub(crate) fn take(&self, into: &mut Vec<TaskKey>) {
        std::mem::swap(&mut lock(&self.queue).keys, into);
    }

    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.queue).keys.is_empty()
    }

    /// Wakes `waker` at the next push. Answers whether there is something already, and then keeps nothing.
    pub(crate) fn watch(&self, waker: &Waker) -> bool {
        let mut queue = lock(&self.queue);
        if queue.keys.is_empty() {
            queue.outer = Some(waker.clone());
            return false;
        }
        true
    }
}

/// What the waker of one task points to.
pub(crate) struct TaskWake {
    key: TaskKey,
    queued: AtomicBool,
    ready: Arc<Ready>,
}

impl TaskWake {
    pub(crate) fn new(key: TaskKey, ready: Arc<Ready>) -> Arc<TaskWake> {
        Arc::new(TaskWake {
            key,
            queued: AtomicBool::new(false),
            ready,
        })
    }

    /// Called before each poll, so that a wake-up during the poll counts.
    pub(crate) fn start_poll(&self) {
        self.queued.store(false, Ordering::Release);
    }
}

impl Wake for TaskWake {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.ready.push(self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_queued_once_per_poll() {
        let ready = Arc::new(Ready::default());
        let task = TaskWake::new(3, ready.clone());
        let waker = Waker::from(task.clone());
        waker.wake_by_ref();
        waker.wake_by_ref();
        let mut keys = Vec::new();
        ready.take(&mut keys);
        assert_eq!(keys, [3]);

        task.start_poll();
        waker.wake();
        assert!(!ready.is_empty());
    }
}
