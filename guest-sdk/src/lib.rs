//! Write ASGI apps in Rust for **wasgi**.
//!
//! An app is one async callable of *scope*, *receive* and *send*, exactly as in Python's ASGI:
//!
//! ```
//! use wasgi_sdk::{Error, Receive, Scope, Send};
//!
//! async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
//!     scope.into_http()?; // an app fails for scopes that it does not know
//!     send.start(200, [("content-type", "text/plain")]).await?;
//!     send.body("Hello, world!", false).await?;
//!     Ok(())
//! }
//!
//! wasgi_sdk::app!(app);
//! ```
//!
//! Build it with `cargo build --target wasm32-wasip2` as a `cdylib`, and it is a component that a wasgi host runs.
//!
//! # What is here
//!
//! - [`Scope`], [`Receive`], [`Send`], [`Event`]: the raw protocol, typed. [`App`] and [`app!`] make a component.
//! - [`service!`]: mounts any tower service instead, an unmodified `axum::Router` for example (feature `tower`, on by
//!   default).
//! - [`WebSocket`], [`Handshake`]: the comfortable side of a WebSocket scope;
//!   [`service::WebSocketUpgrade`] for routers.
//! - [`task`]: background tasks, sleeping, timeouts. There is no tokio runtime in a guest and no need for one.
//! - [`State`]: what start-up made and every call sees.
//! - [`testing`]: runs an app in-process, natively, for unit tests.
//!
//! # What to know
//!
//! One instance is one thread and serves many calls at once (`G-01`): work that does not await blocks the
//! others, and `std::thread::sleep` blocks them all. A panic ends the instance with every call in it (`G-04`).
//! `println!` and `eprintln!` are the app's log.
//!
//! Futures over other component-model imports may be awaited anywhere in an app. Spawn with [`task::spawn`];
//! `wit_bindgen::spawn_local` belongs to another executor and its tasks may never run.
//!
//! Ids such as `R-06` name lines of the ASGI contract that wasgi keeps; the documentation lists them.

#[cfg(test)]
extern crate self as wasgi_sdk;

#[cfg(feature = "tower")]
pub mod service;
pub mod task;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

mod action;
mod app;
mod bindings;
#[cfg(feature = "tower")]
mod body;
mod call;
mod clock;
mod error;
mod event;
mod event_loop;
mod exec;
#[cfg(target_arch = "wasm32")]
mod foreign;
#[cfg(target_arch = "wasm32")]
mod guest;
mod headers;
mod hub;
mod lifespan;
mod message;
mod receive;
mod scope;
mod send;
mod state;
mod sync;
#[cfg(test)]
mod tests;
mod websocket;

pub use app::App;
pub use error::{Error, SendError};
pub use event::Event;
pub use headers::Headers;
pub use message::Message;
pub use receive::{BodyError, BodyStream, Next, Receive};
pub use scope::{HttpScope, LifespanScope, Peer, RequestId, Scope, Tls, WebSocketScope};
pub use send::{Send, Sending};
pub use state::State;
pub use wasgi_sdk_core::{Closed, MAX_HEADER_BYTES};
pub use websocket::{Handshake, Receiver, Sender, WebSocket};

/// What the guide shows has to compile.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../../docs/rust.md")]
struct Guide;

/// For the macros of this crate. Not part of the interface.
#[doc(hidden)]
pub mod __private {
    #[cfg(target_arch = "wasm32")]
    pub use crate::guest::run;

    /// What `app!` exports through.
    pub mod bindings {
        pub use crate::bindings::*;
    }

    /// Natively `app!` only looks at the type.
    pub fn check<A: crate::App>(app: A) {
        drop(app);
    }
}
