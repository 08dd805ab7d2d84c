//! `wasgi build`: an app folder becomes a component, checked and compiled ahead of time.
//!
//! How a folder becomes a component is the language's own: `rust` leaves it to cargo, `python` runs the app's imports in
//! an interpreter in wasm and keeps what came of it. What follows is the same for both, and is the library's.

pub(super) mod python;
pub(super) mod rust;

use std::{path::Path, process::ExitCode, time::Instant};

use wasgi::{
    error::{Error, Result},
    telemetry,
    wasm::{App, Engine, instance},
};

use super::{BuildArgs, app, report};

/// Builds the app, checks and compiles it, and says where it is.
pub(super) fn run(args: &BuildArgs) -> anyhow::Result<ExitCode> {
    // Warnings of the library, for example about a cache that cannot be used.
    let _telemetry = telemetry::start(tracing::Level::WARN);
    let source = app::resolve(&args.app, None, &args.source, &args.cache)?;
    let cache = args.cache.open();
    let engine = Engine::new()?.compiling_by(args.cache.compile.compiler()?);
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
