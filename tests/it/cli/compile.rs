//! Compiling in a process of its own: what it may cost, and that it is done once.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use wasgi_tests::{Folder, guests, wasgi};

use super::{Process, complaint};

fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn section(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number], &leb(content.len())[..], content].concat()
}

/// A component with functions of a megabyte each, which a compiler has to think about.
fn laborious(functions: usize) -> Vec<u8> {
    // (func (param i32) (result i32) local.get 0 (i32.const 3 i32.mul local.get 0 i32.xor)*)
    let mut body = vec![0, 0x20, 0];
    for _ in 0..150_000 {
        body.extend([0x41, 3, 0x6c, 0x20, 0, 0x73]);
    }
    body.push(0x0b);
    let entry = [&leb(body.len())[..], &body].concat();
    let mut code = leb(functions);
    for _ in 0..functions {
        code.extend(&entry);
    }
    let declared = [&leb(functions)[..], &vec![0; functions]].concat();
    let module = [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, &[1, 0x60, 1, 0x7f, 1, 0x7f]),
        section(3, &declared),
        section(10, &code),
    ];
    [b"\0asm\x0d\0\x01\0".to_vec(), section(1, &module.concat())].concat()
}

#[track_caller]
fn given_up(app: &Path, limit: [&str; 2], what: &str, hint: &str) {
    let mut command = wasgi();
    command.args(["build", "--no-cache"]).arg(app).args(limit);
    complaint(&Process::start(&mut command).finished()).says(what, "it was stopped", hint);
}

#[test]
fn a_component_that_compiles_for_too_long_is_given_up() {
    let folder = Folder::new("laborious");
    given_up(
        &folder.write("app.wasm", laborious(40)),
        ["--limit-compile-cpu", "1"],
        "takes longer than 1 s of CPU time to compile",
        "--limit-compile-cpu raises the limit",
    );
}

#[test]
fn a_component_that_takes_too_much_memory_to_compile_is_given_up() {
    let folder = Folder::new("laborious");
    given_up(
        &folder.write("app.wasm", laborious(40)),
        ["--limit-compile-memory", "200"],
        "needs more than 200 MiB to compile",
        "--limit-compile-memory raises the limit",
    );
}

/// Two starts of the same app wait for one compilation.
#[test]
fn what_two_processes_need_is_compiled_once() {
    let folder = Folder::new("once");
    let build = || -> Command {
        let mut command = wasgi();
        command.arg("build").arg(guests::ECHO.path()).arg("--json");
        command.env("WASGI_CACHE_DIR", folder.path("cache"));
        command
    };
    let running: Vec<_> = (0..3).map(|_| Process::start(&mut build())).collect();
    let cached = running.into_iter().map(|process| {
        let finished = process.finished();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let line: Value = serde_json::from_str(&finished.stdout).expect("JSON");
        line["cached"].as_bool().expect("cached")
    });
    assert_eq!(cached.filter(|cached| !cached).count(), 1);
}

/// Nobody types it, and what nobody has started it for it does not do.
#[test]
fn the_compilers_verb_is_hidden_and_compiles_nothing_else() {
    let help = Process::start(wasgi().arg("--help")).finished();
    assert!(!help.stdout.contains("  compile"), "{help:?}");
    let mut command = wasgi();
    command.args(["compile", "--cpu=10", "--memory=1000000000", "--"]);
    command.args([&"0".repeat(64), "app.wasm"]);
    command.stdin(std::fs::File::open(guests::ECHO.path()).unwrap());
    let finished = Process::start(&mut command).finished();
    assert_eq!((finished.code, &*finished.stdout), (Some(1), ""));
    assert!(finished.stderr.contains("changed while it was loaded"));
}
