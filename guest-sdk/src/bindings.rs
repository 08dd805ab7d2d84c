//! What `wit-bindgen` makes of `../wit`, and nothing else.
//!
//! The types and the blocking functions are in [`wasgi::asgi`]; [`beside`] has `exchange` a second time,
//! lowered async, and [`clocks`] the two functions of `wasi:clocks` that the loop needs. Only
//! `guest`, `clock` and the conversions next to the types call into here.
//!
//! Publishing note: `path` leaves this package. Before `cargo publish` the wit files have to be copied into it.

#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    dead_code,
    elided_lifetimes_in_paths,
    clippy::all,
    clippy::restriction,
    clippy::pedantic,
    reason = "generated code"
)]

// `exchange` is lowered sync here: it blocks the instance, which is what a loop that waits for
// nothing else wants.
wit_bindgen::generate!({
    path: "../wit",
    world: "app",
    async: ["-import:wasgi:asgi/event-loop@0.1.0#exchange"],
    generate_unused_types: true,
    pub_export_macro: true,
    export_macro_name: "export_run",
    default_bindings_module: "wasgi_sdk::__private::bindings",
});

/// `exchange` as one waitable beside others. The types are those from above.
pub mod beside {
    wit_bindgen::generate!({
        inline: "
            package wasgi:sdk-beside;
            world beside { import wasgi:asgi/event-loop@0.1.0; }
        ",
        path: "../wit",
        with: {
            "wasgi:asgi/types@0.1.0": super::wasgi::asgi::types,
            "wasgi:asgi/event-loop@0.1.0": generate,
        },
    });
}

/// `wasi:clocks` for the loop, in version 0.3 because `wait-until` has to be one waitable among others. The
/// interface is word for word that of WASI: the linker merges it with what other crates import.
pub mod clocks {
    wit_bindgen::generate!({
        inline: "
            package wasi:clocks@0.3.0;
            interface types { type duration = u64; }
            interface monotonic-clock {
                use types.{duration};
                type mark = u64;
                now: func() -> mark;
                get-resolution: func() -> duration;
                wait-until: async func(when: mark);
                wait-for: async func(how-long: duration);
            }
            world clocks { import monotonic-clock; }
        ",
    });
    pub use wasi::clocks::monotonic_clock::{now, wait_until};
}

pub use beside::wasgi::asgi::event_loop::exchange as exchange_beside;
pub use wasgi::asgi::event_loop::{enter, exchange, say};
pub use wasgi::asgi::types;
