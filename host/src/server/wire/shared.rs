//! What the two sides of hyper know of one connection: the guard below it and the requests above it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::{Context, Waker};

use http::{Request, Version, header};
use tokio::time::{Duration, Instant};

use super::Verdict;

/// More nanoseconds than a connection lives.
const NEVER: u64 = u64::MAX;

/// One connection, seen from both sides. All of it is touched by tasks of one thread, one after the other.
pub(in crate::server) struct Shared {
    began: Instant,
    /// Requests that hyper has handed over and whose responses have not ended.
    in_flight: AtomicUsize,
    /// Since when there has been nothing to do, in nanoseconds after `began`; [`NEVER`] before the first request.
    idle: AtomicU64,
    /// A head has begun to come, and is not whole.
    head_begun: AtomicBool,
    /// Of the last request of the connection.
    verdict: OnceLock<Verdict>,
    upgrade: Upgrade,
}

/// How it goes on behind a head that asks for an upgrade.
#[derive(Default)]
struct Upgrade {
    asked: AtomicBool,
    /// The reader that waits for the answer.
    waker: Mutex<Option<Waker>>,
}

impl Shared {
    pub(in crate::server) fn new() -> Self {
        Self {
            began: Instant::now(),
            in_flight: AtomicUsize::new(0),
            idle: AtomicU64::new(NEVER),
            head_begun: AtomicBool::new(false),
            verdict: OnceLock::new(),
            upgrade: Upgrade::default(),
        }
    }

    /// hyper hands over a request.
    pub(in crate::server) fn begin<B>(&self, request: &Request<B>, asks_for_websocket: bool) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        if self.upgrade.asked.load(Ordering::Relaxed)
            && !asks_for_websocket
            && request.headers().contains_key(header::UPGRADE)
        {
            // No other upgrade is offered: it is ignored, and HTTP goes on (`M-10`, `P-18`).
            self.go_on();
        }
    }

    /// Its response has ended, or the WebSocket that it became: then nobody asks the guard any more.
    pub(in crate::server) fn end(&self, asked_for_websocket: bool) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.begin_idle();
        if asked_for_websocket {
            self.go_on();
        }
    }

    /// There is no request, and the guard is not waiting for the first one.
    pub(in crate::server) fn begin_idle(&self) {
        let now = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(NEVER);
        self.idle.store(now, Ordering::Relaxed);
    }

    /// Whether a request is being answered.
    pub(in crate::server) fn is_busy(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) > 0
    }

    /// Since when the connection has been kept without a request or the beginning of one.
    pub(in crate::server) fn idle_since(&self) -> Option<Instant> {
        let idle = self.idle.load(Ordering::Relaxed);
        if idle == NEVER || self.is_busy() || self.head_begun.load(Ordering::Relaxed) {
            return None;
        }
        Some(self.began + Duration::from_nanos(idle))
    }

    /// What the guard says of this request. A head that it refuses reaches hyper as one that it never lets pass: without
    /// a `Host`.
    pub(in crate::server) fn verdict<B>(&self, request: &Request<B>) -> Option<Verdict> {
        let verdict = self.verdict.get()?;
        let stands_in =
            request.version() == Version::HTTP_11 && !request.headers().contains_key(header::HOST);
        stands_in.then_some(*verdict)
    }

    pub(super) fn refuse(&self, verdict: Verdict) {
        // There is one for each connection: nothing is read behind it.
        let _ = self.verdict.set(verdict);
    }

    pub(super) fn set_head_begun(&self, begun: bool) {
        self.head_begun.store(begun, Ordering::Relaxed);
    }

    /// A head that asks for an upgrade goes to hyper.
    pub(super) fn ask(&self) {
        self.upgrade.asked.store(true, Ordering::Relaxed);
    }

    /// Whether it is known how it goes on; else the task is woken when it is.
    pub(super) fn goes_on(&self, cx: &Context<'_>) -> bool {
        let asked = self.upgrade.asked.load(Ordering::Relaxed);
        if asked {
            *self.waker() = Some(cx.waker().clone());
        }
        !asked
    }

    fn go_on(&self) {
        self.upgrade.asked.store(false, Ordering::Relaxed);
        if let Some(waker) = self.waker().take() {
            waker.wake();
        }
    }

    fn waker(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.upgrade
            .waker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
