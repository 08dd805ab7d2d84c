//! A refused `send` as a Python exception: `OSError` for a client that is gone, `RuntimeError` for the wrong moment,
//! `TypeError` and `ValueError` for the wrong event.

use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use wasgi_sdk_core::Refused;

use crate::error::describe;

/// `wasgi.ClientDisconnected`, which is Python's to define.
static DISCONNECTED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

pub(crate) fn use_disconnected(class: &Bound<'_, PyAny>) {
    let _ = DISCONNECTED.set(class.py(), class.clone().unbind());
}

pub(crate) fn raise(py: Python<'_>, refused: &Refused) -> PyErr {
    let text = describe(refused);
    match refused {
        Refused::Disconnected => match DISCONNECTED.get(py) {
            Some(class) => match class.bind(py).call1((text,)) {
                Ok(error) => PyErr::from_value(error),
                Err(error) => error,
            },
            None => PyOSError::new_err(text),
        },
        Refused::Status(_)
        | Refused::Header { .. }
        | Refused::HeaderBytes
        | Refused::Link
        | Refused::LinkBytes
        | Refused::Path
        | Refused::Subprotocol(_)
        | Refused::CloseCode(_)
        | Refused::CloseReason(_) => PyValueError::new_err(text),
        Refused::Misplaced(_) | Refused::ContentLength { .. } | Refused::NotOffered(_) => {
            PyRuntimeError::new_err(text)
        }
    }
}
