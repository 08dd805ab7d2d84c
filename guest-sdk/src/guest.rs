//! Drives the loop inside a component: `run`, and the two ways to wait for the host.
//!
//! Blocking in `exchange` is the cheap way, taken while nothing else can happen. While app code waits for a
//! waitable of another crate, `exchange` is awaited beside it, and what tasks say meanwhile goes out with `say`.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use crate::app::App;
use crate::bindings::types::{Action, Event};
use crate::bindings::{self, clocks};
use crate::clock::Clock;
use crate::event_loop::{Loop, Turn};
use crate::foreign;

/// The component's `run`: returns once the shutdown has been answered.
pub async fn run<A: App>(app: A) {
    let mut event_loop = Loop::new(app, Clock::System, bindings::enter);
    let mut events = Vec::new();
    loop {
        let turn = foreign::scope(|| event_loop.turn(events));
        say_all(&turn.full);
        if turn.done {
            bindings::say(&turn.said);
            // Futures of other crates may want their task while they are dropped.
            foreign::scope(|| drop(event_loop));
            return;
        }
        events = if foreign::is_pending() {
            match exchange_beside(&mut event_loop, turn).await {
                Some(events) => events,
                None => return foreign::scope(|| drop(event_loop)),
            }
        } else {
            let events = bindings::exchange(&turn.said, turn.until);
            event_loop.recycle(turn.said);
            events
        };
    }
}

fn say_all(batches: &[Vec<Action>]) {
    for batch in batches {
        bindings::say(batch);
    }
}

/// Waits for the host and for foreign waitables at once. `None` when the app has ended meanwhile.
///
/// The pending `exchange` is never dropped: if its result were already on the way, wit-bindgen would throw the
/// events away. A timer that a task sets meanwhile, earlier than `until`, therefore gets a host timer.
async fn exchange_beside<A: App>(event_loop: &mut Loop<A>, turn: Turn) -> Option<Vec<Event>> {
    let mut until = turn.until;
    let mut exchange = pin!(bindings::exchange_beside(turn.said, until));
    let mut alarm: Option<Pin<Box<dyn Future<Output = ()>>>> = None;
    std::future::poll_fn(|cx: &mut Context<'_>| {
        loop {
            if let Poll::Ready(events) = exchange.as_mut().poll(cx) {
                return Poll::Ready(Some(events));
            }
            let rung = alarm
                .as_mut()
                .is_some_and(|alarm| alarm.as_mut().poll(cx).is_ready());
            if rung {
                alarm = None;
                until = None;
            }
            if !rung && !event_loop.ready().watch(cx.waker()) {
                return Poll::Pending;
            }
            let turn = foreign::scope(|| event_loop.turn(Vec::new()));
            say_all(&turn.full);
            if !turn.said.is_empty() || turn.done {
                bindings::say(&turn.said);
            }
            event_loop.recycle(turn.said);
            if turn.done {
                return Poll::Ready(None);
            }
            if let Some(earliest) = turn.until
                && until.is_none_or(|until| earliest < until)
            {
                until = Some(earliest);
                alarm = Some(Box::pin(clocks::wait_until(earliest)));
            }
        }
    })
    .await
}
