//! `wasgi build`: an app folder becomes a component, checked and compiled ahead of time.
//!
//! Building is cargo's work: `project` asks it what the folder holds, `toolchain` looks whether the
//! guest target is there, `artefact` picks the component out of what cargo reports. Cargo's own
//! progress and messages go to stderr untouched.

mod artefact;
mod project;
mod toolchain;

use std::{
    io::BufReader,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

use wasgi::{
    config::manifest::Build,
    error::{Error, Result},
    telemetry,
    wasm::{App, Engine, instance},
};

use super::{BuildArgs, CargoArgs, app, report};
use project::{Project, Target};

/// Builds the app, checks and compiles it, and says where it is.
pub(super) fn run(args: &BuildArgs) -> anyhow::Result<ExitCode> {
    // Warnings of the library, for example about a cache that cannot be used.
    let _telemetry = telemetry::start(tracing::Level::WARN);
    let source = app::resolve(&args.app, None, args.cargo)?;
    let cache = args.cache.open();
    let engine = Engine::new()?;
    let started = Instant::now();
    let app = App::load(&engine, &source.wasm, &source.manifest, cache.as_ref())?;
    let took = started.elapsed().as_millis();
    instantiate(&app)?;
    let wasm = match &args.output {
        Some(output) => copy(&source.wasm, output)?,
        None => &source.wasm,
    };
    let bytes = size(&source.wasm)?;
    let compiled = if app.from_cache {
        format!("its compiled code was in the cache, {took} ms")
    } else {
        format!("compiled in {took} ms")
    };
    report::say(&format!(
        "`{}`: a component of {bytes} bytes, {compiled}",
        app.name
    ));
    let line = if args.json {
        serde_json::json!({
            "name": &*app.name,
            "wasm": wasm,
            "digest": app.digest,
            "bytes": bytes,
            "compiled_ms": u64::try_from(took).unwrap_or(u64::MAX),
            "cached": app.from_cache,
        })
        .to_string()
    } else {
        wasm.display().to_string()
    };
    report::data(&line)?;
    Ok(ExitCode::SUCCESS)
}

/// Tries whether the component's own initialisation gets through; its `run` is not called.
fn instantiate(app: &App) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| Error::internal("cannot start a runtime").because(error))?;
    runtime.block_on(instance::probe(app)).map_err(|end| {
        Error::user(format!("the app `{}` cannot be instantiated", app.name))
            .because(end.to_string())
            .hint("its initialisation, before `run`, traps or does not end")
    })
}

/// Builds the cargo project in `folder` and gives the path of its component.
pub(super) fn rust(folder: &Path, build: &Build, args: CargoArgs) -> Result<PathBuf> {
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
    run_cargo(&mut command, &project)?.ok_or_else(|| {
        Error::user(format!("cargo built `{name}`, but no component came of it"))
            .hint("is the crate type `cdylib`, or is it a binary?")
    })
}

impl CargoArgs {
    fn add_to(self, command: &mut Command) {
        if self.locked {
            command.arg("--locked");
        }
        if self.offline {
            command.arg("--offline");
        }
    }
}

fn run_cargo(command: &mut Command, project: &Project) -> Result<Option<PathBuf>> {
    let name = &project.package.name;
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| toolchain::missing("cargo", error))?;
    let wasm = match child.stdout.take() {
        Some(stdout) => artefact::find(BufReader::new(stdout), project),
        None => Ok(None),
    };
    let ended = child
        .wait()
        .map_err(|error| Error::internal("cannot wait for cargo").because(error))?;
    if !ended.success() {
        let what = format!("cargo could not build `{name}` ({ended})");
        return Err(Error::user(what).hint("cargo says why above"));
    }
    wasm.map_err(|error| Error::internal("cannot read what cargo reports").because(error))
}

fn size(wasm: &Path) -> Result<u64> {
    let found = std::fs::metadata(wasm).map_err(|error| {
        Error::user(format!("cannot read `{}`", wasm.display()))
            .because(error)
            .hint("did something else remove it just now?")
    })?;
    Ok(found.len())
}

fn copy<'o>(wasm: &Path, output: &'o Path) -> Result<&'o Path> {
    // Copying a file onto itself would leave nothing of it.
    let same = std::fs::canonicalize(output).ok() == std::fs::canonicalize(wasm).ok();
    if !same {
        std::fs::copy(wasm, output).map_err(|error| {
            Error::user(format!("cannot write `{}`", output.display()))
                .because(error)
                .hint("give a file in a folder that exists and that you may write to")
        })?;
    }
    Ok(output)
}
