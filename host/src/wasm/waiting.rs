//! Requests that wait for a place in an instance, and how they get one: it is handed over.
//!
//! `pool.rs` lets a request wait here when no instance takes it. Whoever has a place to give, because a call has ended
//! (`link.rs`) or an instance has become ready, offers it to the next in the [order](super::queue) and opens the call for it.
//! So nobody looks again by the clock, and no newcomer is served before those who wait. One lock, held for a queue
//! operation and the opening of calls; it comes before the lock of a link, never after it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::link::{Link, Opening};
use super::opened::Opened;
use super::pool::Unavailable;
use super::queue::{Client, Queue, Ticket};
use crate::config::limits::Limits;

type Answer = Result<Opened, Unavailable>;

/// Those who wait for the instances of one pool.
pub struct Waiting {
    /// How many there are, for those who have a place to give: they take no lock when it is nobody.
    count: AtomicUsize,
    /// How long each may wait.
    time: Duration,
    state: Mutex<State>,
}

struct State {
    queue: Queue<Waiter>,
    closed: bool,
}

struct Waiter {
    opening: Opening,
    answer: oneshot::Sender<Answer>,
}

impl Waiting {
    /// Nobody waits yet.
    pub fn new(limits: &Limits) -> Self {
        Self {
            count: AtomicUsize::new(0),
            time: limits.queued,
            state: Mutex::new(State {
                queue: Queue::new(limits.queued_calls_max),
                closed: false,
            }),
        }
    }

    /// Whether nobody waits, so that a newcomer may take what is free.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Waits for a place in an instance. `look` is called once it has its place in the queue, and offers what there is; what is
    /// freed from then on is offered by whoever frees it.
    pub(super) async fn wait(
        &self,
        client: Client,
        opening: Opening,
        look: impl FnOnce(),
    ) -> Answer {
        let mut place = self.enter(client, opening)?;
        look();
        match tokio::time::timeout(self.time, &mut place.answer).await {
            Ok(answer) => answer.unwrap_or(Err(Unavailable::NotReady)),
            Err(_) if self.leave(place.ticket) => Err(Unavailable::NotReady),
            // It was handed over in this moment.
            Err(_) => place
                .answer
                .try_recv()
                .unwrap_or(Err(Unavailable::NotReady)),
        }
    }

    /// This instance takes calls, perhaps: opens those that are next, as many as it takes.
    pub(super) fn offer(&self, link: &Link) {
        if self.is_empty() {
            return;
        }
        let mut state = self.lock();
        let now = Instant::now();
        while state.queue.offer(|waiter| waiter.open(link, now)) {}
        self.counted(&state);
    }

    /// Gives back those who wait, and whoever comes from now on.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        while state.queue.offer(|waiter| {
            waiter.stop();
            None
        }) {}
        self.counted(&state);
    }

    fn enter(&self, client: Client, opening: Opening) -> Result<Place<'_>, Unavailable> {
        let mut state = self.lock();
        if state.closed {
            return Err(Unavailable::Stopping(Box::new(opening)));
        }
        let (sender, answer) = oneshot::channel();
        let waiter = Waiter {
            opening,
            answer: sender,
        };
        let ticket = state
            .queue
            .push(client, waiter)
            .map_err(|_| Unavailable::QueueFull)?;
        self.counted(&state);
        Ok(Place {
            waiting: self,
            ticket,
            answer,
        })
    }

    /// True if it was still waiting.
    fn leave(&self, ticket: Ticket) -> bool {
        let mut state = self.lock();
        let waiter = state.queue.remove(ticket);
        self.counted(&state);
        drop(state);
        waiter.is_some()
    }

    /// A link that is freed after this was asked in vain before it, under its own lock: it sees the count.
    fn counted(&self, state: &State) {
        self.count.store(state.queue.len(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    /// Gives itself back when the instance does not take it.
    fn open(self, link: &Link, now: Instant) -> Option<Self> {
        let Self { opening, answer } = self;
        match link.open(opening, now) {
            Ok(call) => {
                if let Err(Ok(call)) = answer.send(Ok(call)) {
                    call.disconnect();
                }
                None
            }
            Err(opening) => Some(Self { opening, answer }),
        }
    }

    fn stop(self) {
        let opening = Box::new(self.opening);
        // Who has just left does not need it.
        let _ = self.answer.send(Err(Unavailable::Stopping(opening)));
    }
}

/// A place in the queue. Dropping it leaves: also when the client does.
struct Place<'a> {
    waiting: &'a Waiting,
    ticket: Ticket,
    answer: oneshot::Receiver<Answer>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.waiting.leave(self.ticket)
            && let Ok(Ok(call)) = self.answer.try_recv()
        {
            // It was handed over, and nobody has taken it.
            call.disconnect();
        }
    }
}
