//! One call: both of its ends in any order.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wasgi::fuzzing::call(bytes));
