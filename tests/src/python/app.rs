//! Apps of `python/` as components.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::{apps, copy_of, digest_of, kept, lock};
use crate::{Finished, wasgi};

/// The component of an app of `tests/python`, built by `wasgi build` unless nothing has changed since the last time.
///
/// # Panics
/// When it does not build.
pub fn python_app(app: &str) -> PathBuf {
    static BUILT: Mutex<BTreeMap<String, Arc<OnceLock<PathBuf>>>> = Mutex::new(BTreeMap::new());
    let once = BUILT
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .entry(app.to_owned())
        .or_default()
        .clone();
    once.get_or_init(|| build(app)).clone()
}

fn build(app: &str) -> PathBuf {
    let _held = lock(&format!("build-{app}"));
    let folder = copy_of(app);
    let components = kept().join("components");
    std::fs::create_dir_all(&components).expect("a folder below target");
    let component = components.join(format!("{app}-{}.wasm", key(app)));
    if component.is_file() {
        return component;
    }
    forget_earlier(&components, app);
    // Unoptimised: what is tested is what it does, and the optimised one takes longer to make than all tests to run.
    let half_made = component.with_extension("half");
    let mut command = wasgi();
    command
        .arg("build")
        .arg(&folder)
        .arg("--no-optimize")
        .arg("--output")
        .arg(&half_made);
    let built = Finished::run(&mut command);
    assert_eq!(
        built.code,
        Some(0),
        "`{app}` does not build:\n{}",
        built.stderr
    );
    std::fs::rename(&half_made, &component).expect("the component");
    component
}

/// A name for everything that goes into the component: the app, the SDK, the contract, and the code that builds.
fn key(app: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a workspace");
    let parts = [
        "guest-sdk/python/entry",
        "guest-sdk/core",
        "guest-sdk/python/native",
        "guest-sdk/python/stubs",
        "guest-sdk/python/wasgi",
        "wit",
        "host/build.rs",
        "host/src/cli/build",
    ];
    let mut roots = vec![apps().join(app)];
    roots.extend(parts.iter().map(|part| root.join(part)));
    digest_of(&roots, "")
}

/// Removes what was built of older sources, but not today: another process may be at work with it.
fn forget_earlier(components: &Path, app: &str) {
    const OLD: Duration = Duration::from_secs(24 * 3600);
    let earlier = format!("{app}-");
    let is_old = |entry: &std::fs::DirEntry| {
        let made = entry.metadata().and_then(|found| found.modified());
        made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > OLD))
    };
    for entry in std::fs::read_dir(components)
        .into_iter()
        .flatten()
        .flatten()
    {
        if entry.file_name().to_string_lossy().starts_with(&earlier) && is_old(&entry) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
