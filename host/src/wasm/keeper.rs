//! Keeps the instances of a pool on one server thread: starts them, looks after them, replaces them, sees them off.
//!
//! One task for each pool and thread ([`Pool::keep`]); each instance runs in a task of its own beside it. How many there
//! are is `staff.rs`'s decision, and after a crash the next one waits (`backoff.rs`). An instance that
//! is [to retire](Link::retire) serves until one that takes its place is ready, then finishes its calls and stops: no
//! request waits or is lost. An instance for a single call ends by itself, and nothing here has a timer for it.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::MissedTickBehavior;

use super::Pool;
use super::instance::{self, End};
use super::link::{Link, RequestId};
use super::retire::{Bounds, Why, luck};
use super::staff::Stage;
use crate::asgi::lifespan::Phase;
use crate::config::Reuse;

mod roster;

pub(super) use roster::Roster;
use roster::{First, Member};

/// How often deadlines, ages and idleness are looked at; they are seconds, so this is exact enough.
const SWEEP: Duration = Duration::from_millis(250);

impl Pool {
    /// Runs the instances of `thread` until the pool stops and the last of them has ended. `first` hears how each of those
    /// started that a deployment starts with.
    pub async fn keep(self: Arc<Self>, thread: usize, first: First) {
        let Some(desk) = self.threads.get(thread) else {
            return;
        };
        let mut firsts = vec![first; self.roster().staff.owed(thread)];
        let mut tasks = JoinSet::new();
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stopped = pin!(self.stopped());
        loop {
            let later = self.start_owed(thread, &mut tasks, &mut firsts);
            tokio::select! {
                () = stopped.as_mut() => break,
                Some(done) = tasks.join_next_with_id() => self.ended(done),
                () = desk.keeper.notified() => self.retire_due(thread),
                _ = sweep.tick(), if !tasks.is_empty() => self.sweep(thread),
                () = until(later) => {}
            }
        }
        for first in firsts {
            first(Err(End::NotWanted));
        }
        self.dismiss_starting(thread);
        loop {
            tokio::select! {
                done = tasks.join_next_with_id() => match done {
                    Some(done) => self.ended(done),
                    None => break,
                },
                _ = sweep.tick() => self.sweep(thread),
            }
        }
    }

    /// Starts more instances if there are too few, or too many requests wait; best on `thread`. Whether it does.
    pub(super) fn settle(&self, thread: Option<usize>) -> bool {
        if self.is_stopping() {
            return false;
        }
        let hired = self.roster().staff.settle(self.waiting.len(), thread);
        for thread in &hired {
            self.call_keeper(*thread);
        }
        !hired.is_empty()
    }

    fn call_keeper(&self, thread: usize) {
        if let Some(desk) = self.threads.get(thread) {
            desk.keeper.notify_one();
        }
    }

    /// An instance that is for one call has it, or is not to get one: it serves nobody else.
    pub(super) fn give_up(&self, link: &Arc<Link>) {
        let mut roster = self.roster();
        let Some(at) = roster.find(link) else {
            return;
        };
        if roster
            .members
            .get(at)
            .is_none_or(|it| it.stage != Stage::Serving)
        {
            return;
        }
        let thread = roster.step(at, Stage::Busy).map(|member| member.thread);
        drop(roster);
        self.forget(thread, link);
        self.settle(thread);
    }

    /// Starts what is to be started on this thread, and as soon as it may be; if that is later, says when.
    fn start_owed(
        self: &Arc<Self>,
        thread: usize,
        tasks: &mut JoinSet<End>,
        firsts: &mut Vec<First>,
    ) -> Option<Instant> {
        let keeper = self.threads.get(thread)?.keeper.clone();
        loop {
            let mut roster = self.roster();
            if roster.staff.owed(thread) == 0 || self.is_stopping() {
                return None;
            }
            let now = Instant::now();
            if let Err(later) = roster.backoff.may_start(now, luck()) {
                return Some(later);
            }
            roster.staff.begin(thread);
            let number = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
            let limits = &self.app.limits;
            let link = Link::kept(
                self.app.name.clone(),
                number,
                limits,
                self.app.budget(),
                self.waiting.clone(),
                Bounds::draw(&limits.instances, luck()),
                keeper.clone(),
            );
            // Not before the roster knows it: this thread is here.
            let task = tasks.spawn(run(self.clone(), link.clone()));
            roster.members.push(Member {
                link,
                thread,
                stage: Stage::Starting,
                task,
                first: firsts.pop(),
                idle: (0, now),
                memory: usize::MAX,
                until: None,
            });
        }
    }

    /// An instance has answered its start-up: it takes calls from now on, and whoever was to be replaced leaves.
    fn ready(&self, link: &Arc<Link>) {
        tracing::debug!(
            app = &*self.app.name,
            instance = link.number,
            "ready after {:?}",
            link.born.elapsed()
        );
        let mut roster = self.roster();
        if self.app.limits.instances.reuse == Reuse::Isolated {
            // What crashes in its call is not replaced for that, so this is all that there is to fear.
            roster.backoff.calm_down();
        }
        let Some(at) = roster.find(link) else {
            return;
        };
        let Some(member) = roster.step(at, Stage::Serving) else {
            return;
        };
        let (thread, first) = (member.thread, member.first.take());
        member.idle = (0, Instant::now());
        member.memory = roster::memory_mark(link);
        let replaced = roster.next_to_leave(thread).and_then(|at| {
            let until = Instant::now() + self.app.limits.drain;
            let member = roster.step(at, Stage::Leaving)?;
            member.until = Some(until);
            Some((member.thread, member.link.clone()))
        });
        drop(roster);
        if let Some(desk) = self.threads.get(thread) {
            desk.serving().push(link.clone());
        }
        if let Some((thread, before)) = replaced {
            self.forget(Some(thread), &before);
            before.close();
            before.part_with_websockets();
            // The next one may retire.
            self.call_keeper(thread);
        }
        if self.is_stopping() {
            link.close();
            link.part_with_websockets();
        }
        self.offer(link);
        if let Some(first) = first {
            first(Ok(()));
        }
        self.settle(Some(thread));
    }

    /// The task of an instance is done.
    fn ended(&self, done: Result<(Id, End), JoinError>) {
        let id = match &done {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let mut roster = self.roster();
        let Some(at) = roster.members.iter().position(|it| it.task.id() == id) else {
            return;
        };
        let member = roster.members.swap_remove(at);
        let (thread, stage, link) = (member.thread, member.stage, member.link);
        roster.staff.step(thread, Some(stage), None);
        let end = match done {
            Ok((_, end)) => end,
            Err(error) => {
                link.end(None);
                match error.is_cancelled() {
                    true => End::NotWanted,
                    false => End::host_failed(error),
                }
            }
        };
        let is_isolated = self.app.limits.instances.reuse == Reuse::Isolated;
        let had_its_time = match stage {
            Stage::Busy | Stage::Leaving => true,
            Stage::Serving | Stage::Retiring => is_isolated && link.is_used(),
            Stage::Starting => false,
        };
        let wait = (!had_its_time && member.first.is_none() && !self.is_stopping())
            .then(|| roster.backoff.crashed(link.born, Instant::now(), luck()));
        drop(roster);
        self.forget(Some(thread), &link);
        if let Some(first) = member.first {
            // Whoever hears it stops the pool.
            first(Err(end));
            return;
        }
        let starts = self.settle(Some(thread));
        let (app, instance) = (&*self.app.name, link.number);
        let is_asked = matches!(end, End::Clean | End::NotWanted);
        match wait {
            _ if self.is_stopping() && is_asked => {}
            _ if self.is_stopping() => tracing::error!(app, instance, "while stopping: {end}"),
            Some(wait) if starts => tracing::error!(
                app,
                instance,
                "the instance ended; a new one starts in {wait:.0?}: {end}"
            ),
            Some(wait) => tracing::error!(
                app,
                instance,
                "the instance ended; a new one starts for whoever waits, not before {wait:.0?}: {end}"
            ),
            None if !is_asked && stage == Stage::Leaving => tracing::error!(
                app,
                instance,
                "the instance ended while it was replaced: {end}"
            ),
            None if !is_asked => tracing::error!(app, instance, "the instance ended: {end}"),
            None if is_isolated => {}
            None => match link.retires() {
                Some(why) => tracing::info!(app, instance, "the instance has been replaced: {why}"),
                None => tracing::info!(app, instance, "the instance has stopped: it was idle"),
            },
        }
        if stage == Stage::Leaving {
            self.retire_due(thread);
        }
    }

    /// It takes no calls any more.
    fn forget(&self, thread: Option<usize>, link: &Arc<Link>) {
        if let Some(desk) = thread.and_then(|thread| self.threads.get(thread)) {
            desk.serving().retain(|there| !Arc::ptr_eq(there, link));
        }
    }

    /// Looks after the instances of a thread: the deadlines of their calls, and their own time.
    fn sweep(&self, thread: usize) {
        let now = Instant::now();
        let links = self.roster().links(Some(thread));
        links.iter().for_each(|link| look_after(self, link, now));
        let (mut idle, mut out_of_time) = (Vec::new(), Vec::new());
        let mut roster = self.roster();
        for member in roster.members.iter_mut().filter(|it| it.thread == thread) {
            if member.until.is_some_and(|until| now >= until) {
                member.until = None;
                out_of_time.push(member.link.clone());
            }
            if member.stage == Stage::Serving
                && let Some(since) = member.look(now)
                && now.saturating_duration_since(since) >= self.app.limits.instances.idle
            {
                idle.push(member.link.clone());
            }
        }
        drop(roster);
        out_of_time.iter().for_each(|link| link.abandon_calls());
        if self.is_stopping() {
            return;
        }
        for link in idle {
            self.stand_down(&link, false);
        }
        self.retire_due(thread);
    }

    /// An idle instance goes, unless it is needed and not to be `replaced`.
    fn stand_down(&self, link: &Arc<Link>, replaced: bool) {
        let mut roster = self.roster();
        let Some(at) = roster.find(link) else {
            return;
        };
        // Whoever comes now finds it closed, waits, and has another started below.
        if !(replaced || roster.staff.is_surplus()) || !link.close_if_idle() {
            return;
        }
        let thread = roster.step(at, Stage::Leaving).map(|member| member.thread);
        drop(roster);
        self.forget(thread, link);
        self.settle(thread);
    }

    /// Whoever has had its time retires, one at a time.
    fn retire_due(&self, thread: usize) {
        let mut roster = self.roster();
        if self.is_stopping() || !roster.staff.may_retire(thread) {
            return;
        }
        let mut members = roster.members.iter();
        let due = members.position(|it| {
            it.thread == thread && it.stage == Stage::Serving && it.link.retires().is_some()
        });
        let Some(at) = due else {
            return;
        };
        if self.app.limits.instances.reuse == Reuse::Isolated {
            // Nobody has used it, or somebody just now, which is as good.
            let link = roster.members.get(at).map(|member| member.link.clone());
            drop(roster);
            if let Some(link) = link {
                self.stand_down(&link, true);
            }
            return;
        }
        roster.step(at, Stage::Retiring);
        drop(roster);
        self.settle(Some(thread));
    }

    /// Nobody waits any more for those that have not started.
    fn dismiss_starting(&self, thread: usize) {
        let roster = self.roster();
        let here = roster.members.iter().filter(|it| it.thread == thread);
        for member in here.filter(|it| it.stage == Stage::Starting) {
            member.task.abort();
        }
    }
}

/// The deadlines of its calls.
fn look_after(pool: &Pool, link: &Link, now: Instant) {
    for (request_id, overtime) in link.enforce_deadlines(&pool.app.limits, now) {
        let so_far = pool.overtimes.fetch_add(1, Ordering::Relaxed) + 1;
        tracing::warn!(
            app = &*link.app,
            instance = link.number,
            request = %RequestId(request_id),
            limit = overtime.limit,
            so_far,
            "{overtime}"
        );
        link.retire(Why::Overtime);
    }
}

/// Runs an instance from its start to its end, and says when it is ready.
async fn run(pool: Arc<Pool>, link: Arc<Link>) -> End {
    let ready = async {
        let is_ready = |phase: &Phase| !matches!(phase, Phase::Starting | Phase::Failed(_));
        poll_fn(|cx| link.poll_phase(cx, is_ready)).await;
        pool.ready(&link);
        pending().await
    };
    tokio::select! {
        biased;
        end = instance::run(&pool.app, link.clone()) => end,
        end = ready => end,
    }
}

async fn until(later: Option<Instant>) {
    match later {
        Some(later) => tokio::time::sleep_until(later.into()).await,
        None => pending().await,
    }
}
