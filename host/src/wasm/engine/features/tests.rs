use wasmtime::component::Component;

use super::*;
use crate::wasm::Engine;

/// A section: its number, its length, its content.
fn section(number: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    assert!(length < 128, "one byte of LEB128");
    [&[number, length], content].concat()
}

/// A component that has one core module with these sections.
fn with_module(sections: &[(u8, &[u8])]) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    for (number, content) in sections {
        module.extend(section(*number, content));
    }
    with_section(1, &module)
}

/// A component that has one section.
fn with_section(number: u8, content: &[u8]) -> Vec<u8> {
    [b"\0asm\x0d\0\x01\0".as_slice(), &section(number, content)].concat()
}

/// A component whose core module has one function of this type with these instructions.
fn with_function(ty: &[u8], instructions: &[u8]) -> Vec<u8> {
    let ty = [&[1, 0x60], ty].concat();
    let length = u8::try_from(instructions.len() + 2).unwrap();
    let code = [&[1, length, 0], instructions, &[0x0b]].concat();
    with_module(&[(1, &ty), (3, &[1, 0]), (10, &code)])
}

fn refused(engine: &Engine, bytes: &[u8]) -> Option<String> {
    let error = Component::from_binary(&engine.wasmtime, bytes).err()?;
    Some(format!("{error:#}"))
}

const NOTHING: &[u8] = &[0, 0];

/// What a component may not use, and a word of why.
fn off() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let page: &[u8] = &[1, 0, 1];
    vec![
        (
            "tail calls",
            with_function(NOTHING, &[0x12, 0]),
            "tail calls",
        ),
        (
            "exceptions",
            with_module(&[(1, &[1, 0x60, 0, 0]), (13, &[1, 0, 0])]),
            "exceptions",
        ),
        (
            "64-bit memories",
            with_module(&[(5, &[1, 4, 1])]),
            "memory64",
        ),
        (
            "64-bit tables",
            with_module(&[(4, &[1, 0x70, 4, 1])]),
            "memory64",
        ),
        (
            "shared memories",
            with_module(&[(5, &[1, 3, 1, 1])]),
            "threads",
        ),
        (
            "several memories in one module",
            with_module(&[(5, &[2, 0, 1, 0, 1])]),
            "multiple memories",
        ),
        (
            "custom page sizes",
            with_module(&[(5, &[1, 8, 1, 0])]),
            "custom page sizes",
        ),
        (
            "relaxed SIMD",
            // i8x16.relaxed_swizzle of two parameters.
            with_function(
                &[2, 0x7b, 0x7b, 1, 0x7b],
                &[0x20, 0, 0x20, 1, 0xfd, 0x80, 2],
            ),
            "relaxed SIMD",
        ),
        (
            "wide arithmetic",
            // i64.add128.
            with_function(
                &[4, 0x7e, 0x7e, 0x7e, 0x7e, 2, 0x7e, 0x7e],
                &[0x20, 0, 0x20, 1, 0x20, 2, 0x20, 3, 0xfc, 19],
            ),
            "wide arithmetic",
        ),
        (
            "typed function references",
            // unreachable call_ref 0
            with_function(NOTHING, &[0, 0x14, 0]),
            "function references",
        ),
        (
            "garbage-collected structures",
            with_module(&[(1, &[1, 0x5f, 0])]),
            "gc",
        ),
        (
            "stack switching",
            with_module(&[(1, &[2, 0x60, 0, 0, 0x5d, 0])]),
            "stack switching",
        ),
        (
            "atomic instructions",
            with_module(&[
                (1, &[1, 0x60, 0, 0]),
                (3, &[1, 0]),
                (5, page),
                // atomic.fence.
                (10, &[1, 5, 0, 0xfe, 3, 0, 0x0b]),
            ]),
            "threads",
        ),
        (
            "components: error contexts",
            with_section(7, &[1, 0x64]),
            "error-context",
        ),
        (
            "components: lists of fixed length",
            with_section(7, &[1, 0x67, 0x79, 4]),
            "fixed-length",
        ),
        (
            "components: maps",
            with_section(7, &[1, 0x63, 0x79, 0x79]),
            "map",
        ),
        (
            "components: threads",
            // (canon thread.index)
            with_section(8, &[1, 0x26]),
            "threading",
        ),
    ]
}

#[test]
fn a_component_that_uses_what_is_off_is_refused_by_name() {
    let engine = Engine::for_instances(8).unwrap();
    let mut wrong = Vec::new();
    for (what, bytes, why) in off() {
        match refused(&engine, &bytes) {
            None => wrong.push(format!("{what}: taken")),
            Some(error) if !error.to_lowercase().contains(&why.to_lowercase()) => {
                wrong.push(format!("{what}: {error}"));
            }
            Some(_) if Validity::of(&bytes) != Validity::Elsewhere => {
                let all = Validator::new_with_features(WasmFeatures::all()).validate_all(&bytes);
                let error = all.err().map(|error| error.to_string());
                wrong.push(format!("{what}: the test's bytes are wrong: {error:?}"));
            }
            Some(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_guests_need_is_on() {
    let engine = Engine::for_instances(8).unwrap();
    for (what, bytes) in [
        ("nothing", with_function(NOTHING, &[])),
        (
            "sums in constants",
            // (global i32 (i32.add (i32.const 1) (i32.const 2)))
            with_module(&[(6, &[1, 0x7f, 0, 0x41, 1, 0x41, 2, 0x6a, 0x0b])]),
        ),
        (
            "SIMD",
            with_function(&[1, 0x7b, 1, 0x7b], &[0x20, 0, 0xfd, 77]),
        ),
        (
            "sign extension",
            with_function(&[1, 0x7f, 1, 0x7f], &[0x20, 0, 0xc0]),
        ),
        (
            "saturating conversions",
            with_function(&[1, 0x7d, 1, 0x7f], &[0x20, 0, 0xfc, 0]),
        ),
        (
            "several results",
            with_function(&[0, 2, 0x7f, 0x7f], &[0x41, 1, 0x41, 2]),
        ),
        (
            "asynchronous functions",
            with_section(7, &[1, 0x43, 0, 1, 0]),
        ),
    ] {
        assert_eq!(refused(&engine, &bytes), None, "{what}");
    }
}
