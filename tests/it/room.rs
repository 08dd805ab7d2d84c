//! Room for instances: what happens when there is no more of it, and where addresses are scarce.

use std::process::Command;
use std::time::Duration;

use wasgi::config::Manifest;
use wasgi::wasm::compile::Program as CompileProgram;
use wasgi::wasm::{App, Cache, Compiler, Engine};
use wasgi_tests::{Folder, Program, Serve, apps, wasgi};

use crate::cli::{Process, complaint};

/// `(component (core module (memory 1)) (core instance ...) ...)` with so many instances, each with a memory.
fn component_of_memories(count: u8) -> Vec<u8> {
    assert!(count < 63, "lengths are one byte");
    let module = b"\0asm\x01\0\0\0\x05\x03\x01\0\x01";
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    bytes.extend([1, u8::try_from(module.len()).unwrap()]);
    bytes.extend(module);
    // A section for each: one instance, made of module 0, with no arguments.
    for _ in 0..count {
        bytes.extend([2, 4, 1, 0, 0, 0]);
    }
    bytes
}

/// An app that finds no room for its instances does not start, and its log says so; the others go on; when there is room
/// again it starts.
#[test]
fn an_app_without_room_is_refused_and_hurts_nobody() {
    // The smallest pool there is.
    let engine = Engine::for_instances(8).unwrap();
    let hello = |instances| {
        Serve::guest(apps::HELLO)
            .engine(&engine)
            .instances(instances)
    };
    let mut first = hello(8).start();
    assert_eq!(first.get("/").status, 200);
    let (error, lines) = hello(1).try_start().err().expect("there is no room");
    let said = format!("{error:?}\n{lines:?}");
    assert!(
        said.contains("the host has no room for a further instance"),
        "{said}"
    );
    assert_eq!(first.get("/").status, 200);
    first.stop();
    let second = hello(8).start();
    assert_eq!(second.get("/").status, 200);
}

/// A component of a few hundred bytes that would take the memories of many apps.
#[test]
fn a_component_of_many_memories_is_refused() {
    let folder = Folder::new("memories");
    let app = folder.write("app.wasm", component_of_memories(40));
    let mut command = wasgi();
    command.arg("build").arg(&app);
    complaint(&Process::start(&mut command).finished()).says(
        "needs more than an app can have",
        "",
        "up to 4 memories",
    );
}

/// `ulimit -v`: no pool, one warning, and the app answers.
#[test]
fn an_app_is_served_where_addresses_are_scarce() {
    let limited = |kibibytes: u64, what: &str| {
        let wasgi = wasgi();
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "ulimit -v \"$0\" && exec \"$@\""])
            .arg(kibibytes.to_string())
            .arg(wasgi.get_program())
            .args(["serve", "--port", "0"])
            .arg(apps::HELLO.path());
        for (name, value) in wasgi.get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        let program = Program::start(&mut shell);
        assert_eq!(program.client().get("/").status, 200);
        let said = program.wait_line("addresses are scarce (`ulimit -v` is");
        assert!(said.contains(what), "{said}");
    };
    limited(1 << 30, "from a pool of 62");
    limited(100 << 20, "on demand instead of");
    limited(4 << 20, "on demand, with every access checked");
}

/// A restart compiles nothing: the compiler of the second engine is a program that is not there.
#[test]
fn cached_apps_are_loaded_without_a_compiler() {
    let folder = Folder::new("restart");
    let cache = Cache::at(folder.path("cache"));
    let manifest = Manifest::named("hello".to_owned());
    let hello = std::fs::read(apps::HELLO.path()).unwrap();
    let files: Vec<_> = (0..3_u8)
        .map(|number| {
            // A section that says nothing makes it another component.
            let component = [&hello[..], &[0, 3, 1, b'n', number]].concat();
            folder.write(&format!("{number}.wasm"), component)
        })
        .collect();
    let load = |engine: &Engine, file| App::load(engine, file, &manifest, Some(&cache));
    let first = Engine::for_instances(8).unwrap();
    for file in &files {
        assert!(!load(&first, file).unwrap().from_cache);
    }
    let nobody = Compiler::Child(CompileProgram {
        path: folder.path("no-compiler"),
        arguments: Vec::new(),
        environment: Vec::new(),
        cpu: Duration::from_secs(1),
        memory_bytes: 1 << 30,
        raise: ["", ""],
    });
    let second = Engine::for_instances(8).unwrap().compiling_by(nobody);
    for file in &files {
        assert!(load(&second, file).unwrap().from_cache);
    }
    let another = folder.write("another.wasm", [&hello[..], &[0, 3, 1, b'n', 9]].concat());
    let error = load(&second, &another).err().expect("nobody compiles it");
    assert!(error.to_string().contains("cannot start"), "{error:?}");
}
