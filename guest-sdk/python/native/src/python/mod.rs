//! The module `_wasgi` as Python sees it; `guest-sdk/python/_wasgi.pyi` has its types.
//!
//! Nothing in here holds a borrow of Rust's while Python code may run: a `set_result`, an iterator of headers or a task
//! that starts may come back into any function of this module, and into a nested `turn`.

mod body;
mod bridge;
mod call;
mod errors;
mod futures;
mod hashing;
#[allow(
    unsafe_code,
    reason = "the interpreter's allocator is a table of C functions"
)]
mod heap;
mod hub;
mod scope;
mod sent;
mod state;

use pyo3::prelude::*;

/// The native half of wasgi's Python SDK.
#[pymodule]
#[pyo3(name = "_wasgi")]
fn wasgi(module: &Bound<'_, PyModule>) -> PyResult<()> {
    heap::install();
    module.add_class::<bridge::Bridge>()?;
    module.add_class::<call::Call>()?;
    module.add_function(wrap_pyfunction!(bridge::enter, module)?)?;
    module.add_function(wrap_pyfunction!(bridge::startup, module)?)?;
    module.add_function(wrap_pyfunction!(bridge::shutdown, module)?)?;
    module.add_function(wrap_pyfunction!(bridge::flush, module)?)?;
    module.add_function(wrap_pyfunction!(heap::renew_heap, module)?)?;
    module.add_function(wrap_pyfunction!(hashing::pbkdf2_hmac, module)?)?;
    module.add_function(wrap_pyfunction!(hashing::scrypt, module)?)?;
    Ok(())
}
