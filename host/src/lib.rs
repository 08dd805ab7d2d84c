//! wasgi: a host that runs ASGI apps as sandboxed WebAssembly components.
//!
//! A request becomes an ASGI *scope* with *receive* and *send*, and reaches the app through the contract of `wit/`:
//! one long-running `run` per instance, one batched `exchange` for everything that happens. In reading order:
//!
//! - [`asgi`]: the rules of a call and of a lifespan as state machines. No wasm, no sockets, no clocks.
//! - [`wasm`]: engine, app, store, instance, pool. The only place that names wasmtime.
//! - [`hosting`]: whose apps there are, and where they answer: names and routes, pure.
//! - [`server`]: sockets, connections, requests. The only place for hyper; `server/request.rs` is the spine.
//! - [`config`]: `wasgi.toml` and every limit, resolved once. [`error`]: what, why and hint. [`telemetry`]: logs.
//! - [`bindings`]: the contract as Rust types, generated.
//!
//! The binary adds the command line (`cli/`) and nothing else: a program can embed the server with the same calls.
//!
//! ```no_run
//! use wasgi::config::Manifest;
//! use wasgi::server::{Listeners, Server, Settings, Site};
//! use wasgi::wasm::{App, Cache, Engine, Pool};
//!
//! # fn main() -> wasgi::error::Result<()> {
//! let folder = std::path::Path::new("apps/hello");
//! let engine = Engine::new()?;
//! let app = App::load(&engine, &folder.join("hello.wasm"), &Manifest::load(folder)?, Cache::of_user().as_ref())?;
//! let listeners = Listeners::tcp("127.0.0.1", 0, 1)?;
//! let pool = Pool::new(app, listeners.threads());
//! let server = Server::start(listeners, [Site::only(pool)], Settings::default())?;
//! println!("{}", server.url());
//! server.drain();
//! server.join();
//! # Ok(())
//! # }
//! ```

pub mod asgi;
pub mod bindings;
pub mod config;
pub mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod hosting;
pub mod server;
pub mod telemetry;
pub mod wasm;
