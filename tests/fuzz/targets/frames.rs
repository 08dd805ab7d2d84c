//! A WebSocket: what any bytes of a client are, and what we send.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wasgi::fuzzing::frames(bytes));
