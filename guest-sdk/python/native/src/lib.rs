//! `_wasgi`, the native half of wasgi's Python SDK: a wasm module that CPython loads as an extension.
//!
//! It owns everything between `exchange` (`wit/world.wit`) and the Python objects that ASGI is made of: scopes, events,
//! exceptions, who waits for what. The order of a response, credit and batches are `wasgi-sdk-core`, as in every SDK. What has to be Python (the two coroutine functions
//! `receive` and `send`, lifespan, tracebacks) is in `guest-sdk/python/wasgi/bridge`, which is its only caller.
//!
//! `error`, `heap`, `kdf` and `table` know no Python and no wasm, and are all that is compiled
//! natively, for their tests; the rest exists on wasm only, where `host/build.rs` builds it.

// Natively there is no caller: the parts are compiled for their tests.
#![cfg_attr(
    not(target_family = "wasm"),
    allow(dead_code, reason = "called by the modules that exist on wasm only")
)]

mod error;
#[allow(unsafe_code, reason = "an allocator: it hands out addresses")]
mod heap;
mod kdf;
mod table;

#[cfg(target_family = "wasm")]
mod bindings;
#[cfg(target_family = "wasm")]
mod python;
