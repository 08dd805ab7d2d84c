//! Python in tests: apps of `python/` built by the real binary, and the same apps under uvicorn natively.
//!
//! Both are made from one copy of the app's folder in which every file has the same, old modification time, because
//! `last-modified` and `etag` are made of it. What is made is kept below the target folder from run to run: components by a
//! digest of all that goes into them, the native environment by a digest of its requirements.

mod app;
mod environment;
mod folder;
mod uvicorn;

use std::fs::{File, FileTimes};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use crate::target_folder;

pub use app::python_app;
pub use environment::native_python;
pub(crate) use environment::venv;
pub use folder::PythonFolder;
pub use uvicorn::Uvicorn;

/// Where the apps of these tests are.
fn apps() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python")
}

/// Where all of this is kept.
pub(crate) fn kept() -> PathBuf {
    let folder = target_folder().join("python-tests");
    std::fs::create_dir_all(&folder).expect("a folder below target");
    folder
}

/// Holds a name for this process, against tests that run at the same time in another.
///
/// Dropping the file lets go.
pub(crate) fn lock(name: &str) -> File {
    let file = File::create(kept().join(format!("{name}.lock"))).expect("a lock file");
    file.lock().expect("a lock");
    file
}

/// A copy of an app's folder that both servers are started from; made anew when a file has changed.
fn copy_of(app: &str) -> PathBuf {
    let _held = lock(&format!("copy-{app}"));
    let (from, to) = (apps().join(app), kept().join("apps").join(app));
    let files = files_below(&from);
    assert!(!files.is_empty(), "{} has no app in it", from.display());
    // Whatever else has come to lie in the copy would be built into the component.
    if !files_below(&to).eq(&files) {
        let _ = std::fs::remove_dir_all(&to);
    }
    for file in &files {
        let (source, target) = (from.join(file), to.join(file));
        let wanted = std::fs::read(&source).expect("a file of the app");
        if std::fs::read(&target).is_ok_and(|there| there == wanted) {
            continue;
        }
        std::fs::create_dir_all(target.parent().expect("a folder")).expect("a folder");
        std::fs::write(&target, wanted).expect("a copy");
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let copied = File::options().write(true).open(&target).expect("the copy");
        copied
            .set_times(FileTimes::new().set_modified(old))
            .expect("a modification time");
    }
    to
}

/// The files below a folder, by their paths within it, sorted; none when there is no such folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(next) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let made_by_tools = ["__pycache__", ".wasgi", "target"].contains(&&*name)
                || name.starts_with('.') && name.ends_with("_cache");
            if made_by_tools {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).expect("below").to_owned());
            }
        }
    }
    found.sort();
    found
}

/// A short name for the content of these files and folders.
pub(crate) fn digest_of(roots: &[PathBuf], also: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(also);
    for root in roots {
        let files = if root.is_dir() {
            files_below(root)
        } else {
            vec![PathBuf::new()]
        };
        for file in files {
            let path = root.join(&file);
            let bytes = std::fs::read(path.components().collect::<PathBuf>())
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            hash.update(file.to_string_lossy().as_bytes());
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
    }
    let digest = hash.finalize();
    digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
