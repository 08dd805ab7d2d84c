//! What `keeper.rs` and `pool.rs` do about an instance that runs: look at it, end its calls, let it go.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::Link;
use crate::asgi::call::Failure;
use crate::config::limits::Limits;
use crate::wasm::account::Usage;
use crate::wasm::opened::Opened;
use crate::wasm::overtime::{Due, Overtime};
use crate::wasm::retire::Why;

impl Link {
    /// Whether it has had a call.
    pub(in crate::wasm) fn is_used(&self) -> bool {
        self.lock().last_id > 0
    }

    /// Whether it takes a call, and its guest looks for events at this moment: it neither computes nor has any to take.
    pub(in crate::wasm) fn waits_for_calls(&self) -> bool {
        let queue = self.lock();
        queue.waker.is_some() && queue.takes(&self.limits, false)
    }

    /// How many calls it has had, unless it has one.
    pub(in crate::wasm) fn calls_before_idle(&self) -> Option<u64> {
        let queue = self.lock();
        queue.calls.is_empty().then_some(queue.last_id)
    }

    /// As [`close`](Self::close), if it has no call; whether that is so.
    pub(in crate::wasm) fn close_if_idle(&self) -> bool {
        let mut queue = self.lock();
        let idle = queue.calls.is_empty() && !queue.closed;
        if idle {
            queue.closed = true;
            queue.drain_if_idle();
        }
        idle
    }

    /// Calls opened and not `finished`, whatever they are: what the instance is busy with.
    pub fn calls_count(&self) -> usize {
        self.lock().calls.len()
    }

    /// What this instance uses, and has used.
    pub(in crate::wasm) fn usage(&self) -> Usage {
        let queue = self.lock();
        Usage {
            instances: 1,
            memory_bytes: self.budget.guest() as u64,
            host_bytes: self.budget.host() as u64,
            in_flight: queue.in_flight() as u64,
            websockets: queue.pinned as u64,
            cpu: self.ledger.cpu(),
            calls: queue.last_id,
            printed_bytes: self.printed_bytes.load(Ordering::Relaxed),
            ..Usage::default()
        }
    }

    /// Calls in flight, and apart from them the WebSockets that are pinned to this instance.
    pub fn in_flight_and_pinned(&self) -> (usize, usize) {
        let queue = self.lock();
        (queue.in_flight(), queue.pinned)
    }

    /// Fails the calls whose deadline has passed: `first_response` for those that have said nothing, `request` for
    /// all that are not complete, `websocket_accept` for handshakes without an answer. Gives, with their request ids, those
    /// that are over time from now on.
    pub fn enforce_deadlines(&self, limits: &Limits, now: Instant) -> Vec<(u64, Overtime)> {
        let (mut late, mut let_go, mut over) = (Vec::new(), Vec::new(), Vec::new());
        let mut queue = self.lock();
        for in_flight in queue.calls.values_mut() {
            let waited = now.saturating_duration_since(in_flight.since);
            if let Some(passed) = in_flight.call.passed(limits, waited) {
                late.push((in_flight.call.clone(), in_flight.request_id, passed));
            }
            let after = in_flight.call.after();
            match in_flight.clock.look(after, limits, now) {
                None => {}
                Some(Due::LetGo) => let_go.push(in_flight.call.clone()),
                Some(Due::Over(overtime)) => over.push((in_flight.request_id, overtime)),
            }
        }
        queue.drain_if_idle();
        drop(queue);
        for (call, request_id, passed) in late {
            self.report(request_id, call.fail(Failure::Deadline(passed)));
        }
        let_go.iter().for_each(|call| call.let_go());
        over
    }

    /// Says 1012 to the WebSockets: the instance is to end, and there is another, or soon will be (`W-29`).
    pub fn part_with_websockets(&self) {
        for (call, _) in self.calls() {
            if let Opened::WebSocket(socket) = call {
                socket.go_away();
            }
        }
    }

    /// Another instance is to take its place; until that one is ready it serves on.
    pub fn retire(&self, why: Why) {
        let mut queue = self.lock();
        if queue.retires.is_none() {
            queue.retires = Some(why);
            self.keeper.notify_one();
        }
    }

    /// Whether it is [to retire](Self::retire).
    pub fn retires(&self) -> Option<Why> {
        self.lock().retires
    }

    /// Sends `lifespan-shutdown` once the calls in flight are done or over time; no call is opened from now on.
    pub fn close(&self) {
        let mut queue = self.lock();
        queue.closed = true;
        queue.drain_if_idle();
    }

    /// The drain deadline has passed: fails every call that is still in flight and sends `lifespan-shutdown` although
    /// the guest has not finished them.
    pub fn abandon_calls(&self) {
        for (call, request_id) in self.calls() {
            self.report(request_id, call.fail(Failure::Stopped));
        }
        self.lock().shut_down();
    }
}
