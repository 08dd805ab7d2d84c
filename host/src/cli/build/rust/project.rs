//! What the cargo project in a folder holds, and which part of it is the app.
//!
//! Asks `cargo metadata` once, without dependencies, and decides: package, target, profile. Every
//! doubt is an error that names the key of `[build]` which settles it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::Deserialize;
use wasgi::{
    config::{manifest::RustBuild, nearest},
    error::{Error, Result},
};

use super::{CargoFlags, toolchain};

/// The part of a cargo project that becomes the component.
pub(super) struct Project {
    pub(super) package: Package,
    pub(super) target: Target,
    pub(super) profile: String,
}

/// What cargo builds it from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The package's library, of crate type `cdylib`.
    Library,
    /// A binary with this name.
    Binary(String),
}

/// As much of `cargo metadata` as we read.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
pub(super) struct Package {
    pub(super) id: String,
    pub(super) name: String,
    manifest_path: PathBuf,
    targets: Vec<TargetInfo>,
}

#[derive(Deserialize)]
struct TargetInfo {
    name: String,
    kind: Vec<String>,
}

impl Project {
    /// Asks cargo about `folder` and picks what `build` means.
    pub(super) fn read(folder: &Path, build: &RustBuild, args: CargoFlags) -> Result<Self> {
        let manifest = folder.join("Cargo.toml");
        if !manifest.is_file() {
            let what = format!("the app in `{}` has no `Cargo.toml`", folder.display());
            return Err(Error::user(what).hint("`wasgi new` shows what a Rust app consists of"));
        }
        let metadata = ask(folder, args)?;
        let profile = build
            .profile
            .clone()
            .unwrap_or_else(|| profile(&metadata.workspace_root));
        let package = pick_package(metadata.packages, &manifest, build.package.as_deref())?;
        let target = pick_target(&package, build.bin.as_deref())?;
        Ok(Self {
            package,
            target,
            profile,
        })
    }
}

fn ask(folder: &Path, args: CargoFlags) -> Result<Metadata> {
    let mut command = toolchain::cargo(folder);
    command.args(["metadata", "--no-deps", "--format-version", "1"]);
    command
        .args(["--manifest-path", "Cargo.toml"])
        .stdin(Stdio::null());
    args.add_to(&mut command);
    let answer = command
        .output()
        .map_err(|error| toolchain::missing("cargo", error))?;
    if !answer.status.success() {
        let why = String::from_utf8_lossy(&answer.stderr).trim().to_owned();
        let what = format!("cargo cannot read the project in `{}`", folder.display());
        return Err(Error::user(what)
            .because(why)
            .hint("`cargo metadata` there has to work first"));
    }
    serde_json::from_slice(&answer.stdout)
        .map_err(|error| Error::internal("cannot understand `cargo metadata`").because(error))
}

/// `guest` where the workspace defines it, else `release`.
fn profile(workspace: &Path) -> String {
    let text = fs::read_to_string(workspace.join("Cargo.toml")).unwrap_or_default();
    // A file that cargo has just read is legal TOML; if not, cargo will say so.
    let root: toml::Table = text.parse().unwrap_or_default();
    let profiles = root.get("profile").and_then(toml::Value::as_table);
    let guest = profiles.is_some_and(|profiles| profiles.contains_key("guest"));
    if guest {
        "guest".to_owned()
    } else {
        "release".to_owned()
    }
}

fn pick_package(packages: Vec<Package>, manifest: &Path, wanted: Option<&str>) -> Result<Package> {
    let names: Vec<_> = packages
        .iter()
        .map(|package| package.name.clone())
        .collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let manifest = fs::canonicalize(manifest).unwrap_or_else(|_| manifest.to_owned());
    let here = |package: &Package| {
        fs::canonicalize(&package.manifest_path).is_ok_and(|path| path == manifest)
    };
    let found = packages.into_iter().find(|package| match wanted {
        Some(name) => package.name == name,
        None => here(package),
    });
    found.ok_or_else(|| match wanted {
        Some(name) => Error::user(format!("the cargo project has no package `{name}`"))
            .hint(one_of("build.package", name, &names)),
        None => Error::user(format!(
            "`{}` is a workspace, not a package",
            manifest.display()
        ))
        .hint(format!(
            "put `package = \"...\"` into `[build]`: {}",
            list(&names)
        )),
    })
}

fn pick_target(package: &Package, bin: Option<&str>) -> Result<Target> {
    let name = &package.name;
    let bins: Vec<_> = package.named("bin").collect();
    if let Some(wanted) = bin {
        return if bins.contains(&wanted) {
            Ok(Target::Binary(wanted.to_owned()))
        } else {
            Err(
                Error::user(format!("the package `{name}` has no binary `{wanted}`")).hint(one_of(
                    "build.bin",
                    wanted,
                    &bins,
                )),
            )
        };
    }
    if package.named("cdylib").next().is_some() {
        return Ok(Target::Library);
    }
    match bins.as_slice() {
        [only] => Ok(Target::Binary((*only).to_owned())),
        [] => Err(Error::user(format!(
            "nothing in the package `{name}` becomes a component"
        ))
        .because("it has no library of crate type `cdylib` and no binary")
        .hint("put `[lib]` and `crate-type = [\"cdylib\"]` into its `Cargo.toml`")),
        several => Err(
            Error::user(format!("the package `{name}` has several binaries")).hint(format!(
                "put `bin = \"...\"` into `[build]`: {}",
                list(several)
            )),
        ),
    }
}

impl Package {
    fn named<'p>(&'p self, kind: &'p str) -> impl Iterator<Item = &'p str> {
        let of_kind = move |target: &&TargetInfo| target.kind.iter().any(|have| have == kind);
        self.targets
            .iter()
            .filter(of_kind)
            .map(|target| target.name.as_str())
    }
}

fn one_of(key: &str, wrong: &str, names: &[&str]) -> String {
    match nearest(wrong, names) {
        Some(near) => format!("`{key}` in `wasgi.toml`: did you mean `{near}`?"),
        None => format!("`{key}` in `wasgi.toml` can be {}", list(names)),
    }
}

fn list(names: &[&str]) -> String {
    if names.is_empty() {
        return "nothing, there is none".to_owned();
    }
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(targets: &[(&str, &str)]) -> Package {
        let info = |(name, kind): &(&str, &str)| TargetInfo {
            name: (*name).to_owned(),
            kind: vec![(*kind).to_owned()],
        };
        Package {
            id: "path+file:///shop#0.1.0".to_owned(),
            name: "shop".to_owned(),
            manifest_path: PathBuf::from("/shop/Cargo.toml"),
            targets: targets.iter().map(info).collect(),
        }
    }

    #[test]
    fn a_cdylib_goes_before_binaries() {
        let package = package(&[("shop", "cdylib"), ("tool", "bin"), ("other", "bin")]);
        assert_eq!(
            pick_target(&package, None).expect("a target"),
            Target::Library
        );
        let tool = pick_target(&package, Some("tool")).expect("a target");
        assert_eq!(tool, Target::Binary("tool".to_owned()));
    }

    #[test]
    fn a_single_binary_is_the_app() {
        let package = package(&[("shop", "bin"), ("bench", "bench")]);
        let target = pick_target(&package, None).expect("a target");
        assert_eq!(target, Target::Binary("shop".to_owned()));
    }

    #[test]
    fn a_doubt_is_an_error_that_names_the_key() {
        let several = pick_target(&package(&[("a", "bin"), ("b", "bin")]), None);
        let several = several.expect_err("two binaries");
        assert_eq!(
            several.hint_text(),
            Some("put `bin = \"...\"` into `[build]`: `a`, `b`")
        );
        let nothing = pick_target(&package(&[("shop", "lib")]), None).expect_err("a plain library");
        assert!(
            nothing
                .hint_text()
                .is_some_and(|hint| hint.contains("cdylib"))
        );
        let wrong = pick_target(&package(&[("server", "bin")]), Some("sever"));
        let wrong = wrong.expect_err("no such binary");
        assert_eq!(
            wrong.hint_text(),
            Some("`build.bin` in `wasgi.toml`: did you mean `server`?")
        );
    }

    #[test]
    fn a_package_is_found_by_name_or_the_error_lists_them() {
        let manifest = Path::new("/elsewhere/Cargo.toml");
        assert!(pick_package(vec![package(&[])], manifest, Some("shop")).is_ok());
        let workspace = pick_package(vec![package(&[])], manifest, None).err();
        let hint = workspace.as_ref().and_then(Error::hint_text);
        assert_eq!(hint, Some("put `package = \"...\"` into `[build]`: `shop`"));
    }
}
