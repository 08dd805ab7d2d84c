//! Is there a Rust toolchain with the guest target, and how is it called without being misled.
//!
//! `wasgi` itself may have been started by cargo (`cargo run`, `cargo test`, a build script). What
//! that outer cargo says to its children in the environment must not reach the inner one.

use std::{ffi::OsStr, io, path::Path, process::Command};

use wasgi::error::{Error, Result};

use crate::cli::report;

/// The target whose linker yields a component at once.
pub(in crate::cli::build) const TARGET: &str = "wasm32-wasip2";

/// Says what is missing, before cargo fails in a less obvious way.
pub(in crate::cli::build) fn check(folder: &Path) -> Result<()> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    let asked = clean(&mut rustc).current_dir(folder).output();
    let answer = asked.map_err(|error| missing("rustc", error))?;
    if !answer.status.success() {
        let why = String::from_utf8_lossy(&answer.stderr).trim().to_owned();
        return Err(
            Error::user(format!("rustc does not know the target {TARGET}"))
                .because(why)
                .hint("wasgi needs Rust 1.95 or newer: `rustup update stable`"),
        );
    }
    let library = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    if Path::new(&library).is_dir() {
        return Ok(());
    }
    Err(
        Error::user(format!("the Rust target {TARGET} is not installed"))
            .because(format!("there is no `{library}`"))
            .hint(format!(
                "run `rustup target add {TARGET}` (in the app's folder, if it names a toolchain of \
             its own)"
            )),
    )
}

/// Cargo, to be run in `folder`, with an environment of its own.
pub(in crate::cli::build) fn cargo(folder: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    clean(&mut cargo).current_dir(folder);
    cargo
}

/// The error for a program of the toolchain that does not start.
pub(in crate::cli::build) fn missing(program: &str, error: io::Error) -> Error {
    let what = if error.kind() == io::ErrorKind::NotFound {
        format!("there is no `{program}` on this machine, and building an app needs Rust")
    } else {
        format!("cannot start `{program}`")
    };
    Error::user(what).because(error).hint(format!(
        "install Rust from https://rustup.rs, then run `rustup target add {TARGET}`"
    ))
}

pub(in crate::cli::build) fn clean(command: &mut Command) -> &mut Command {
    let nested = std::env::var_os("CARGO_MANIFEST_DIR").is_some();
    for (name, _) in std::env::vars_os() {
        if misleads(&name, nested) {
            command.env_remove(name);
        }
    }
    command
}

/// Tells once that flags for native code stay out of the guest.
pub(in crate::cli::build) fn mention_flags() {
    if std::env::var_os("RUSTFLAGS").is_some_and(|flags| !flags.is_empty()) {
        report::say(
            "note: RUSTFLAGS is for native code and does not reach the app; use \
             CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS or the app's .cargo/config.toml",
        );
    }
}

/// Whether a variable would tell the inner cargo about someone else's build.
fn misleads(name: &OsStr, nested: bool) -> bool {
    const PREFIXES: [&str; 4] = ["CARGO_PKG_", "CARGO_BIN_", "CARGO_CFG_", "CARGO_FEATURE_"];
    const NAMES: [&str; 11] = [
        "CARGO",
        "CARGO_CRATE_NAME",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_MAKEFLAGS",
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_LINKS",
        "CARGO_MANIFEST_PATH",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_RUSTC_CURRENT_DIR",
        "CARGO_TARGET_TMPDIR",
        "RUSTC_WORKSPACE_WRAPPER",
    ];
    // Flags such as `-C target-cpu=native` would stop the guest from linking, and would switch off
    // the flags in the app's own configuration.
    if name == "RUSTFLAGS" {
        return true;
    }
    let starts = |prefix: &str| name.to_str().is_some_and(|name| name.starts_with(prefix));
    nested
        && (NAMES.iter().any(|known| name == OsStr::new(known))
            || PREFIXES.iter().copied().any(starts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outer_cargo_is_not_heard_but_the_users_settings_are() {
        for name in [
            "CARGO",
            "CARGO_PKG_NAME",
            "CARGO_BIN_EXE_wasgi",
            "CARGO_MANIFEST_DIR",
        ] {
            assert!(misleads(OsStr::new(name), true), "{name}");
            assert!(!misleads(OsStr::new(name), false), "{name}");
        }
        for name in [
            "CARGO_HOME",
            "CARGO_TARGET_DIR",
            "CARGO_NET_OFFLINE",
            "RUSTUP_TOOLCHAIN",
        ] {
            assert!(!misleads(OsStr::new(name), true), "{name}");
        }
        assert!(misleads(OsStr::new("RUSTFLAGS"), false));
    }
}
