//! Compiles the guests of the tests and the apps of the repository to components, with one nested cargo, and writes
//! down where they are: a constant for each, and `foreach_guest!`, which the tests use to have one test per guest.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const TARGET: &str = "wasm32-wasip2";

/// The workspace's profile for guests of tests.
const PROFILE: &str = "test-guest";

/// Where the package of the guests puts those that are written by hand.
const BY_HAND: &str = "by-hand";

fn main() -> Result<(), Box<dyn Error>> {
    let tests = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = tests.parent().ok_or("no workspace around the tests")?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let folder = shared_folder(&out).ok_or("OUT_DIR is not in a target folder")?;

    for watched in [
        "tests/guests",
        "guest-sdk",
        "apps",
        "wit",
        "Cargo.toml",
        "Cargo.lock",
    ] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    let apps = apps(root)?;
    build(root, &folder, &apps)?;

    let built = folder.join(TARGET).join(PROFILE);
    let guests = names(&tests.join("guests/src/bin"), "rs")?;
    let by_hand = names(&tests.join("guests/wat"), "wat")?;
    let mut text = listing(&built, &guests, &apps)?;
    text.push_str(&constants(
        &folder.join(BY_HAND),
        "by_hand",
        "The guests of `tests/guests/wat`.",
        &by_hand,
    )?);
    fs::write(out.join("guests.rs"), text)?;
    Ok(())
}

/// `guests` in the target folder, shared by all profiles: guests do not depend on how the tests are built.
fn shared_folder(out: &Path) -> Option<PathBuf> {
    let build = out.ancestors().find(|folder| folder.ends_with("build"))?;
    Some(build.parent()?.parent()?.join("guests"))
}

fn build(root: &Path, folder: &Path, apps: &[String]) -> Result<(), Box<dyn Error>> {
    let cargo = env::var_os("CARGO").ok_or("no CARGO")?;
    let mut command = Command::new(cargo);
    // What the outer cargo, clippy or a wrapper have set is about native code.
    for (name, _) in env::vars_os() {
        let shown = name.to_string_lossy();
        let about_us = shown.starts_with("CARGO")
            || shown.starts_with("RUSTC")
            || shown.starts_with("RUSTDOC");
        let about_fetching = [
            "CARGO_HOME",
            "CARGO_NET_",
            "CARGO_HTTP_",
            "CARGO_REGISTR",
            "CARGO_SOURCE_",
        ]
        .iter()
        .any(|kept| shown.starts_with(kept));
        let flags = ["RUSTFLAGS", "MAKEFLAGS", "MFLAGS"].contains(&&*shown);
        if (about_us && !about_fetching) || flags {
            command.env_remove(&name);
        }
    }
    command
        .current_dir(root)
        .args(["build", "--target", TARGET, "--profile", PROFILE])
        .arg("--target-dir")
        .arg(folder)
        .env("WASGI_GUESTS_BY_HAND", folder.join(BY_HAND))
        .args(["--package", "wasgi-guests", "--bins"]);
    if !apps.is_empty() {
        command.arg("--lib");
    }
    for app in apps {
        command.args(["--package", app]);
    }
    let ended = command.status()?;
    if !ended.success() {
        return Err(format!(
            "the guests do not compile ({ended}); is the target there? `make setup` adds it"
        )
        .into());
    }
    Ok(())
}

/// The apps of the repository that are members of the workspace, by folder, which is their package's name too.
fn apps(root: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let workspace = fs::read_to_string(root.join("Cargo.toml"))?;
    let mut apps = Vec::new();
    for entry in fs::read_dir(root.join("apps"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if workspace.contains(&format!("\"apps/{name}\"")) {
            apps.push(name);
        }
    }
    apps.sort();
    Ok(apps)
}

fn names(folder: &Path, ending: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == ending)
            && let Some(stem) = path.file_stem()
        {
            names.push(stem.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn listing(built: &Path, guests: &[String], apps: &[String]) -> Result<String, Box<dyn Error>> {
    let mut text = constants(
        built,
        "guests",
        "The guests of `tests/guests/src/bin`.",
        guests,
    )?;
    text.push_str(&constants(built, "apps", "The apps of `apps/`.", apps)?);
    for (list, names) in [("foreach_guest", guests), ("foreach_app", apps)] {
        writeln!(
            text,
            "/// Calls the macro `$each` with each name.\n#[macro_export]"
        )?;
        writeln!(text, "macro_rules! {list} {{ ($each:ident) => {{")?;
        for name in names {
            writeln!(text, "$each!({});", name.replace('-', "_"))?;
        }
        writeln!(text, "}} }}")?;
    }
    Ok(text)
}

fn constants(
    built: &Path,
    module: &str,
    doc: &str,
    names: &[String],
) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    writeln!(text, "/// {doc}\npub mod {module} {{")?;
    for name in names {
        let file = built.join(format!("{}.wasm", name.replace('-', "_")));
        let constant = name.replace('-', "_").to_uppercase();
        writeln!(text, "/// `{name}`.")?;
        writeln!(
            text,
            "pub const {constant}: super::Guest = super::Guest {{ name: {name:?}, path: {file:?} }};"
        )?;
    }
    writeln!(text, "}}")?;
    Ok(text)
}
