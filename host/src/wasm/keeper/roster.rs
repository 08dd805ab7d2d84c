//! Who the instances of a pool are, and where each of them stands. Held for a look and a step, never across a wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use crate::wasm::backoff::Backoff;
use crate::wasm::instance::End;
use crate::wasm::link::Link;
use crate::wasm::retire::Why;
use crate::wasm::staff::{Staff, Stage};

/// Hears how an instance has started that a deployment starts with.
pub(super) type First = Arc<dyn Fn(Result<(), End>) + Send + Sync>;

/// All instances of a pool.
pub(in crate::wasm) struct Roster {
    pub(super) staff: Staff,
    pub(super) backoff: Backoff,
    pub(super) members: Vec<Member>,
}

/// One instance.
pub(super) struct Member {
    pub(super) link: Arc<Link>,
    pub(super) thread: usize,
    pub(super) stage: Stage,
    pub(super) task: AbortHandle,
    pub(super) first: Option<First>,
    /// It has had so many calls, and has been idle since.
    pub(super) idle: (u64, Instant),
    /// Its linear memory, in bytes, above which it has had its time.
    pub(super) memory: usize,
    /// It leaves, and its calls have until then.
    pub(super) until: Option<Instant>,
}

impl Roster {
    pub(in crate::wasm) fn new(staff: Staff) -> Self {
        Self {
            staff,
            backoff: Backoff::default(),
            members: Vec::new(),
        }
    }

    /// Those of one thread, or all.
    pub(in crate::wasm) fn links(&self, thread: Option<usize>) -> Vec<Arc<Link>> {
        let here = |member: &&Member| thread.is_none_or(|thread| member.thread == thread);
        let members = self.members.iter().filter(here);
        members.map(|member| member.link.clone()).collect()
    }

    /// How long until an instance may start, when there is none because of crashes.
    pub(in crate::wasm) fn down_for(&self, now: Instant) -> Duration {
        match self.staff.is_down() {
            true => self.backoff.left(now),
            false => Duration::ZERO,
        }
    }

    pub(super) fn find(&self, link: &Arc<Link>) -> Option<usize> {
        let mut members = self.members.iter();
        members.position(|member| Arc::ptr_eq(&member.link, link))
    }

    /// Takes a member from one stage to another.
    pub(super) fn step(&mut self, at: usize, to: Stage) -> Option<&mut Member> {
        let member = self.members.get_mut(at)?;
        self.staff.step(member.thread, Some(member.stage), Some(to));
        member.stage = to;
        Some(member)
    }

    /// One that waits to be replaced, of the same thread if there is one.
    pub(super) fn next_to_leave(&self, thread: usize) -> Option<usize> {
        if !self.staff.any_retiring() {
            return None;
        }
        let retiring = self.members.iter().enumerate();
        let retiring = retiring.filter(|(_, member)| member.stage == Stage::Retiring);
        let nearest = retiring.min_by_key(|(_, member)| member.thread != thread);
        nearest.map(|(at, _)| at)
    }
}

impl Member {
    /// Looks at one that serves: whether it has had its time, and since when it is idle.
    pub(super) fn look(&mut self, now: Instant) -> Option<Instant> {
        let age = now.saturating_duration_since(self.link.born);
        if age >= self.link.bounds.age {
            self.link.retire(Why::Age(age));
        }
        let memory = self.link.budget.guest();
        if memory > self.memory {
            self.link.retire(Why::Memory(memory));
        }
        let calls = self.link.calls_before_idle();
        if calls != Some(self.idle.0) {
            self.idle = (calls.unwrap_or(self.idle.0), now);
            return None;
        }
        Some(self.idle.1)
    }
}

/// Above how much linear memory an instance that is ready is to be replaced. Where it has more already, the next one would, too,
/// and another would follow it without an end.
pub(super) fn memory_mark(link: &Link) -> usize {
    let (memory, mark) = (link.budget.guest(), link.bounds.memory);
    if memory <= mark {
        return mark;
    }
    tracing::warn!(
        app = &*link.app,
        instance = link.number,
        "its start-up alone takes {memory} bytes of memory, and `max_memory` below [instances] is {mark}: it is not replaced for it"
    );
    usize::MAX
}
