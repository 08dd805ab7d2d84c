//! Whose apps a host has, and where they answer: names and routes as pure values. No sockets, no wasm, no clock.
//!
//! [`AppId`] is who: a tenant's app. [`Route`] is where: a host and a path prefix. [`Routes`] is the table that finds what
//! a request is for; `server/` builds one for all of its apps and swaps it whole.

pub mod host;
mod identity;
mod route;
mod routes;

pub use identity::AppId;
pub use route::{Host, Route};
pub use routes::Routes;
