//! A Python app becomes a component: CPython runs the app's imports in wasm, once, and what came of it is kept.
//!
//! `app` calls [`build`] for a folder or a module. In order: `tools` (a private environment with pinned versions) →
//! `sources` and `resolve` (what the app depends on, as pure Python and WebAssembly; `native` and `recipes` for the rest) →
//! `bytecode` (the standard library and the dependencies, compiled by the interpreter itself) → `stage` (a copy of the
//! app) → `componentize` (the run that makes the snapshot) → `optimise` (the interpreter) → `pack` (the files that the app
//! may read). Each step is kept by the digest of what went into it (`home`), so that a build after a change does only what
//! depends on the change. Nothing in here knows ASGI, and nothing of the app runs outside of the sandbox.

mod bytecode;
mod componentize;
mod digest;
mod found;
mod gate;
mod guess;
mod home;
mod interpreter;
mod native;
mod optimise;
mod output;
mod pack;
mod places;
mod process;
mod progress;
mod recipes;
mod resolve;
mod sdk;
mod sources;
mod stage;
mod tools;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use wasgi::{
    config::manifest::PythonBuild,
    error::{Error, Result},
};

use crate::cli::report;

pub(crate) use guess::{guess, guess_attribute};

use bytecode::Compiled;
use componentize::{Run, Settings};
use digest::Digest;
use home::Home;
use output::Output;
use pack::Mount;
use progress::{Phase, note};
use stage::Rules;
use tools::Tools;

/// What a component is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The app is in it, imported.
    Snapshot,
    /// The app is read from its folder when an instance starts.
    Live,
}

/// What is to be built.
pub(crate) struct Request<'a> {
    /// The app's folder.
    pub(crate) folder: &'a Path,
    /// The app's name.
    pub(crate) name: &'a str,
    pub(crate) build: &'a PythonBuild,
    /// The environment that the app sees, also while it is imported.
    pub(crate) env: &'a BTreeMap<String, String>,
    pub(crate) mode: Mode,
    /// Nothing may be fetched.
    pub(crate) offline: bool,
    /// What was made before may be used, and what is made is kept.
    pub(crate) cache: bool,
}

/// Builds the app, as far as anything has changed, and gives the path of its component.
pub(crate) fn build(request: &Request<'_>) -> Result<PathBuf> {
    let home = Home::open(request.cache)?;
    let stage = home.scratch("stage")?;
    // The cheap part first: what it is made from, and whether that was built before.
    let mut sources =
        sources::Sources::find(request.folder, request.build.requirements.as_deref())?;
    let named_in = sources.shown.clone().unwrap_or_default();
    places::copy(&mut sources.places, &named_in, &home)?;
    let dependencies = bytecode::digest(&sources);
    let mut digest = Digest::of("app 1").with("wasgi", env!("CARGO_PKG_VERSION"));
    digest.add("dependencies", dependencies.hex());
    for (path, content) in sdk::FILES.iter().chain(sdk::WIT) {
        digest.add(path, content);
    }
    let optimize = request.build.optimize && request.mode == Mode::Snapshot;
    digest.add(
        "settings",
        serde_json::to_vec(&settings(request)).unwrap_or_default(),
    );
    digest.add("optimize", [u8::from(optimize)]);
    if request.mode == Mode::Snapshot {
        copy_app(request, &stage, &mut digest)?;
    }
    let output = Output::of(request, &home)?;
    if request.cache
        && let Some(wasm) = output.fresh(&digest)
    {
        if request.mode == Mode::Snapshot {
            report::say("  nothing has changed since the last build");
        }
        return Ok(wasm);
    }
    for line in &sources.notes {
        note(line);
    }
    let phase = Phase::quiet();
    let tools = Tools::open(&home, request.offline)?;
    let compiled = bytecode::compiled(&home, &tools, request, &sources, &dependencies)?;
    let component = component(request, &home, &tools, &stage, &compiled, optimize)?;
    let wasm = output.keep(&component, &digest)?;
    phase.done(&format!("built `{}`", request.name));
    Ok(wasm)
}

fn settings<'a>(request: &'a Request<'_>) -> Settings<'a> {
    let mut python_path: Vec<String> = Vec::new();
    for folder in &request.build.python_path {
        let inside = folder.trim_start_matches("./").trim_matches('/');
        python_path.push(match inside {
            "." | "" => "/1".to_owned(),
            inside => format!("/1/{inside}"),
        });
    }
    if !python_path.iter().any(|folder| folder == "/1") {
        python_path.push("/1".to_owned());
    }
    Settings {
        mode: match request.mode {
            Mode::Snapshot => "snapshot",
            Mode::Live => "reload",
        },
        app: Some(&request.build.app),
        factory: request.build.factory,
        warm_up: &request.build.warm_up,
        python_path,
        env: request.env,
        trees: Vec::new(),
        export_stdlib: false,
        remember: request.build.remember,
        left_out: Vec::new(),
    }
}

fn copy_app(request: &Request<'_>, stage: &Path, digest: &mut Digest) -> Result<()> {
    let rules = Rules {
        include: &request.build.include,
        exclude: &request.build.exclude,
    };
    for folder in &request.build.python_path {
        let path = request.folder.join(folder);
        if !path.is_dir() {
            return Err(
                Error::user(format!("there is no folder `{}`", path.display()))
                    .hint("`python_path` in `[build]` names folders inside of the app's"),
            );
        }
    }
    let copied = stage::copy(request.folder, &stage.join("1"), &rules, digest)?;
    if !copied.missed.is_empty() {
        let shown: Vec<_> = copied.missed.iter().take(5).map(String::as_str).collect();
        let more = copied.missed.len().saturating_sub(shown.len());
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        note(&format!(
            "left out of the component: {}{more} (secrets belong in the environment, databases in `/data`; `include` and \
             `exclude` in `[build]` decide)",
            shown.join(", ")
        ));
    }
    Ok(())
}

/// Makes the component from a stage that has the app in it.
fn component(
    request: &Request<'_>,
    home: &Home,
    tools: &Tools,
    stage: &Path,
    compiled: &Compiled,
    optimize: bool,
) -> Result<PathBuf> {
    let run = Run {
        tools,
        stage,
        deadline: request.build.timeout,
    };
    run.lay_out()?;
    compiled.put_into(stage)?;
    let phase = Phase::announced(match request.mode {
        Mode::Snapshot => "importing the app",
        Mode::Live => "importing the dependencies",
    });
    let (component, made) = run.component(&Settings {
        left_out: compiled.left_out(),
        ..settings(request)
    })?;
    phase.done(&format!("made a snapshot with {} modules", made.modules));
    if !made.remembered.is_empty() {
        report::say(&format!(
            "  remembers the answers of {}",
            made.remembered.join(", ")
        ));
    }
    if optimize {
        optimise::interpreter(home, &component, request.offline)?;
    }
    let phase = Phase::quiet();
    pack::append(&component, &mounts(stage, compiled))?;
    phase.done("packed the files");
    Ok(component)
}

fn mounts<'a>(stage: &Path, compiled: &Compiled) -> Vec<Mount<'a>> {
    let mount = |from: PathBuf, to, keep_times| Mount {
        from,
        to,
        keep_times,
    };
    let zero = stage.join("0");
    vec![
        mount(zero.join("lib"), "0/lib", false),
        mount(zero.join("pycache"), "0/pycache", false),
        mount(zero.join("stubs"), "0/stubs", false),
        mount(zero.join("wasgi"), "0/wasgi", false),
        mount(stage.join("1"), "1", true),
        mount(compiled.stdlib().join("python"), "python", false),
    ]
}

/// Copies a folder with everything in it.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    let failed = |error| home::cannot_write(to, error);
    fs::create_dir_all(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let to = to.join(entry.file_name());
        if entry.file_type().map_err(failed)?.is_dir() {
            copy_tree(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), &to).map_err(failed)?;
        }
    }
    Ok(())
}
