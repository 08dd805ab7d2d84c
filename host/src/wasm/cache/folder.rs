//! Folders in the cache: what archives have been unpacked to, keyed by the component's digest.
//!
//! A folder is filled aside and renamed, so that a process sees all of it or nothing, and two that fill the same one at
//! once do not meet. Whoever uses it holds a lock on it, shared, for as long as it does: only what nobody holds is
//! removed. The stamp in it carries a MAC: a folder that came from elsewhere is filled again. Ten thousand files are not synced one by one; instead, what was written before the machine last
//! started is counted once before it is used.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::key::Key;
use super::{Cache, age, is_private, note_use, remove, unique};

/// Inside a folder: the lock, which also says when and how much was written.
const LOCK: &str = "lock";

/// Inside a folder: what was asked for.
const ROOT: &str = "tree";

/// An unpacked folder; nobody removes it while this lives.
#[derive(Debug)]
pub(in crate::wasm) struct Held {
    root: PathBuf,
    /// None when the folder is not in a cache: then it is removed at the end.
    lock: Option<File>,
}

impl Held {
    /// What it was filled with.
    pub(in crate::wasm) fn root(&self) -> &Path {
        &self.root
    }

    /// A folder outside any cache, ours alone, which is removed when it is dropped.
    pub(in crate::wasm) fn temporary() -> io::Result<Self> {
        let root = std::env::temp_dir().join(format!("wasgi-{}", unique()));
        // It fails when there is something already.
        fs::DirBuilder::new().mode(0o700).create(&root)?;
        Ok(Self { root, lock: None })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.lock.is_none() {
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

impl Cache {
    /// The folder of this digest, if it is here, whole, and nobody else can have written it.
    pub(in crate::wasm) fn folder(&self, digest: &str) -> Option<Held> {
        let folder = self.folder_path(digest);
        if !folder.exists() || !is_private(&folder) {
            return None;
        }
        let path = folder.join(LOCK);
        let mut lock = File::open(&path).ok()?;
        lock.try_lock_shared().ok()?;
        // It may have been removed, and made again, between the two.
        let same = |found: fs::Metadata| {
            lock.metadata()
                .is_ok_and(|ours| ours.ino() == found.ino() && ours.dev() == found.dev())
        };
        if !fs::metadata(&path).is_ok_and(same) {
            return None;
        }
        let root = folder.join(ROOT);
        let key = self.key();
        let whole = match (Stamp::read(&mut lock), key) {
            (Some(stamp), Ok(key)) => root.is_dir() && stamp.holds(&key, digest, &root, &path),
            _ => false,
        };
        if !whole {
            tracing::warn!(path = %folder.display(), "unpacked files are damaged or not from this host: unpacking again");
            // Whoever still uses it keeps what it has open.
            let aside = self.aside(digest);
            fs::rename(&folder, &aside).ok()?;
            remove(&aside);
            return None;
        }
        note_use(&path);
        Some(Held {
            root,
            lock: Some(lock),
        })
    }

    /// Makes the folder of this digest and has it filled. When another process was quicker, its folder is taken.
    ///
    /// # Errors
    /// Those of `fill`, and when the cache cannot be written.
    pub(in crate::wasm) fn keep_folder<E: From<io::Error>>(
        &self,
        digest: &str,
        fill: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<Held, E> {
        self.make()?;
        let aside = self.aside(digest);
        let filled = self.fill(digest, &aside, fill);
        let kept = filled.and_then(|lock| self.place(digest, &aside, lock).map_err(E::from));
        if kept.is_err() {
            remove(&aside);
        }
        self.prune();
        kept
    }

    fn fill<E: From<io::Error>>(
        &self,
        digest: &str,
        aside: &Path,
        fill: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<File, E> {
        let root = aside.join(ROOT);
        for folder in [aside, &root] {
            fs::DirBuilder::new().mode(0o700).create(folder)?;
        }
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(aside.join(LOCK))?;
        lock.lock_shared()?;
        fill(&root)?;
        let key = self.make_key()?;
        Stamp::of(&root)?.write(&key, digest, &mut lock)?;
        Ok(lock)
    }

    fn place(&self, digest: &str, aside: &Path, lock: File) -> io::Result<Held> {
        let folder = self.folder_path(digest);
        let Err(error) = fs::rename(aside, &folder) else {
            return Ok(Held {
                root: folder.join(ROOT),
                lock: Some(lock),
            });
        };
        let theirs = self.folder(digest).ok_or(error)?;
        remove(aside);
        Ok(theirs)
    }

    fn folder_path(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}.files"))
    }

    fn aside(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}-{}.tmp", unique()))
    }
}

/// Since when a folder has not been used, and how much is in it.
pub(super) fn age_and_bytes(folder: &Path) -> Option<(Duration, u64)> {
    let path = folder.join(LOCK);
    let stamp = Stamp::read(&mut File::open(&path).ok()?)?;
    Some((age(&path)?, stamp.bytes))
}

/// Removes a folder that nobody holds.
pub(super) fn remove_unused(folder: &Path) {
    let Ok(lock) = File::open(folder.join(LOCK)) else {
        return;
    };
    if lock.try_lock().is_ok() {
        let aside = folder.with_extension(format!("{}.tmp", unique()));
        if fs::rename(folder, &aside).is_ok() {
            remove(&aside);
        }
    }
}

/// What was written, since when the machine has been running, and who says so.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    boot: String,
    files: u64,
    bytes: u64,
    mac: String,
}

impl Stamp {
    fn of(root: &Path) -> io::Result<Self> {
        let mut stamp = Self {
            boot: boot(),
            files: 0,
            bytes: 0,
            mac: String::new(),
        };
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                let found = entry.metadata()?;
                if found.is_dir() {
                    folders.push(entry.path());
                } else {
                    stamp.files += 1;
                    stamp.bytes += found.len();
                }
            }
        }
        Ok(stamp)
    }

    fn read(lock: &mut File) -> Option<Self> {
        let mut text = String::new();
        lock.take(400).read_to_string(&mut text).ok()?;
        let mut lines = text.lines();
        Some(Self {
            boot: lines.next()?.to_owned(),
            files: lines.next()?.parse().ok()?,
            bytes: lines.next()?.parse().ok()?,
            mac: lines.next().unwrap_or_default().to_owned(),
        })
    }

    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.boot, self.files, self.bytes)
    }

    /// The host's word for it, in hexadecimal digits.
    fn mac(&self, key: &Key, digest: &str) -> String {
        let mac = key.mac("files", &[digest, &self.text()]);
        mac.finalize().to_hex().to_string()
    }

    fn write(&self, key: &Key, digest: &str, lock: &mut File) -> io::Result<()> {
        let text = format!("{}{}\n", self.text(), self.mac(key, digest));
        lock.write_all(text.as_bytes())?;
        lock.sync_all()
    }

    /// Whether this host has filled the folder and everything is still there. It is, if the machine has not been started since; else it is counted, and
    /// that it was is written down.
    fn holds(&self, key: &Key, digest: &str, root: &Path, lock: &Path) -> bool {
        if self.mac(key, digest) != self.mac {
            return false;
        }
        let now = boot();
        if !now.is_empty() && now == self.boot {
            return true;
        }
        let Ok(found) = Self::of(root) else {
            return false;
        };
        let whole = found.files == self.files && found.bytes == self.bytes;
        if whole && let Ok(mut file) = File::options().write(true).open(lock) {
            // The same length, since a boot's name always has the same; on a read-only cache it is counted again.
            let _ = found.write(key, digest, &mut file);
        }
        whole
    }
}

/// Names the time since the machine was started; empty when the system does not say.
fn boot() -> String {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.trim().to_owned()
}

/// The stamp as it would be if the machine had been started again since.
#[cfg(test)]
pub(super) fn as_if_before_a_restart(key: &Key, digest: &str, lock: &Path) {
    let mut stamp = Stamp::read(&mut File::open(lock).unwrap()).unwrap();
    stamp.boot.replace_range(..1, "x");
    let mut file = File::options().write(true).open(lock).unwrap();
    stamp.write(key, digest, &mut file).unwrap();
}
