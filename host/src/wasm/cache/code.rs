//! Compiled code in the cache, keyed by the engine's settings and the component's digest.
//!
//! A file is mapped and not read: pages that no guest touches are never loaded, those that are touched are shared with
//! every process that serves the same app, and the initial memory of all instances is a copy-on-write view of it. So it
//! is not hashed at each start either, which alone would cost 50 ms for a Python app. It is trusted because this user
//! alone could have written it, and it is whole because it was synced, renamed, and ends with its own length.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use wasmtime::component::Component;

use super::{Cache, is_private, note_use};
use crate::error::{Error, Result};
use crate::wasm::Engine;

/// Of our part of a file, in its name: another version's is not there, rather than damaged.
const LAYOUT: &str = "mapped1";

/// Stands at the end of a file, with the length of the code before it.
const TRAILER: &[u8; 8] = b"wasgicw1";

impl Cache {
    pub(super) fn code_path(&self, engine: &Engine, digest: &str) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine
            .wasmtime
            .precompile_compatibility_hash()
            .hash(&mut hasher);
        self.folder
            .join(format!("{digest}-{:016x}-{LAYOUT}.cwasm", hasher.finish()))
    }

    /// The compiled component, if it is here, whole, and nobody else can have written it.
    pub(in crate::wasm) fn load(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let path = self.code_path(engine, digest);
        if !is_private(&path) {
            return None;
        }
        if !is_whole(&path).ok()? {
            tracing::warn!(path = %path.display(), "compiled code is damaged: compiling again");
            return None;
        }
        note_use(&path);
        deserialize(engine, &path)
            .inspect_err(|error| {
                tracing::warn!(path = %path.display(), "compiled code is not usable: {error:#}");
            })
            .ok()
    }

    /// Keeps what has been compiled.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub(in crate::wasm) fn store(
        &self,
        engine: &Engine,
        digest: &str,
        component: &Component,
    ) -> Result<()> {
        let code = component
            .serialize()
            .map_err(|error| Error::internal("cannot serialise compiled code").because(error))?;
        let path = self.code_path(engine, digest);
        let length = (code.len() as u64).to_le_bytes();
        self.write(&path, &[&code, TRAILER, &length])
            .map_err(|error| self.cannot_keep("compiled code", error))?;
        self.prune();
        Ok(())
    }
}

/// Whether the file ends with its own length.
fn is_whole(path: &Path) -> io::Result<bool> {
    let file = std::fs::File::open(path)?;
    let Some(length) = file.metadata()?.len().checked_sub(16) else {
        return Ok(false);
    };
    let mut trailer = [0; 16];
    file.read_exact_at(&mut trailer, length)?;
    let (magic, said) = trailer.split_at(8);
    Ok(magic == TRAILER && said == length.to_le_bytes())
}

/// Maps compiled code.
#[allow(
    unsafe_code,
    reason = "wasmtime cannot check native code; `Cache` loads only what this user has written, whole"
)]
fn deserialize(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file comes from `Cache::store` of the same user: it and its folder are owned by us and writable by
    // nobody else, and we never write to a file once it has its name. wasmtime itself refuses other versions and
    // settings.
    unsafe { Component::deserialize_file(&engine.wasmtime, path) }
}
