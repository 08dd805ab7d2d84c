//! The instances of one app: where they run, which one takes a call, and what happens when one dies.
//!
//! A slot is a place for one instance on one server thread. Each slot is supervised on its thread: start, serve,
//! and after a crash start again with back-off, so that an app that crashes in a loop does not spin the host. The
//! server asks [`Pool::open`] for a call; a slot of the caller's own thread is preferred, since then a request
//! never changes threads.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::App;
use super::instance::{self, End};
use super::link::{Link, Opening};
use super::opened::Opened;
use super::queue::Client;
use super::waiting::Waiting;
use crate::asgi::lifespan::Phase;

/// The first wait before a crashed instance is replaced; it doubles up to [`BACKOFF_MAX`].
const BACKOFF_MIN: Duration = Duration::from_millis(50);

/// See [`BACKOFF_MIN`].
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// An instance that has lived this long starts with a clean slate when it crashes.
const HEALTHY: Duration = Duration::from_secs(10);

/// How often the deadlines of calls are looked at; they are seconds, so this is exact enough.
const SWEEP: Duration = Duration::from_millis(250);

/// The instances of one app.
pub struct Pool {
    /// What they are instances of.
    pub app: Arc<App>,
    /// Of the server.
    threads: usize,
    slots: Vec<Slot>,
    stopping: AtomicBool,
    numbers: AtomicU64,
    waiting: Arc<Waiting>,
    /// The pool stops.
    stop_said: Notify,
}

struct Slot {
    thread: usize,
    link: Mutex<Option<Arc<Link>>>,
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
        let slot = |i| Slot {
            thread: i % threads.max(1),
            link: Mutex::default(),
        };
        let waiting = Arc::new(Waiting::new(&app.limits));
        Arc::new(Self {
            app,
            threads,
            slots: (0..instances.max(1)).map(slot).collect(),
            stopping: AtomicBool::new(false),
            numbers: AtomicU64::new(0),
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

    /// Keeps an instance running in `slot` until the pool stops. `first` hears how the first start went.
    pub async fn supervise(
        self: Arc<Self>,
        slot: usize,
        first: impl FnOnce(Result<(), End>) + Send + 'static,
    ) {
        let Some(place) = self.slots.get(slot) else {
            return;
        };
        let mut first = Some(first);
        let mut backoff = BACKOFF_MIN;
        loop {
            let number = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
            let (name, limits) = (self.app.name.clone(), &self.app.limits);
            let link = Link::new(name, number, limits, self.waiting.clone());
            let life = self.live(place, &link, &mut first);
            let end = life.await;
            place.set(None);
            if let Some(first) = first.take() {
                return first(Err(end));
            }
            if self.stopping.load(Ordering::Acquire) {
                if !matches!(end, End::Clean | End::NotWanted) {
                    tracing::error!(
                        app = &*self.app.name,
                        instance = number,
                        "while stopping: {end}"
                    );
                }
                return;
            }
            if link.born.elapsed() >= HEALTHY {
                backoff = BACKOFF_MIN;
            }
            tracing::error!(
                app = &*self.app.name,
                instance = number,
                "the instance ended; a new one starts in {backoff:?}: {end}"
            );
            let stop = self.stopped();
            if tokio::time::timeout(backoff, stop).await.is_ok() {
                return;
            }
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    /// One instance, from its start to its end, with the deadlines of its calls.
    async fn live(
        &self,
        place: &Slot,
        link: &Arc<Link>,
        first: &mut Option<impl FnOnce(Result<(), End>)>,
    ) -> End {
        let running = instance::run(&self.app, link.clone());
        let looked_after = async {
            let ready = poll_fn(|cx| link.poll_phase(cx, |phase| *phase == Phase::Ready));
            tokio::select! {
                _ = ready => {}
                () = self.stopped() => return End::NotWanted,
            }
            tracing::debug!(
                app = &*self.app.name,
                instance = link.number,
                "ready after {:?}",
                link.born.elapsed()
            );
            place.set(Some(link.clone()));
            if self.stopping.load(Ordering::Acquire) {
                link.close();
                link.part_with_websockets();
            }
            self.waiting.offer(link);
            if let Some(first) = first.take() {
                first(Ok(()));
            }
            let mut sweep = tokio::time::interval(SWEEP);
            loop {
                sweep.tick().await;
                link.enforce_deadlines(&self.app.limits, Instant::now());
            }
        };
        tokio::select! {
            end = running => end,
            end = looked_after => end,
        }
    }

    /// No new instances, from now on: the server stops. Calls that wait may still get their place, WebSockets are told to
    /// come again (`W-29`).
    pub fn wind_down(&self) {
        if self.stopping.swap(true, Ordering::AcqRel) {
            return;
        }
        self.stop_said.notify_waiters();
        let links: Vec<_> = self.slots.iter().filter_map(Slot::link).collect();
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
        here().filter_map(Slot::link).for_each(|link| link.close());
        tokio::select! {
            () = tokio::time::sleep_until(deadline) => {}
            () = forced => {}
        }
        self.waiting.close();
        here()
            .filter_map(Slot::link)
            .for_each(|link| link.abandon_calls());
        std::future::pending().await
    }

    /// Waits for [`stop`](Self::stop) or [`wind_down`](Self::wind_down).
    pub async fn stopped(&self) {
        loop {
            let said = self.stop_said.notified();
            if self.stopping.load(Ordering::Acquire) {
                return;
            }
            said.await;
        }
    }
}

impl Slot {
    fn link(&self) -> Option<Arc<Link>> {
        self.link
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, link: Option<Arc<Link>>) {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = link;
    }
}
