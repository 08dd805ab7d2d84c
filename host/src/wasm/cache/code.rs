//! Compiled code in the cache, keyed by the engine's settings and the component's digest.
//!
//! A file is mapped and not read: pages that no guest touches are never loaded, those that are touched are shared with
//! every process that serves the same app, and the initial memory of all instances is a copy-on-write view of it. Before
//! that its MAC is checked (`key.rs`), through the same open file, so that what is loaded is what was checked, whatever
//! happens to its name meanwhile.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use wasmtime::component::Component;

use super::key::{Key, MAC_BYTES};
use super::{Cache, is_private_file, remove, unique};
use crate::error::Result;
use crate::wasm::Engine;

/// Of our part of a file, in its name: another version's is not there, rather than damaged.
const LAYOUT: &str = "mapped2";

/// Stands at the end of a file, with the length of the code before it and its MAC.
const TRAILER: &[u8; 8] = b"wasgicw2";

/// All of what stands after the code.
const TRAILER_BYTES: usize = 8 + 8 + MAC_BYTES;

/// Read at a time when a file is checked.
const PIECE_BYTES: usize = 1024 * 1024;

/// What a file of compiled code is for.
struct Purpose {
    digest: String,
    /// Of the engine's settings and wasmtime's version.
    engine: String,
}

impl Purpose {
    fn of(engine: &Engine, digest: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        let compatible = engine.wasmtime.precompile_compatibility_hash();
        compatible.hash(&mut hasher);
        Self {
            digest: digest.to_owned(),
            engine: format!("{:016x}", hasher.finish()),
        }
    }

    fn file_name(&self) -> String {
        format!("{}-{}-{LAYOUT}", self.digest, self.engine)
    }

    /// The end of a file whose code has this length.
    fn trailer(&self, key: &Key, file: &File, length: u64) -> io::Result<[u8; TRAILER_BYTES]> {
        let mut mac = key.mac("code", &[LAYOUT, &self.engine, &self.digest]);
        let mut piece = vec![0; PIECE_BYTES];
        let mut at = 0;
        while at < length {
            let left = usize::try_from(length - at).unwrap_or(PIECE_BYTES);
            let piece = piece.get_mut(..left.min(PIECE_BYTES)).unwrap_or_default();
            file.read_exact_at(piece, at)?;
            mac.update(piece);
            at += piece.len() as u64;
        }
        let mut trailer = [0; TRAILER_BYTES];
        let mac = mac.finalize();
        let parts = [TRAILER.as_slice(), &length.to_le_bytes(), mac.as_bytes()];
        for (to, from) in trailer.iter_mut().zip(parts.concat()) {
            *to = from;
        }
        Ok(trailer)
    }

    /// Whether the file has the right end.
    fn fits(&self, key: &Key, file: &File) -> io::Result<bool> {
        let Some(length) = file.metadata()?.len().checked_sub(TRAILER_BYTES as u64) else {
            return Ok(false);
        };
        let mut found = [0; TRAILER_BYTES];
        file.read_exact_at(&mut found, length)?;
        if !found.starts_with(TRAILER) {
            return Ok(false);
        }
        // Who can write here at all could read the key: how long the comparison takes tells nobody anything.
        Ok(found == self.trailer(key, file, length)?)
    }
}

/// A file of compiled code that is being written, under a name that nobody looks for. It is removed when it is not kept.
pub(in crate::wasm) struct Draft {
    pub(in crate::wasm) file: File,
    aside: PathBuf,
}

impl Draft {
    /// In the folder.
    pub(in crate::wasm) fn new(folder: &Path) -> io::Result<Self> {
        let aside = folder.join(format!("code-{}.tmp", unique()));
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&aside)?;
        Ok(Self { file, aside })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        remove(&self.aside);
    }
}

impl Cache {
    #[cfg(test)]
    pub(super) fn code_path(&self, engine: &Engine, digest: &str) -> PathBuf {
        self.named(&Purpose::of(engine, digest), "cwasm")
    }

    fn named(&self, purpose: &Purpose, kind: &str) -> PathBuf {
        self.folder.join(format!("{}.{kind}", purpose.file_name()))
    }

    /// The compiled component, if it is here, and this host has put it here.
    pub(in crate::wasm) fn load(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let purpose = Purpose::of(engine, digest);
        let path = self.named(&purpose, "cwasm");
        let file = File::open(&path).ok()?;
        let key = self.key().inspect_err(|error| {
            tracing::warn!(path = %self.folder.display(), "the cache's key is not usable: {error}");
        });
        if !is_private_file(&file) {
            tracing::warn!(path = %path.display(), "others can write to compiled code: not used");
            return None;
        }
        if !purpose.fits(&key.ok()?, &file).ok()? {
            tracing::warn!(path = %path.display(), "compiled code is damaged or not from this host: compiling again");
            return None;
        }
        note_use(&file);
        deserialize(engine, &file)
            .inspect_err(|error| {
                tracing::warn!(path = %path.display(), "compiled code is not usable: {error:#}");
            })
            .ok()
    }

    /// A file to write compiled code to.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub(in crate::wasm) fn draft(&self) -> Result<Draft> {
        self.make()
            .and_then(|()| Draft::new(&self.folder))
            .map_err(|error| self.cannot_keep("compiled code", error))
    }

    /// Keeps what has been compiled.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(in crate::wasm) fn keep(&self, engine: &Engine, digest: &str, draft: &Draft) -> Result<()> {
        let purpose = Purpose::of(engine, digest);
        let keep = || {
            let key = self.make_key()?;
            let length = draft.file.metadata()?.len();
            let trailer = purpose.trailer(&key, &draft.file, length)?;
            draft.file.write_all_at(&trailer, length)?;
            // A reader sees all of it or nothing, also after a power cut.
            draft.file.sync_all()?;
            std::fs::rename(&draft.aside, self.named(&purpose, "cwasm"))
        };
        keep().map_err(|error| self.cannot_keep("compiled code", error))?;
        self.prune();
        Ok(())
    }

    /// Waits until nobody else compiles this component, in whichever process, and holds on to it until it is dropped.
    pub(in crate::wasm) fn compiling(&self, engine: &Engine, digest: &str) -> Option<File> {
        self.make().ok()?;
        let path = self.named(&Purpose::of(engine, digest), "lock");
        let lock = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .ok()?;
        // On a file system without locks two compile the same, and the last one is kept.
        lock.lock().ok()?;
        let _ = lock.set_modified(SystemTime::now());
        Some(lock)
    }
}

/// See [`super::note_use`].
fn note_use(file: &File) {
    let age = file.metadata().and_then(|found| found.modified());
    let age = age.ok().and_then(|then| then.elapsed().ok());
    if age.is_some_and(|age| age > super::USE_NOTED) {
        // The owner may do so with a file that is open for reading.
        let _ = file.set_modified(SystemTime::now());
    }
}

/// Maps compiled code.
#[allow(
    unsafe_code,
    reason = "wasmtime cannot check native code; only what this host has compiled gets here"
)]
fn deserialize(engine: &Engine, file: &File) -> wasmtime::Result<Component> {
    // The file that is open, and not whatever its name means by now.
    let folder = if cfg!(target_os = "linux") {
        "/proc/self/fd"
    } else {
        "/dev/fd"
    };
    let opened = format!("{folder}/{}", file.as_raw_fd());
    // SAFETY: the file has the MAC of a host that compiled it, with a key that is this user's alone; it is owned by us and
    // writable by nobody else, and we never write to a file once it has its name. wasmtime itself refuses other
    // versions and settings.
    unsafe { Component::deserialize_file(&engine.wasmtime, opened) }
}

/// Loads compiled code that is kept nowhere, by a copy.
#[allow(
    unsafe_code,
    reason = "wasmtime cannot check native code; a compiler that we have started has just made it"
)]
pub(in crate::wasm) fn deserialize_draft(
    engine: &Engine,
    draft: &Draft,
) -> wasmtime::Result<Component> {
    let length = usize::try_from(draft.file.metadata()?.len()).unwrap_or_default();
    let mut code = vec![0; length];
    draft.file.read_exact_at(&mut code, 0)?;
    // SAFETY: the compiler has written it to a file that was made for it and is ours alone; nothing else has.
    unsafe { Component::deserialize(&engine.wasmtime, code) }
}
