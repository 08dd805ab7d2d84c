//! What is no app, is too much of one, or is one on paper: refused to the one who deploys it, while the neighbour is served.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use wasgi_tests::{Folder, Serve, guests};

use super::{HOST, MALLORY, Stage};

/// Writes a component from its text.
fn component(folder: &Folder, name: &str, text: &str) -> PathBuf {
    let bytes = wat::parse_str(text).unwrap();
    folder.write(&format!("{name}.wasm"), bytes)
}

/// A type that contains itself, as often as it pleases: the depth is what a recursive host does not survive.
#[test]
fn deep_types_are_refused_or_served_and_nothing_else() {
    let (folder, stage) = (Folder::new("deep"), Stage::empty());
    for (name, begin, end) in [
        ("list", "(list ", ")"),
        ("option", "(option ", ")"),
        ("tuple", "(tuple ", ")"),
    ] {
        let mut text = String::from("(component (type $t0 (list u8))\n");
        for depth in 1..20_000 {
            writeln!(text, "(type $t{depth} {begin}$t{}{end})", depth - 1).unwrap();
        }
        text.push_str("(import \"deep\" (func (param \"a\" $t19999))))");
        let path = component(&folder, name, &text);
        stage.refuses(Serve::file(&path, name));
    }
    stage.assert_unharmed();
}

/// Components in components.
#[test]
fn deep_components_are_refused() {
    let (folder, stage) = (Folder::new("nested"), Stage::empty());
    // From the inside out and backwards: each is a section of the one around it.
    const BEGIN: &[u8] = b"\0asm\x0d\0\x01\0";
    let mut backwards: Vec<u8> = BEGIN.iter().rev().copied().collect();
    for _ in 0..20_000 {
        let mut length = Vec::new();
        leb(&mut length, backwards.len());
        backwards.extend(length.iter().rev());
        backwards.push(4);
        backwards.extend(BEGIN.iter().rev());
    }
    backwards.reverse();
    let path = folder.write("nested.wasm", backwards);
    stage.refuses(Serve::file(&path, "nested"));
    stage.assert_unharmed();
}

/// What the world does not have: sockets of its own making, other tenants, the host.
#[test]
fn imports_outside_the_world_are_refused() {
    let (folder, stage) = (Folder::new("imports"), Stage::empty());
    for import in [
        "wasgi:host/tenants@0.1.0",
        "wasi:nn/graph@0.2.0",
        "wasi:http/outgoing-handler@0.2.3",
        "evil",
    ] {
        let text = format!("(component (import {import:?} (instance (export \"f\" (func)))))");
        let path = component(&folder, "imports", &text);
        let told = stage.refuses(Serve::file(&path, "imports"));
        assert!(
            told.contains("imports what this host does not have") && told.contains(import),
            "{told}"
        );
    }
    stage.assert_unharmed();
}

/// A component of 200 MB, most of which is ballast: it is read once, and served.
#[test]
fn a_component_of_200_megabytes_is_served() {
    let (folder, stage) = (Folder::new("large"), Stage::empty());
    let mut bytes = fs::read(guests::ECHO.path()).unwrap();
    let ballast = 200_000_000;
    bytes.push(0);
    leb(&mut bytes, ballast + 8);
    bytes.extend_from_slice(b"\x07ballast");
    bytes.resize(bytes.len() + ballast, 0);
    let path = folder.write("large.wasm", bytes);
    stage
        .host
        .deploy(MALLORY, Serve::file(&path, "large"), HOST);
    stage.assert_serves();
    stage.assert_unharmed();
}

/// A thousand instances of modules, each with a memory of its own: the sum counts (`G-07`).
#[test]
fn many_memories_are_counted_together() {
    let (folder, stage) = (Folder::new("memories"), Stage::empty());
    let mut text =
        String::from("(component (core module $m (memory 16) (func (export \"run\")))\n");
    for number in 0..500 {
        writeln!(text, "(core instance $i{number} (instantiate $m))").unwrap();
    }
    text.push_str("(type $run (func async)) (func $f (type $run) (canon lift (core func $i0 \"run\"))) (export \"run\" (func $f)))");
    let path = component(&folder, "memories", &text);
    let told = stage.refuses(Serve::file(&path, "memories"));
    assert!(told.contains("memor"), "{told}");
    stage.assert_unharmed();
}

/// Code that is not: a component whose bytes are noise behind a good beginning.
#[test]
fn noise_is_refused() {
    let (folder, stage) = (Folder::new("noise"), Stage::empty());
    let mut bytes = fs::read(guests::ECHO.path()).unwrap();
    let length = bytes.len();
    let noise = wasgi_tests::noise(length / 2);
    bytes[length / 4..length / 4 + noise.len()].copy_from_slice(&noise);
    let path = folder.write("noise.wasm", bytes);
    stage.refuses(Serve::file(&path, "noise"));
    stage.assert_unharmed();
}

fn leb(bytes: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}
