//! Native environments, each made once: the venv with uvicorn and the same frameworks as in the components, and others by
//! their requirements.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use super::{apps, digest_of, kept, lock};
use crate::Finished;

/// What the environment is made of, below `python/`. Their pins agree, else pip would refuse.
const REQUIREMENTS: [&str; 4] = [
    "requirements-native.txt",
    "wide_starlette/requirements.txt",
    "wide_fastapi/requirements.txt",
    "wide_quart/requirements.txt",
];

/// The Python of the environment: where uvicorn and clients are.
///
/// # Panics
/// When it cannot be made.
pub fn native_python() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    let roots = || REQUIREMENTS.iter().map(|file| apps().join(file)).collect();
    MADE.get_or_init(|| venv("venv", roots())).clone()
}

/// The Python of an environment with what these files require, made once.
///
/// # Panics
/// When it cannot be made.
pub(crate) fn venv(name: &str, roots: Vec<PathBuf>) -> PathBuf {
    let _held = lock(name);
    let version = run(
        Command::new("python3").arg("--version"),
        "these tests meet programs from PyPI and need a `python3` (3.11 or later, with `venv`) on this machine",
    );
    let folder = kept().join(format!("{name}-{}", digest_of(&roots, &version)));
    let python = folder.join("bin/python");
    let complete = folder.join("complete");
    if complete.is_file() {
        return python;
    }
    let _ = std::fs::remove_dir_all(&folder);
    run(
        Command::new("python3").args(["-m", "venv"]).arg(&folder),
        "`python3 -m venv` fails; on Debian it is in the package `python3-venv`",
    );
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    for file in &roots {
        pip.arg("--requirement").arg(file);
    }
    run(&mut pip, "pip cannot install what these tests meet");
    std::fs::write(complete, "").expect("a mark in the environment");
    python
}

fn run(command: &mut Command, trouble: &str) -> String {
    // Nothing of an environment that happens to be active.
    command
        .env_remove("VIRTUAL_ENV")
        .env_remove("PYTHONPATH")
        .env_remove("PYTHONHOME");
    assert!(
        Command::new("python3").arg("--version").output().is_ok(),
        "there is no `python3` on this machine: {trouble}"
    );
    let ended = Finished::run(command);
    assert_eq!(
        ended.code,
        Some(0),
        "{trouble}:\n{}{}",
        ended.stdout,
        ended.stderr
    );
    ended.stdout
}
