//! A hostile guest: batches of actions, and the server's side of their calls.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wasgi::fuzzing::batch(bytes));
