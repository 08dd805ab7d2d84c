//! An app, ready to be instantiated: a component that has been checked, compiled and linked.
//!
//! `cli` loads one; `pool.rs` makes instances of it. What is wrong with a file is said here, in words that its
//! author understands; nothing of it runs yet.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker};

use super::account::Account;
use super::cache::Identity;
use super::compile::{self, Order};
use super::engine::Limiting;
use super::exchange::EventLoop;
use super::files::Files;
use super::lane::Neighbour;
use super::store::Data;
use super::{Cache, Engine, descriptors};
use crate::asgi::budget::Budget;
use crate::bindings::{AppPre, event_loop};
use crate::config::Manifest;
use crate::config::limits::Limits;
use crate::error::{Error, Result};

/// A component is compiled from memory, whole. Python apps with their libraries are below 100 MiB.
pub(super) const COMPONENT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// An app that can be served.
pub struct App {
    /// The name in logs and start lines.
    pub name: Arc<str>,
    /// SHA-256 of the component, in hexadecimal digits.
    pub digest: String,
    /// Whether the compiled code came from the cache.
    pub from_cache: bool,
    /// What it may use.
    pub limits: Limits,
    /// The environment that it sees.
    pub env: BTreeMap<String, String>,
    /// What its instances use.
    pub account: Arc<Account>,
    pub(super) engine: Engine,
    pub(super) pre: AppPre<Data>,
    pub(super) files: Files,
    pub(super) neighbour: Neighbour,
}

impl App {
    /// Reads, checks, compiles (or takes from the cache) and links the component at `path`; its name, limits and
    /// environment are those of `manifest`.
    ///
    /// Compiling takes a second or more and all cores; call it off the serving threads.
    ///
    /// # Errors
    /// When the file cannot be read, is no component, or does not fit the contract of `wit/`.
    pub fn load(
        engine: &Engine,
        path: &Path,
        manifest: &Manifest,
        cache: Option<&Cache>,
    ) -> Result<Self> {
        let shown = path.display().to_string();
        let cache = cache.filter(|cache| cache.is_ours());
        let mut source = Source::open(path)?;
        let digest = source.digest(cache)?;
        let cached = cache.and_then(|cache| cache.load(engine, &digest));
        let (component, from_cache) = match cached {
            Some(component) => (component, true),
            None => {
                let order = Order {
                    shown: &shown,
                    digest: &digest,
                    file: &source.file,
                };
                compile::compile(engine, &order, cache)?
            }
        };
        let pre =
            link(engine, &component).map_err(|(what, error)| {
                Error::user(format!("`{shown}` {what}")).because(error).hint(
                "a wasgi app exports `run` and imports nothing but `wasgi:asgi` 0.1 and WASI; \
                 start from `wasgi new`, or use the wasgi SDK's `app!` macro",
            )
            })?;
        compile::check_resources(&shown, &component)?;
        let files = Files::of(path, &mut source.file, &digest, cache)?;
        source.check()?;
        if let Some(cache) = cache {
            cache.note(&source.identity, &digest);
        }
        Ok(Self {
            name: manifest.name.as_str().into(),
            digest,
            from_cache,
            limits: Limits::of(manifest),
            env: manifest.env.clone(),
            account: Arc::default(),
            engine: engine.clone(),
            pre,
            files,
            neighbour: engine.lane.neighbour(),
        })
    }

    /// The memory of one of its instances.
    pub(super) fn budget(&self) -> Arc<Budget> {
        match self.engine.limiting {
            Limiting::On => Budget::new(self.limits.memory_bytes_max),
            Limiting::Off => Budget::unlimited(),
        }
    }

    /// Whether the app sees any files.
    pub fn has_files(&self) -> bool {
        self.files.are_there()
    }

    /// Opens a file that the app sees, by its absolute path there, for the host to send; also its length in bytes.
    /// Blocks: call it off the serving threads.
    ///
    /// # Errors
    /// When the app has no regular file there.
    pub fn open_file(&self, path: &str) -> std::io::Result<(File, u64)> {
        self.files.find(path)
    }

    /// Puts a folder of the host in the place of the app's own `/name`, read-only, and as it is at any time: a change
    /// in it is seen by running instances. To be called before the app is given to a pool.
    ///
    /// # Errors
    /// When the folder cannot be opened.
    pub fn mount_live(&mut self, name: &str, host: &Path) -> Result<()> {
        self.files.mount_live(name, host)
    }

    /// Gives the app a folder to read and write, `/data`, which all of its instances share. It is made, for this
    /// user alone, when it is not there. To be called before the app is given to a pool.
    ///
    /// # Errors
    /// When the folder cannot be made or opened.
    pub fn mount_data(&mut self, host: &Path) -> Result<()> {
        self.files.mount_data(host)
    }
}

/// The file that an app is loaded from.
struct Source<'a> {
    path: &'a Path,
    file: File,
    /// As it was before anything of it was read.
    identity: Identity,
}

impl<'a> Source<'a> {
    fn open(path: &'a Path) -> Result<Self> {
        let shown = path.display();
        let failed = |error| unreadable(path, error);
        // Before it is opened: to open a pipe would wait for its writer.
        let found = std::fs::metadata(path).map_err(failed)?;
        if !found.is_file() {
            return Err(Error::user(format!("`{shown}` is not a file")).hint(
                "give a component (`.wasm`), or the folder of an app with its `wasgi.toml`",
            ));
        }
        if found.len() > COMPONENT_BYTES_MAX {
            return Err(Error::user(format!("`{shown}` is larger than 256 MiB"))
                .hint("build it with `wasgi build`, which strips what a server does not need"));
        }
        let file = File::open(path).map_err(failed)?;
        let identity = Identity::of(&file).map_err(failed)?;
        Ok(Self {
            path,
            file,
            identity,
        })
    }

    /// SHA-256, as noted before if the file has not changed since.
    fn digest(&mut self, cache: Option<&Cache>) -> Result<String> {
        if let Some(digest) = cache.and_then(|cache| cache.noted(&self.identity)) {
            return Ok(digest);
        }
        let mut hash = Sha256::new();
        let mut bounded = (&mut self.file).take(COMPONENT_BYTES_MAX);
        std::io::copy(&mut bounded, &mut hash).map_err(|error| unreadable(self.path, error))?;
        Ok(hex(&hash.finalize()))
    }

    /// What was read in several steps was one and the same.
    fn check(&self) -> Result<()> {
        if self.identity.still(&self.file) {
            return Ok(());
        }
        let what = format!("`{}` changed while it was loaded", self.path.display());
        Err(Error::user(what).hint("try again when it has been written"))
    }
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    let hint = match error.kind() {
        std::io::ErrorKind::NotFound => {
            "check the path; `wasgi build` prints where it puts a component"
        }
        std::io::ErrorKind::PermissionDenied => "check who may read the file",
        _ => "give a `.wasm` file, or the folder of an app",
    };
    Error::user(format!("cannot read `{}`", path.display()))
        .because(error)
        .hint(hint)
}

/// What the guest may import, and nothing else.
fn link(
    engine: &Engine,
    component: &Component,
) -> std::result::Result<AppPre<Data>, (&'static str, wasmtime::Error)> {
    let ours = |error| ("cannot be linked", error);
    let mut linker = Linker::<Data>::new(&engine.wasmtime);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(ours)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker).map_err(ours)?;
    descriptors::add_to_linker(&mut linker).map_err(ours)?;
    event_loop::add_to_linker::<_, EventLoop>(&mut linker, |data| data).map_err(ours)?;
    let pre = linker
        .instantiate_pre(component)
        .map_err(|error| ("imports what this host does not have", error))?;
    let no_run = |error| ("does not export `run` as a wasgi app does", error);
    if !exports_async_run(engine, component) {
        return Err(no_run(wasmtime::format_err!(
            "there is no `run: async func()`"
        )));
    }
    AppPre::new(pre).map_err(no_run)
}

/// wasmtime's own check of an export does not tell `func` from `async func`.
fn exports_async_run(engine: &Engine, component: &Component) -> bool {
    component
        .component_type()
        .exports(&engine.wasmtime)
        .any(|(name, item)| {
            matches!(item.ty, ComponentItem::ComponentFunc(run) if name == "run" && run.async_())
        })
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
