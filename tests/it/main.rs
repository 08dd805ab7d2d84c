//! Tests through the front door: sockets in, bytes out, and what the log says of it.
//!
//! Ids such as `R-06` name lines of the ASGI contract that wasgi keeps. A test that is named after a guest is the test
//! of that guest; [`a_guest_without_a_test`] does not compile otherwise.

mod exits;
