//! Compiling in a process of its own: what it may cost, and that it is done once.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use wasgi_tests::{Folder, Program, guests, most_resident_bytes, wasgi};

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

/// The head of a section that is this long, or a whole one.
fn head(number: u8, length: usize) -> Vec<u8> {
    [&[number], &leb(length)[..]].concat()
}

fn section(number: u8, content: &[u8]) -> Vec<u8> {
    [&head(number, content.len()), content].concat()
}

/// Writes a component with functions of a megabyte each, which a compiler has to think about.
fn write_laborious(path: &Path, functions: usize) {
    // (func (param i32) (result i32) local.get 0 (i32.const 3 i32.mul local.get 0 i32.xor)*)
    let mut body = vec![0, 0x20, 0];
    for _ in 0..150_000 {
        body.extend([0x41, 3, 0x6c, 0x20, 0, 0x73]);
    }
    body.push(0x0b);
    let entry = [&leb(body.len())[..], &body].concat();
    let (count, entries) = (leb(functions), functions * entry.len());
    let module = [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, &[1, 0x60, 1, 0x7f, 1, 0x7f]),
        section(3, &[&count[..], &vec![0; functions]].concat()),
        head(10, count.len() + entries),
        count,
    ]
    .concat();
    let mut file = File::create(path).unwrap();
    file.write_all(b"\0asm\x0d\0\x01\0").unwrap();
    file.write_all(&head(1, module.len() + entries)).unwrap();
    file.write_all(&module).unwrap();
    for _ in 0..functions {
        file.write_all(&entry).unwrap();
    }
}

/// An app with so many bytes of data that no function uses, in a module of its own: they are a part of its machine code.
fn write_heavy(path: &Path, bytes: usize) {
    // One segment, which is passive; its zeros are a hole in the file.
    let segment = [&[1, 1][..], &leb(bytes)].concat();
    let data = head(11, segment.len() + bytes);
    let module = [b"\0asm\x01\0\0\0", &data[..], &segment].concat();
    let mut component = fs::read(guests::ECHO.path()).unwrap();
    component.extend(head(1, module.len() + bytes));
    component.extend(module);
    fs::write(path, &component).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.set_len((component.len() + bytes) as u64).unwrap();
}

#[track_caller]
fn given_up(app: &Path, limit: [&str; 2], what: &str, hint: &str) {
    let mut command = wasgi();
    command.args(["build", "--no-cache"]).arg(app).args(limit);
    complaint(&Process::start(&mut command).finished()).says(what, "it was stopped", hint);
}

/// 200 MB of functions.
#[test]
fn a_component_that_compiles_for_too_long_is_given_up() {
    let folder = Folder::new("laborious");
    let app = folder.path("app.wasm");
    write_laborious(&app, 222);
    given_up(
        &app,
        ["--limit-compile-cpu", "1"],
        "takes longer than 1 s of CPU time to compile",
        "--limit-compile-cpu raises the limit",
    );
}

#[test]
fn a_component_that_takes_too_much_memory_to_compile_is_given_up() {
    let folder = Folder::new("laborious");
    let app = folder.path("app.wasm");
    write_laborious(&app, 40);
    given_up(
        &app,
        ["--limit-compile-memory", "200"],
        "needs more than 200 MiB to compile",
        "--limit-compile-memory raises the limit",
    );
}

/// 200 MB, all of which become machine code: the process that compiles has them, and the one that serves never has half of them,
/// whether it has had them compiled or found them in the cache.
#[test]
fn a_component_of_200_megabytes_is_not_the_servers_memory() {
    let folder = Folder::new("heavy");
    let app = folder.path("app.wasm");
    write_heavy(&app, 200_000_000);
    for code in ["code compiled in", "code cached in"] {
        let mut command = wasgi();
        command.args(["serve", "--port", "0"]).arg(&app);
        command.env("WASGI_CACHE_DIR", folder.path("cache"));
        let program = Program::start(&mut command);
        let said = &program.start_line;
        assert!(said.contains(code), "{said}");
        assert_eq!(program.client().get("/ok").status, 200);
        let most = most_resident_bytes(program.pid());
        assert!(most < 100_000_000, "{most}");
    }
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
