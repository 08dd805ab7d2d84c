//! `_wasgi.Bridge`: the loop's `turn`. Hands over what was said, waits, and starts or feeds the calls.

use std::sync::Mutex;

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use wasgi_sdk_core::{Closed, Offered, Said, Startup, WebSocket};

use super::body::{self, Body};
use super::call::{self, Call};
use super::scope::Templates;
use super::{errors, futures, hub};
use crate::bindings::types::{Event, Extensions, HttpCall, Method, WebsocketCall};

/// Who speaks from here on: a call, or nobody (`G-04`, `G-24`).
#[pyfunction]
pub(crate) fn enter(call: Option<&Bound<'_, Call>>) {
    crate::bindings::enter(call.map_or(0, |call| call.borrow().id()));
}

/// Answers the start-up: `kind` is "complete", "unsupported" or "failed".
#[pyfunction]
pub(crate) fn startup(kind: &str, text: String) {
    let startup = match kind {
        "complete" => Startup::Complete,
        "failed" => Startup::Failed(text),
        _ => Startup::Unsupported(text),
    };
    hub::outbox(|outbox| outbox.push(Said::Startup(startup)));
}

/// Answers the shutdown; with a text it has failed.
#[pyfunction]
pub(crate) fn shutdown(failed: Option<String>) {
    let result = failed.map_or(Ok(()), Err);
    hub::outbox(|outbox| outbox.push(Said::Shutdown(result)));
}

/// Hands over what was said without waiting.
#[pyfunction]
pub(crate) fn flush(py: Python<'_>) {
    hub::flush(py);
}

/// What the host's events need of Python. One per instance.
#[pyclass(frozen)]
pub(crate) struct Bridge {
    app: Py<PyAny>,
    event_loop: Py<PyAny>,
    /// The waits that lie on the stack; while there are some, the loop decides when a call starts.
    waits: Py<PyAny>,
    receive: Py<PyAny>,
    send: Py<PyAny>,
    awaiting: Py<PyAny>,
    on_startup: Py<PyAny>,
    on_shutdown: Py<PyAny>,
    set_call: Py<PyAny>,
    method_type: Py<PyAny>,
    context_type: Py<PyAny>,
    task_type: Py<PyAny>,
    /// `loop`, `eager_start`, and a `context` that is replaced for each call.
    task_arguments: Py<PyDict>,
    templates: Templates,
    /// What start-up left in `scope["state"]`; None while or if the app has no lifespan (`G-03`).
    state: Mutex<Option<Py<PyDict>>>,
}

#[pymethods]
impl Bridge {
    /// `parts` has everything by name, see `wasgi/bridge/instance.py`.
    #[new]
    fn new(parts: &Bound<'_, PyDict>) -> PyResult<Bridge> {
        let py = parts.py();
        let part = |name: &str| -> PyResult<Py<PyAny>> {
            match parts.get_item(name)? {
                Some(part) => Ok(part.unbind()),
                None => Err(PyTypeError::new_err(format!("the bridge needs {name:?}"))),
            }
        };
        errors::use_disconnected(part("disconnected")?.bind(py));
        call::use_describe(part("describe")?.bind(py));
        let event_loop = part("loop")?;
        futures::use_root(event_loop.bind(py))?;
        let task_arguments = PyDict::new(py);
        task_arguments.set_item(intern!(py, "loop"), &event_loop)?;
        task_arguments.set_item(intern!(py, "eager_start"), true)?;
        Ok(Bridge {
            app: part("app")?,
            event_loop,
            waits: part("waits")?,
            receive: part("receive")?,
            send: part("send")?,
            awaiting: part("awaiting")?,
            on_startup: part("on_startup")?,
            on_shutdown: part("on_shutdown")?,
            set_call: part("call_variable")?.getattr(py, "set")?,
            method_type: py.import("types")?.getattr("MethodType")?.unbind(),
            context_type: py.import("contextvars")?.getattr("Context")?.unbind(),
            task_type: py.import("asyncio")?.getattr("Task")?.unbind(),
            task_arguments: task_arguments.unbind(),
            templates: Templates::new(py)?,
            state: Mutex::new(None),
        })
    }

    /// The loop's `turn`: `until` is a deadline on `time.monotonic_ns`, None for none. A nested one first hands out
    /// what the outer one has not handed out yet, so that the events of a call stay in order.
    #[pyo3(signature = (until=None))]
    fn turn(&self, py: Python<'_>, until: Option<i64>) {
        if !self.dispatch(py) {
            hub::exchange(py, until.map(|until| u64::try_from(until).unwrap_or(0)));
            self.dispatch(py);
        }
        // The host knows another one as the speaker than the loop does: no call is False.
        let event_loop = self.event_loop.bind(py);
        if let Err(error) = event_loop.setattr(intern!(py, "entered"), false) {
            error.write_unraisable(py, Some(event_loop));
        }
    }

    /// What start-up has left for the calls (`L-09`).
    fn use_state(&self, state: Option<Py<PyDict>>) {
        if let Ok(mut kept) = self.state.lock() {
            *kept = state;
        }
    }
}

impl Bridge {
    /// Hands out the events that are there. Answers whether there were any.
    fn dispatch(&self, py: Python<'_>) -> bool {
        let mut any = false;
        while let Some(event) = hub::next_event() {
            any = true;
            match event {
                Event::Http(event) => {
                    self.open(py, event.call, http(py, &event), |state| {
                        self.templates.http(py, &event.scope, state)
                    });
                }
                Event::Websocket(event) => {
                    self.open(py, event.call, websocket(&event), |state| {
                        self.templates.websocket(py, &event.scope, state)
                    });
                }
                Event::Body(chunk) => {
                    if let Some(call) = hub::call(py, chunk.call) {
                        call::on_body(call.bind(py), &chunk.body, chunk.more_body);
                    }
                }
                Event::Message(message) => {
                    if let Some(call) = hub::call(py, message.call) {
                        call::on_message(call.bind(py), body::payload(py, &message.payload));
                    }
                }
                Event::Writable(credit) => {
                    if let Some(call) = hub::call(py, credit.call) {
                        call::on_writable(call.bind(py), credit.bytes);
                    }
                }
                Event::Disconnect(id) => {
                    if let Some(call) = hub::call(py, id) {
                        call::on_disconnect(call.bind(py));
                    }
                }
                Event::Closed(close) => {
                    if let Some(call) = hub::call(py, close.call) {
                        let (code, reason) = (close.code, close.reason);
                        call::on_closed(call.bind(py), Closed { code, reason });
                    }
                }
                Event::LifespanStartup => notify(py, &self.on_startup),
                Event::LifespanShutdown => notify(py, &self.on_shutdown),
            }
        }
        any
    }

    fn open<'py>(
        &self,
        py: Python<'py>,
        id: u64,
        call: Call,
        scope: impl FnOnce(Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyDict>>,
    ) {
        crate::bindings::enter(id);
        let call = match Bound::new(py, call) {
            Ok(call) => call,
            Err(error) => {
                let outcome = call::failed(error.value(py));
                hub::outbox(|outbox| {
                    outbox.push(Said::Finished { call: id, outcome });
                });
                return;
            }
        };
        let outcome = match self.start(&call, scope) {
            Ok(task) => match is_done(&task) {
                Ok(true) => call::outcome(&task),
                Ok(false) => match watch(&call, &task) {
                    Ok(()) => return hub::keep(id, call.unbind()),
                    Err(error) => call::failed(error.value(py)),
                },
                Err(error) => call::failed(error.value(py)),
            },
            // The app could not be called, or its first step ended in SystemExit or KeyboardInterrupt.
            Err(error) => call::failed(error.value(py)),
        };
        call::end(&call, outcome);
        if !call::is_finished(&call) {
            hub::keep(id, call.unbind());
        }
    }

    /// Calls the app in a fresh context (`G-18`) and takes the first step of its task.
    fn start<'py>(
        &self,
        call: &Bound<'py, Call>,
        scope: impl FnOnce(Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = call.py();
        let state = self
            .state
            .lock()
            .ok()
            .and_then(|state| state.as_ref().map(|state| state.bind(py).clone()));
        let scope = scope(state.as_ref())?;
        let context = self.context_type.bind(py).call0()?;
        let run = intern!(py, "run");
        context.call_method1(run, (&self.set_call, call))?;
        let method = self.method_type.bind(py);
        let receive = method.call1((&self.receive, call))?;
        let send = method.call1((&self.send, call))?;
        let coroutine = context.call_method1(run, (&self.app, scope, receive, send))?;
        self.spawn(&coroutine, &context).or_else(|error| {
            if !error.is_instance_of::<PyTypeError>(py) {
                return Err(error);
            }
            // Not a coroutine: anything else that can be awaited, or what the author has to be told about.
            self.spawn(&self.awaiting.bind(py).call1((coroutine,))?, &context)
        })
    }

    /// An eager task, whose own exceptions stay in it.
    fn spawn<'py>(
        &self,
        coroutine: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = coroutine.py();
        if self.waits.bind(py).is_truthy()? {
            let arguments = PyDict::new(py);
            arguments.set_item(intern!(py, "context"), context)?;
            return self.event_loop.bind(py).call_method(
                intern!(py, "spawn"),
                (coroutine,),
                Some(&arguments),
            );
        }
        let arguments = self.task_arguments.bind(py);
        arguments.set_item(intern!(py, "context"), context)?;
        self.task_type.bind(py).call((coroutine,), Some(arguments))
    }
}

fn http(py: Python<'_>, event: &HttpCall) -> Call {
    let scope = &event.scope;
    let offered = Offered {
        trailers: scope.extensions.contains(Extensions::TRAILERS),
        early_hint: scope.extensions.contains(Extensions::EARLY_HINT),
        pathsend: scope.extensions.contains(Extensions::PATHSEND),
    };
    let first = Body::copy(py, &event.body);
    let head = matches!(scope.method, Method::Head);
    Call::http(
        scope.request_id,
        wasgi_sdk_core::Call::new(event.call, head, offered, first, event.more_body),
    )
}

fn websocket(event: &WebsocketCall) -> Call {
    let scope = &event.scope;
    let offers_denial = (scope.http.extensions).contains(Extensions::WEBSOCKET_DENIAL);
    Call::websocket(
        scope.http.request_id,
        WebSocket::new(event.call, scope.subprotocols.clone(), offers_denial),
    )
}

fn is_done(task: &Bound<'_, PyAny>) -> PyResult<bool> {
    task.call_method0(intern!(task.py(), "done"))?.is_truthy()
}

/// The call ends when its task does.
fn watch(call: &Bound<'_, Call>, task: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = call.py();
    let ended = call.getattr(intern!(py, "ended"))?;
    task.call_method1(intern!(py, "add_done_callback"), (ended,))?;
    call::keep_task(call, task);
    Ok(())
}

fn notify(py: Python<'_>, function: &Py<PyAny>) {
    if let Err(error) = function.call0(py) {
        error.write_unraisable(py, Some(function.bind(py)));
    }
}
