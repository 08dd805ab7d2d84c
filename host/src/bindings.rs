//! The contract of `wit/` as Rust types, generated and nothing else.
//!
//! Everything that speaks of events, actions and scopes takes its words from here; `wasm/` implements the
//! imported functions and calls the exported one.

#![allow(
    missing_docs,
    reason = "documented in wit/, from which it is generated"
)]
#![allow(clippy::all, clippy::restriction, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "app",
    imports: {
        "wasgi:asgi/event-loop.exchange": async | store | trappable,
        "wasgi:asgi/event-loop.say": trappable,
        "wasgi:asgi/event-loop.enter": trappable,
    },
    exports: { default: async | store },
});

pub use self::wasgi::asgi::event_loop;
pub use self::wasgi::asgi::types;
