//! x
pub mod bindings;
pub mod config;
pub mod error;

pub mod asgi;
pub mod wasm;
pub mod server;
