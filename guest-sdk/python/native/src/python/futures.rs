//! The futures of who waits in `receive` and `send`: made here, since each message makes one, and woken with `set_result(None)`.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

/// What making one takes.
struct Parts {
    future: Py<PyAny>,
    get_running_loop: Py<PyAny>,
    /// The loop of the instance, in which nearly all are made.
    root: Py<PyAny>,
    /// `loop` is the root.
    of_root: Py<PyDict>,
}

static PARTS: PyOnceLock<Parts> = PyOnceLock::new();

fn parts(py: Python<'_>, root: impl FnOnce() -> Py<PyAny>) -> PyResult<&'static Parts> {
    PARTS.get_or_try_init(py, || {
        let asyncio = py.import("asyncio")?;
        let root = root();
        let of_root = PyDict::new(py);
        of_root.set_item(intern!(py, "loop"), &root)?;
        Ok(Parts {
            future: asyncio.getattr("Future")?.unbind(),
            get_running_loop: asyncio.getattr("get_running_loop")?.unbind(),
            root,
            of_root: of_root.unbind(),
        })
    })
}

/// Says which loop is the instance's.
pub(super) fn use_root(root: &Bound<'_, PyAny>) -> PyResult<()> {
    parts(root.py(), || root.clone().unbind()).map(|_| ())
}

/// A future of the running loop.
pub(super) fn new(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    // Always there: a call is made by a bridge.
    let parts = parts(py, || py.None())?;
    let running = parts.get_running_loop.bind(py).call0()?;
    let nothing = PyTuple::empty(py);
    let future = parts.future.bind(py);
    if running.is(&parts.root) {
        return future.call(nothing, Some(parts.of_root.bind(py)));
    }
    let arguments = PyDict::new(py);
    arguments.set_item(intern!(py, "loop"), running)?;
    future.call(nothing, Some(&arguments))
}

/// Wakes those who still wait.
pub(super) fn wake(py: Python<'_>, futures: impl IntoIterator<Item = Py<PyAny>>) {
    for future in futures {
        let future = future.bind(py);
        let woken = future
            .call_method0(intern!(py, "done"))
            .and_then(|done| done.is_truthy())
            .and_then(|done| {
                if !done {
                    future.call_method1(intern!(py, "set_result"), (py.None(),))?;
                }
                Ok(())
            });
        if let Err(error) = woken {
            error.write_unraisable(py, Some(future));
        }
    }
}
