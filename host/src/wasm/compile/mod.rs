//! From a component to machine code: who does it, how many at a time, and what it may cost.
//!
//! Compiling is the most that a stranger's file makes this host do before any of it runs, so it is bounded: in a process of
//! its own (`child.rs`) with limits of time, memory and output, which is killed when it is over them. `wasgi serve` and
//! `wasgi build` do so. Programs that embed the library, and tests, compile in their own process unless they say otherwise,
//! since a library cannot know how its program is started again.

mod child;
mod here;

use std::fs::File;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

pub use child::Program;
pub(super) use here::check_resources;
pub use here::{compile_to, refusal};
use wasmtime::component::Component;

use super::cache::{Draft, deserialize_draft};
use super::{Cache, Engine};
use crate::error::{Error, Result};

/// Who compiles.
#[derive(Clone, Debug, Default)]
pub enum Compiler {
    /// This process, on all cores, without a limit of time.
    #[default]
    Here,
    /// A process for each component.
    Child(Program),
}

/// What is compiled.
pub(super) struct Order<'a> {
    /// For its errors.
    pub(super) shown: &'a str,
    /// SHA-256 in hexadecimal digits; what does not have it is not compiled.
    pub(super) digest: &'a str,
    /// The component, read from its beginning.
    pub(super) file: &'a File,
}

/// How many compile at a time in this process; each takes all cores for most of the time, and its memory.
#[derive(Debug, Clone)]
pub(super) struct Turns(Arc<(Mutex<usize>, Condvar)>);

impl Turns {
    /// As many as there are cores.
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new((Mutex::new(cores), Condvar::new())))
    }

    /// Waits for one.
    fn take(&self) -> Turn<'_> {
        let (free, freed) = &*self.0;
        let free = free.lock().unwrap_or_else(PoisonError::into_inner);
        let free = freed.wait_while(free, |free| *free == 0);
        *free.unwrap_or_else(PoisonError::into_inner) -= 1;
        Turn(self)
    }
}

struct Turn<'a>(&'a Turns);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let (free, freed) = &*self.0.0;
        *free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        freed.notify_one();
    }
}

/// Compiles, keeps what came of it, and goes on with what was kept: that is mapped and shared, not a copy of our own. True
/// when another process, or thread, has done it meanwhile.
pub(super) fn compile(
    engine: &Engine,
    order: &Order<'_>,
    cache: Option<&Cache>,
) -> Result<(Component, bool)> {
    // Two that start the same app wait for one compilation.
    let lock = cache.and_then(|cache| cache.compiling(engine, order.digest));
    if lock.is_some()
        && let Some(component) = cache.and_then(|cache| cache.load(engine, order.digest))
    {
        return Ok((component, true));
    }
    let _turn = engine.turns.take();
    let (draft, cache) = draft(cache)?;
    match &engine.compiler {
        Compiler::Here => here::compile(&engine.wasmtime, order, &draft.file)?,
        Compiler::Child(program) => program.compile(engine, order, &draft.file)?,
    }
    let kept = cache.and_then(|cache| {
        cache
            .keep(engine, order.digest, &draft)
            .inspect_err(|error| {
                tracing::warn!("{error}: {}", error.hint_text().unwrap_or_default());
            })
            .ok()?;
        cache.load(engine, order.digest)
    });
    if let Some(component) = kept {
        return Ok((component, false));
    }
    // What has just been compiled for this engine can be loaded, unless its places are too small for it.
    let component = deserialize_draft(engine, &draft)
        .map_err(|error| here::too_much(order.shown, error.into()))?;
    Ok((component, false))
}

/// Where the code goes: into the cache if that can be written to.
fn draft(cache: Option<&Cache>) -> Result<(Draft, Option<&Cache>)> {
    if let Some(cache) = cache {
        match cache.draft() {
            Ok(draft) => return Ok((draft, Some(cache))),
            Err(error) => tracing::warn!("{error}: {}", error.hint_text().unwrap_or_default()),
        }
    }
    let folder = std::env::temp_dir();
    let draft = Draft::new(&folder).map_err(|error| {
        Error::user(format!(
            "cannot write compiled code to `{}`",
            folder.display()
        ))
        .because(error)
        .hint("set TMPDIR to a folder of yours, or compile with a cache")
    })?;
    Ok((draft, None))
}
