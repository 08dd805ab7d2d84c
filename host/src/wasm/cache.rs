//! Compiled code on disk, keyed by the engine's settings and the component's digest.
//!
//! `app.rs` asks it before it compiles. Compiled code is code: what stands here runs with the host's rights, so
//! the folder belongs to the host's user alone and anything that others could have written is not loaded.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use wasmtime::component::Component;

use super::Engine;
use crate::error::{Error, Result};

/// What nobody has loaded for this long is removed when something new is kept.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 3600);

/// How exactly the last use is known: a file is not touched more often than this.
const USE_NOTED: Duration = Duration::from_secs(24 * 3600);

/// A folder of compiled components.
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

    fn path(&self, engine: &Engine, digest: &str) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine
            .wasmtime
            .precompile_compatibility_hash()
            .hash(&mut hasher);
        self.folder
            .join(format!("{digest}-{:016x}.cwasm", hasher.finish()))
    }

    /// The compiled component, if it is here, whole, and nobody else can have written it.
    pub(super) fn load(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let path = self.path(engine, digest);
        if !is_private(&self.folder) || !is_private(&path) {
            return None;
        }
        let bytes = fs::read(&path).ok()?;
        let (code, sum) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
        if Sha256::digest(code).as_slice() != sum {
            tracing::warn!(path = %path.display(), "compiled code is damaged: compiling again");
            return None;
        }
        note_use(&path);
        deserialize(engine, code)
            .inspect_err(|error| {
                tracing::warn!(path = %path.display(), "compiled code is not usable: {error:#}");
            })
            .ok()
    }

    /// Keeps what has been compiled. The file is written aside and renamed, so that a reader sees all or nothing.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub(super) fn store(&self, engine: &Engine, digest: &str, component: &Component) -> Result<()> {
        let code = component
            .serialize()
            .map_err(|error| Error::internal("cannot serialise compiled code").because(error))?;
        let path = self.path(engine, digest);
        self.write(&path, &code).map_err(|error| {
            Error::user(format!(
                "cannot keep compiled code in `{}`",
                self.folder.display()
            ))
            .because(error)
            .hint("set WASGI_CACHE_DIR to a folder of yours, or pass --no-cache")
        })
    }

    fn write(&self, path: &Path, code: &[u8]) -> std::io::Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let aside = path.with_extension(format!("{}.tmp", std::process::id()));
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&aside)?;
        file.write_all(code)?;
        file.write_all(&Sha256::digest(code))?;
        file.sync_all()?;
        fs::rename(&aside, path)?;
        self.prune();
        Ok(())
    }

    /// Removes what nobody uses any more, and what a write that was cut off has left.
    fn prune(&self) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for entry in entries {
            let path = entry.path();
            let ours = path
                .extension()
                .is_some_and(|kind| kind == "cwasm" || kind == "tmp");
            if ours && age(&path).is_some_and(|age| age > UNUSED) {
                // Another process may have been quicker.
                let _ = fs::remove_file(&path);
            }
        }
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
        let file = fs::File::options().append(true).open(path);
        let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
    }
}

/// Ours, and writable by nobody else.
fn is_private(path: &Path) -> bool {
    let Ok(found) = fs::metadata(path) else {
        return false;
    };
    let ours = found.uid() == rustix::process::geteuid().as_raw();
    let private = found.mode() & 0o022 == 0;
    if !(ours && private) {
        tracing::warn!(
            path = %path.display(),
            "others can write to the cache of compiled code: not used"
        );
    }
    ours && private
}

/// Loads compiled code.
#[allow(
    unsafe_code,
    reason = "wasmtime cannot check native code; `Cache` loads only what this user has written, whole"
)]
fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes come from `Cache::store` of the same user: the folder and the file are owned by us and
    // writable by nobody else, and a digest says that they are whole. wasmtime itself refuses other versions
    // and settings.
    unsafe { Component::deserialize(&engine.wasmtime, code) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn component(engine: &Engine) -> Component {
        Component::new(&engine.wasmtime, b"\0asm\x0d\0\x01\0").unwrap()
    }

    #[test]
    fn what_nobody_uses_is_pruned() {
        let engine = Engine::new().unwrap();
        let folder = std::env::temp_dir().join(format!("wasgi-prune-{}", std::process::id()));
        let cache = Cache::at(&folder);
        let old = |digest: &str, days: u64| {
            cache.store(&engine, digest, &component(&engine)).unwrap();
            let file = fs::File::options()
                .append(true)
                .open(cache.path(&engine, digest));
            let then = SystemTime::now() - Duration::from_secs(days * 24 * 3600);
            file.unwrap().set_modified(then).unwrap();
        };
        old("used", 29);
        assert!(cache.load(&engine, "used").is_some());
        old("unused", 31);
        fs::write(folder.join("somebody-elses"), "").unwrap();
        cache.store(&engine, "new", &component(&engine)).unwrap();
        assert!(!cache.path(&engine, "unused").exists());
        assert!(age(&cache.path(&engine, "used")).unwrap() < USE_NOTED);
        assert!(cache.path(&engine, "new").exists() && folder.join("somebody-elses").exists());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn damaged_or_foreign_code_is_not_loaded() {
        let engine = Engine::new().unwrap();
        let folder = std::env::temp_dir().join(format!("wasgi-cache-{}", std::process::id()));
        let cache = Cache::at(&folder);
        assert!(cache.load(&engine, "d").is_none());
        cache.store(&engine, "d", &component(&engine)).unwrap();
        assert!(cache.load(&engine, "d").is_some());

        let path = cache.path(&engine, "d");
        let whole = fs::read(&path).unwrap();
        for cut in [0, 10, whole.len() - 1] {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(cache.load(&engine, "d").is_none(), "{cut} bytes");
        }
        fs::write(&path, &whole).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(cache.load(&engine, "d").is_none());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(cache.load(&engine, "d").is_none());
        fs::remove_dir_all(&folder).unwrap();
    }
}
