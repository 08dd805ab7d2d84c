//! The lifespan call: one per instance, pending beside all others (`L-02`, `G-02`).
//!
//! The loop tells it what the host wants and how the app's task ended; the app answers through
//! [`Send`](crate::Send). An app without lifespan is one that returns or fails before it answered
//! (`L-04`, `L-07`); the SDK then answers the shutdown itself.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use wasgi_sdk_core::{Said, Startup};

use crate::action::Body;
use crate::error::shorten;
use crate::event::Event;
use crate::hub::Hub;
use crate::sync::lock;
use crate::{SendError, State};

pub(crate) struct Lifespan {
    hub: Arc<Hub>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// `lifespan.startup` has been received by the app.
    startup_seen: bool,
    startup: Option<Answer>,
    shutdown_asked: bool,
    shutdown_seen: bool,
    shutdown: Option<Answer>,
    /// The app's task is over; with the text of its error.
    ended: Option<Result<(), String>>,
    state: State,
    receiver: Vec<Waker>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Complete,
    Failed,
    Unsupported,
}

impl Lifespan {
    pub(crate) fn new(hub: Arc<Hub>) -> Arc<Lifespan> {
        Arc::new(Lifespan {
            hub,
            inner: Mutex::default(),
        })
    }

    // ------------------------------------------------------------ the loop's side

    /// The host asks for the end.
    pub(crate) fn ask_shutdown(&self) {
        let woken = {
            let mut inner = lock(&self.inner);
            inner.shutdown_asked = true;
            if inner.startup != Some(Answer::Complete) || inner.ended.is_some() {
                let ended = inner.ended.take();
                self.answer_shutdown(&mut inner, ended.unwrap_or(Ok(())));
            }
            std::mem::take(&mut inner.receiver)
        };
        for waker in woken {
            waker.wake();
        }
    }

    /// The app's task is over (`L-04`, `L-06`, `L-07`).
    pub(crate) fn end(&self, result: Result<(), String>) {
        let mut inner = lock(&self.inner);
        if inner.startup.is_none() {
            inner.startup = Some(Answer::Unsupported);
            let text = result
                .err()
                .unwrap_or_else(|| "the app returned from its lifespan without a word".to_owned());
            self.say(Said::Startup(Startup::Unsupported(text)));
            inner.ended = Some(Ok(()));
        } else if inner.shutdown_asked {
            self.answer_shutdown(&mut inner, result);
        } else {
            if let Err(text) = &result {
                eprintln!("lifespan ended early: {text}");
            }
            inner.ended = Some(result);
        }
    }

    /// Whether the shutdown has been answered: `run` returns.
    pub(crate) fn is_over(&self) -> bool {
        lock(&self.inner).shutdown.is_some()
    }

    fn answer_shutdown(&self, inner: &mut Inner, result: Result<(), String>) {
        if inner.shutdown.is_some() {
            return;
        }
        inner.shutdown = Some(if result.is_ok() {
            Answer::Complete
        } else {
            Answer::Failed
        });
        self.say(Said::Shutdown(result.map_err(shorten)));
    }

    fn say(&self, said: Said<Body>) {
        lock(&self.hub.outbox).batches.push(said);
    }

    /// What a call sees: a shallow copy (`L-09`).
    pub(crate) fn state(&self) -> State {
        lock(&self.inner).state.clone()
    }

    // ------------------------------------------------------------ the app's side

    pub(crate) fn change_state<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        change(&mut lock(&self.inner).state)
    }

    pub(crate) fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<Event> {
        let mut inner = lock(&self.inner);
        if !std::mem::replace(&mut inner.startup_seen, true) {
            return Poll::Ready(Event::LifespanStartup);
        }
        if inner.shutdown_asked && !std::mem::replace(&mut inner.shutdown_seen, true) {
            return Poll::Ready(Event::LifespanShutdown);
        }
        inner.receiver.push(cx.waker().clone());
        Poll::Pending
    }

    pub(crate) fn startup(&self, result: Result<(), String>) -> Result<(), SendError> {
        let mut inner = lock(&self.inner);
        if inner.startup.is_some() {
            return Err(SendError::InvalidState(
                "the startup has been answered already".into(),
            ));
        }
        let (answer, startup) = match result {
            Ok(()) => (Answer::Complete, Startup::Complete),
            Err(text) => (Answer::Failed, Startup::Failed(shorten(text))),
        };
        inner.startup = Some(answer);
        self.say(Said::Startup(startup));
        Ok(())
    }

    pub(crate) fn shutdown(&self, result: Result<(), String>) -> Result<(), SendError> {
        let mut inner = lock(&self.inner);
        if inner.shutdown.is_some() {
            return Err(SendError::InvalidState(
                "the shutdown has been answered already".into(),
            ));
        }
        if !inner.shutdown_asked {
            return Err(SendError::InvalidState(
                "nobody has asked for a shutdown".into(),
            ));
        }
        self.answer_shutdown(&mut inner, result);
        Ok(())
    }
}
