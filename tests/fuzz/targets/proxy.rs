//! PROXY protocol, `Forwarded` and `X-Forwarded-*`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wasgi::fuzzing::proxy(bytes));
