//! The wire guard beside hyper: the same requests.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wasgi::fuzzing::beside_hyper(bytes));
