//! The instances of one app: where they run, and which one takes a call.
//!
//! A slot is a place for one instance on one server thread; `slot.rs` keeps one in it. The
//! server asks [`Pool::open`] for a call; a slot of the caller's own thread is preferred, since then a request
//! never changes threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::Notify;

use super::App;
use super::link::{Link, Opening};
use super::opened::Opened;
use super::queue::Client;
use super::slot::Slot;
use super::waiting::Waiting;

/// The instances of one app.
pub struct Pool {
    /// What they are instances of.
    pub app: Arc<App>,
    /// Of the server.
    threads: usize,
    pub(super) slots: Vec<Slot>,
    stopping: AtomicBool,
    pub(super) numbers: AtomicU64,
    /// Calls that were over time (`G-10`, `G-11`).
    pub(super) overtimes: AtomicU64,
    pub(super) waiting: Arc<Waiting>,
    /// The pool stops.
    stop_said: Notify,
}

/// Why no call could be opened: 503 (`G-13`).
pub enum Unavailable {
    /// No instance was ready, or all were full, for as long as a request may wait.
    NotReady,
    /// Too many requests wait already, or too many of this client.
    QueueFull,
    /// The pool stops: the server does, or another pool has taken its place, for which the call is given back.
    Stopping(Box<Opening>),
}

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotReady => "no instance was ready in time",
            Self::QueueFull => "too many requests wait for an instance",
            Self::Stopping(_) => "the server stops",
        })
    }
}

impl Pool {
    /// A pool of `instances` (at least 1), spread evenly over `threads`.
    pub fn new(app: impl Into<Arc<App>>, instances: usize, threads: usize) -> Arc<Self> {
        let app = app.into();
        let slot = |i| Slot::new(i % threads.max(1));
        let waiting = Arc::new(Waiting::new(&app.limits));
        Arc::new(Self {
            app,
            threads,
            slots: (0..instances.max(1)).map(slot).collect(),
            stopping: AtomicBool::new(false),
            numbers: AtomicU64::new(0),
            overtimes: AtomicU64::new(0),
            waiting,
            stop_said: Notify::new(),
        })
    }

    /// As many instances of the same app, none of which has started.
    pub fn afresh(&self) -> Arc<Self> {
        Self::new(self.app.clone(), self.slots.len(), self.threads)
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
        let links = || self.links(thread);
        self.waiting.wait(client, opening, links).await
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
        if let [only] = &self.slots[..] {
            return match only.link() {
                Some(link) => link.open(opening, now),
                None => Err(opening),
            };
        }
        for link in self.links(thread) {
            match link.open(opening, now) {
                Ok(call) => return Ok(call),
                Err(back) => opening = back,
            }
        }
        Err(opening)
    }

    /// The instances that there are: those of `thread` first, and of them the least busy.
    fn links(&self, thread: usize) -> Vec<Arc<Link>> {
        let links = self.slots.iter().filter_map(|slot| {
            let link = slot.link()?;
            Some((slot.thread != thread, link.calls_count(), link))
        });
        let mut links: Vec<_> = links.collect();
        links.sort_by_key(|(foreign, in_flight, _)| (*foreign, *in_flight));
        links.into_iter().map(|(_, _, link)| link).collect()
    }

    // ------------------------------------------------------------ for server threads

    /// The slots of a thread.
    pub fn slots_of(&self, thread: usize) -> Vec<usize> {
        let of_thread = |(i, slot): (usize, &Slot)| (slot.thread == thread).then_some(i);
        self.slots
            .iter()
            .enumerate()
            .filter_map(of_thread)
            .collect()
    }

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
        let links: Vec<_> = self.slots.iter().flat_map(Slot::links).collect();
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
    /// have had their time; then lifespan shutdown follows. Never returns; [`supervise`](Self::supervise) does, for
    /// each slot, when it is done.
    pub async fn drain(
        &self,
        thread: usize,
        deadline: tokio::time::Instant,
        forced: impl Future<Output = ()>,
    ) -> std::convert::Infallible {
        let here = || self.slots.iter().filter(|slot| slot.thread == thread);
        here().flat_map(Slot::links).for_each(|link| link.close());
        tokio::select! {
            () = tokio::time::sleep_until(deadline) => {}
            () = forced => {}
        }
        self.waiting.close();
        here()
            .flat_map(Slot::links)
            .for_each(|link| link.abandon_calls());
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
}
