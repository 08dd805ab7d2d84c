//! Python guests: the same answers as under uvicorn, the same behaviour as Rust guests, and bad apps.
//!
//! The apps are in `tests/python`. The first test that needs one builds it with `wasgi build`, which takes a while.

mod apps;
mod ask;
mod bad_apps;
mod differences;
mod differential;
mod disconnect;
mod events;
mod exits;
mod lifespan;
mod limits;
mod logs;
mod nested;
mod package;
mod sandbox;
mod scope;
mod socket_events;
mod stream;
mod websocket;
mod wide_fastapi;
mod wide_starlette;

use wasgi_tests::Serve;

/// The app that behaves as it is asked to.
fn behaviours() -> Serve {
    Serve::python("behaviours")
}
