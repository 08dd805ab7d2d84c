//! `_wasgi.Call`: one call, of HTTP or of a WebSocket, as `receive` and `send` in `wasgi/bridge/ends.py` use it.
//!
//! The state machine is in `state`; here are the futures of who waits. A future is woken by `set_result(None)` and its
//! owner asks again; nothing is ever handed over in a future, so a cancelled one loses nothing (`G-09`).

use std::collections::VecDeque;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use pyo3::{PyTraverseError, PyVisit, intern};
use wasgi_sdk_core::{Call as Http, Closed, Effect, Outcome, Payload, WebSocket};

use super::body::Body;
use super::futures::wake;
use super::state::State;
use super::{errors, futures, hub};

/// `describe(error)` of Python: the text for the log, or None for a disconnect that escaped (`A-09`).
static DESCRIBE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

pub(crate) fn use_describe(function: &Bound<'_, PyAny>) {
    let _ = DESCRIBE.set(function.py(), function.clone().unbind());
}

/// One call.
#[pyclass]
pub(crate) struct Call {
    state: State,
    request_id: u64,
    /// Futures of those who wait in `receive`, first come first served (`A-16`). One keeps its place until served.
    receivers: VecDeque<Py<PyAny>>,
    /// Futures of those who wait in `send` for bytes to leave.
    senders: Vec<Py<PyAny>>,
    /// The app's task, once it has outlived its first step: asyncio itself holds tasks weakly.
    task: Option<Py<PyAny>>,
}

impl Call {
    pub(crate) fn http(request_id: u64, state: Http<Body>) -> Call {
        Call::new(request_id, State::Http(state))
    }

    pub(crate) fn websocket(request_id: u64, state: WebSocket<Body>) -> Call {
        Call::new(request_id, State::WebSocket(state))
    }

    fn new(request_id: u64, state: State) -> Call {
        Call {
            state,
            request_id,
            receivers: VecDeque::new(),
            senders: Vec::new(),
            task: None,
        }
    }

    /// The host's name for it.
    pub(crate) fn id(&self) -> u64 {
        self.state.id()
    }

    pub(crate) fn flush_start(&mut self) {
        self.state.flush_start();
    }

    /// Who is to be woken now: everyone once it is over, else the first if there is something to take.
    fn woken_receivers(&self, py: Python<'_>) -> Vec<Py<PyAny>> {
        if self.receivers.is_empty() || !self.state.has_event() {
            return Vec::new();
        }
        let count = if self.state.is_over() { usize::MAX } else { 1 };
        self.receivers
            .iter()
            .take(count)
            .map(|future| future.clone_ref(py))
            .collect()
    }
}

/// Feeds an event of the host into a call, then wakes who waited for it. `step` answers whether the call has ended.
fn advance(call: &Bound<'_, Call>, step: impl FnOnce(&mut State) -> bool) {
    let py = call.py();
    let (id, ended, receivers, senders) = {
        let mut call = call.borrow_mut();
        let ended = step(&mut call.state);
        let senders = if call.state.is_full() {
            Vec::new()
        } else {
            std::mem::take(&mut call.senders)
        };
        (call.state.id(), ended, call.woken_receivers(py), senders)
    };
    if ended {
        hub::forget(id);
    }
    wake(py, receivers.into_iter().chain(senders));
}

pub(crate) fn on_body(call: &Bound<'_, Call>, body: &[u8], more: bool) {
    let body = Body::copy(call.py(), body);
    advance(call, |state| {
        if let State::Http(call) = state {
            call.on_body(body, more);
        }
        false
    });
}

pub(crate) fn on_disconnect(call: &Bound<'_, Call>) {
    advance(call, |state| match state {
        State::Http(call) => hub::outbox(|outbox| call.on_disconnect(outbox)),
        State::WebSocket(_) => false,
    });
}

pub(crate) fn on_message(call: &Bound<'_, Call>, message: Payload<Body>) {
    advance(call, |state| {
        if let State::WebSocket(socket) = state {
            socket.on_message(message);
        }
        false
    });
}

pub(crate) fn on_closed(call: &Bound<'_, Call>, closed: Closed) {
    advance(call, |state| match state {
        State::WebSocket(socket) => hub::outbox(|outbox| socket.on_closed(closed, outbox)),
        State::Http(_) => false,
    });
}

pub(crate) fn on_writable(call: &Bound<'_, Call>, bytes: u32) {
    advance(call, |state| state.on_writable(bytes));
}

/// The app has ended.
pub(crate) fn end(call: &Bound<'_, Call>, outcome: Outcome) {
    let task = call.borrow_mut().task.take();
    advance(call, |state| state.end(outcome));
    drop(task);
}

/// Whether the host may still have something for this call.
pub(crate) fn is_finished(call: &Bound<'_, Call>) -> bool {
    call.borrow().state.is_finished()
}

/// The app goes on beyond its first step, as `task`.
pub(crate) fn keep_task(call: &Bound<'_, Call>, task: &Bound<'_, PyAny>) {
    call.borrow_mut().task = Some(task.clone().unbind());
}

/// What a finished task says about its call.
pub(crate) fn outcome(task: &Bound<'_, PyAny>) -> Outcome {
    let py = task.py();
    match task.call_method0(intern!(py, "exception")) {
        Ok(none) if none.is_none() => Outcome::Returned, // `A-15`
        Ok(error) => failed(&error),
        Err(cancelled) => failed(cancelled.value(py)),
    }
}

/// What an exception that has left the app says about its call.
pub(crate) fn failed(error: &Bound<'_, PyAny>) -> Outcome {
    let described = match DESCRIBE.get(error.py()) {
        Some(describe) => describe.call1(error.py(), (error,)),
        None => return Outcome::Raised("the app raised".to_owned()),
    };
    match described {
        Ok(none) if none.is_none(error.py()) => Outcome::Returned,
        Ok(text) => Outcome::Raised(
            text.extract(error.py())
                .unwrap_or_else(|_| "the app raised an error without words".to_owned()),
        ),
        Err(_) => Outcome::Raised("the app raised an error that cannot be described".to_owned()),
    }
}

#[pymethods]
impl Call {
    /// The next event, or None when the caller has to wait: nothing is there, or others were first.
    fn take<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        self.state.ask();
        if !self.receivers.is_empty() && !self.state.is_over() {
            return Ok(None);
        }
        self.state.take(py)
    }

    /// A place behind those who wait in `receive`, as a future of the running loop.
    fn line_up<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let future = futures::new(slf.py())?;
        let place = future.clone().unbind();
        slf.borrow_mut().receivers.push_back(place);
        Ok(future)
    }

    /// The event for which `future` was woken; its place is given up.
    fn take_in_line<'py>(
        slf: &Bound<'py, Self>,
        future: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        let py = slf.py();
        let (event, next) = {
            let mut call = slf.borrow_mut();
            let is_first = call.receivers.front().is_some_and(|first| first.is(future));
            if !is_first && !call.state.is_over() {
                return Ok(None);
            }
            let event = call.state.take(py)?;
            if event.is_some() {
                call.receivers.retain(|other| !other.is(future));
            }
            (event, call.woken_receivers(py))
        };
        wake(py, next);
        Ok(event)
    }

    /// `future` does not wait any more. It had consumed nothing (`G-09`).
    fn leave(slf: &Bound<'_, Self>, future: &Bound<'_, PyAny>) {
        let next = {
            let mut call = slf.borrow_mut();
            call.receivers.retain(|other| !other.is(future));
            call.woken_receivers(slf.py())
        };
        wake(slf.py(), next);
    }

    /// Says an event of `send`, wholly or not at all. True if the caller has to wait for bytes to leave (`A-11`).
    fn say(slf: &Bound<'_, Self>, event: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = slf.py();
        let read = {
            let call = slf.borrow();
            if call.state.ignores_sends() {
                return Ok(false); // `R-06`
            }
            call.state.reader()
        };
        // It may run code of the app: nothing is borrowed.
        let sent = read(event)?;
        let (effect, full, woken) = {
            let mut call = slf.borrow_mut();
            let effect = (call.state.say(sent)).map_err(|refused| errors::raise(py, &refused))?;
            // Whoever waits in `receive` learns that it is over (`Q-09`).
            (effect, call.state.is_full(), call.woken_receivers(py))
        };
        match effect {
            Effect::Held => hub::hold(slf.clone().unbind()),
            Effect::Released => hub::release(slf),
            Effect::Nothing => {}
        }
        wake(py, woken);
        Ok(full)
    }

    /// A future of the running loop that is woken when enough bytes have left, or nobody is listening any more.
    fn wait_sent<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let future = futures::new(slf.py())?;
        let sender = future.clone().unbind();
        slf.borrow_mut().senders.push(sender);
        Ok(future)
    }

    /// True while a `send` still has to wait; raises `ClientDisconnected` if it waits in vain.
    fn is_full(&self, py: Python<'_>) -> PyResult<bool> {
        self.state
            .must_wait()
            .map_err(|refused| errors::raise(py, &refused))
    }

    /// The task's done callback.
    fn ended(slf: &Bound<'_, Self>, task: &Bound<'_, PyAny>) {
        end(slf, outcome(task));
    }

    /// The host's name for the request, as in its logs.
    #[getter]
    fn request_id(&self) -> String {
        format!("{:016x}", self.request_id)
    }

    fn __repr__(&self) -> String {
        format!("<Call {:016x}>", self.request_id)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for future in self.receivers.iter().chain(&self.senders) {
            visit.call(future)?;
        }
        visit.call(&self.task)
    }

    fn __clear__(&mut self) {
        self.receivers.clear();
        self.senders.clear();
        self.task = None;
    }
}
