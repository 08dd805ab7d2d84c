//! Runs an app in-process, natively, without wasm and without sockets, as HTTPX's `ASGITransport` does for Python.
//!
//! ```
//! use wasgi_sdk::testing::TestClient;
//! # use wasgi_sdk::{Error, Receive, Scope, Send};
//! # async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
//! #     scope.into_http()?;
//! #     let body = receive.body(1_000).await?;
//! #     send.respond(200, [("content-type", "text/plain")], body).await?;
//! #     Ok(())
//! # }
//!
//! let mut client = TestClient::start(app);
//! let response = client.post("/echo").header("x-kind", "test").body("ping").send();
//! assert_eq!(response.status(), 200);
//! assert_eq!(response.text(), "ping");
//! client.shutdown().unwrap();
//! ```
//!
//! The loop is the one that runs in a component; the client plays the host, honours the credit of both directions and
//! fails the test when the SDK breaks the contract. Time is virtual unless [`Builder::real_time`] says otherwise: when
//! everybody waits, the clock jumps to the next timer, so a test never sleeps.
//!
//! Everything in here panics where a test should fail. Only native builds have it.

#![expect(clippy::panic, reason = "a test helper: a panic is how a test fails")]

mod builder;
mod call;
mod host;
mod request;
mod response;
mod websocket;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use bytes::Bytes;

pub use self::builder::Builder;
#[cfg(test)]
pub(crate) use self::host::entered;
pub use self::request::Request;
pub use self::response::{Outcome, Response};
pub use self::websocket::{Answer, Connect};

use self::host::Host;
use crate::App;
use crate::bindings::types::Event;
use crate::clock::Clock;
use crate::event_loop::Loop;

/// Most virtual time that [`Request::send`] lets pass before it gives up on a response: an hour.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// The same in real time: ten seconds.
const REAL_PATIENCE: Duration = Duration::from_secs(10);

/// Names a call that was [opened](Request::open), or a [WebSocket](TestClient::websocket).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallId(pub(crate) u64);

/// How the app's start-up ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Started {
    /// `lifespan.startup.complete` (`L-03`).
    Complete,
    /// The app has no lifespan (`L-04`, `L-07`); with the reason.
    Unsupported(String),
    /// `lifespan.startup.failed` (`L-05`); with the message.
    Failed(String),
}

/// One instance of an app, and a client that talks to it.
pub struct TestClient<A: App> {
    event_loop: Loop<A>,
    host: Host,
    /// The hand of the virtual clock, in nanoseconds; absent in real time.
    hand: Option<Arc<AtomicU64>>,
    clock: Clock,
    /// What the last turn wants to be called back at.
    until: Option<u64>,
    done: bool,
}

impl<A: App> TestClient<A> {
    /// Starts `app`: runs its lifespan up to the answer to `lifespan.startup`.
    ///
    /// # Panics
    ///
    /// When the start-up fails (`L-05`). An app without lifespan is fine (`L-04`).
    #[track_caller]
    pub fn start(app: A) -> TestClient<A> {
        let client = Builder::default().start(app);
        if let Started::Failed(message) = client.started() {
            panic!("lifespan.startup.failed: {message}");
        }
        client
    }

    /// How the start-up ended.
    pub fn started(&self) -> Started {
        self.host
            .started()
            .cloned()
            .unwrap_or(Started::Unsupported(String::new()))
    }

    // ------------------------------------------------------------ requests

    /// A GET request; not sent yet.
    pub fn get(&mut self, target: &str) -> Request<'_, A> {
        self.request("GET", target)
    }

    /// A POST request; not sent yet.
    pub fn post(&mut self, target: &str) -> Request<'_, A> {
        self.request("POST", target)
    }

    /// Any request; not sent yet. `target` is path and query as on the wire.
    pub fn request(&mut self, method: &str, target: &str) -> Request<'_, A> {
        Request::new(self, method, target)
    }

    pub(crate) fn open(
        &mut self,
        scope: crate::bindings::types::HttpScope,
        body: Vec<Bytes>,
        ended: bool,
    ) -> CallId {
        let id = self.host.open(scope, body, ended);
        self.run();
        CallId(id)
    }

    /// Sends a piece of the request body of an open call.
    #[track_caller]
    pub fn push(&mut self, call: CallId, body: impl Into<Bytes>) {
        self.host.push(call.0, body.into());
        self.run();
    }

    /// Ends the request body of an open call.
    #[track_caller]
    pub fn end_body(&mut self, call: CallId) {
        self.host.end_body(call.0);
        self.run();
    }

    /// The client goes away. Does nothing when the response was complete.
    #[track_caller]
    pub fn disconnect(&mut self, call: CallId) {
        self.host.disconnect(call.0);
        self.run();
    }

    /// The client stops reading: what the app sends from here on stays in the host's buffer.
    #[track_caller]
    pub fn pause(&mut self, call: CallId) {
        self.host.pause(call.0, true);
    }

    /// The client reads again.
    #[track_caller]
    pub fn resume(&mut self, call: CallId) {
        self.host.pause(call.0, false);
        self.run();
    }

    /// What has been said for a call until now.
    #[track_caller]
    pub fn response(&self, call: CallId) -> Response {
        self.host.response(call.0)
    }

    /// Credit that the app has given for the request body and that was not used, in bytes.
    #[track_caller]
    pub fn credit(&self, call: CallId) -> usize {
        self.host.credit(call.0)
    }

    /// Waits until the response of a call is complete or the app has ended.
    ///
    /// # Panics
    ///
    /// When everybody waits for ever, or after an hour of virtual time.
    #[track_caller]
    pub fn wait(&mut self, call: CallId) -> Response {
        self.run_until("the response", |client| client.host.is_answered(call.0));
        self.host.response(call.0)
    }

    /// Waits until the app has returned from a call, background work included (`G-11`).
    ///
    /// # Panics
    ///
    /// As [`wait`](TestClient::wait).
    #[track_caller]
    pub fn wait_finished(&mut self, call: CallId) -> Response {
        self.run_until("the end of the call", |client| {
            client.host.is_finished(call.0)
        });
        self.host.response(call.0)
    }

    // ------------------------------------------------------------ time

    /// Moves the virtual clock, firing what is due on the way.
    ///
    /// # Panics
    ///
    /// In real time.
    #[track_caller]
    pub fn advance(&mut self, duration: Duration) {
        let Some(hand) = self.hand.clone() else {
            panic!("the clock of this test is the real one")
        };
        let target = hand
            .load(Ordering::Relaxed)
            .saturating_add(nanoseconds(duration));
        self.run();
        while let Some(until) = self.until.filter(|until| *until <= target) {
            hand.fetch_max(until, Ordering::Relaxed);
            self.run();
        }
        hand.store(target, Ordering::Relaxed);
        self.run();
    }

    /// Lets everything run that can run now, without moving the clock.
    pub fn run(&mut self) {
        // Tasks that wake themselves for ever must not hang a test.
        let mut restless = 0;
        while restless < 100 {
            self.turn();
            let overdue = self.until.is_some_and(|until| until <= self.clock.now());
            if self.host.is_quiet() {
                if !overdue || self.done {
                    return;
                }
                restless += 1;
            }
        }
    }

    /// `lifespan.shutdown`, as when the host ends the instance. Answers with the app's message on failure (`L-06`).
    ///
    /// # Errors
    ///
    /// The text of `lifespan.shutdown.failed`.
    #[track_caller]
    pub fn shutdown(mut self) -> Result<(), String> {
        self.host.queue(Event::LifespanShutdown);
        self.run_until("shutdown", |client| client.done);
        self.host.stopped()
    }

    fn turn(&mut self) {
        if self.done {
            return;
        }
        let turn = self.event_loop.turn(self.host.events());
        for batch in &turn.full {
            self.host.hear(batch);
        }
        self.host.hear(&turn.said);
        self.event_loop.recycle(turn.said);
        self.until = turn.until;
        self.done = turn.done;
    }

    #[track_caller]
    fn run_until(&mut self, what: &str, reached: impl Fn(&Self) -> bool) {
        let patience = if self.hand.is_some() {
            PATIENCE
        } else {
            REAL_PATIENCE
        };
        let give_up = self.clock.now().saturating_add(nanoseconds(patience));
        loop {
            self.run();
            if reached(self) {
                return;
            }
            let until = self.until.unwrap_or(u64::MAX).min(give_up);
            match &self.hand {
                Some(_) if self.until.is_none() => {
                    panic!(
                        "{what} will never come: the app waits for something that nobody will send"
                    )
                }
                Some(hand) => {
                    hand.fetch_max(until, Ordering::Relaxed);
                }
                None => self.park(until),
            }
            if self.clock.now() >= give_up {
                panic!("{what} has not come within {patience:?}");
            }
        }
    }

    /// Waits for the real clock, or for a wake-up from another thread.
    fn park(&self, until: u64) {
        struct Unpark(Thread);

        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }

        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        if !self.event_loop.ready().watch(&waker) {
            std::thread::park_timeout(Duration::from_nanos(until.saturating_sub(self.clock.now())));
        }
    }
}

impl<A: App> std::fmt::Debug for TestClient<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestClient")
            .field("started", &self.started())
            .finish_non_exhaustive()
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
