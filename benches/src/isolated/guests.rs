//! The guests of `wasmtime serve`: hello through `wasi:http`, in Rust and in Python.
//!
//! The WIT of `wasi:http` is that of the crate which the Rust guest is made with.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use crate::python::peers::Environment;
use crate::tools::Tools;

/// The package of the Rust guest, and the crate with its bindings.
const PACKAGE: &str = "bench-wasi-http";
const BINDINGS: &str = "wasip2";

/// Python's guest is made for this world of [`BINDINGS`].
const WORLD: &str = "wasi:http/proxy@0.2.12";

/// Calls componentize-py as `wasgi build` does: its command line would search the environment that it runs in for packages.
const COMPONENTIZE: &str = "
import sys, componentize_py
wit, world, app, output = sys.argv[1:]
componentize_py.componentize(
    wit_path=[wit], worlds=[world], features=[], all_features=False, world_module=None, python_path=[app],
    module_worlds=[], app_name='main', output_path=output, stub_wasi=False, import_interface_names=[],
    export_interface_names=[], full_names=False, intersect_world=None,
)
";

/// What came of the Rust guest.
pub(super) struct Made {
    pub(super) component: PathBuf,
    /// A folder.
    pub(super) wit: PathBuf,
}

/// As much of `cargo metadata` as we read.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
}

/// Builds the one in Rust with the profile and the flags of all guests. `wasgi build` would refuse it: it is no wasgi app.
pub(super) fn rust(tools: &Tools) -> anyhow::Result<Made> {
    let target = "wasm32-wasip2";
    let mut build = cargo(tools);
    build.args(["build", "--locked", "--package", PACKAGE]);
    build.args(["--target", target, "--profile", "guest"]);
    run(&mut build)?;
    let mut asked = cargo(tools);
    asked.args(["metadata", "--locked", "--format-version", "1"]);
    let answer = asked.stderr(Stdio::inherit()).output()?;
    ensure!(answer.status.success(), "{asked:?} failed");
    let metadata: Metadata = serde_json::from_slice(&answer.stdout)?;
    let mut packages = metadata.packages.iter();
    let bindings = packages
        .find(|package| package.name == BINDINGS)
        .and_then(|package| package.manifest_path.parent())
        .with_context(|| format!("no package {BINDINGS}"))?;
    Ok(Made {
        component: metadata
            .target_directory
            .join(target)
            .join("guest")
            .join(PACKAGE.replace('-', "_"))
            .with_extension("wasm"),
        wit: bindings.join("wit"),
    })
}

/// Makes the one in Python, with the componentize-py that makes the components of `wasgi build`.
pub(super) fn python(
    environment: &Environment,
    wit: &Path,
    tools: &Tools,
) -> anyhow::Result<PathBuf> {
    let app = tools.benches.join("guests/wasi-http-python");
    eprintln!("building {}", app.display());
    let component = tools.made.join("wasi-http-python.wasm");
    let mut command = environment.python();
    command.args(["-I", "-c", COMPONENTIZE]).arg(wit).arg(WORLD);
    run(command.arg(app).arg(&component))?;
    Ok(component)
}

fn cargo(tools: &Tools) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(tools.benches);
    cargo
}

/// Runs it to its end. What it says is talk.
pub(super) fn run(command: &mut Command) -> anyhow::Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let status = command.status();
    let status = status.with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}
