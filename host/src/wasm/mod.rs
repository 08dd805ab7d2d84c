//! Running apps: engine, component, store, instance and pool. The only place, with `bindings`, that names wasmtime.
//!
//! Read in this order: [`engine`] (one per process), [`app`] (bytes → checked, compiled, linked), [`compile`] (by whom), `store` (what one
//! instance may use), `exchange` (events in, actions out), [`opened`] (a call, of whichever protocol), [`instance`] (its life), [`pool`] (which instance takes a
//! call). `server/` opens calls through the pool; nothing in here knows of HTTP on a wire.

pub mod account;
pub mod app;
mod backoff;
mod cache;
pub mod compile;
mod crash;
mod descriptors;
pub mod engine;
mod exchange;
pub mod files;
mod guest_log;
pub mod instance;
mod keeper;
mod lane;
mod ledger;
pub mod link;
pub mod opened;
mod overtime;
pub mod pool;
pub mod queue;
pub mod retire;
mod staff;
mod store;
pub mod waiting;

pub use app::App;
pub use cache::Cache;
pub use compile::Compiler;
pub use engine::Engine;
#[cfg(any(test, feature = "fuzzing"))]
pub use exchange::fuzz::batch;
pub use pool::Pool;
