//! App folders that do not become a component: what cargo says, what is missing in the project, what in the toolchain.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use wasgi_tests::{Finished, Folder, wasgi};

use crate::cli::{Complaint, Process, complaint};

const CARGO: &str = "[package]\nname = \"shop\"\nedition = \"2024\"\n[workspace]\n";
const CDYLIB: &str = "[lib]\ncrate-type = [\"cdylib\"]\n";

/// A project of no dependencies.
fn project(cargo: &str, code: &str) -> Folder {
    let folder = Folder::new("load");
    folder.write("wasgi.toml", "name = \"shop\"\n");
    folder.write("Cargo.toml", cargo);
    folder.write("src/lib.rs", code);
    folder
}

/// `wasgi serve` of a project; it has to be built first, and that fails.
fn serve(folder: &Folder) -> Command {
    let mut command = wasgi();
    command.arg("serve").arg(folder.path(""));
    command
        .args(["--port", "0", "--offline"])
        .env("CARGO_TARGET_DIR", folder.path("target"));
    command
}

#[track_caller]
fn project_is_refused(folder: &Folder, what: &str, why: &str, hint: &str) -> Finished {
    let finished = Process::start(&mut serve(folder)).finished();
    complaint(&finished).says(what, why, hint);
    finished
}

#[test]
fn a_project_that_does_not_compile_is_an_error_below_cargos_own() {
    let code = "pub fn number() -> u8 { \"no number\" }\n";
    let folder = project(&format!("{CARGO}{CDYLIB}"), code);
    let finished = project_is_refused(
        &folder,
        "cargo could not build `shop` (exit status: 101)",
        "",
        "cargo says why above",
    );
    let said = &finished.stderr;
    assert!(said.contains("error[E0308]: mismatched types"), "{said}");
    assert!(said.contains("src/lib.rs:1"), "{said}");
}

#[test]
fn a_project_that_becomes_another_component_is_refused() {
    let folder = project(&format!("{CARGO}{CDYLIB}"), "");
    let what = "shop.wasm` does not export `run`";
    project_is_refused(
        &folder,
        what,
        "there is no `run: async func()`",
        "`app!` macro",
    );
}

#[test]
fn a_project_that_becomes_no_component_is_refused() {
    let folder = project(CARGO, "");
    project_is_refused(
        &folder,
        "nothing in the package `shop` becomes a component",
        "no library of crate type `cdylib` and no binary",
        "crate-type = [\"cdylib\"]",
    );
}

#[test]
fn a_project_that_cargo_cannot_read_is_refused() {
    let folder = project("[package\n", "");
    project_is_refused(
        &folder,
        "cargo cannot read the project",
        "error",
        "`cargo metadata`",
    );
    fs::remove_file(folder.path("Cargo.toml")).unwrap();
    project_is_refused(&folder, "has no `Cargo.toml`", "", "`wasgi new` shows");
}

/// Builds with a `rustc` that is this shell script, or with none.
#[track_caller]
fn with_rustc(script: Option<&str>) -> Complaint {
    let folder = project(&format!("{CARGO}{CDYLIB}"), "");
    folder.write("bin/README", "the only folder in PATH");
    if let Some(script) = script {
        let script = folder.write("script", format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        // Not written by us: a child that another test starts meanwhile would have the file open for writing, too, and
        // such a file cannot be run.
        let copied = Command::new("cp")
            .arg(&script)
            .arg(folder.path("bin/rustc"))
            .status();
        assert!(copied.expect("cp").success());
    }
    let mut command = serve(&folder);
    complaint(&Process::start(command.env("PATH", folder.path("bin"))).finished())
}

#[test]
fn a_missing_target_is_an_error_that_says_how_to_add_it() {
    with_rustc(Some("echo /nowhere/lib/rustlib")).says(
        "the Rust target wasm32-wasip2 is not installed",
        "there is no `/nowhere/lib/rustlib`",
        "run `rustup target add wasm32-wasip2`",
    );
}

#[test]
fn a_rustc_that_is_too_old_for_the_target_is_an_error() {
    let script = "echo 'error: Could not find specification for target' >&2; exit 1";
    with_rustc(Some(script)).says(
        "rustc does not know the target wasm32-wasip2",
        "Could not find specification",
        "`rustup update stable`",
    );
}

#[test]
fn without_rust_the_error_says_where_it_is() {
    with_rustc(None).says(
        "there is no `rustc` on this machine",
        "No such file",
        "https://rustup.rs",
    );
}
