//! The wire guard: heads and framing.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wasgi::fuzzing::wire(bytes));
