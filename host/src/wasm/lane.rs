//! Where an instance runs: on its server thread, or, when it computes for long, in the slow lane.
//!
//! `instance.rs` drives a store through [`Driving`]. An instance that burns a whole tick without a rest holds up whoever
//! else is on its thread, tick by tick. So it leaves: the future that drives its store goes on in the slow lane, which is a
//! few threads of low priority for all apps of the process, and comes back when it has behaved for a while; a repeated
//! offence takes twice as long to forget. So does one that takes a good part of its thread in short turns. Nobody else knows
//! where an instance runs: its calls reach it through its link as before. An app that is alone in the process has no neighbours, and stays where it is.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle as Task;

use super::ledger::Ledger;

mod record;

use record::Record;

/// How much less these threads get than others when there are more of them than cores: about a tenth each, on Linux.
const NICENESS: i32 = 10;

/// The slow lane of a process. Its threads start when the first instance comes.
#[derive(Default)]
pub(super) struct SlowLane {
    /// The apps of this process: one alone has no neighbours to spare.
    apps: AtomicUsize,
    threads: Mutex<Vec<SlowThread>>,
}

struct SlowThread {
    handle: Handle,
    /// Instances that run on it.
    guests: Arc<AtomicUsize>,
    /// Its runtime ends when this is dropped.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// An app that shares the process with others; it counts until it is dropped.
pub(super) struct Neighbour {
    lane: Arc<SlowLane>,
    record: Arc<Record>,
}

impl Neighbour {
    /// An instance of it has crashed. That costs its thread more than most requests do, so who does it again is to do it
    /// elsewhere.
    pub(super) fn crashed(&self) {
        self.record.offend(Instant::now());
    }
}

impl SlowLane {
    /// One app more.
    pub(super) fn neighbour(self: &Arc<Self>) -> Neighbour {
        self.apps.fetch_add(1, Ordering::Relaxed);
        Neighbour {
            lane: self.clone(),
            record: Arc::default(),
        }
    }

    fn is_wanted(&self) -> bool {
        self.apps.load(Ordering::Relaxed) > 1
    }

    /// The thread with the fewest instances; none if the system gives no thread.
    fn thread(&self) -> Option<(Handle, Guest)> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if threads.is_empty() {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            for number in 0..cores {
                match SlowThread::start(number) {
                    Ok(thread) => threads.push(thread),
                    Err(error) => {
                        tracing::error!("cannot start a thread for the slow lane: {error}")
                    }
                }
            }
        }
        let emptiest = threads
            .iter()
            .min_by_key(|thread| thread.guests.load(Ordering::Relaxed))?;
        Some((emptiest.handle.clone(), Guest::of(&emptiest.guests)))
    }

    /// Drops what takes long to drop where it holds up nobody: memory is given back to the system page by page.
    pub(super) async fn drop_there<T: Send + 'static>(&self, heavy: T) {
        if !self.is_wanted() {
            return;
        }
        let Some((handle, _guest)) = self.thread() else {
            return;
        };
        // It cannot fail: to drop a store runs nothing of the guest's.
        let _ = handle.spawn(async move { drop(heavy) }).await;
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.lane.apps.fetch_sub(1, Ordering::Relaxed);
    }
}

impl SlowThread {
    #[allow(
        clippy::disallowed_methods,
        reason = "a thread of its own is the point: it has another priority"
    )]
    fn start(number: usize) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name(format!("wasgi-slow-{number}"))
            .spawn(move || {
                lower_priority();
                // An error says the same: nobody needs it any more.
                let _ = runtime.block_on(stopped);
                runtime.shutdown_background();
            })?;
        Ok(Self {
            handle,
            guests: Arc::default(),
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for SlowThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It only runs tasks; what panics in them stays there.
            let _ = thread.join();
        }
    }
}

/// Of this thread alone, on Linux: elsewhere priorities belong to processes.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    {
        let thread = rustix::thread::gettid();
        // Where it is refused, the lane is still another thread.
        let _ = rustix::process::setpriority_process(Some(thread), NICENESS);
    }
}

/// Counts an instance on a slow thread.
struct Guest(Arc<AtomicUsize>);

impl Guest {
    fn of(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count.clone())
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Drives a store, wherever it runs, and keeps its ledger true.
pub(super) struct Driving<T> {
    lane: Arc<SlowLane>,
    record: Arc<Record>,
    ledger: Arc<Ledger>,
    state: State<T>,
}

enum State<T> {
    Here(Boxed<T>),
    /// Here, whatever it computes.
    Unwatched(Boxed<T>),
    Away(Away<T>),
    Over,
}

/// How a stay in the slow lane ends.
enum Left<T> {
    /// Its app is forgiven.
    Returns(Boxed<T>),
    Ended(T),
}

/// In the slow lane. Dropping it ends it there, soon.
struct Away<T>(Task<Left<T>>);

impl<T> Drop for Away<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<T: Send + 'static> Driving<T> {
    /// Wraps the future that drives the store of `ledger`, of this app.
    pub(super) fn new(
        app: &Neighbour,
        ledger: Arc<Ledger>,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Self {
        let mut driving = Self {
            lane: app.lane.clone(),
            record: app.record.clone(),
            ledger,
            state: State::Here(Box::pin(future)),
        };
        if !driving.record.is_forgiven(Instant::now()) && driving.lane.is_wanted() {
            // Where there is no slow lane it begins here.
            driving.leave();
        }
        driving
    }

    /// Nobody looks at a clock for it any more, and it never leaves: see [`Engine::unlimited`](super::Engine::unlimited).
    pub(super) fn unwatched(mut self) -> Self {
        self.state = match self.state {
            State::Here(future) => State::Unwatched(future),
            other => other,
        };
        self
    }

    /// Ends it, wherever it runs; its store is gone when this returns.
    pub(super) async fn end(mut self) {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Here(future) | State::Unwatched(future) => {
                self.lane.drop_there(future).await;
            }
            State::Away(mut away) => {
                away.0.abort();
                if let Ok(left) = (&mut away.0).await {
                    self.lane.drop_there(left).await;
                }
            }
            State::Over => {}
        }
    }

    /// Goes on in the slow lane; false if there is none.
    fn leave(&mut self) -> bool {
        let Some((handle, guest)) = self.lane.thread() else {
            return false;
        };
        let State::Here(future) = std::mem::replace(&mut self.state, State::Over) else {
            return false;
        };
        let stay = Stay {
            future: Some(future),
            ledger: self.ledger.clone(),
            record: self.record.clone(),
            _guest: guest,
        };
        self.state = State::Away(Away(handle.spawn(stay)));
        true
    }
}

impl<T: Send + 'static> Future for Driving<T> {
    type Output = std::io::Result<T>;

    /// An error is a panic in the slow lane; here it would be one of the server thread's task.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let this = &mut *self;
            match &mut this.state {
                State::Here(future) => {
                    let slice = this.ledger.resume();
                    let poll = future.as_mut().poll(cx);
                    this.ledger.pause(slice);
                    if let Poll::Ready(output) = poll {
                        this.state = State::Over;
                        return Poll::Ready(Ok(output));
                    }
                    if !this.ledger.is_hog() || !this.lane.is_wanted() {
                        return Poll::Pending;
                    }
                    if !this.ledger.is_starting() {
                        this.record.offend(Instant::now());
                    }
                    if !this.leave() {
                        return Poll::Pending;
                    }
                }
                State::Away(away) => match Pin::new(&mut away.0).poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(Left::Returns(future))) => self.state = State::Here(future),
                    Poll::Ready(Ok(Left::Ended(output))) => {
                        self.state = State::Over;
                        return Poll::Ready(Ok(output));
                    }
                    Poll::Ready(Err(error)) => {
                        self.state = State::Over;
                        return Poll::Ready(Err(error.into()));
                    }
                },
                State::Unwatched(future) => return future.as_mut().poll(cx).map(Ok),
                // It has given its output.
                State::Over => return Poll::Pending,
            }
        }
    }
}

/// A stay in the slow lane.
struct Stay<T> {
    future: Option<Boxed<T>>,
    ledger: Arc<Ledger>,
    record: Arc<Record>,
    _guest: Guest,
}

impl<T> Future for Stay<T> {
    type Output = Left<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Left<T>> {
        let this = &mut *self;
        let Some(mut future) = this.future.take() else {
            return Poll::Pending;
        };
        let slice = this.ledger.resume();
        let poll = future.as_mut().poll(cx);
        this.ledger.pause(slice);
        if let Poll::Ready(output) = poll {
            return Poll::Ready(Left::Ended(output));
        }
        if !this.ledger.is_starting() {
            let now = Instant::now();
            if this.ledger.is_hog() {
                this.record.offend(now);
            } else if this.record.is_forgiven(now) {
                return Poll::Ready(Left::Returns(future));
            }
        }
        this.future = Some(future);
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
