//! Bodies and texts as Python has them: handles of `bytes` and `str`, so that nothing is copied between the app and the host.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use wasgi_sdk_core::Payload;

use crate::bindings::types::PayloadResult;

/// A body that is not empty.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    bytes: Py<PyBytes>,
    len: usize,
}

impl Body {
    pub(crate) fn new(bytes: Bound<'_, PyBytes>) -> Option<Body> {
        let len = bytes.as_bytes().len();
        (len > 0).then(|| Body {
            bytes: bytes.unbind(),
            len,
        })
    }

    /// Copies what the host has handed over.
    pub(crate) fn copy(py: Python<'_>, bytes: &[u8]) -> Option<Body> {
        (!bytes.is_empty()).then(|| Body {
            bytes: PyBytes::new(py, bytes).unbind(),
            len: bytes.len(),
        })
    }

    pub(crate) fn as_slice<'a>(&'a self, py: Python<'a>) -> &'a [u8] {
        self.bytes.as_bytes(py)
    }

    /// The object for the app.
    pub(crate) fn bytes(body: Option<Body>, py: Python<'_>) -> Bound<'_, PyBytes> {
        match body {
            Some(body) => body.bytes.into_bound(py),
            None => PyBytes::new(py, b""),
        }
    }
}

impl wasgi_sdk_core::Body for Body {
    type Text = Text;

    fn len(&self) -> usize {
        self.len
    }
}

/// The text of a WebSocket's message.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    text: Py<PyString>,
    len: usize,
}

impl Text {
    /// Fails for what is no UTF-8: a lone surrogate.
    pub(crate) fn new(text: Bound<'_, PyString>) -> PyResult<Text> {
        let len = text.to_str()?.len();
        Ok(Text {
            text: text.unbind(),
            len,
        })
    }

    pub(crate) fn as_str<'a>(&'a self, py: Python<'a>) -> &'a str {
        // It has been read as UTF-8 before, and Python keeps that.
        self.text.to_str(py).unwrap_or_default()
    }

    /// The object for the app.
    pub(crate) fn string(self, py: Python<'_>) -> Bound<'_, PyString> {
        self.text.into_bound(py)
    }
}

impl wasgi_sdk_core::Text for Text {
    fn len(&self) -> usize {
        self.len
    }
}

/// Copies a message that the host has handed over.
pub(crate) fn payload(py: Python<'_>, payload: &PayloadResult) -> Payload<Body> {
    match payload {
        PayloadResult::Text(text) => Payload::Text(Text {
            text: PyString::new(py, text).unbind(),
            len: text.len(),
        }),
        PayloadResult::Bytes(bytes) => Payload::Bytes(Body::copy(py, bytes)),
    }
}
