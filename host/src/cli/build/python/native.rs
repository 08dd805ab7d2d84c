//! Builds one package that is not pure Python into a wheel for the component: from its sources, with the user's cargo.
//!
//! `resolve` calls it for what no index has a fitting wheel of. Rust becomes a side module of the interpreter; C is not compiled
//! at all (the compiler is a program that fails), so a package whose C part is optional comes out pure. What comes out is
//! checked (`gate`) and kept by package, version and toolchain.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde::Deserialize;
use wasgi::error::{Error, Result};

use super::{
    digest::Digest,
    gate,
    home::{Home, cannot_write},
    process,
    progress::Phase,
    recipes::Recipe,
    tools::{REQUIREMENTS, Tools},
};
use crate::cli::build::rust::toolchain;

/// A build that takes longer does not end.
const BUILD_MAX: Duration = Duration::from_secs(30 * 60);

/// The tag of a wheel for the interpreter in the component.
pub(super) const PLATFORM: &str = "wasi_0_0_0_wasm32";

/// What a linker looks for and must not find anything in.
const EMPTY_ARCHIVE: &str = "!<arch>\n";

/// What is to be built.
pub(super) struct Wanted<'a> {
    /// The name, for messages and folders.
    pub(super) name: &'a str,
    /// The version, where it is known.
    pub(super) version: &'a str,
    /// What pip is asked for: `name==version`, or a place.
    pub(super) requirement: &'a str,
    /// What is at that place, if it may be another time something else.
    pub(super) content: Option<&'a str>,
    pub(super) recipe: Recipe,
}

/// What our script says about a wheel.
#[derive(Deserialize)]
struct Inspected {
    wheel: PathBuf,
    native: Vec<Module>,
}

#[derive(Deserialize)]
struct Module {
    name: String,
    path: PathBuf,
}

/// The wheel of the package, built if it is not kept.
pub(super) fn wheel(
    home: &Home,
    tools: &Tools,
    wanted: &Wanted<'_>,
    folder: &Path,
) -> Result<PathBuf> {
    let toolchain = rustc_version(home)?;
    let digest = digest()
        .with("tools", REQUIREMENTS)
        .with("requirement", wanted.content.unwrap_or(wanted.requirement))
        .with("recipe", format!("{:?}", wanted.recipe))
        .with("rustc", toolchain.as_deref().unwrap_or("none"));
    let name = format!("wheel-{}-{}", wanted.name, digest.short());
    let (kept, _) = home.kept(&name, |new| {
        build(home, tools, wanted, toolchain.is_some(), new)
    })?;
    only_wheel(&kept, wanted, folder)
}

/// The version of the user's compiler, if there is one with our target.
fn rustc_version(home: &Home) -> Result<Option<String>> {
    if toolchain::check(Path::new(".")).is_err() {
        return Ok(None);
    }
    let mut rustc = Command::new("rustc");
    toolchain::clean(&mut rustc).arg("-vV");
    let ended = process::run(&mut rustc, &home.scratch("rustc")?)?;
    Ok(ended.succeeded().then_some(ended.stdout))
}

fn build(
    home: &Home,
    tools: &Tools,
    wanted: &Wanted<'_>,
    has_rust: bool,
    new: &Path,
) -> Result<()> {
    let Recipe::Build { env, tools_suffice } = wanted.recipe else {
        return Err(Error::internal("this package is not built"));
    };
    if tools_suffice && !has_rust {
        toolchain::check(Path::new(".")).map_err(|error| {
            let what = format!(
                "the dependency `{}` has to be compiled from Rust",
                wanted.name
            );
            Error::user(what).because(error)
        })?;
    }
    let scratch = home.scratch("wheel")?;
    let shown = format!("{} {}", wanted.name, wanted.version);
    let long = if tools_suffice {
        " (once, it takes minutes)"
    } else {
        ""
    };
    let phase = Phase::announced(&format!("building {shown} for WebAssembly{long}"));
    let mut pip = tools.pip();
    pip.args(["wheel", "--no-deps", "--no-binary", wanted.name]);
    pip.arg("--wheel-dir").arg(new);
    if tools_suffice {
        pip.arg("--no-build-isolation");
    }
    pip.arg(wanted.requirement);
    toolchain::clean(&mut pip).env("PATH", tools.path()?);
    for_the_target(&mut pip, &scratch)?;
    pip.envs(env.iter().copied());
    let ended = process::watch(&mut pip, &scratch, |elapsed| {
        if elapsed < BUILD_MAX {
            return Ok(());
        }
        Err(no_recipe(
            wanted,
            "its build did not end within half an hour",
        ))
    })?;
    if !ended.succeeded() {
        return Err(no_recipe(wanted, &ended.last_words(12)));
    }
    let wheel = only_wheel(new, wanted, new)?;
    check(tools, wanted, &wheel, &scratch)?;
    phase.done(&format!("built {shown}"));
    Ok(())
}

/// Sets the compilers and linkers up for a side module of the interpreter.
fn for_the_target(command: &mut Command, scratch: &Path) -> Result<()> {
    let stubs = scratch.join("stubs");
    let config = stubs.join("pyo3.txt");
    let text = format!(
        "implementation=CPython\nversion=3.14\nshared=true\nabi3=false\nlib_name=python3.14\nlib_dir={}\n\
         pointer_width=32\nbuild_flags=\next_suffix=.cpython-314-wasm32-wasi.so\n\
         suppress_build_script_link_lines=false\n",
        stubs.display()
    );
    let write =
        |path: &Path, text: &str| fs::write(path, text).map_err(|error| cannot_write(path, error));
    fs::create_dir_all(&stubs).map_err(|error| cannot_write(&stubs, error))?;
    for library in ["libc.a", "libpython3.14.a"] {
        write(&stubs.join(library), EMPTY_ARCHIVE)?;
    }
    write(&config, &text)?;
    command
        .envs(variables(&stubs, &config))
        .env_remove("CARGO_TARGET_DIR");
    Ok(())
}

/// What the tools of a build are told. A change of it builds everything again.
fn variables(stubs: &Path, config: &Path) -> [(&'static str, OsString); 7] {
    let target = toolchain::TARGET;
    let arguments = format!("--target {target} -i python3.14");
    [
        ("PYO3_CONFIG_FILE", config.into()),
        ("MATURIN_PEP517_ARGS", arguments.into()),
        ("CARGO_BUILD_TARGET", target.into()),
        (
            "CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS",
            rustflags(stubs).into(),
        ),
        // Without it a module keeps what it never calls, and some hundred imports with that.
        ("CARGO_PROFILE_RELEASE_LTO", "fat".into()),
        // There is no compiler for C: what can do without its C part does.
        ("CC", "false".into()),
        ("CXX", "false".into()),
    ]
}

fn rustflags(stubs: &Path) -> String {
    format!(
        "-Clink-self-contained=no -Clink-arg=--skip-wit-component -Clink-arg=-shared \
         -Clink-arg=--unresolved-symbols=import-dynamic -Clink-arg=-Bsymbolic -Clink-arg=-L{} -Cstrip=symbols",
        stubs.display()
    )
}

/// Looks into a wheel that was just built, and gives it its right name.
fn check(tools: &Tools, wanted: &Wanted<'_>, wheel: &Path, scratch: &Path) -> Result<()> {
    let mut script = tools.script("inspect_wheel.py");
    script.arg(wheel).arg(scratch);
    let ended = process::run(&mut script, scratch)?;
    let unreadable = || Error::internal(format!("cannot look into `{}`", wheel.display()));
    if !ended.succeeded() {
        return Err(unreadable().because(ended.last_words(8)));
    }
    let inspected: Inspected =
        serde_json::from_str(&ended.stdout).map_err(|error| unreadable().because(error))?;
    for module in &inspected.native {
        let bytes = fs::read(&module.path).map_err(|error| unreadable().because(error))?;
        if let Some(problem) = gate::problem(&bytes) {
            let why = format!("the module `{}` {problem}", module.name);
            return Err(no_recipe(wanted, &why));
        }
    }
    let tag = if inspected.native.is_empty() {
        "any"
    } else {
        PLATFORM
    };
    if !inspected
        .wheel
        .to_string_lossy()
        .ends_with(&format!("-{tag}.whl"))
    {
        let why = format!("`{}` came of it", inspected.wheel.display());
        return Err(no_recipe(wanted, &why));
    }
    Ok(())
}

/// The one wheel in a kept folder, copied into `folder` unless it is there.
fn only_wheel(kept: &Path, wanted: &Wanted<'_>, folder: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(kept).map_err(|error| cannot_write(kept, error))?;
    let wheel = entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "whl"));
    let wheel = wheel.ok_or_else(|| no_recipe(wanted, "no wheel came of its build"))?;
    let to = folder.join(wheel.file_name().unwrap_or_default());
    if to != wheel {
        fs::copy(&wheel, &to).map_err(|error| cannot_write(&to, error))?;
    }
    Ok(to)
}

fn no_recipe(wanted: &Wanted<'_>, why: &str) -> Error {
    let what = format!(
        "the dependency `{}` is not pure Python, and it does not build for WebAssembly",
        wanted.name
    );
    Error::user(what).because(why.to_owned()).hint(format!(
        "take a pure Python package instead of `{}`, or an extra or version of it without native code",
        wanted.name
    ))
}

/// What native packages are built with.
fn digest() -> Digest {
    let nowhere = Path::new("");
    Digest::of("native 2").with("variables", format!("{:?}", variables(nowhere, nowhere)))
}

/// The same and the recipes, for the names of everything that contains native packages.
pub(super) fn digest_of_all() -> Digest {
    digest().with("recipes", super::recipes::described())
}
