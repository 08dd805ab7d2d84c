//! What the server's side and one instance share: the inbox of events, the calls in flight, the lifespan.
//!
//! The pool opens calls here and the server's ends of calls announce events here, from any thread; the instance's
//! `exchange` collects and answers. One lock, held for the time of a queue operation and never across a wait. It
//! bounds itself: at most `calls_max` calls, each announced at most once.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use rustc_hash::FxHashMap;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::ledger::Ledger;
use super::opened::{Opened, Scope};
use super::overtime::Clock;
use super::retire::{Bounds, Why};
use super::waiting::Waiting;
use crate::asgi::budget::{Budget, CALL_PRICE, Charge, OverBudget};
use crate::asgi::call::{Effect, Failure, Inbox, wake};
use crate::asgi::lifespan::{Lifespan, OutOfOrder, Phase};
use crate::asgi::{MARK, websocket};
use crate::bindings::types::{CallId, Event};
use crate::config::Reuse;
use crate::config::limits::Limits;
use crate::telemetry::Sparse;

mod care;

/// Most events in one exchange (`wit/world.wit`, "Bounds of a batch").
const BATCH_EVENTS_MAX: usize = 256;

/// What a call may need of it.
const EVENTS_ROOM_MIN: usize = 3;

/// How many finished calls are remembered for the log.
const FINISHED_MAX: usize = 256;

/// No further event once the bodies in a batch exceed this.
const BATCH_BYTES_MAX: usize = 8 * MARK;

/// One instance, as others see it.
pub struct Link {
    /// The app's name, for logs.
    pub app: Arc<str>,
    /// Which instance of the app this is, for logs: counted up over replacements.
    pub number: u64,
    /// The origin of the guest's monotonic clock.
    pub born: Instant,
    /// Its memory, and what the host holds for it.
    pub budget: Arc<Budget>,
    /// What it computes.
    pub(super) ledger: Arc<Ledger>,
    /// What the guest has written to stdout and stderr, in bytes.
    pub(super) printed_bytes: AtomicU64,
    /// It was refused memory: what it traps of next is probably that.
    pub(super) starved: AtomicBool,
    /// Actions for calls that were `finished` before.
    pub(super) late_actions: Sparse,
    /// Calls that were not taken for want of memory.
    refusals: Sparse,
    limits: Limits,
    /// Of its life.
    pub(super) bounds: Bounds,
    /// Hears when it is to retire.
    keeper: Arc<Notify>,
    /// Which call the guest works for; 0 for none.
    current: AtomicU64,
    queue: Mutex<Queue>,
    /// Those who get the place of a call that ends.
    waiting: Arc<Waiting>,
    me: Weak<Link>,
}

#[derive(Default)]
struct Queue {
    lifespan: Lifespan,
    startup_due: bool,
    shutdown_due: bool,
    /// No calls any more: the instance drains or is dead.
    closed: bool,
    /// Another instance is to take its place.
    retires: Option<Why>,
    /// The events that open calls.
    opened: VecDeque<Event>,
    ready: VecDeque<CallId>,
    calls: FxHashMap<CallId, InFlight>,
    /// How many of them are WebSockets that the app has accepted.
    pinned: usize,
    /// Request ids of calls that were finished lately: their tasks may live on, and print (`G-11`).
    finished: VecDeque<(CallId, u64)>,
    last_id: CallId,
    waker: Option<Waker>,
    /// The instance's task waits for a change of the lifespan.
    watcher: Option<Waker>,
}

struct InFlight {
    call: Opened,
    request_id: u64,
    since: Instant,
    pinned: bool,
    /// Runs when the client gets nothing more.
    clock: Clock,
    /// What it costs the host, beside what it queues.
    _charge: Charge,
    /// Given back when the app is done with the call.
    _permit: Option<OwnedSemaphorePermit>,
}

/// A call that is to be opened.
pub struct Opening {
    /// What the app gets, and what the host knows besides.
    pub scope: Scope,
    /// Counts the call where calls are counted.
    pub permit: Option<OwnedSemaphorePermit>,
}

/// An action named an id that was never given out: no call is to blame.
#[derive(Debug)]
pub struct UnknownCall(pub CallId);

impl Link {
    /// The link of an instance that is about to start, and of which nobody takes care.
    pub fn new(app: Arc<str>, number: u64, limits: &Limits, waiting: Arc<Waiting>) -> Arc<Self> {
        let budget = Budget::new(limits.memory_bytes_max);
        let (bounds, keeper) = (Bounds::NONE, Arc::default());
        Self::kept(app, number, limits, budget, waiting, bounds, keeper)
    }

    /// The link of an instance that is about to start, with the bounds of its life.
    pub(super) fn kept(
        app: Arc<str>,
        number: u64,
        limits: &Limits,
        budget: Arc<Budget>,
        waiting: Arc<Waiting>,
        bounds: Bounds,
        keeper: Arc<Notify>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            app,
            number,
            born: Instant::now(),
            budget,
            ledger: Ledger::new(limits.cpu),
            printed_bytes: AtomicU64::new(0),
            starved: AtomicBool::new(false),
            late_actions: Sparse::default(),
            refusals: Sparse::default(),
            limits: limits.clone(),
            bounds,
            keeper,
            current: AtomicU64::new(0),
            queue: Mutex::new(Queue {
                startup_due: true,
                ..Queue::default()
            }),
            waiting,
            me: me.clone(),
        })
    }

    // ------------------------------------------------------------ for the server's side

    /// Opens a call, or gives it back when this instance takes none (not ready, full, draining).
    ///
    /// # Errors
    /// What was to be opened, so that it can be offered to another instance.
    #[expect(
        clippy::result_large_err,
        reason = "it is the argument given back, not an error"
    )]
    pub fn open(&self, opening: Opening, now: Instant) -> Result<Opened, Opening> {
        let Some(me) = self.me.upgrade() else {
            return Err(opening);
        };
        let mut queue = self.lock();
        let for_websocket = matches!(opening.scope, Scope::WebSocket(..));
        if !queue.takes(&self.limits, for_websocket) {
            return Err(opening);
        }
        let charge = match self.budget.charge(CALL_PRICE) {
            Ok(charge) => charge,
            Err(over) => {
                drop(queue);
                self.warn_of(&over);
                return Err(opening);
            }
        };
        let Opening { scope, permit } = opening;
        queue.last_id += 1;
        let id = queue.last_id;
        let request_id = scope.request_id();
        let (call, event) = scope.open(id, me, &self.limits);
        queue.calls.insert(
            id,
            InFlight {
                call: call.clone(),
                request_id,
                since: now,
                pinned: false,
                clock: Clock::default(),
                _charge: charge,
                _permit: permit,
            },
        );
        queue.opened.push_back(event);
        // It was the first, and is the last.
        queue.closed |= self.limits.instances.reuse == Reuse::Isolated;
        let waker = queue.waker.take();
        drop(queue);
        wake(waker);
        if id >= self.bounds.calls {
            self.retire(Why::Calls(id));
        }
        Ok(call)
    }

    /// Waits for a phase of the lifespan. For one task: the instance's own.
    pub(super) fn poll_phase(
        &self,
        cx: &mut Context<'_>,
        done: impl Fn(&Phase) -> bool,
    ) -> Poll<Phase> {
        let mut queue = self.lock();
        if done(queue.lifespan.phase()) {
            return Poll::Ready(queue.lifespan.phase().clone());
        }
        queue.watcher = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Where the lifespan stands.
    pub fn phase(&self) -> Phase {
        self.lock().lifespan.phase().clone()
    }

    // ------------------------------------------------------------ for the instance

    /// Waits for events and collects one batch.
    pub(super) fn poll_events(&self, cx: &mut Context<'_>) -> Poll<Vec<Event>> {
        let mut queue = self.lock();
        let mut events = Vec::new();
        if std::mem::take(&mut queue.startup_due) {
            events.push(Event::LifespanStartup);
            return Poll::Ready(events);
        }
        while events.len() < BATCH_EVENTS_MAX
            && let Some(opened) = queue.opened.pop_front()
        {
            events.push(opened);
        }
        let mut bytes = 0;
        // What comes again in this turn waits for the next, so that one call cannot fill the batch.
        for _ in 0..queue.ready.len() {
            let room = BATCH_EVENTS_MAX.saturating_sub(events.len());
            if room < EVENTS_ROOM_MIN || bytes > BATCH_BYTES_MAX {
                break;
            }
            let Some(id) = queue.ready.pop_front() else {
                break;
            };
            let Some(in_flight) = queue.calls.get(&id) else {
                continue;
            };
            let before = events.len();
            let again = in_flight.call.events(&mut events, room);
            bytes += body_bytes(events.get(before..).unwrap_or_default());
            if again {
                queue.ready.push_back(id);
            }
        }
        if std::mem::take(&mut queue.shutdown_due) {
            events.push(Event::LifespanShutdown);
        }
        if !events.is_empty() {
            return Poll::Ready(events);
        }
        queue.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The call of an action; none when it has been `finished`.
    pub(super) fn call(&self, id: CallId) -> Result<Option<(Opened, u64)>, UnknownCall> {
        let queue = self.lock();
        if id == 0 || id > queue.last_id {
            return Err(UnknownCall(id));
        }
        let found = queue.calls.get(&id);
        Ok(found.map(|in_flight| (in_flight.call.clone(), in_flight.request_id)))
    }

    /// The guest has accepted a WebSocket: from now on it counts apart, and its place is another's.
    pub(super) fn pin(&self, id: CallId) {
        let mut queue = self.lock();
        let Some(in_flight) = queue.calls.get_mut(&id) else {
            return;
        };
        if in_flight.pinned || !in_flight.call.is_pinned() {
            return;
        }
        in_flight.pinned = true;
        queue.pinned += 1;
        drop(queue);
        self.waiting.offer(self);
    }

    /// The guest is done with a call.
    pub(super) fn remove(&self, id: CallId) {
        let mut queue = self.lock();
        if let Some(in_flight) = queue.calls.remove(&id) {
            queue.pinned -= usize::from(in_flight.pinned);
            if queue.finished.len() >= FINISHED_MAX {
                queue.finished.pop_front();
            }
            queue.finished.push_back((id, in_flight.request_id));
        }
        queue.drain_if_idle();
        drop(queue);
        self.waiting.offer(self);
    }

    /// The guest has answered a lifespan event.
    pub(super) fn lifespan(
        &self,
        answer: impl FnOnce(&mut Lifespan) -> Result<(), OutOfOrder>,
    ) -> Result<(), OutOfOrder> {
        let mut queue = self.lock();
        answer(&mut queue.lifespan)?;
        queue.drain_if_idle();
        let wakers = (queue.waker.take(), queue.watcher.take());
        drop(queue);
        wake(wakers.0);
        wake(wakers.1);
        Ok(())
    }

    /// The guest works for `call` from here on (0 for none).
    pub(super) fn enter(&self, call: CallId) {
        self.current.store(call, Ordering::Relaxed);
    }

    /// The request id of the call that the guest works for.
    pub(super) fn current_request(&self) -> Option<u64> {
        match self.current.load(Ordering::Relaxed) {
            0 => None,
            id => self.lock().request_id(id),
        }
    }

    /// The instance has ended: every call in it ends too (`G-04`). `trap` is charged to the call that the guest
    /// worked for.
    pub(super) fn end(&self, trap: Option<&str>) {
        self.lock().closed = true;
        let current = self.current.load(Ordering::Relaxed);
        for (call, request_id) in self.calls() {
            let failure = match trap {
                Some(text) if call.id() == current => Failure::Trapped(text.to_owned()),
                _ => Failure::InstanceLost,
            };
            self.report(request_id, call.fail(failure));
        }
        let mut queue = self.lock();
        queue.calls.clear();
        queue.pinned = 0;
        queue.opened.clear();
        queue.ready.clear();
    }

    /// Writes what went wrong with a call to the app's log.
    pub(super) fn report(&self, request_id: u64, effect: Effect) {
        let (app, instance) = (&*self.app, self.number);
        match effect {
            Effect::Done => {}
            Effect::Failed(failure) => {
                tracing::error!(app, instance, request = %RequestId(request_id), "{failure}");
            }
            Effect::RaisedLate(text) => {
                tracing::error!(app, instance, request = %RequestId(request_id), "the app raised after its response: {text}");
            }
        }
    }

    /// The app's memory is full, with what the host holds for it.
    fn warn_of(&self, over: &OverBudget) {
        if let Some(count) = self.refusals.count() {
            let (app, instance) = (&*self.app, self.number);
            tracing::warn!(
                app,
                instance,
                limit = "memory",
                "no room for a call: {over} ({count} times so far)"
            );
        }
    }

    fn calls(&self) -> Vec<(Opened, u64)> {
        let queue = self.lock();
        queue
            .calls
            .values()
            .map(|in_flight| (in_flight.call.clone(), in_flight.request_id))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox for Link {
    fn ready(&self, call: CallId) {
        let mut queue = self.lock();
        queue.ready.push_back(call);
        let waker = queue.waker.take();
        drop(queue);
        wake(waker);
    }

    fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    fn no_room(&self, call: CallId, over: &OverBudget) {
        let request_id = self.lock().request_id(call);
        let failure = Failure::Memory(*over);
        self.report(request_id.unwrap_or_default(), Effect::Failed(failure));
    }
}

impl Queue {
    /// Whether a call can be opened.
    fn takes(&self, limits: &Limits, for_websocket: bool) -> bool {
        let has_room = match limits.instances.reuse {
            Reuse::Concurrent => {
                self.in_flight() < limits.calls_max
                    && (!for_websocket || self.pinned < limits.websockets_max)
            }
            Reuse::Serial => self.calls.is_empty(),
            Reuse::Isolated => self.last_id == 0,
        };
        has_room && !self.closed && *self.lifespan.phase() == Phase::Ready
    }

    /// Without those that are pinned.
    fn in_flight(&self) -> usize {
        self.calls.len() - self.pinned
    }

    fn request_id(&self, id: CallId) -> Option<u64> {
        let in_flight = self.calls.get(&id).map(|in_flight| in_flight.request_id);
        in_flight.or_else(|| {
            let found = self.finished.iter().find(|(finished, _)| *finished == id);
            found.map(|(_, request_id)| *request_id)
        })
    }

    /// Nobody waits for those that are over time.
    fn drain_if_idle(&mut self) {
        if self.closed && self.calls.values().all(|call| call.clock.is_over()) {
            self.shut_down();
        }
    }

    fn shut_down(&mut self) {
        if self.lifespan.drain() {
            self.shutdown_due = true;
            wake(self.waker.take());
            wake(self.watcher.take());
        }
    }
}

/// A request id as people see it: 16 hexadecimal digits.
pub struct RequestId(pub u64);

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

fn body_bytes(events: &[Event]) -> usize {
    events
        .iter()
        .map(|event| match event {
            Event::Body(chunk) => chunk.body.len(),
            Event::Message(message) => websocket::length(&message.payload),
            _ => 0,
        })
        .sum()
}
