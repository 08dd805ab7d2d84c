//! The environment of a measurement: settings of the person who runs it are not what is measured.
//!
//! `RUST_BACKTRACE` above all: with it every error of wasmtime walks the stack, and dropping an instance makes one.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Starts this program again, in its own place, without the variables that would change the numbers. Servers and
/// instances inherit what is left. Returns when there is nothing to take away.
pub(crate) fn settle() -> std::io::Result<()> {
    let changes: Vec<_> = std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| changes_numbers(name))
        .collect();
    if changes.is_empty() {
        return Ok(());
    }
    let mut again = Command::new(std::env::current_exe()?);
    again.args(std::env::args_os().skip(1));
    for name in &changes {
        eprintln!("without {}", name.display());
        again.env_remove(name);
    }
    Err(again.exec())
}

fn changes_numbers(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    let names = ["RUST_BACKTRACE", "RUST_LIB_BACKTRACE"];
    let prefixes = [
        "WASGI_",
        "WASMTIME_",
        "MALLOC_",
        "PYTHON",
        "UVICORN_",
        "GRANIAN_",
        "WEB_CONCURRENCY",
    ];
    // Where compiled code is kept changes nothing.
    name != "WASGI_CACHE_DIR"
        && (names.contains(&name) || prefixes.iter().any(|prefix| name.starts_with(prefix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_numbers() {
        let changes = |name| changes_numbers(OsStr::new(name));
        assert!(changes("RUST_BACKTRACE") && changes("WASGI_ACCESS_LOG"));
        assert!(!changes("WASGI_CACHE_DIR") && !changes("HOME") && !changes("CARGO_TARGET_DIR"));
    }
}
