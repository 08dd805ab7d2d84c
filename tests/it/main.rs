//! Tests through the front door: sockets in, bytes out, and what the log says of it.
//!
//! Ids such as `R-06` name lines of the ASGI contract that wasgi keeps. A test that is named after a guest is the test
//! of that guest: a guest without one does not compile.

mod apps;
mod cli;
mod contract;
mod disconnect;
mod exits;
mod http;
mod lifespan;
mod limits;
mod load_errors;
mod logs;
mod memory;
mod scope;
mod stream;
mod tidy;
