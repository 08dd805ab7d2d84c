//! The loop: events of the host in, actions of the app out.
//!
//! It owns the tasks and knows which belongs to which call. [`Loop::turn`] never waits and never reaches the
//! host, except through `enter`, which only labels; the driver (`guest` on wasm, `testing` natively) does the
//! waiting, with what the turn answers. That keeps all of it testable without wasm.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{self, Poll, Waker};

use wasgi_sdk_core::{Calls, Outcome};

use crate::app::App;
use crate::bindings::types::{Action, Event as HostEvent, HttpCall, WebsocketCall};
use crate::call::{Call, Open, WebSocketCall};
use crate::clock::Clock;
use crate::error::{describe, is_disconnect};
use crate::exec::context::Context;
use crate::exec::ready::{Ready, TaskKey, TaskWake};
use crate::hub::Hub;
use crate::lifespan::Lifespan;
use crate::scope::{HttpScope, LifespanScope, Scope, WebSocketScope};
use crate::sync::lock;
use crate::{Error, Receive, Send, State};

/// Most polls of woken tasks in one turn, so that tasks which wake each other without end do not keep
/// the host's events out.
const MAX_POLLS: usize = 1_024;

/// What a turn leaves for the driver.
pub(crate) struct Turn {
    /// Batches to be said before the last one, almost always none.
    pub(crate) full: Vec<Vec<Action>>,
    /// The batch to go with the next `exchange`.
    pub(crate) said: Vec<Action>,
    /// When to be back at the latest, in nanoseconds of the loop's clock. 0 when there is work left.
    pub(crate) until: Option<u64>,
    /// The shutdown has been answered: say what there is and return from `run`.
    pub(crate) done: bool,
}

pub(crate) struct Loop<A> {
    app: A,
    hub: Arc<Hub>,
    context: Rc<Context>,
    /// Tells the host whose task is polled next.
    enter: fn(u64),
    entered: u64,
    tasks: Vec<Slot>,
    free: Vec<TaskKey>,
    /// Calls that have outlived their first poll, by id.
    calls: Calls<Open>,
    lifespan: Option<Arc<Lifespan>>,
    /// Room that is used again from turn to turn.
    woken: Vec<TaskKey>,
    spare: Vec<Action>,
}

struct Slot {
    work: Option<Work>,
    /// Whose call this is, 0 for none.
    call: u64,
    wake: Arc<TaskWake>,
    waker: Waker,
}

type AppFuture = Pin<Box<dyn Future<Output = Result<(), Error>>>>;

enum Work {
    Call(Open, AppFuture),
    Lifespan(Arc<Lifespan>, AppFuture),
    Spawned(Pin<Box<dyn Future<Output = ()>>>),
}

impl<A: App> Loop<A> {
    pub(crate) fn new(app: A, clock: Clock, enter: fn(u64)) -> Loop<A> {
        let hub = Hub::new(clock);
        Loop {
            app,
            context: Context::new(hub.clone()),
            hub,
            enter,
            entered: 0,
            tasks: Vec::new(),
            free: Vec::new(),
            calls: Calls::default(),
            lifespan: None,
            woken: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// One turn: hands the events to their calls, runs whatever can run, collects what was said.
    pub(crate) fn turn(&mut self, events: Vec<HostEvent>) -> Turn {
        self.entered = 0; // `exchange` has set it to none
        let installed = self.context.clone().install();
        if self.hub.timers.earliest().is_some() {
            self.hub.timers.fire(self.hub.clock.now());
        }
        for event in events {
            self.deliver(event);
        }
        let idle = self.run_ready();
        let held = lock(&self.hub.outbox).take_held();
        for call in held {
            call.flush_start();
        }
        drop(installed);

        let (full, said) = lock(&self.hub.outbox)
            .batches
            .take(std::mem::take(&mut self.spare));
        let until = if idle {
            self.hub.timers.earliest()
        } else {
            Some(0)
        };
        Turn {
            full,
            said,
            until,
            done: self
                .lifespan
                .as_ref()
                .is_some_and(|lifespan| lifespan.is_over()),
        }
    }

    /// Takes an emptied batch back, for its room.
    pub(crate) fn recycle(&mut self, mut batch: Vec<Action>) {
        batch.clear();
        self.spare = batch;
    }

    /// The queue of woken tasks, for a driver that waits for more than `exchange`.
    pub(crate) fn ready(&self) -> &Arc<Ready> {
        &self.hub.ready
    }

    // ------------------------------------------------------------ events

    fn deliver(&mut self, event: HostEvent) {
        match event {
            HostEvent::Http(call) => self.open(call),
            HostEvent::Body(chunk) => {
                if let Some(Open::Http(call)) = self.calls.get(&chunk.call) {
                    call.on_body(chunk);
                }
            }
            HostEvent::Writable(credit) => {
                self.advance(credit.call, |call| call.on_writable(credit.bytes))
            }
            HostEvent::Disconnect(id) => self.advance(id, |call| match call {
                Open::Http(call) => call.on_disconnect(),
                Open::WebSocket(_) => false, // it is told `closed`
            }),
            HostEvent::Message(message) => {
                if let Some(Open::WebSocket(call)) = self.calls.get(&message.call) {
                    call.on_message(message.payload);
                }
            }
            HostEvent::Closed(close) => self.advance(close.call, |call| match call {
                Open::WebSocket(call) => call.on_closed(close),
                Open::Http(_) => false,
            }),
            HostEvent::LifespanStartup => self.start_lifespan(),
            HostEvent::LifespanShutdown => self.lifespan().ask_shutdown(),
            HostEvent::Websocket(call) => self.open_websocket(call),
        }
    }

    /// Tells a call something that may end it. Calls that are unknown have ended: that is a race (`G-23`).
    fn advance(&mut self, id: u64, step: impl FnOnce(&Open) -> bool) {
        if self.calls.get(&id).is_some_and(step) {
            self.calls.remove(&id);
        }
    }

    fn open(&mut self, event: HttpCall) {
        let HttpCall {
            call: id,
            scope,
            body,
            more_body,
        } = event;
        let call = Call::new(id, self.hub.clone(), &scope, body, more_body);
        let scope = Scope::Http(HttpScope::new(scope, self.state()));
        self.start(
            scope,
            Receive::call(call.clone()),
            Send::call(call.clone()),
            Open::Http(call),
        );
    }

    fn open_websocket(&mut self, event: WebsocketCall) {
        let WebsocketCall { call: id, scope } = event;
        let call = WebSocketCall::new(id, self.hub.clone(), &scope);
        let scope = Scope::WebSocket(WebSocketScope::new(scope, self.state()));
        self.start(
            scope,
            Receive::websocket(call.clone()),
            Send::websocket(call.clone()),
            Open::WebSocket(call),
        );
    }

    fn start(&mut self, scope: Scope, receive: Receive, send: Send, call: Open) {
        let id = call.id();
        self.enter(id);
        let future = self.app.call(scope, receive, send);
        let key = self.add(id, Work::Call(call.clone(), Box::pin(future)));
        self.poll(key);
        // Most calls end here. The others have to be found again.
        if !call.is_finished() {
            self.calls.insert(id, call);
        }
    }

    fn state(&self) -> State {
        self.lifespan
            .as_ref()
            .map(|lifespan| lifespan.state())
            .unwrap_or_default()
    }

    fn start_lifespan(&mut self) {
        let lifespan = self.lifespan();
        self.enter(0);
        let scope = Scope::Lifespan(LifespanScope::new(lifespan.clone()));
        let future = self.app.call(
            scope,
            Receive::lifespan(lifespan.clone()),
            Send::lifespan(lifespan.clone()),
        );
        let key = self.add(0, Work::Lifespan(lifespan, Box::pin(future)));
        self.poll(key);
    }

    fn lifespan(&mut self) -> Arc<Lifespan> {
        self.lifespan
            .get_or_insert_with(|| Lifespan::new(self.hub.clone()))
            .clone()
    }

    // ------------------------------------------------------------ tasks

    fn add(&mut self, call: u64, work: Work) -> TaskKey {
        let key = match self.free.pop() {
            Some(key) => key,
            None => {
                let key = self.tasks.len();
                self.tasks.push(Slot::new(key, &self.hub.ready));
                key
            }
        };
        if let Some(slot) = self.tasks.get_mut(key) {
            slot.work = Some(work);
            slot.call = call;
        }
        key
    }

    /// Polls what is new and what was woken until nothing is left to do, and answers whether that is so.
    fn run_ready(&mut self) -> bool {
        let mut polls = 0;
        while polls < MAX_POLLS {
            let spawned = self.context.spawned.take();
            let mut woken = std::mem::take(&mut self.woken);
            self.hub.ready.take(&mut woken);
            polls += spawned.len() + woken.len();
            let idle = spawned.is_empty() && woken.is_empty();
            // A new task runs before whoever spawned it goes on, as `asyncio.sleep(0)` lets it.
            for task in spawned {
                let key = self.add(task.call, Work::Spawned(task.future));
                self.poll(key);
            }
            for key in woken.drain(..) {
                self.poll(key);
            }
            self.woken = woken;
            if idle {
                return true;
            }
        }
        self.hub.ready.is_empty() && self.context.spawned.borrow().is_empty()
    }

    fn poll(&mut self, key: TaskKey) {
        let Some(slot) = self.tasks.get_mut(key) else {
            return;
        };
        let Some(work) = &mut slot.work else { return };
        if self.entered != slot.call {
            self.entered = slot.call;
            (self.enter)(slot.call);
        }
        self.context.call.set(slot.call);
        slot.wake.start_poll();
        let mut cx = task::Context::from_waker(&slot.waker);
        let result = match work {
            Work::Call(_, future) | Work::Lifespan(_, future) => future.as_mut().poll(&mut cx),
            Work::Spawned(future) => future.as_mut().poll(&mut cx).map(Ok),
        };
        if let Poll::Ready(result) = result {
            self.end(key, result);
        }
        self.context.call.set(0);
    }

    fn end(&mut self, key: TaskKey, result: Result<(), Error>) {
        let Some(slot) = self.tasks.get_mut(key) else {
            return;
        };
        // The future goes first: what it still says by dropping comes before `finished`.
        let work = slot.work.take();
        slot.renew(key, &self.hub.ready);
        self.free.push(key);
        match work {
            Some(Work::Call(call, future)) => {
                drop(future);
                let outcome = match result {
                    Err(error) if !is_disconnect(&*error) => Outcome::Raised(describe(&*error)),
                    _ => Outcome::Returned, // `A-09`, `A-15`
                };
                if call.end(outcome) {
                    self.calls.remove(&call.id());
                }
            }
            Some(Work::Lifespan(lifespan, future)) => {
                drop(future);
                lifespan.end(result.map_err(|error| describe(&*error)));
            }
            Some(Work::Spawned(_)) | None => {}
        }
    }

    fn enter(&mut self, call: u64) {
        if self.entered != call {
            self.entered = call;
            (self.enter)(call);
        }
    }
}

impl Slot {
    fn new(key: TaskKey, ready: &Arc<Ready>) -> Slot {
        let wake = TaskWake::new(key, ready.clone());
        Slot {
            work: None,
            call: 0,
            waker: wake.clone().into(),
            wake,
        }
    }

    /// Gives the slot a waker that nobody else holds. In the common case nobody does.
    fn renew(&mut self, key: TaskKey, ready: &Arc<Ready>) {
        if Arc::strong_count(&self.wake) > 2 {
            *self = Slot::new(key, ready);
        }
    }
}

/// Tasks may use the loop while they are dropped (`sleep`, handles), so it has to be there.
impl<A> Drop for Loop<A> {
    fn drop(&mut self) {
        let installed = self.context.clone().install();
        self.tasks.clear();
        self.context.spawned.take();
        drop(installed);
    }
}
