//! `wasmtime serve`: the program that runs `wasi:http` components, of the version that wasgi has as a library.
//!
//! A `wasi:http` 0.2 component serves one request in each instance unless `--max-instance-reuse-count` says otherwise.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::server::Program;
use crate::tools::Tools;

use super::guests::run;

/// That of `Cargo.lock`.
const VERSION: &str = "48.0.8";

/// What makes it quickest: its pool keeps of each place what wasgi's keeps, so that the next instance has fewer pages to
/// fault in.
const TUNED: [&str; 2] = [
    "-Opooling-allocator=y,pooling-pagemap-scan=auto",
    "-Opooling-memory-keep-resident=65536,pooling-table-keep-resident=4096,pooling-async-stack-keep-resident=16384",
];

/// What it has of wasgi's guards: an end to endless loops, stacks that are zeroed. The first is part of the code.
const GUARDED: &str = "-Wtimeout=30s,async-stack-zeroing=y";
const INTERRUPTIBLE: &str = "-Wepoch-interruption=y";

/// The program.
pub(super) struct Wasmtime {
    path: PathBuf,
    /// What it says of itself.
    pub(super) version: String,
}

impl Wasmtime {
    /// Takes the one that was named, or builds one, which takes some ten minutes and is done once.
    pub(super) fn prepare(named: Option<&Path>, tools: &Tools) -> anyhow::Result<Self> {
        let path = match named {
            Some(path) => path.to_owned(),
            None => installed(&tools.made.join(format!("wasmtime-{VERSION}")))?,
        };
        let said = Command::new(&path).arg("--version").output();
        let said = said.with_context(|| format!("cannot start {}", path.display()))?;
        let version = String::from_utf8(said.stdout)?.trim().to_owned();
        ensure!(
            version.starts_with(&format!("wasmtime {VERSION}")),
            "{} is {version:?}: to be compared with it takes wasmtime {VERSION}, as wasgi has it",
            path.display()
        );
        Ok(Self { path, version })
    }

    /// How it serves a component, as quickly as it can, and guarded. Both are compiled ahead of time, as wasgi's cache has
    /// done with its own.
    pub(super) fn serve(&self, component: &Path, tools: &Tools) -> anyhow::Result<[Program; 2]> {
        let guarded = [GUARDED, TUNED[0], TUNED[1]];
        Ok([
            self.program("wasmtime serve", component, &[], &TUNED, tools)?,
            self.program(
                "wasmtime serve, guarded",
                component,
                &[INTERRUPTIBLE],
                &guarded,
                tools,
            )?,
        ])
    }

    fn program(
        &self,
        name: &str,
        component: &Path,
        compiled: &[&str],
        served: &[&str],
        tools: &Tools,
    ) -> anyhow::Result<Program> {
        fs::create_dir_all(&tools.made)?;
        let of = component.file_stem().unwrap_or_default();
        let code = format!("{}-{}.cwasm", of.display(), name.replace([' ', ','], "-"));
        let code = tools.made.join(code);
        let mut compile = Command::new(&self.path);
        compile.arg("compile").args(compiled).arg("-o");
        run(compile.arg(&code).arg(component))?;
        let mut args: Vec<OsString> = vec!["serve".into(), "--allow-precompiled".into()];
        // Rust's and Python's libraries import more of WASI than the `proxy` world has.
        args.extend(["-Scli", "--addr", "127.0.0.1:0"].map(Into::into));
        args.extend(served.iter().map(Into::into));
        args.push(code.into());
        Ok(Program {
            name: name.to_owned(),
            path: self.path.clone(),
            args,
        })
    }
}

fn installed(folder: &Path) -> anyhow::Result<PathBuf> {
    let program = folder.join("bin/wasmtime");
    if !program.is_file() {
        eprintln!("building wasmtime {VERSION} (once; --wasmtime names one that is there)");
        let mut install = Command::new("cargo");
        install.args(["install", "wasmtime-cli", "--locked", "--version", VERSION]);
        run(install.arg("--root").arg(folder))?;
    }
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_library() {
        let lock = include_str!("../../../Cargo.lock");
        let entry = format!("name = \"wasmtime\"\nversion = \"{VERSION}\"\n");
        assert!(lock.contains(&entry));
    }
}
