//! Puts wasgi's Python SDK into the binary, so that an installed `wasgi` can build Python apps without a checkout.
//!
//! Compiles the native extension `_wasgi` (`guest-sdk/python/native`) to a wasm side module with one nested cargo, and
//! writes `python_sdk.rs`: every file of the SDK as `include_bytes!`. `cli/build/python` includes it and nothing else does.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const TARGET: &str = "wasm32-wasip2";

/// The workspace's profile for apps: fast, without debug information, its custom sections kept.
const PROFILE: &str = "guest";

/// The name under which the interpreter of the components finds the extension.
const EXTENSION: &str = "_wasgi.cpython-314-wasm32-wasi.so";

/// Folders of the SDK that go into the component, and below which folder there.
const FOLDERS: [(&str, &str); 3] = [("wasgi", "wasgi"), ("entry", ""), ("stubs", "stubs")];

fn main() -> Result<()> {
    let host = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = host.parent().ok_or("no workspace around the host")?;
    let sdk = root.join("guest-sdk/python");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let folder = shared_folder(&out).ok_or("OUT_DIR is not in a target folder")?;

    println!(
        "cargo::rerun-if-changed={}",
        host.join("build.rs").display()
    );
    for watched in [
        "guest-sdk/core",
        "guest-sdk/python/native",
        "guest-sdk/python/wasgi",
        "guest-sdk/python/entry",
        "guest-sdk/python/stubs",
        "wit",
        "Cargo.toml",
        "Cargo.lock",
    ] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }

    let extension = compile_extension(root, &folder)?;
    let mut files = vec![(EXTENSION.to_owned(), extension)];
    for (from, to) in FOLDERS {
        list(&sdk.join(from), to, &mut files)?;
    }
    let mut wit = Vec::new();
    list(&root.join("wit"), "", &mut wit)?;

    let mut text = String::new();
    constant(
        &mut text,
        "FILES",
        "The Python SDK: path below the component's `/0`, and content.",
        &files,
    )?;
    constant(&mut text, "WIT", "The contract, by file name.", &wit)?;
    fs::write(out.join("python_sdk.rs"), text)?;
    Ok(())
}

/// `python` in the target folder, shared by all profiles: the extension does not depend on how the host is built.
fn shared_folder(out: &Path) -> Option<PathBuf> {
    let build = out.ancestors().find(|folder| folder.ends_with("build"))?;
    let target = build.parent()?.parent()?;
    // With `--target` there is one more folder on the way.
    let target = match env::var("TARGET") {
        Ok(triple) if target.ends_with(&triple) => target.parent()?,
        _ => target,
    };
    Some(target.join("python"))
}

/// The side module, by the recipe that any pure Rust extension can follow: nothing of libc or Python is linked
/// in, what is missing is imported and found when componentize-py links all modules of the component.
fn compile_extension(root: &Path, folder: &Path) -> Result<PathBuf> {
    let cargo = env::var_os("CARGO").ok_or("no CARGO")?;
    check_target()?;
    let stubs = folder.join("stubs");
    let config = write_stubs(&stubs)?;

    let mut command = Command::new(cargo);
    clean(&mut command);
    let flags = [
        "-Clink-self-contained=no",
        "-Clink-arg=--skip-wit-component",
        "-Clink-arg=-shared",
        "-Clink-arg=--unresolved-symbols=import-dynamic",
        "-Clink-arg=-Bsymbolic",
    ];
    command
        .current_dir(root)
        .env("PYO3_CONFIG_FILE", config)
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            flags
                .iter()
                .map(|flag| (*flag).to_owned())
                .chain([format!("-Clink-arg=-L{}", stubs.display())])
                .collect::<Vec<_>>()
                .join("\u{1f}"),
        )
        .args([
            "rustc",
            "--package",
            "wasgi-python",
            "--lib",
            "--crate-type",
            "cdylib",
        ])
        .args(["--target", TARGET, "--profile", PROFILE])
        .arg("--target-dir")
        .arg(folder);
    let ended = command.status()?;
    if !ended.success() {
        return Err(format!("the native extension of the Python SDK does not compile ({ended}); its errors are above").into());
    }
    Ok(folder.join(TARGET).join(PROFILE).join("wasgi_python.wasm"))
}

/// Says which target is missing in words: the compiler's own are about a missing `core`.
fn check_target() -> Result<()> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let asked = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .stderr(Stdio::inherit())
        .output()?;
    let folder = PathBuf::from(String::from_utf8_lossy(&asked.stdout).trim());
    if asked.status.success() && folder.is_dir() {
        return Ok(());
    }
    Err(format!(
        "the Rust toolchain has no standard library for {TARGET}, in which the Python SDK's native extension is compiled; \
         `rustup target add {TARGET}` or `make setup` adds it"
    )
    .into())
}

/// Two empty archives, which satisfy the linker's `-l`, and the answers that pyo3 would ask an interpreter for.
fn write_stubs(folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    for archive in ["libc.a", "libpython3.14.a"] {
        write_if_new(&folder.join(archive), "!<arch>\n")?;
    }
    let config = folder.join("pyo3-config.txt");
    let text = format!(
        "implementation=CPython\nversion=3.14\nshared=true\nabi3=false\nlib_name=python3.14\nlib_dir={}\npointer_width=32\nbuild_flags=\n",
        folder.display()
    );
    write_if_new(&config, &text)?;
    Ok(config)
}

/// A file that keeps its time when nothing has changed, so that nothing is compiled again because of it.
fn write_if_new(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).ok().as_deref() != Some(text) {
        fs::write(path, text)?;
    }
    Ok(())
}

/// What the outer cargo, clippy or a wrapper have set is about native code.
fn clean(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let shown = name.to_string_lossy();
        let about_us = ["CARGO", "RUSTC", "RUSTDOC", "PYO3_", "PYTHON"]
            .iter()
            .any(|prefix| shown.starts_with(prefix));
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
}

/// The files below `folder`, sorted, with their paths below `to`. A folder that is not there is empty.
fn list(folder: &Path, to: &str, files: &mut Vec<(String, PathBuf)>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    let mut entries = fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "__pycache__" {
            continue;
        }
        let below = if to.is_empty() {
            name
        } else {
            format!("{to}/{name}")
        };
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &below, files)?;
        } else {
            files.push((below, entry.path()));
        }
    }
    Ok(())
}

fn constant(text: &mut String, name: &str, doc: &str, files: &[(String, PathBuf)]) -> Result<()> {
    writeln!(
        text,
        "/// {doc}\npub(crate) const {name}: &[(&str, &[u8])] = &["
    )?;
    for (below, path) in files {
        let path = path.to_str().ok_or("a path that is not UTF-8")?;
        writeln!(text, "    ({below:?}, include_bytes!({path:?})),")?;
    }
    writeln!(text, "];")?;
    Ok(())
}
