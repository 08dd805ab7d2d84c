//! The task kit: background tasks, sleeping, deadlines.
//!
//! An instance is one thread and has no tokio runtime; these are what an app uses in its stead. Everything in
//! here works inside tasks of the loop only, natively as well (see [`testing`](crate::testing)).

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::exec::context::{Context as LoopContext, Spawned};
use crate::exec::join;
use crate::exec::timers::TimerKey;
use crate::hub::Hub;

pub use crate::exec::join::{Aborted, JoinHandle};

/// Runs `future` beside everything else, for as long as the instance lives (`G-11`). It outlives the call that
/// spawned it; its log lines stay with that call.
///
/// The host waits for work that goes on after a response only within limits, and drops it with the instance.
///
/// ```
/// # async fn show(send: wasgi_sdk::Send) -> Result<(), wasgi_sdk::Error> {
/// send.respond(202, [("content-type", "text/plain")], "accepted").await?;
/// wasgi_sdk::task::spawn(async { /* write the audit record */ });
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Outside the loop, where nobody would ever run the task.
#[track_caller]
#[expect(
    clippy::panic,
    reason = "a mistake of the caller that no input can cause; tokio does the same"
)]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let Some(context) = LoopContext::current() else {
        panic!("wasgi_sdk::task::spawn was called outside an app");
    };
    let (task, handle) = join::task(future);
    context.spawned.borrow_mut().push(Spawned {
        call: context.call.get(),
        future: Box::pin(task),
    });
    handle
}

/// Waits for at least `duration`. Costs no host timer: the loop keeps its own (`G-17`).
///
/// ```
/// # use std::time::Duration;
/// # async fn show() {
/// wasgi_sdk::task::sleep(Duration::from_millis(20)).await;
/// # }
/// ```
///
/// # Panics
///
/// When it is polled outside the loop.
pub fn sleep(duration: Duration) -> Sleep {
    Sleep {
        when: When::After(duration),
        timer: None,
    }
}

/// Waits until [`Instant::now`] would be at least `deadline`.
///
/// # Panics
///
/// When it is polled outside the loop.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep {
        when: When::At(deadline.0),
        timer: None,
    }
}

enum When {
    After(Duration),
    At(u64),
}

/// See [`sleep`]. Dropping it takes the timer back.
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep {
    when: When,
    /// Set by the first poll.
    timer: Option<(Arc<Hub>, TimerKey)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some((hub, key)) = &self.timer {
            return if hub.timers.poll(*key, cx.waker()) {
                Poll::Ready(())
            } else {
                Poll::Pending
            };
        }
        let hub = current_hub();
        let deadline = match self.when {
            When::After(duration) => hub.clock.now().saturating_add(nanoseconds(duration)),
            When::At(deadline) => deadline,
        };
        let key = hub.timers.add(deadline, cx.waker().clone());
        self.timer = Some((hub, key));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some((hub, key)) = self.timer.take() {
            hub.timers.remove(key);
        }
    }
}

impl std::fmt::Debug for Sleep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sleep")
            .field("timer", &self.timer.as_ref().map(|(_, key)| key))
            .finish()
    }
}

/// The time that was given to [`timeout`] has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

impl std::fmt::Display for Elapsed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the time is up")
    }
}

impl std::error::Error for Elapsed {}

/// The result of `future`, unless it takes longer than `duration`; then `future` is dropped.
///
/// # Errors
///
/// [`Elapsed`] when the time is up. A future that is ready at the same moment wins.
///
/// ```
/// # use std::time::Duration;
/// # async fn show(receive: wasgi_sdk::Receive) {
/// match wasgi_sdk::task::timeout(Duration::from_secs(5), receive.next()).await {
///     Ok(event) => println!("{event:?}"),
///     Err(_) => println!("nothing for five seconds; the next receive will not have missed anything"),
/// }
/// # }
/// ```
pub async fn timeout<F: Future>(duration: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let mut sleep = sleep(duration);
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => Pin::new(&mut sleep).poll(cx).map(|()| Err(Elapsed)),
    })
    .await
}

/// Ticks every `period`, the first time one period from now. A tick that is late does not shift the next one;
/// ticks that were missed altogether are left out.
///
/// ```
/// # use std::time::Duration;
/// # async fn show(send: wasgi_sdk::Send) -> Result<(), wasgi_sdk::Error> {
/// let mut ticks = wasgi_sdk::task::interval(Duration::from_secs(1));
/// loop {
///     ticks.tick().await;
///     send.body("data: tick\n\n", true).await?;
/// }
/// # }
/// ```
pub fn interval(period: Duration) -> Interval {
    Interval {
        period: nanoseconds(period).max(1),
        next: None,
    }
}

/// See [`interval`].
#[derive(Debug)]
pub struct Interval {
    /// Nanoseconds, not 0.
    period: u64,
    next: Option<u64>,
}

impl Interval {
    /// Waits for the next tick. Dropping the future misses none.
    pub async fn tick(&mut self) {
        let now = current_hub().clock.now();
        let due = *self
            .next
            .get_or_insert_with(|| now.saturating_add(self.period));
        sleep_until(Instant(due)).await;
        let now = current_hub().clock.now().max(due);
        let missed = (now - due) / self.period;
        self.next = Some(due.saturating_add(self.period.saturating_mul(missed + 1)));
    }
}

/// Lets everything else that is ready run first, once.
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A point on the loop's clock, which [`testing`](crate::testing) may move by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// Now. About 0.2 microseconds.
    ///
    /// # Panics
    ///
    /// Outside the loop.
    pub fn now() -> Instant {
        Instant(current_hub().clock.now())
    }

    /// How long ago this was, zero if it is to come.
    pub fn elapsed(self) -> Duration {
        Instant::now() - self
    }
}

impl std::ops::Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_add(nanoseconds(duration)))
    }
}

impl std::ops::Sub for Instant {
    type Output = Duration;

    /// Zero when `earlier` is later.
    fn sub(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[expect(
    clippy::panic,
    reason = "a mistake of the caller that no input can cause; tokio does the same"
)]
fn current_hub() -> Arc<Hub> {
    match LoopContext::current() {
        Some(context) => context.hub.clone(),
        None => panic!("a timer of wasgi_sdk::task was used outside an app"),
    }
}
