//! The instances of one app: how many there are, where, and which one takes a call.
//!
//! Each server thread has instances of its own, which `keeper.rs` runs there; `staff.rs` counts them, and decides how many
//! there are. The server asks [`Pool::open`] for a call; an instance of the caller's own thread is preferred, since then a
//! request never changes threads. When none takes it, it waits, and perhaps a further instance starts.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::App;
use super::keeper::Roster;
use super::link::{Link, Opening};
use super::opened::Opened;
use super::queue::Client;
use super::staff::Staff;
use super::waiting::Waiting;
use crate::config::Reuse;

/// The instances of one app.
pub struct Pool {
    /// What they are instances of.
    pub app: Arc<App>,
    pub(super) threads: Vec<Desk>,
    pub(super) roster: Mutex<Roster>,
    stopping: AtomicBool,
    pub(super) numbers: AtomicU64,
    /// Calls that were over time (`G-10`, `G-11`).
    pub(super) overtimes: AtomicU64,
    pub(super) waiting: Arc<Waiting>,
    /// The pool stops.
    stop_said: Notify,
}

/// The instances of one server thread, as requests see them.
#[derive(Default)]
pub(super) struct Desk {
    /// Those that take calls. A lock that only its own thread takes as a rule.
    serving: Mutex<Vec<Arc<Link>>>,
    /// There is something to do for its keeper.
    pub(super) keeper: Arc<Notify>,
}

impl Desk {
    pub(super) fn serving(&self) -> MutexGuard<'_, Vec<Arc<Link>>> {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who is asked first: the oldest whose guest waits for work, so that the youngest go idle when there is little to do; where
    /// none does, the least busy. One that computes is passed over.
    fn choice(&self) -> Option<Arc<Link>> {
        let serving = self.serving();
        let chosen = match &serving[..] {
            [only] => Some(only),
            several => several
                .iter()
                .find(|link| link.waits_for_calls())
                .or_else(|| several.iter().min_by_key(|link| link.calls_count())),
        };
        chosen.cloned()
    }
}

/// Why no call could be opened: 503 (`G-13`).
pub enum Unavailable {
    /// No instance was ready, or all were full, for as long as a request may wait.
    NotReady,
    /// None is there, and after its crashes none may start for so long, which is longer than a request may wait.
    Down(Duration),
    /// Too many requests wait already, or too many of this client.
    QueueFull,
    /// The pool stops: the server does, or another pool has taken its place, for which the call is given back.
    Stopping(Box<Opening>),
}

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotReady => "no instance was ready in time",
            Self::Down(_) => "no instance may start in time, after the crashes before",
            Self::QueueFull => "too many requests wait for an instance",
            Self::Stopping(_) => "the server stops",
        })
    }
}

impl Pool {
    /// A pool for so many server threads. How many instances it has is the app's `[instances]`; none has started.
    pub fn new(app: impl Into<Arc<App>>, threads: usize) -> Arc<Self> {
        let app = app.into();
        let waiting = Arc::new(Waiting::new(&app.limits));
        let staff = Staff::new(&app.limits.instances, app.limits.calls_max, threads);
        Arc::new(Self {
            app,
            threads: (0..threads.max(1)).map(|_| Desk::default()).collect(),
            roster: Mutex::new(Roster::new(staff)),
            stopping: AtomicBool::new(false),
            numbers: AtomicU64::new(0),
            overtimes: AtomicU64::new(0),
            waiting,
            stop_said: Notify::new(),
        })
    }

    /// A pool of the same app, none of whose instances has started.
    pub fn afresh(&self) -> Arc<Self> {
        Self::new(self.app.clone(), self.threads.len())
    }

    /// Goes on counting its instances where `previous` is, so that the log of an app has no number twice.
    pub fn count_after(&self, previous: &Self) {
        let number = previous.numbers.load(Ordering::Relaxed);
        self.numbers.store(number, Ordering::Relaxed);
    }

    // ------------------------------------------------------------ for requests

    /// Opens a call in an instance, on `thread` if one there takes it; `client` waits for its turn when none does.
    ///
    /// # Errors
    /// [`Unavailable`], to be answered with 503 unless the pool has been replaced.
    pub async fn open(
        &self,
        thread: usize,
        client: Client,
        mut opening: Opening,
        now: Instant,
    ) -> Result<Opened, Unavailable> {
        // Nobody overtakes those who wait.
        if self.waiting.is_empty() {
            match self.try_open(thread, opening, now) {
                Ok(call) => return Ok(call),
                Err(back) => opening = back,
            }
        }
        let down = self.roster().down_for(now);
        if down > self.app.limits.queued && !self.is_stopping() {
            return Err(Unavailable::Down(down));
        }
        let look = || {
            for link in self.links(thread) {
                self.offer(&link);
            }
            self.settle(Some(thread));
        };
        self.waiting.wait(client, opening, look).await
    }

    #[expect(
        clippy::result_large_err,
        reason = "it is the argument given back, not an error"
    )]
    fn try_open(
        &self,
        thread: usize,
        mut opening: Opening,
        now: Instant,
    ) -> Result<Opened, Opening> {
        if let Some(link) = self.threads.get(thread).and_then(Desk::choice) {
            match self.open_in(&link, opening, now) {
                Ok(call) => return Ok(call),
                Err(back) => opening = back,
            }
            if self.threads.len() == 1 && self.app.limits.instances.max == 1 {
                return Err(opening);
            }
        }
        for link in self.links(thread) {
            match self.open_in(&link, opening, now) {
                Ok(call) => return Ok(call),
                Err(back) => opening = back,
            }
        }
        Err(opening)
    }

    #[expect(
        clippy::result_large_err,
        reason = "it is the argument given back, not an error"
    )]
    fn open_in(&self, link: &Arc<Link>, opening: Opening, now: Instant) -> Result<Opened, Opening> {
        let call = link.open(opening, now)?;
        self.used(link);
        Ok(call)
    }

    /// An instance may have room for those who wait.
    pub(super) fn offer(&self, link: &Arc<Link>) {
        self.waiting.offer(link);
        self.used(link);
    }

    /// An instance for one call serves nobody else when it has got it.
    fn used(&self, link: &Arc<Link>) {
        if self.app.limits.instances.reuse == Reuse::Isolated && link.is_used() {
            self.give_up(link);
        }
    }

    /// The instances that take calls: those of `thread` first, and of them the least busy.
    fn links(&self, thread: usize) -> Vec<Arc<Link>> {
        let mut links = Vec::new();
        for (at, desk) in self.threads.iter().enumerate() {
            let serving = desk.serving();
            let here = serving
                .iter()
                .map(|link| (at != thread, link.calls_count(), link.clone()));
            links.extend(here);
        }
        links.sort_by_key(|(foreign, in_flight, _)| (*foreign, *in_flight));
        links.into_iter().map(|(_, _, link)| link).collect()
    }

    // ------------------------------------------------------------ for server threads

    /// No new instances: the server stops, or another pool has taken its place.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// No new instances, from now on: the server stops. Calls that wait may still get their place, WebSockets are told to
    /// come again (`W-29`).
    pub fn wind_down(&self) {
        if self.stopping.swap(true, Ordering::AcqRel) {
            return;
        }
        self.stop_said.notify_waiters();
        let links = self.roster().links(None);
        let counted = links.iter().map(|link| link.in_flight_and_pinned());
        let (in_flight, pinned) = counted.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        if in_flight + pinned > 0 {
            tracing::info!(
                app = &*self.app.name,
                "stopping: {in_flight} calls in flight, {pinned} WebSockets are told to come again (1012)"
            );
        }
        for link in links {
            link.part_with_websockets();
        }
    }

    /// No calls any more, from now on. Those that wait are given back.
    pub fn stop(&self) {
        self.wind_down();
        self.waiting.close();
    }

    /// Lets the instances of `thread` finish, after [`wind_down`](Self::wind_down): calls in flight get until `deadline`, or until `forced` says that they
    /// have had their time; then lifespan shutdown follows. Never returns; [`keep`](Self::keep) does, when they are done.
    pub async fn drain(
        &self,
        thread: usize,
        deadline: tokio::time::Instant,
        forced: impl Future<Output = ()>,
    ) -> std::convert::Infallible {
        let here = || self.roster().links(Some(thread)).into_iter();
        here().for_each(|link| link.close());
        tokio::select! {
            () = tokio::time::sleep_until(deadline) => {}
            () = forced => {}
        }
        self.waiting.close();
        here().for_each(|link| link.abandon_calls());
        std::future::pending().await
    }

    /// Waits for [`stop`](Self::stop) or [`wind_down`](Self::wind_down).
    pub async fn stopped(&self) {
        loop {
            let said = self.stop_said.notified();
            if self.is_stopping() {
                return;
            }
            said.await;
        }
    }

    pub(super) fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
