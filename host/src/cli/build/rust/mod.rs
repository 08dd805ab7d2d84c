//! A cargo project becomes a component, which is cargo's work.
//!
//! `app` calls it for a folder whose manifest says `rust`. `project` asks cargo what the folder holds, `toolchain` looks
//! whether the guest target is there, `artefact` picks the component out of what cargo reports. Cargo's own progress and
//! messages go to stderr untouched.

mod artefact;
mod project;
pub(super) mod toolchain;

use std::{
    io::{self, BufRead, BufReader, IsTerminal, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use wasgi::{
    config::manifest::RustBuild,
    error::{Error, Result},
};

use project::{Project, Target};

/// What cargo is told.
#[derive(Clone, Copy, Default)]
pub(crate) struct CargoFlags {
    /// Build with `Cargo.lock` as it is.
    pub(crate) locked: bool,
    /// Build without the network.
    pub(crate) offline: bool,
}

/// Builds the cargo project in `folder` and gives the path of its component. `heard` gets a copy of what cargo prints.
pub(crate) fn build(
    folder: &Path,
    build: &RustBuild,
    args: CargoFlags,
    heard: Option<&mut String>,
) -> Result<PathBuf> {
    toolchain::check(folder)?;
    toolchain::mention_flags();
    let project = Project::read(folder, build, args)?;
    let mut command = toolchain::cargo(folder);
    command
        .args(["build", "--target", toolchain::TARGET])
        .args(["--message-format", "json-render-diagnostics"])
        .args([
            "--profile",
            &project.profile,
            "--package",
            &project.package.id,
        ]);
    match &project.target {
        Target::Library => command.arg("--lib"),
        Target::Binary(name) => command.args(["--bin", name]),
    };
    if build.default_features == Some(false) {
        command.arg("--no-default-features");
    }
    if !build.features.is_empty() {
        command.args(["--features", &build.features.join(",")]);
    }
    args.add_to(&mut command);
    let name = &project.package.name;
    run_cargo(&mut command, &project, heard)?.ok_or_else(|| {
        Error::user(format!("cargo built `{name}`, but no component came of it"))
            .hint("is the crate type `cdylib`, or is it a binary?")
    })
}

impl CargoFlags {
    fn add_to(self, command: &mut Command) {
        if self.locked {
            command.arg("--locked");
        }
        if self.offline {
            command.arg("--offline");
        }
    }
}

fn run_cargo(
    command: &mut Command,
    project: &Project,
    heard: Option<&mut String>,
) -> Result<Option<PathBuf>> {
    let name = &project.package.name;
    if heard.is_some() {
        command.stderr(Stdio::piped());
        if io::stderr().is_terminal() {
            command.env("CARGO_TERM_COLOR", "always");
        }
    }
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| toolchain::missing("cargo", error))?;
    let talk = child
        .stderr
        .take()
        .map(|stderr| std::thread::spawn(move || pass_on(stderr)));
    let wasm = match child.stdout.take() {
        Some(stdout) => artefact::find(BufReader::new(stdout), project),
        None => Ok(None),
    };
    let ended = child
        .wait()
        .map_err(|error| Error::internal("cannot wait for cargo").because(error))?;
    if let (Some(heard), Some(Ok(talk))) = (heard, talk.map(std::thread::JoinHandle::join)) {
        heard.push_str(&talk);
    }
    if !ended.success() {
        let what = format!("cargo could not build `{name}` ({ended})");
        return Err(Error::user(what).hint("cargo says why above"));
    }
    wasm.map_err(|error| Error::internal("cannot read what cargo reports").because(error))
}

/// Longest copy of what cargo prints, in bytes.
const HEARD_BYTES_MAX: usize = 64 * 1024;

/// Passes on what cargo prints, and keeps the beginning: its first error is the one to read.
fn pass_on(stderr: impl io::Read) -> String {
    let mut heard = String::new();
    let mut lines = BufReader::new(stderr);
    let mut line = Vec::new();
    while lines
        .read_until(b'\n', &mut line)
        .is_ok_and(|read| read > 0)
    {
        // There is no other place to complain to.
        let _ = io::stderr().write_all(&line);
        if heard.len() < HEARD_BYTES_MAX {
            heard.push_str(&String::from_utf8_lossy(&line));
        }
        line.clear();
    }
    heard
}
