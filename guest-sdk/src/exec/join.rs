//! The two ends of a spawned task: the task, which leaves its result, and the handle, which takes or aborts.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use crate::sync::lock;

/// The task was aborted before it had a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aborted;

impl std::fmt::Display for Aborted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the task was aborted")
    }
}

impl std::error::Error for Aborted {}

struct Shared<T> {
    result: Option<Result<T, Aborted>>,
    /// Set by `abort`, read by the task at its next poll.
    aborted: bool,
    done: bool,
    task: Option<Waker>,
    handle: Option<Waker>,
}

/// Awaits the result of a spawned task. Dropping it lets the task run on.
///
/// ```
/// # async fn show() -> Result<(), wasgi_sdk::task::Aborted> {
/// let answer = wasgi_sdk::task::spawn(async { 42 });
/// assert_eq!(answer.await?, 42);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`Aborted`] after [`JoinHandle::abort`], and when the instance ended first.
#[derive(Debug)]
pub struct JoinHandle<T>(Arc<Mutex<Shared<T>>>);

impl<T> std::fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task")
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

impl<T> JoinHandle<T> {
    /// Stops the task at its next turn, dropping its future. Does nothing once it is done.
    pub fn abort(&self) {
        let task = {
            let mut shared = lock(&self.0);
            shared.aborted = true;
            shared.task.take()
        };
        if let Some(task) = task {
            task.wake();
        }
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        lock(&self.0).done
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, Aborted>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut shared = lock(&self.0);
        match shared.result.take() {
            Some(result) => Poll::Ready(result),
            None if shared.done => Poll::Ready(Err(Aborted)),
            None => {
                shared.handle = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// `future` as a task that leaves its result for the handle.
pub(crate) fn task<F: Future>(future: F) -> (Task<F>, JoinHandle<F::Output>) {
    let shared = Arc::new(Mutex::new(Shared {
        result: None,
        aborted: false,
        done: false,
        task: None,
        handle: None,
    }));
    (
        Task {
            future: Some(Box::pin(future)),
            shared: shared.clone(),
        },
        JoinHandle(shared),
    )
}

/// The running end.
pub(crate) struct Task<F: Future> {
    future: Option<Pin<Box<F>>>,
    shared: Arc<Mutex<Shared<F::Output>>>,
}

impl<F: Future> Task<F> {
    fn finish(&mut self, result: Result<F::Output, Aborted>) {
        self.future = None;
        let handle = {
            let mut shared = lock(&self.shared);
            if shared.done {
                return;
            }
            shared.done = true;
            shared.result = Some(result);
            shared.task = None;
            shared.handle.take()
        };
        if let Some(handle) = handle {
            handle.wake();
        }
    }
}

impl<F: Future> Unpin for Task<F> {}

impl<F: Future> Future for Task<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Task { future, shared } = &mut *self;
        let result = match future {
            None => return Poll::Ready(()),
            Some(_) if lock(shared).aborted => Err(Aborted),
            Some(future) => match future.as_mut().poll(cx) {
                Poll::Ready(value) => Ok(value),
                Poll::Pending => {
                    let mut shared = lock(shared);
                    if !shared.aborted {
                        shared.task = Some(cx.waker().clone());
                        return Poll::Pending;
                    }
                    // It aborted itself.
                    Err(Aborted)
                }
            },
        };
        self.finish(result);
        Poll::Ready(())
    }
}

impl<F: Future> Drop for Task<F> {
    fn drop(&mut self) {
        self.finish(Err(Aborted));
    }
}
