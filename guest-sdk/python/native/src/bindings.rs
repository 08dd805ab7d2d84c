//! What `wit-bindgen` makes of `wit/`, every function lowered blocking, and nothing else.
//!
//! Records that the guest hands over borrow what is in them, so that a body goes from Python's memory to the host's
//! without a copy in between.

#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    dead_code,
    elided_lifetimes_in_paths,
    clippy::all,
    clippy::restriction,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]

wit_bindgen::generate!({
    inline: "
        package wasgi:python;
        world extension { import wasgi:asgi/event-loop@0.1.0; }
    ",
    path: "../../../wit",
    async: ["-all"],
    ownership: Borrowing { duplicate_if_necessary: true },
    generate_all,
});

pub use self::wasgi::asgi::event_loop::{enter, exchange, say};
pub use self::wasgi::asgi::types;
