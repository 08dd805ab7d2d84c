//! How many instances an app has, on which thread the next one starts, and which may go: counting, without a clock.
//!
//! `pool.rs` says what has happened, and asks what follows. Nothing in here knows of instances but that they are counted,
//! each on its thread and in its [`Stage`].

use crate::config::{Instances, Reuse};

/// Where an instance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It has not answered its start-up.
    Starting,
    /// It takes calls.
    Serving,
    /// It takes calls until another is ready, which takes its place.
    Retiring,
    /// It has the one call that it was made for.
    Busy,
    /// It takes no calls any more.
    Leaving,
}

const STAGES: usize = 5;

/// The instances of one app, counted.
#[derive(Debug)]
pub(super) struct Staff {
    reuse: Reuse,
    min: usize,
    max: usize,
    /// At the same time, in one instance.
    calls_max: usize,
    threads: Vec<Counts>,
}

#[derive(Debug, Clone, Default)]
struct Counts {
    /// To be started.
    owed: usize,
    stages: [usize; STAGES],
}

impl Counts {
    fn of(&self, stage: Stage) -> usize {
        self.stages.get(stage as usize).copied().unwrap_or(0)
    }

    /// Those that stand by, now or soon.
    fn staying(&self) -> usize {
        self.owed + self.of(Stage::Starting) + self.of(Stage::Serving)
    }
}

impl Staff {
    /// What a deployment starts with is owed: the minimum, and at least one, spread over the threads.
    pub(super) fn new(instances: &Instances, calls_max: usize, threads: usize) -> Self {
        let mut staff = Self {
            reuse: instances.reuse,
            min: instances.min,
            max: instances.max,
            calls_max: match instances.reuse {
                Reuse::Concurrent => calls_max.max(1),
                Reuse::Serial | Reuse::Isolated => 1,
            },
            threads: vec![Counts::default(); threads.max(1)],
        };
        for _ in 0..instances.min.max(1) {
            staff.owe(None);
        }
        staff
    }

    /// Instances that are to be started on a thread.
    pub(super) fn owed(&self, thread: usize) -> usize {
        self.threads.get(thread).map_or(0, |counts| counts.owed)
    }

    /// One of those starts.
    pub(super) fn begin(&mut self, thread: usize) {
        if let Some(counts) = self.threads.get_mut(thread) {
            counts.owed = counts.owed.saturating_sub(1);
        }
        self.step(thread, None, Some(Stage::Starting));
    }

    /// An instance goes from one stage to another; none is where it comes from, and where it ends.
    pub(super) fn step(&mut self, thread: usize, from: Option<Stage>, to: Option<Stage>) {
        let Some(counts) = self.threads.get_mut(thread) else {
            return;
        };
        if let Some(count) = from.and_then(|stage| counts.stages.get_mut(stage as usize)) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = to.and_then(|stage| counts.stages.get_mut(stage as usize)) {
            *count += 1;
        }
    }

    /// Whether one that serves on this thread may begin to retire: one at a time does on a thread, and no more leave than
    /// may stay, so that there are never more than twice as many as are allowed.
    pub(super) fn may_retire(&self, thread: usize) -> bool {
        let here = self.threads.get(thread);
        here.is_some_and(|counts| counts.of(Stage::Retiring) == 0) && self.may_leave()
    }

    /// Whether one that serves may go without another in its place.
    pub(super) fn is_surplus(&self) -> bool {
        self.staying() > self.min && self.may_leave()
    }

    /// Whether any waits for another to take its place.
    pub(super) fn any_retiring(&self) -> bool {
        self.all(Stage::Retiring) > 0
    }

    /// Whether there is none that could take a call, now or when it has started.
    pub(super) fn is_down(&self) -> bool {
        let up = [
            Stage::Starting,
            Stage::Serving,
            Stage::Retiring,
            Stage::Busy,
        ];
        up.iter().all(|stage| self.all(*stage) == 0)
    }

    /// Owes what is missing, now that so many requests wait; one of them came in on `thread`. Gives the threads that have
    /// something to start.
    pub(super) fn settle(&mut self, waiting: usize, thread: Option<usize>) -> Vec<usize> {
        let missing = self.missing(waiting);
        (0..missing).map(|_| self.owe(thread)).collect()
    }

    fn missing(&self, waiting: usize) -> usize {
        let coming = self.threads.iter().map(|counts| counts.owed).sum::<usize>()
            + self.all(Stage::Starting);
        // Each that starts takes so many of those who wait.
        let wanted = waiting.div_ceil(self.calls_max).saturating_sub(coming);
        let staying = self.staying();
        if self.reuse == Reuse::Isolated {
            let room = self.max.saturating_sub(staying + self.all(Stage::Busy));
            return self.min.saturating_sub(staying).max(wanted).min(room);
        }
        // Whoever retires is replaced, whatever the minimum is: it was at work.
        let replaced = staying
            .max(self.min)
            .max(self.all(Stage::Serving) + self.all(Stage::Retiring));
        let room = self.max.saturating_sub(staying);
        (replaced - staying).max(wanted).min(room)
    }

    /// On the thread with the fewest, and if there are several on the one that was asked for.
    fn owe(&mut self, thread: Option<usize>) -> usize {
        let all = self.threads.iter().enumerate();
        let least = all.min_by_key(|(at, counts)| (counts.staying(), Some(*at) != thread));
        let at = least.map_or(0, |(at, _)| at);
        if let Some(counts) = self.threads.get_mut(at) {
            counts.owed += 1;
        }
        at
    }

    fn may_leave(&self) -> bool {
        self.all(Stage::Leaving) + self.all(Stage::Retiring) < self.max
    }

    fn staying(&self) -> usize {
        self.threads.iter().map(Counts::staying).sum()
    }

    fn all(&self, stage: Stage) -> usize {
        self.threads.iter().map(|counts| counts.of(stage)).sum()
    }
}

#[cfg(test)]
mod tests;
