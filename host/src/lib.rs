//! x
pub mod bindings;
pub mod config;
pub mod error;

pub mod asgi;
pub mod server;
pub mod telemetry;
pub mod wasm;
