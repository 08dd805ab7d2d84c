//! The standard library and the dependencies of an app, compiled to bytecode by the interpreter that will run it, and kept.
//!
//! It is done in runs of their own, which no component comes of: what a compiler leaves on the heap would otherwise be in every
//! snapshot. The guest's `wasgi_entry` does the work (mode `compile`) and leaves bytecode in `0/pycache`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use wasgi::error::{Error, Result};

use super::{
    Request,
    componentize::{Run, Settings},
    copy_tree,
    digest::Digest,
    home::{Home, cannot_write},
    native,
    progress::Phase,
    recipes,
    resolve::Resolver,
    sources::Sources,
    tools::Tools,
};

/// Compiling all of the standard library takes seconds; this is for machines that are slow and busy.
const COMPILE_MAX: Duration = Duration::from_secs(10 * 60);

/// Time zones: the component has no `/usr/share/zoneinfo`, so `zoneinfo` looks for this package.
const TZDATA: &str = include_str!("tools/tzdata.txt");

/// In the folder of the dependencies, what was left out of them: a name on each line.
const LEFT_OUT: &str = "left-out";

/// Folders that are kept, each with `lib` and `pycache` in it; the first also has the library itself, as `python`.
pub(super) struct Compiled {
    stdlib: PathBuf,
    /// None when there are none.
    dependencies: Option<PathBuf>,
}

impl Compiled {
    /// The folder with the standard library in it, as `python`.
    pub(super) fn stdlib(&self) -> &Path {
        &self.stdlib
    }

    /// Packages that the app asks for and does not get.
    pub(super) fn left_out(&self) -> Vec<String> {
        let names = self.dependencies.as_ref();
        let names = names.and_then(|folder| fs::read_to_string(folder.join(LEFT_OUT)).ok());
        let names = names.unwrap_or_default();
        names.lines().map(recipes::normalized).collect()
    }

    /// Copies what the app's run needs into the stage. A copy, because the app may write to it.
    pub(super) fn put_into(&self, stage: &Path) -> Result<()> {
        let zero = stage.join("0");
        // In this order: an app may have asked for another version of what comes with the library.
        for kept in [Some(&self.stdlib), self.dependencies.as_ref()]
            .into_iter()
            .flatten()
        {
            for folder in ["lib", "pycache"] {
                copy_tree(&kept.join(folder), &zero.join(folder))?;
            }
        }
        Ok(())
    }
}

/// What the dependencies of an app are made from.
pub(super) fn digest(sources: &Sources) -> Digest {
    let mut digest = Digest::of("dependencies 2")
        .with("tools", Tools::digest().hex())
        .with("native", native::digest_of_all().hex());
    for line in &sources.requirements {
        digest.add("requirement", line);
    }
    for place in &sources.places {
        place.add_to(&mut digest);
    }
    for line in &sources.constraints {
        digest.add("constraint", line);
    }
    for file in &sources.digests {
        digest.add("file", file);
    }
    digest
}

/// Installs and compiles what is not kept from an earlier build.
pub(super) fn compiled(
    home: &Home,
    tools: &Tools,
    request: &Request<'_>,
    sources: &Sources,
    dependencies: &Digest,
) -> Result<Compiled> {
    let stdlib = stdlib(home, tools, request)?;
    if sources.is_empty() {
        return Ok(Compiled {
            stdlib,
            dependencies: None,
        });
    }
    let name = format!("deps-{}", dependencies.short());
    let (dependencies, _) = home.kept(&name, |new| {
        if request.offline {
            return Err(missing(sources));
        }
        let resolver = Resolver {
            home,
            tools,
            folder: request.folder,
            sources,
        };
        let lib = new.join("lib");
        let left_out = resolver.install(&lib)?;
        let list = new.join(LEFT_OUT);
        fs::write(&list, left_out.join("\n")).map_err(|error| cannot_write(&list, error))?;
        let phase = Phase::quiet();
        let stage = home.scratch("deps")?;
        let zero = stage.join("0");
        copy_tree(&lib, &zero.join("lib"))?;
        copy_tree(&stdlib.join("pycache/python"), &zero.join("pycache/python"))?;
        compile(tools, &stage, vec!["/0/lib"], false)?;
        take(&zero.join("pycache/0"), &new.join("pycache/0"))?;
        phase.done("compiled the dependencies");
        Ok(())
    })?;
    Ok(Compiled {
        stdlib,
        dependencies: Some(dependencies),
    })
}

/// The standard library, and with it the time zones, which it expects the system to have.
fn stdlib(home: &Home, tools: &Tools, request: &Request<'_>) -> Result<PathBuf> {
    let digest = Tools::digest().with("layout", "2").with("zones", TZDATA);
    let (stdlib, _) = home.tool(&format!("stdlib-{}", digest.short()), |new| {
        if request.offline {
            return Err(Error::user("the standard library is not prepared yet")
                .because("`--offline` keeps its time zones from being fetched")
                .hint("run once without `--offline`; it is kept"));
        }
        let phase = Phase::announced("compiling the standard library (once)");
        let stage = home.scratch("stdlib")?;
        let lib = new.join("lib");
        let resolver = Resolver {
            home,
            tools,
            folder: request.folder,
            sources: &Sources::default(),
        };
        resolver.pinned(TZDATA, &lib)?;
        copy_tree(&lib, &stage.join("0/lib"))?;
        compile(tools, &stage, vec!["/python", "/0/lib"], true)?;
        take(&stage.join("0/python"), &new.join("python"))?;
        take(&stage.join("0/pycache"), &new.join("pycache"))?;
        phase.done("compiled the standard library");
        Ok(())
    })?;
    Ok(stdlib)
}

fn missing(sources: &Sources) -> Error {
    let from = sources.shown.as_deref().unwrap_or("the app");
    Error::user(format!(
        "the dependencies in `{from}` are not installed yet"
    ))
    .because("`--offline` keeps them from being fetched")
    .hint("run once without `--offline`; they are kept until the file changes")
}

fn compile(tools: &Tools, stage: &Path, trees: Vec<&'static str>, stdlib: bool) -> Result<()> {
    let run = Run {
        tools,
        stage,
        deadline: COMPILE_MAX,
    };
    run.lay_out()?;
    run.bytecode(&Settings {
        mode: "compile",
        app: None,
        factory: false,
        warm_up: &[],
        python_path: Vec::new(),
        env: &BTreeMap::new(),
        trees,
        export_stdlib: stdlib,
        remember: false,
        left_out: Vec::new(),
    })?;
    Ok(())
}

/// Moves a folder that the guest has made; if it has not, there was nothing to put in it.
fn take(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(|error| cannot_write(parent, error))?;
    }
    let done = if from.is_dir() {
        fs::rename(from, to)
    } else {
        fs::create_dir_all(to)
    };
    done.map_err(|error| cannot_write(to, error))
}
