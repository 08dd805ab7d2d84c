//! What is kept on disk between starts: compiled code, unpacked files, and which file has which digest.
//!
//! `app.rs` and `files.rs` ask it before they compile, unpack or hash. Compiled code is code and unpacked files are what
//! guests run: what stands here is used with the host's rights, so the folder belongs to the host's user alone and
//! anything that others could have written is not used; and it carries a MAC of this host's own key (`key.rs`).

mod code;
mod folder;
mod key;
mod note;

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

pub(super) use code::{Draft, deserialize_draft};
pub(super) use folder::Held;
pub(super) use note::Identity;

use crate::error::Error;

/// What nobody has loaded for this long is removed when something new is kept.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 3600);

/// A write that was cut off has left this; none takes so long.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// How exactly the last use is known: a file is not touched more often than this.
const USE_NOTED: Duration = Duration::from_secs(10 * 60);

/// All together. A Python app is 60 MiB of code and 110 MiB of files, for each version of it that was built: what was
/// used last stays.
const BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// What was used within this time stays in any case.
const IN_USE: Duration = Duration::from_secs(3600);

/// A folder of things that can be made again.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The cache of this user: `$WASGI_CACHE_DIR`, else `wasgi` in `$XDG_CACHE_HOME` or `~/.cache`. None when there is
    /// no home.
    pub fn of_user() -> Option<Self> {
        let var = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let folder = match (var("WASGI_CACHE_DIR"), var("XDG_CACHE_HOME"), var("HOME")) {
            (Some(folder), ..) => PathBuf::from(folder),
            (_, Some(cache), _) => PathBuf::from(cache).join("wasgi"),
            (_, _, Some(home)) => PathBuf::from(home).join(".cache/wasgi"),
            _ => return None,
        };
        Some(Self::at(folder))
    }

    /// The cache in `folder`, which is made when it is first written to.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Whether it may be used: it is ours alone, or not there yet.
    pub(super) fn is_ours(&self) -> bool {
        !self.folder.exists() || is_private(&self.folder)
    }

    fn make(&self) -> io::Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
    }

    /// Writes a file aside and renames it, so that a reader sees all or nothing, also after a power cut.
    fn write(&self, path: &Path, parts: &[&[u8]]) -> io::Result<()> {
        self.make()?;
        let aside = path.with_extension(format!("{}.tmp", unique()));
        let written = write_all(&aside, parts).and_then(|()| fs::rename(&aside, path));
        if written.is_err() {
            let _ = fs::remove_file(&aside);
        }
        written
    }

    /// Removes what nobody uses any more, what a write that was cut off has left, and what is too much.
    fn prune(&self) {
        self.prune_to(BYTES_MAX);
    }

    fn prune_to(&self, bytes_max: u64) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut kept = Vec::new();
        for entry in entries {
            let path = entry.path();
            // Another process may be quicker at each of them.
            match path.extension().and_then(|kind| kind.to_str()) {
                Some("cwasm" | "note" | "lock") => {
                    let bytes = fs::metadata(&path).map_or(0, |found| found.len());
                    kept.extend(age(&path).map(|age| (age, bytes, path)));
                }
                Some("files") => {
                    kept.extend(folder::age_and_bytes(&path).map(|(age, bytes)| (age, bytes, path)))
                }
                Some("tmp") if age(&path).is_some_and(|age| age > ABANDONED) => remove(&path),
                _ => {}
            }
        }
        kept.sort();
        let mut sum = 0_u64;
        for (age, bytes, path) in kept {
            sum = sum.saturating_add(bytes);
            if age > UNUSED || (sum > bytes_max && age > IN_USE) {
                if path.is_dir() {
                    folder::remove_unused(&path);
                } else {
                    // Who has it mapped keeps it.
                    let _ = fs::remove_file(&path);
                }
            }
        }
    }

    fn cannot_keep(&self, what: &str, error: io::Error) -> Error {
        Error::user(format!("cannot keep {what} in `{}`", self.folder.display()))
            .because(error)
            .hint("set WASGI_CACHE_DIR to a folder of yours, or pass --no-cache")
    }
}

fn write_all(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()
}

/// A name that nobody else on this machine has: the process, and how many it has asked for.
fn unique() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    // A process of the same id in another container may share the folder.
    let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), number);
    format!("{}-{random:016x}", std::process::id())
}

/// Removes a file or a folder, if it can.
fn remove(path: &Path) {
    if fs::remove_file(path).is_err() {
        let _ = fs::remove_dir_all(path);
    }
}

/// Since the file was written or, to the day, used. None when the clock went back.
fn age(path: &Path) -> Option<Duration> {
    let modified = fs::metadata(path).and_then(|found| found.modified()).ok()?;
    SystemTime::now().duration_since(modified).ok()
}

fn note_use(path: &Path) {
    if age(path).is_some_and(|age| age > USE_NOTED) {
        // On a read-only cache nothing is lost but the note.
        let file = File::options().append(true).open(path);
        let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
    }
}

/// Ours, and writable by nobody else.
fn is_private(path: &Path) -> bool {
    let Ok(found) = fs::metadata(path) else {
        return false;
    };
    let private = are_private(&found);
    if !private {
        tracing::warn!(
            path = %path.display(),
            "others can write to the cache: not used"
        );
    }
    private
}

/// The same, of a file that is open.
fn is_private_file(file: &File) -> bool {
    file.metadata().is_ok_and(|found| are_private(&found))
}

fn are_private(found: &fs::Metadata) -> bool {
    found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0
}

#[cfg(test)]
mod tests;
