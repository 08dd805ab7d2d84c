//! Apps that cannot be loaded: each gets an error with what, why and a hint, and exit code 1, from every verb.

mod manifests;
mod projects;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

use wasgi_tests::{Folder, guests, wasgi};

use crate::cli::{Process, complaint};

const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";
const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// `(component (import "stranger" (func)))`.
const IMPORTS_A_STRANGER: &[u8] = b"\0asm\x0d\0\x01\0\
    \x07\x05\x01\x40\0\x01\0\
    \x0a\x0d\x01\0\x08stranger\x01\0";

/// `(func (export "run"))`, lifted from a core function: it is there, and not `async`.
const RUN_IS_NOT_ASYNC: &[u8] = b"\0asm\x0d\0\x01\0\
    \x01\x21\0asm\x01\0\0\0\
      \x01\x04\x01\x60\0\0\
      \x03\x02\x01\0\
      \x07\x07\x01\x03run\0\0\
      \x0a\x04\x01\x02\0\x0b\
    \x02\x04\x01\0\0\0\
    \x07\x05\x01\x40\0\x01\0\
    \x06\x09\x01\0\0\x01\0\x03run\
    \x08\x06\x01\0\0\0\0\0\
    \x0b\x09\x01\0\x03run\x01\0\0";

/// `(func (export "run") async (param "n" u32))`.
const RUN_WANTS_A_NUMBER: &[u8] = b"\0asm\x0d\0\x01\0\
    \x01\x22\0asm\x01\0\0\0\
      \x01\x05\x01\x60\x01\x7f\0\
      \x03\x02\x01\0\
      \x07\x07\x01\x03run\0\0\
      \x0a\x04\x01\x02\0\x0b\
    \x02\x04\x01\0\0\0\
    \x07\x08\x01\x43\x01\x01n\x79\x01\0\
    \x06\x09\x01\0\0\x01\0\x03run\
    \x08\x06\x01\0\0\0\0\0\
    \x0b\x09\x01\0\x03run\x01\0\0";

/// The file or folder, by `serve` and by `build`.
#[track_caller]
fn refused(app: &Path, what: &str, why: &str, hint: &str) {
    for verb in ["serve", "build"] {
        let mut command = wasgi();
        command.arg(verb).arg(app);
        if verb == "serve" {
            command.args(["--port", "0"]);
        }
        complaint(&Process::start(&mut command).finished()).says(what, why, hint);
    }
}

#[track_caller]
fn bytes_are_refused(bytes: &[u8], what: &str, why: &str, hint: &str) {
    let folder = Folder::new("load");
    let app = folder.write("app.wasm", bytes);
    refused(&app, &format!("app.wasm` {what}"), why, hint);
}

#[test]
fn a_text_is_no_component() {
    bytes_are_refused(
        b"#!/bin/sh\necho hello\n",
        "is not WebAssembly",
        "does not begin with the header",
        "give a component (`.wasm`)",
    );
}

#[test]
fn an_empty_file_is_no_component() {
    bytes_are_refused(b"", "is not WebAssembly", "is empty", "give a component");
}

#[test]
fn a_core_module_is_no_component() {
    bytes_are_refused(
        EMPTY_MODULE,
        "is a core WebAssembly module, not a component",
        "",
        "build for the target `wasm32-wasip2`",
    );
}

#[test]
fn a_component_without_run_is_no_app() {
    for bytes in [EMPTY_COMPONENT, RUN_IS_NOT_ASYNC] {
        bytes_are_refused(
            bytes,
            "does not export `run` as a wasgi app does",
            "there is no `run: async func()`",
            "a wasgi app exports `run`",
        );
    }
}

#[test]
fn a_component_with_another_run_is_no_app() {
    bytes_are_refused(
        RUN_WANTS_A_NUMBER,
        "does not export `run` as a wasgi app does",
        "export func `run`",
        "a wasgi app exports `run`",
    );
}

#[test]
fn a_component_with_unknown_imports_is_no_app() {
    bytes_are_refused(
        IMPORTS_A_STRANGER,
        "imports what this host does not have",
        "`stranger`",
        "imports nothing but `wasgi:asgi` 0.1 and WASI",
    );
}

#[test]
fn a_file_that_was_cut_off_is_refused_wherever_it_was_cut() {
    let whole = fs::read(guests::ECHO.path()).unwrap();
    bytes_are_refused(&whole[..7], "is not WebAssembly", "header", "component");
    let length = whole.len();
    for cut in [9, 100, length / 4, length / 2, length * 3 / 4, length - 1] {
        bytes_are_refused(
            &whole[..cut],
            "is not a valid WebAssembly component",
            "",
            "the file may be cut off",
        );
    }
}

#[test]
fn a_file_that_was_damaged_is_refused() {
    let mut damaged = fs::read(guests::ECHO.path()).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 1000].fill(0xff);
    bytes_are_refused(&damaged, "is not a valid WebAssembly component", "", "");
}

#[test]
fn a_file_that_is_too_large_is_refused_unread() {
    let folder = Folder::new("load");
    let app = folder.path("app.wasm");
    let file = fs::File::create(&app).unwrap();
    // All holes: it takes no space.
    file.set_len(257 * 1024 * 1024).unwrap();
    refused(&app, "is larger than 256 MiB", "", "`wasgi build`");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let app = Path::new("no/such/app.wasm");
    let what = "cannot find the app `no/such/app.wasm`";
    refused(app, what, "No such file", "give the folder of an app");
}

#[test]
fn what_is_no_file_is_refused_unread() {
    let folder = Folder::new("load");
    let socket = folder.path("socket.wasm");
    let _listener = UnixListener::bind(&socket).unwrap();
    refused(&socket, "is not a file", "", "give a component");
    let device = Path::new("/dev/zero");
    refused(device, "`/dev/zero` is not a file", "", "give a component");
}

/// Root may read a file without permissions, so there that shows nothing; but nobody can read what a process has at
/// address 0.
#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    let memory = Path::new("/proc/self/mem");
    if memory.exists() {
        refused(
            memory,
            "cannot read `/proc/self/mem`",
            "error",
            "give a `.wasm` file",
        );
    }
    let folder = Folder::new("load");
    let app = folder.write("app.wasm", EMPTY_COMPONENT);
    fs::set_permissions(&app, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&app).is_err() {
        refused(&app, "cannot read", "denied", "check who may read the file");
    }
}
