//! The guest's side of wasgi's contract, for those who write an SDK: what `wit/` leaves to a guest and what is the same in
//! every language.
//!
//! - [`Call`] is one HTTP call as a state machine: the order of events, the announced length, credit both ways. It never
//!   waits and never reaches the host; what it says lies in an [`Outbox`], cut into batches that the contract allows.
//! - [`WebSocket`] is the same of a WebSocket: the handshake's answer, messages both ways, how it ends.
//! - [`Fields`] checks and lowers response headers, [`target`] cuts and decodes a request target.
//! - [`Refused`] is every reason for which a `send` fails. Its words are the SDK's: ASGI's own in Python, those of an
//!   error type in Rust.
//!
//! There are no bindings here, no executor and no dependency: an SDK makes its own types of `wit/`, brings its own handle
//! of a body ([`Body`]) and turns what was [`Said`] into its own action. `wasgi-sdk` does so for Rust, and `_wasgi` for
//! CPython. Everything runs natively too, which is how it is tested.
//!
//! Ids such as `R-06` name lines of the ASGI contract that wasgi keeps; the documentation lists them.

pub mod target;

mod call;
mod calls;
mod fields;
mod outbox;
mod refused;
mod said;
mod websocket;

pub use call::{Body, Call, Effect, MARK, MAX_PIECE, Offered, Received, Text};
pub use calls::Calls;
pub use fields::{FieldLength, Fields, MAX_HEADER_BYTES};
pub use outbox::Outbox;
pub use refused::{HeaderFault, Misplaced, Refused};
pub use said::{Outcome, Said, Start, Startup};
pub use websocket::{Closed, Incoming, MAX_CLOSE_REASON, MESSAGE_PRICE, Payload, WebSocket};
