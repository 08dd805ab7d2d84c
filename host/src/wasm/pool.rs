//! The instances of one app: where they run, which one takes a call, and what happens when one dies.
//!
//! A slot is a place for one instance on one server thread. Each slot is supervised on its thread: start, serve,
//! and after a crash start again with back-off, so that an app that crashes in a loop does not spin the host. The
//! server asks [`Pool::open`] for a call; a slot of the caller's own thread is preferred, since then a request
//! never changes threads.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::App;
use super::instance::{self, End};
use super::link::{Link, Opening};
use crate::asgi::Call;
use crate::asgi::lifespan::Phase;
use crate::config::limits::{QUEUE_MAX, QUEUE_WAIT};

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
    pub app: App,
    slots: Vec<Slot>,
    stopping: AtomicBool,
    numbers: AtomicU64,
    waiting: AtomicUsize,
    /// An instance has become ready, or a call has ended in a full one, or the pool stops.
    changed: Notify,
}

struct Slot {
    thread: usize,
    link: Mutex<Option<Arc<Link>>>,
}

/// Why no call could be opened: 503 (`G-13`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unavailable {
    /// No instance was ready, or all were full, for as long as a request may wait.
    NotReady,
    /// Too many requests wait already.
    QueueFull,
    /// The pool stops: the server does, or another pool has taken its place.
    Stopping,
}

/// A call that could not be opened. It is given back, for another pool.
pub struct Refused {
    /// Why.
    pub why: Unavailable,
    /// What was to be opened.
    pub opening: Box<Opening>,
}

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotReady => "no instance was ready in time",
            Self::QueueFull => "too many requests wait for an instance",
            Self::Stopping => "the server stops",
        })
    }
}

impl Pool {
    /// A pool of `instances` (at least 1), spread evenly over `threads`.
    pub fn new(app: App, instances: usize, threads: usize) -> Arc<Self> {
        let slot = |i| Slot {
            thread: i % threads.max(1),
            link: Mutex::default(),
        };
        Arc::new(Self {
            app,
            slots: (0..instances.max(1)).map(slot).collect(),
            stopping: AtomicBool::new(false),
            numbers: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            changed: Notify::new(),
        })
    }

    /// Goes on counting its instances where `previous` is, so that the log of an app has no number twice.
    pub fn count_after(&self, previous: &Self) {
        let number = previous.numbers.load(Ordering::Relaxed);
        self.numbers.store(number, Ordering::Relaxed);
    }

    // ------------------------------------------------------------ for requests

    /// Opens a call in an instance, on `thread` if one there takes it. Waits for a while when none does.
    ///
    /// # Errors
    /// [`Unavailable`], to be answered with 503 unless the pool has been replaced.
    pub async fn open(
        &self,
        thread: usize,
        opening: Opening,
        now: Instant,
    ) -> Result<Arc<Call>, Refused> {
        match self.try_open(thread, opening, now) {
            Ok(call) => Ok(call),
            Err(opening) => self.wait_open(thread, opening).await,
        }
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
    ) -> Result<Arc<Call>, Opening> {
        if let [only] = &self.slots[..] {
            return match only.link() {
                Some(link) => link.open(opening, now),
                None => Err(opening),
            };
        }
        let links = self.slots.iter().filter_map(|slot| {
            let link = slot.link()?;
            Some((slot.thread != thread, link.in_flight(), link))
        });
        // Those of the own thread first, and of them the least busy.
        let mut links: Vec<_> = links.collect();
        links.sort_by_key(|(foreign, in_flight, _)| (*foreign, *in_flight));
        for (_, _, link) in links {
            match link.open(opening, now) {
                Ok(call) => return Ok(call),
                Err(back) => opening = back,
            }
        }
        Err(opening)
    }

    async fn wait_open(&self, thread: usize, mut opening: Opening) -> Result<Arc<Call>, Refused> {
        let refused = |why, opening| {
            let opening = Box::new(opening);
            Err(Refused { why, opening })
        };
        let Some(_place) = Place::take(&self.waiting) else {
            return refused(Unavailable::QueueFull, opening);
        };
        let deadline = tokio::time::Instant::now() + QUEUE_WAIT;
        loop {
            if self.stopping.load(Ordering::Acquire) {
                return refused(Unavailable::Stopping, opening);
            }
            let changed = self.changed.notified();
            match self.try_open(thread, opening, Instant::now()) {
                Ok(call) => return Ok(call),
                Err(back) => opening = back,
            }
            // A full instance tells nobody that a call has ended, so look again now and then.
            let next = deadline.min(tokio::time::Instant::now() + SWEEP);
            let _ = tokio::time::timeout_at(next, changed).await;
            if tokio::time::Instant::now() >= deadline {
                return refused(Unavailable::NotReady, opening);
            }
        }
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
            let link = Link::new(self.app.name.clone(), number, &self.app.limits);
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
            }
            self.changed.notify_waiters();
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

    /// No calls any more, from now on. Those that wait are given back.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.changed.notify_waiters();
    }

    /// Lets the instances of `thread` finish, after [`stop`](Self::stop): calls in flight get until `deadline`, or until `forced` says that they
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
        here()
            .filter_map(Slot::link)
            .for_each(|link| link.abandon_calls());
        std::future::pending().await
    }

    /// Waits for [`stop`](Self::stop).
    pub async fn stopped(&self) {
        loop {
            let changed = self.changed.notified();
            if self.stopping.load(Ordering::Acquire) {
                return;
            }
            changed.await;
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

/// A place among those that wait.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let place = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < QUEUE_MAX).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
