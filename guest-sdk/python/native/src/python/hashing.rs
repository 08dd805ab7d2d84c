//! Key derivation with the signatures of `hashlib`, for the stub that puts it there.

use pyo3::exceptions::{PyMemoryError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView};

use crate::kdf;

/// Longest key that may be asked for.
const MAX_KEY: usize = 1 << 26;

/// `hashlib.pbkdf2_hmac`, for SHA-1 and SHA-2.
#[pyfunction]
#[pyo3(signature = (hash_name, password, salt, iterations, dklen=None))]
pub(crate) fn pbkdf2_hmac<'py>(
    py: Python<'py>,
    hash_name: &str,
    password: &Bound<'py, PyAny>,
    salt: &Bound<'py, PyAny>,
    iterations: i64,
    dklen: Option<i64>,
) -> PyResult<Bound<'py, PyBytes>> {
    let size = kdf::digest_size(hash_name)
        .ok_or_else(|| PyValueError::new_err(format!("unsupported hash type {hash_name}")))?;
    let iterations = match u32::try_from(iterations) {
        Ok(count) if count > 0 => count,
        Ok(_) => {
            return Err(PyValueError::new_err(
                "iteration value must be greater than 0.",
            ));
        }
        Err(_) if iterations < 0 => {
            return Err(PyValueError::new_err(
                "iteration value must be greater than 0.",
            ));
        }
        Err(_) => return Err(PyOverflowError::new_err("iteration value is too great.")),
    };
    let mut key = room(dklen.map_or(Ok(size), usize::try_from).unwrap_or(0))?;
    let (password, salt) = (bytes(password)?, bytes(salt)?);
    if !kdf::pbkdf2_hmac(
        hash_name,
        password.as_bytes(),
        salt.as_bytes(),
        iterations,
        &mut key,
    ) {
        return Err(PyValueError::new_err("pbkdf2_hmac failed"));
    }
    Ok(PyBytes::new(py, &key))
}

/// What `hashlib.scrypt` computes; how much memory is too much is the caller's to say.
#[pyfunction]
pub(crate) fn scrypt<'py>(
    py: Python<'py>,
    password: &Bound<'py, PyAny>,
    salt: &Bound<'py, PyAny>,
    n: u64,
    r: u32,
    p: u32,
    dklen: i64,
) -> PyResult<Bound<'py, PyBytes>> {
    let mut key = room(usize::try_from(dklen).unwrap_or(0))?;
    let (password, salt) = (bytes(password)?, bytes(salt)?);
    kdf::scrypt(password.as_bytes(), salt.as_bytes(), (n, r, p), &mut key)
        .map_err(PyValueError::new_err)?;
    Ok(PyBytes::new(py, &key))
}

/// Zeroed room for a key.
fn room(length: usize) -> PyResult<Vec<u8>> {
    if length == 0 {
        return Err(PyValueError::new_err("key length must be greater than 0."));
    }
    if length > MAX_KEY {
        return Err(PyOverflowError::new_err("key length is too great."));
    }
    let mut key = Vec::new();
    key.try_reserve_exact(length)
        .map_err(|_| PyMemoryError::new_err("no room for the key"))?;
    key.resize(length, 0);
    Ok(key)
}

/// The bytes of anything that has a buffer.
pub(crate) fn bytes<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(bytes.clone());
    }
    copied(value)
}

/// The same, in an object of its own.
pub(crate) fn copied<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let view = PyMemoryView::from(value)?;
    view.call_method0("tobytes")?
        .cast_into::<PyBytes>()
        .map_err(|_| PyTypeError::new_err("a bytes-like object is required"))
}
