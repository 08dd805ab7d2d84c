//! Lock files: `pylock.toml`, which says all that is to be installed, and the locks of tools, which only hold versions in place.
//!
//! A lock names wheels for the machines of its author. Of those only the versions count here, and the digests: a wheel that is
//! fetched has to be one that the lock knows. What is built from sources has none.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use wasgi::error::{Error, Result};

use super::Sources;

/// The version of the format that we know.
const FORMAT: &str = "1.";

/// What a `pylock.toml` wants installed: its packages, without those that are only for extras or groups.
pub(super) fn read(path: &Path, lock: &toml::Table) -> Result<Sources> {
    let shown = path.display();
    let format = lock.get("lock-version").and_then(toml::Value::as_str);
    if !format.is_some_and(|format| format.starts_with(FORMAT)) {
        return Err(
            Error::user(format!("`{shown}` is not a lock file that is known here"))
                .because("`lock-version` is not 1")
                .hint("`pip lock` and `uv export --format pylock.toml` write one"),
        );
    }
    let mut sources = Sources::default();
    let packages = lock.get("packages").and_then(toml::Value::as_array);
    for package in packages.into_iter().flatten() {
        let text = |key: &str| package.get(key).and_then(toml::Value::as_str);
        let marker = text("marker").unwrap_or_default();
        let Some(name) = text("name") else { continue };
        if marker.contains("extras") || marker.contains("dependency_groups") {
            continue;
        }
        let is_itself = package
            .get("directory")
            .is_some_and(|folder| folder.get("path").and_then(toml::Value::as_str) == Some("."));
        if is_itself {
            continue;
        }
        let Some(version) = text("version") else {
            let what = format!("`{name}` in `{shown}` has no version");
            return Err(Error::user(what)
                .because("it comes from a folder or a repository")
                .hint("name it in a requirements.txt, where pip takes places as well"));
        };
        let marker = if marker.is_empty() {
            String::new()
        } else {
            format!("; {marker}")
        };
        sources
            .requirements
            .push(format!("{name}=={version}{marker}"));
        sources.digests.extend(digests(package));
    }
    Ok(sources)
}

/// Of the wheels and of the archive of sources.
fn digests(package: &toml::Value) -> BTreeSet<String> {
    let wheels = package.get("wheels").and_then(toml::Value::as_array);
    let files = wheels.into_iter().flatten().chain(package.get("sdist"));
    files
        .filter_map(|file| Some(file.get("hashes")?.get("sha256")?.as_str()?.to_owned()))
        .collect()
}

/// `name==version` for every package of a lock file that comes from an index and has one version.
pub(super) fn constraints(lock: &toml::Table) -> Vec<String> {
    let packages = lock.get("package").and_then(toml::Value::as_array);
    let mut versions: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for package in packages.into_iter().flatten() {
        let text = |key: &str| package.get(key).and_then(toml::Value::as_str);
        let (Some(name), Some(version)) = (text("name"), text("version")) else {
            continue;
        };
        let elsewhere = package.get("source").is_some_and(|source| {
            ["git", "path", "directory", "editable", "virtual", "url"]
                .iter()
                .any(|kind| {
                    source.get(kind).is_some()
                        || source.get("type").and_then(toml::Value::as_str) == Some(*kind)
                })
        });
        if elsewhere {
            continue;
        }
        versions
            .entry(name)
            // Two versions, for two platforms: which is ours, pip finds out.
            .and_modify(|known| *known = known.filter(|known| *known == version))
            .or_insert(Some(version));
    }
    let pinned = versions.into_iter();
    pinned
        .filter_map(|(name, version)| Some(format!("{name}=={}", version?)))
        .collect()
}
