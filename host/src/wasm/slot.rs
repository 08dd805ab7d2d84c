//! A place for one instance on a server thread: who stands in it, who comes next, who leaves.
//!
//! A place is supervised on its thread: start, serve, and after a crash start again with back-off, so that an app that
//! crashes in a loop does not spin the host. An instance that is [to retire](Link::retire) serves until the one that
//! takes its place is ready, then finishes its calls and stops: no request waits or is lost. One at a time leaves, so
//! that a place has at most two instances.

use std::future::{pending, poll_fn};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use super::Pool;
use super::instance::{self, End};
use super::link::{Link, RequestId};
use crate::asgi::lifespan::Phase;

/// The first wait before a crashed instance is replaced; it doubles up to [`BACKOFF_MAX`].
const BACKOFF_MIN: Duration = Duration::from_millis(50);

/// See [`BACKOFF_MIN`].
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// An instance that has lived this long starts with a clean slate when it crashes.
const HEALTHY: Duration = Duration::from_secs(10);

/// How often the deadlines of calls are looked at; they are seconds, so this is exact enough.
const SWEEP: Duration = Duration::from_millis(250);

/// A place for one instance.
pub(super) struct Slot {
    pub(super) thread: usize,
    instances: Mutex<Instances>,
}

#[derive(Default)]
struct Instances {
    serving: Option<Arc<Link>>,
    leaving: Option<Arc<Link>>,
}

impl Slot {
    pub(super) fn new(thread: usize) -> Self {
        Self {
            thread,
            instances: Mutex::default(),
        }
    }

    /// The instance that takes its calls.
    pub(super) fn link(&self) -> Option<Arc<Link>> {
        self.lock().serving.clone()
    }

    /// All that there are: the one that takes calls, and the one before that finishes its own.
    pub(super) fn links(&self) -> Vec<Arc<Link>> {
        let instances = self.lock();
        let both = instances.serving.iter().chain(&instances.leaving);
        both.cloned().collect()
    }

    /// From now on this one takes the calls, and whichever did so before leaves.
    fn put(&self, link: Arc<Link>) {
        let mut instances = self.lock();
        if let Some(before) = instances.serving.replace(link) {
            instances.leaving = Some(before);
        }
    }

    /// It has ended.
    fn forget(&self, link: &Arc<Link>) {
        let mut instances = self.lock();
        let Instances { serving, leaving } = &mut *instances;
        for place in [serving, leaving] {
            place.take_if(|there| Arc::ptr_eq(there, link));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Instances> {
        self.instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// An instance that runs, in a task of its own. Dropping it ends it.
struct Instance {
    link: Arc<Link>,
    ready: oneshot::Receiver<()>,
    task: JoinHandle<End>,
}

/// What there is to do about an instance that serves.
enum Turn {
    Ended(End),
    /// Another one is to take its place.
    Retires,
}

impl Instance {
    fn begin(pool: &Arc<Pool>) -> Self {
        let number = pool.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        let (name, limits) = (pool.app.name.clone(), &pool.app.limits);
        let link = Link::new(name, number, limits, pool.waiting.clone());
        let (says_ready, ready) = oneshot::channel();
        let task = tokio::spawn(run(pool.clone(), link.clone(), says_ready));
        Self { link, ready, task }
    }

    /// Waits until it is ready.
    async fn start(&mut self, pool: &Pool) -> Result<(), End> {
        tokio::select! {
            Ok(()) = &mut self.ready => {}
            end = ended(&mut self.task, &self.link) => return Err(end),
            () = pool.stopped() => return Err(End::NotWanted),
        }
        tracing::debug!(
            app = &*pool.app.name,
            instance = self.link.number,
            "ready after {:?}",
            self.link.born.elapsed()
        );
        Ok(())
    }

    /// Looks after it until it has ended or is to retire while nobody else leaves.
    async fn serve(&mut self, pool: &Pool, leaving: &mut JoinSet<()>) -> Turn {
        let link = self.link.clone();
        let retires = async {
            let mut sweep = tokio::time::interval(SWEEP);
            loop {
                sweep.tick().await;
                look_after(pool, &link);
                while leaving.try_join_next().is_some() {}
                if link.retires() && leaving.is_empty() && !pool.is_stopping() {
                    return;
                }
            }
        };
        tokio::select! {
            end = ended(&mut self.task, &link) => Turn::Ended(end),
            () = retires => Turn::Retires,
        }
    }

    /// Looks after one that is to retire: it serves until it is `replaced`, and then its calls have the app's `drain` time.
    async fn see_off(mut self, pool: Arc<Pool>, slot: usize, replaced: oneshot::Receiver<()>) {
        let link = self.link.clone();
        let leaves = async {
            if replaced.await.is_err() {
                // Nobody takes its place any more: the pool stops, and lets it finish.
                pending::<()>().await;
            }
            link.close();
            link.part_with_websockets();
            tokio::time::sleep(pool.app.limits.drain).await;
            link.abandon_calls();
            pending::<()>().await;
        };
        let swept = async {
            let mut sweep = tokio::time::interval(SWEEP);
            loop {
                sweep.tick().await;
                look_after(&pool, &link);
            }
        };
        let end = tokio::select! {
            end = ended(&mut self.task, &link) => end,
            () = leaves => return,
            () = swept => return,
        };
        if let Some(slot) = pool.slots.get(slot) {
            slot.forget(&link);
        }
        let (app, instance) = (&*pool.app.name, link.number);
        match end {
            End::Clean => tracing::info!(app, instance, "the instance has been replaced"),
            end => tracing::error!(
                app,
                instance,
                "the instance ended while it was replaced: {end}"
            ),
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Runs an instance from its start to its end, and says when it is ready.
async fn run(pool: Arc<Pool>, link: Arc<Link>, says_ready: oneshot::Sender<()>) -> End {
    let ready = async {
        poll_fn(|cx| link.poll_phase(cx, |phase| *phase == Phase::Ready)).await;
        // Nobody listens any more when it is not wanted.
        let _ = says_ready.send(());
        pending().await
    };
    tokio::select! {
        biased;
        end = instance::run(&pool.app, link.clone()) => end,
        end = ready => end,
    }
}

async fn ended(task: &mut JoinHandle<End>, link: &Link) -> End {
    task.await.unwrap_or_else(|error| {
        link.end(None);
        End::host_failed(error)
    })
}

/// The deadlines of its calls.
fn look_after(pool: &Pool, link: &Link) {
    for (request_id, overtime) in link.enforce_deadlines(&pool.app.limits, Instant::now()) {
        let so_far = pool.overtimes.fetch_add(1, Ordering::Relaxed) + 1;
        tracing::warn!(
            app = &*link.app,
            instance = link.number,
            request = %RequestId(request_id),
            limit = overtime.limit,
            so_far,
            "{overtime}"
        );
        link.retire();
    }
}

impl Pool {
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
        let mut leaving = JoinSet::new();
        // Hears that another has taken its place.
        let mut before: Option<oneshot::Sender<()>> = None;
        loop {
            let mut instance = Instance::begin(&self);
            let link = instance.link.clone();
            let turn = match instance.start(&self).await {
                Err(end) => Turn::Ended(end),
                Ok(()) => {
                    place.put(link.clone());
                    if let Some(before) = before.take() {
                        // It has ended before, or hears it.
                        let _ = before.send(());
                    }
                    if self.is_stopping() {
                        link.close();
                        link.part_with_websockets();
                    }
                    self.waiting.offer(&link);
                    if let Some(first) = first.take() {
                        first(Ok(()));
                    }
                    instance.serve(&self, &mut leaving).await
                }
            };
            let end = match turn {
                Turn::Ended(end) => end,
                Turn::Retires => {
                    let (says_replaced, replaced) = oneshot::channel();
                    before = Some(says_replaced);
                    leaving.spawn(instance.see_off(self.clone(), slot, replaced));
                    continue;
                }
            };
            place.forget(&link);
            drop(instance);
            if let Some(first) = first.take() {
                return first(Err(end));
            }
            let (app, number) = (&*self.app.name, link.number);
            if self.is_stopping() {
                if !matches!(end, End::Clean | End::NotWanted) {
                    tracing::error!(app, instance = number, "while stopping: {end}");
                }
                break;
            }
            if link.born.elapsed() >= HEALTHY {
                backoff = BACKOFF_MIN;
            }
            tracing::error!(
                app,
                instance = number,
                "the instance ended; a new one starts in {backoff:?}: {end}"
            );
            if tokio::time::timeout(backoff, self.stopped()).await.is_ok() {
                break;
            }
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
        drop(before);
        while leaving.join_next().await.is_some() {}
    }
}
