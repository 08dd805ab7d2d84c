//! The imported functions of the contract: actions to calls, events to the guest.
//!
//! The guest is not trusted (`G-08`): everything it says is checked again, by `asgi::call` where a call is to
//! blame and here where none is. An error from here is a trap and ends the instance (`wit/world.wit`, "What a
//! violation costs").

#[cfg(any(test, feature = "fuzzing"))]
pub(super) mod fuzz;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wasmtime::component::{Accessor, HasData};

use super::instance::Broken;
use super::link::{Link, UnknownCall};
use super::opened::Opened;
use super::store::Data;
use crate::asgi::call::Effect;
use crate::asgi::lifespan::Lifespan;
use crate::asgi::{Call, Violation, WebSocket, websocket};
use crate::bindings::event_loop;
use crate::bindings::types::{Action, CallId, Event, Fields, Instant, Outcome, Shutdown, Startup};
use crate::telemetry::clip;

/// Most actions in one batch.
const SAID_ACTIONS_MAX: usize = 1024;

/// Most bytes of lists and strings in one batch.
const SAID_BYTES_MAX: usize = 1024 * 1024;

/// Marks the host's data for the generated traits.
pub(super) struct EventLoop;

impl HasData for EventLoop {
    type Data<'a> = &'a mut Data;
}

impl event_loop::HostWithStore<Data> for EventLoop {
    async fn exchange(
        accessor: &Accessor<Data, Self>,
        said: Vec<Action>,
        until: Option<Instant>,
    ) -> wasmtime::Result<Vec<Event>> {
        let (link, was_busy, _turn) = accessor.with(|mut access| -> wasmtime::Result<_> {
            let data = access.get();
            let was_busy = data.link.ledger.reset();
            Ok((data.link.clone(), was_busy, Turn::take(&data.exchanging)?))
        })?;
        link.enter(0);
        apply(&link, said)?;
        let (events, has_waited) = wait(&link, until).await;
        if was_busy && (has_waited || !events.is_empty()) {
            accessor.with(|mut access| access.get().link.ledger.rested());
        }
        Ok(events)
    }
}

impl event_loop::Host for Data {
    fn say(&mut self, said: Vec<Action>) -> wasmtime::Result<()> {
        apply(&self.link, said)
    }

    fn enter(&mut self, call: CallId) -> wasmtime::Result<()> {
        self.link.enter(call);
        Ok(())
    }
}

/// The one exchange of an instance; gives the turn back when it ends, also when the guest cancels it.
struct Turn(Arc<AtomicBool>);

impl Turn {
    fn take(exchanging: &Arc<AtomicBool>) -> wasmtime::Result<Self> {
        if exchanging.swap(true, Ordering::Relaxed) {
            return Err(broken("a second `exchange` while one is pending"));
        }
        Ok(Self(exchanging.clone()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// The events that there are, and whether they were waited for.
async fn wait(link: &Link, until: Option<Instant>) -> (Vec<Event>, bool) {
    let events = poll_fn(|cx| link.poll_events(cx));
    let deadline = until.and_then(|until| link.born.checked_add(Duration::from_nanos(until)));
    let Some(deadline) = deadline else {
        return (events.await, true);
    };
    if deadline <= std::time::Instant::now() {
        // A poll: let the connections of this thread run, so that it is worth something.
        tokio::task::yield_now().await;
        let mut events = std::pin::pin!(events);
        let polled = poll_fn(|cx| {
            std::task::Poll::Ready(match events.as_mut().poll(cx) {
                std::task::Poll::Ready(events) => events,
                std::task::Poll::Pending => Vec::new(),
            })
        });
        return (polled.await, false);
    }
    // Batches are collected only when they are returned, so a timeout loses nothing.
    let timeout = tokio::time::timeout_at(deadline.into(), events);
    (timeout.await.unwrap_or_default(), true)
}

fn apply(link: &Link, said: Vec<Action>) -> wasmtime::Result<()> {
    if said.len() > SAID_ACTIONS_MAX {
        return Err(broken(format_args!(
            "more than {SAID_ACTIONS_MAX} actions in one batch"
        )));
    }
    // A message cannot be split; one that is larger stands alone, and its own limit applies.
    let is_message = matches!(&said[..], [Action::Message(_)]);
    if !is_message && said.iter().map(bytes_of).sum::<usize>() > SAID_BYTES_MAX {
        return Err(broken(format_args!(
            "more than {SAID_BYTES_MAX} bytes in one batch"
        )));
    }
    for action in said {
        apply_one(link, action)?;
    }
    Ok(())
}

fn apply_one(link: &Link, action: Action) -> wasmtime::Result<()> {
    match action {
        Action::Respond(it) => with(link, it.call, |call| match call {
            Opened::Http(call) => call.respond(it),
            Opened::WebSocket(socket) => socket.respond(it),
        }),
        Action::Start(it) => with(link, it.call, |call| match call {
            Opened::Http(call) => call.start(it),
            Opened::WebSocket(socket) => socket.start(it),
        }),
        Action::Body(it) => with(link, it.call, |call| match call {
            Opened::Http(call) => call.body(it),
            Opened::WebSocket(socket) => socket.body(it),
        }),
        Action::Read(it) => with(link, it.call, |call| call.read(it.bytes)),
        Action::Finished(mut it) => {
            let id = it.call;
            if let Outcome::Raised(text) = it.outcome {
                it.outcome = Outcome::Raised(clip(text));
            }
            with(link, id, |call| call.finished(it))?;
            link.remove(id);
            Ok(())
        }
        Action::Startup(startup) => started(link, startup),
        Action::Shutdown(shutdown) => stopped(link, shutdown),
        Action::Trailers(it) => with_http(link, it.call, |call| call.trailers(it)),
        Action::Pathsend(it) => with_http(link, it.call, |call| call.pathsend(it)),
        // Neither hyper nor what it builds on can send a head before the head (`E-04`).
        Action::EarlyHint(it) => {
            let unsupported = Violation::Unsupported("early-hint");
            with(link, it.call, |call| call.refuse(unsupported))
        }
        Action::Accept(it) => {
            let id = it.call;
            with_websocket(link, id, |socket| socket.accept(it))?;
            link.pin(id);
            Ok(())
        }
        Action::Message(it) => with_websocket(link, it.call, |socket| socket.message(it)),
        Action::Close(it) => with_websocket(link, it.call, |socket| socket.close(it)),
    }
}

fn with_http(link: &Link, id: CallId, act: impl FnOnce(&Call) -> Effect) -> wasmtime::Result<()> {
    with(link, id, |call| match call {
        Opened::Http(call) => act(call),
        Opened::WebSocket(socket) => socket.refuse(Violation::InvalidState(
            "an action of http alone, for a WebSocket",
        )),
    })
}

fn with_websocket(
    link: &Link,
    id: CallId,
    act: impl FnOnce(&WebSocket) -> Effect,
) -> wasmtime::Result<()> {
    with(link, id, |call| match call {
        Opened::WebSocket(socket) => act(socket),
        Opened::Http(call) => call.refuse(Violation::InvalidState(
            "a WebSocket action for an http call",
        )),
    })
}

fn with(link: &Link, id: CallId, act: impl FnOnce(&Opened) -> Effect) -> wasmtime::Result<()> {
    match link.call(id) {
        Ok(Some((call, request_id))) => link.report(request_id, act(&call)),
        Ok(None) => {
            if let Some(count) = link.late_actions.count() {
                let (app, instance) = (&*link.app, link.number);
                tracing::warn!(
                    app,
                    instance,
                    call = id,
                    "an action for a call that has been `finished`: ignored ({count} so far)"
                );
            }
        }
        Err(UnknownCall(id)) => {
            return Err(broken(format_args!(
                "an action for call {id}, which was never given out"
            )));
        }
    }
    Ok(())
}

fn started(link: &Link, startup: Startup) -> wasmtime::Result<()> {
    let (app, instance) = (&*link.app, link.number);
    let answered = match startup {
        Startup::Complete => link.lifespan(Lifespan::started),
        Startup::Unsupported(why) => {
            let why = clip(why);
            tracing::debug!(app, instance, "the app goes on without lifespan: {why}");
            link.lifespan(Lifespan::started)
        }
        Startup::Failed(why) => link.lifespan(|lifespan| lifespan.failed(clip(why))),
    };
    answered.map_err(|out_of_order| broken(out_of_order.0))
}

fn stopped(link: &Link, shutdown: Shutdown) -> wasmtime::Result<()> {
    if let Shutdown::Failed(why) = shutdown {
        let (app, instance) = (&*link.app, link.number);
        tracing::error!(app, instance, "lifespan.shutdown.failed: {}", clip(why));
    }
    link.lifespan(Lifespan::stopped)
        .map_err(|out_of_order| broken(out_of_order.0))
}

/// The trap for a guest that does not keep to the contract, where no call is to blame.
fn broken(what: impl std::fmt::Display) -> wasmtime::Error {
    Broken(what.to_string()).into()
}

fn bytes_of(action: &Action) -> usize {
    let fields = |fields: &Fields| fields.text.len() + fields.lengths.len() * 8;
    match action {
        Action::Respond(it) => fields(&it.headers) + it.body.len(),
        Action::Body(it) => it.body.len(),
        Action::Start(it) => fields(&it.headers),
        Action::Trailers(it) => fields(&it.headers),
        Action::EarlyHint(it) => it.links.iter().map(Vec::len).sum(),
        Action::Pathsend(it) => it.path.len(),
        Action::Accept(it) => fields(&it.headers),
        Action::Message(it) => websocket::length(&it.payload),
        Action::Close(it) => it.reason.len(),
        Action::Finished(it) => match &it.outcome {
            Outcome::Raised(text) => text.len(),
            Outcome::Returned => 0,
        },
        Action::Startup(Startup::Failed(text) | Startup::Unsupported(text))
        | Action::Shutdown(Shutdown::Failed(text)) => text.len(),
        Action::Startup(Startup::Complete) | Action::Shutdown(Shutdown::Complete) => 0,
        Action::Read(_) => 0,
    }
}
