//! The streams of HTTP/2 connections, each a task, and the end of one whose client takes nothing (`T-05`).
//!
//! hyper hands each stream to [`Streams`]. The wire guard watches whether a connection takes bytes; a single stream may get no
//! window while its connection moves. hyper then holds a piece of the body in its hand and does not ask for the
//! next, which can be seen from the body's end: [`gave`] and [`waits`] note what became of the last question. Dropping such a
//! stream resets it (CANCEL), and its call hears of a disconnect.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use hyper::rt::Executor;
use tokio::time::Instant;

use super::wire::Alarm;

/// What hyper has got when it last asked the body of the stream that is being polled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// It has not asked.
    Nothing,
    /// A piece, or the end.
    Gave,
    /// Nothing yet: the app is to send.
    Waits,
}

thread_local! {
    static ASKED: Cell<Asked> = const { Cell::new(Asked::Nothing) };
}

/// hyper has got a piece of a body.
pub(super) fn gave() {
    ASKED.set(Asked::Gave);
}

/// hyper waits for a piece of a body.
pub(super) fn waits() {
    ASKED.set(Asked::Waits);
}

/// Runs streams.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    /// How long a client may take nothing of a stream.
    pub(super) patience: Duration,
}

impl<F> Executor<F> for Streams
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, stream: F) {
        tokio::spawn(watch(stream, self.patience));
    }
}

/// Polls a stream until it has ended, or until hyper has held a piece of its body for too long.
async fn watch(stream: impl Future, patience: Duration) {
    let mut stream = pin!(stream);
    let (mut held, mut alarm): (Option<Instant>, Option<Alarm>) = (None, None);
    poll_fn(|cx| {
        ASKED.set(Asked::Nothing);
        if stream.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        match ASKED.get() {
            Asked::Waits => held = None,
            Asked::Gave => held = Some(Instant::now() + patience),
            Asked::Nothing => {}
        }
        let Some(deadline) = held else {
            return Poll::Pending;
        };
        let alarm = alarm.get_or_insert_with(|| Alarm::at(deadline));
        if !alarm.has_passed(deadline, cx) {
            return Poll::Pending;
        }
        tracing::debug!("the client takes nothing of a stream: it is reset");
        Poll::Ready(())
    })
    .await;
}
