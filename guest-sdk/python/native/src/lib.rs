//! `_wasgi`, the native half of wasgi's Python SDK.

#[cfg(target_family = "wasm")]
mod bindings;
#[cfg(target_family = "wasm")]
mod module;
