//! The engine: compiler settings, the places of instances, and the epoch ticker. One per process; everything compiled
//! belongs to it.

mod features;
mod places;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::Config;

pub(in crate::wasm) use features::Validity;
pub use places::Places;
pub(in crate::wasm) use places::{MEMORIES_MAX, TABLE_ELEMENTS_MAX, TABLES_MAX};

use super::compile::{Compiler, Turns};
use super::lane::SlowLane;
use crate::error::{Error, Result};

/// How often guest code is interrupted so that others on its thread get their turn (`G-06`). 1 ms bounds what a
/// spinning guest adds to its neighbours' latency. Being interruptible costs a hello request 2–4 %, and a Python app
/// 11–20 %: CPython is made of small functions, and each checks the epoch at its entry.
pub const TICK: Duration = Duration::from_millis(1);

/// Stack of guest code. Address space only: untouched pages cost nothing, and interpreters recurse deeply. CPython stops
/// a recursion by the size of its own stack, in linear memory; this one has to be the larger of the two for every kind
/// of frame. Its JSON parser, in nested objects, takes the most here for what it takes there.
pub(super) const WASM_STACK_BYTES: usize = 96 * 1024 * 1024;

/// The fiber that guest code runs on also carries host functions that it calls.
const FIBER_STACK_BYTES: usize = WASM_STACK_BYTES + 8 * 1024 * 1024;

/// Initial memory up to this size is mapped, copy-on-write, and not copied into each instance: an interpreter with its
/// libraries brings 20 to 40 MiB. It is also what a tiny component can make us write to disk, so it is bounded.
const IMAGE_BYTES: u64 = 64 * 1024 * 1024;

/// Whether guests are held to what they may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limiting {
    On,
    /// See [`Engine::unlimited`].
    Off,
}

/// A compiler, the places of instances, and a ticker. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(super) wasmtime: wasmtime::Engine,
    places: Places,
    pub(super) compiler: Compiler,
    pub(super) turns: Turns,
    pub(super) lane: Arc<SlowLane>,
    pub(super) limiting: Limiting,
    _ticker: Option<Arc<Ticker>>,
}

impl Engine {
    /// An engine with the settings that every app runs under, for a thousand instances at a time.
    ///
    /// # Errors
    /// When this machine cannot run compiled wasm, or cannot start a thread.
    pub fn new() -> Result<Self> {
        Self::for_instances(places::INSTANCES)
    }

    /// The same, for so many instances at a time, of all apps together: those that serve, those that are about to take
    /// their places, and those that still drain. One more does not start, and says so in the log. Each costs 3 µs
    /// here and 8 GiB of addresses, of which there are enough for 10,000; where they are scarce it becomes fewer.
    ///
    /// # Errors
    /// When this machine cannot run compiled wasm, or cannot start a thread.
    pub fn for_instances(instances: u32) -> Result<Self> {
        Self::with(instances, Limiting::On)
    }

    /// An engine that holds no guest to any limit: **to measure what limits cost, and for nothing else.** A guest that loops is
    /// never interrupted, blocks its thread for ever, and takes every deadline on it along; its memory, tables and handles, and
    /// what the host holds for it, grow until the system has no more, and nothing of it is counted in its account. The program
    /// `wasgi` and the manifest have no way here.
    ///
    /// What makes a sandbox stays: the bounds of memory and stack, and the checks of the contract. So does what
    /// the server asks of clients. Its code is other code, which it compiles in this process.
    ///
    /// # Errors
    /// When this machine cannot run compiled wasm.
    pub fn unlimited() -> Result<Self> {
        tracing::warn!("no limits: guests may loop, and use all memory that there is");
        Self::with(places::INSTANCES, Limiting::Off)
    }

    fn with(instances: u32, limiting: Limiting) -> Result<Self> {
        let addresses = places::addresses();
        let (wasmtime, places) = Self::start(Places::offers(instances, addresses), limiting)?;
        let wanted =
            matches!(places, Places::Pool(size) if size >= instances.min(places::INSTANCES_MAX));
        if wanted {
            tracing::debug!("instances get their memory from {places}");
        } else {
            let limit = addresses.map_or_else(String::new, |bytes| {
                format!(" (`ulimit -v` is {} MiB)", bytes >> 20)
            });
            tracing::warn!(
                "addresses are scarce{limit}: instances get their memory {} instead of from a pool of {instances}",
                match places {
                    Places::Pool(_) => format!("from {places}"),
                    _ => places.to_string(),
                }
            );
        }
        let ticker = match limiting {
            Limiting::On => Some(Ticker::start(wasmtime.clone()).map_err(|error| {
                Error::internal("cannot start the epoch thread").because(error)
            })?),
            Limiting::Off => None,
        };
        Ok(Self {
            wasmtime,
            places,
            compiler: Compiler::default(),
            turns: Turns::new(),
            lane: Arc::default(),
            limiting,
            _ticker: ticker.map(Arc::new),
        })
    }

    /// The same engine, with its components compiled by somebody else than this process. Nobody else compiles for one without
    /// limits: it stays as it is.
    #[must_use]
    pub fn compiling_by(self, compiler: Compiler) -> Self {
        match self.limiting {
            Limiting::On => Self { compiler, ..self },
            Limiting::Off => self,
        }
    }

    /// What compiles for an engine whose instances are there, and runs nothing.
    pub(super) fn compiler_for(places: Places) -> Result<wasmtime::Engine> {
        Ok(Self::start(vec![places], Limiting::On)?.0)
    }

    /// An engine whose instances are there.
    #[cfg(test)]
    pub(super) fn start_at(places: Places) -> Self {
        let wasmtime = Self::compiler_for(places).unwrap();
        Self {
            wasmtime,
            places,
            ..Self::for_instances(8).unwrap()
        }
    }

    /// Where its instances get their memory.
    pub fn places(&self) -> Places {
        self.places
    }

    /// The first of these that the system has room for.
    fn start(offers: Vec<Places>, limiting: Limiting) -> Result<(wasmtime::Engine, Places)> {
        let mut refused = None;
        for places in offers {
            let mut config = config(limiting);
            places.configure(&mut config);
            match wasmtime::Engine::new(&config) {
                Ok(engine) => return Ok((engine, places)),
                Err(error) => {
                    tracing::debug!("no room for {places}: {error:#}");
                    refused = Some(error);
                }
            }
        }
        let failed = Error::internal("the WebAssembly engine cannot start");
        Err(match refused {
            Some(error) => failed.because(error),
            None => failed,
        })
    }
}

/// The settings that are the same wherever instances are. Most of them are part of the name of compiled code in the
/// cache.
fn config(limiting: Limiting) -> Config {
    let mut config = Config::new();
    features::configure(&mut config);
    config
        // The compiler that is fuzzed and patched first; wasmtime's other one compiles faster and has had more holes.
        .strategy(wasmtime::Strategy::Cranelift)
        // Interruption: ticks, not fuel, because fuel costs every basic block.
        .epoch_interruption(limiting == Limiting::On)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES)
        // What one instance leaves on a stack is not for the next one, of whichever tenant: not even host code that reads
        // too far gets to see it. Costs nothing beyond the start of a new mapping, which it was before there was a pool.
        .async_stack_zeroing(true)
        // Initial memory is a view of the artefact's pages until it is written to.
        .memory_init_cow(true)
        .memory_guaranteed_dense_image_size(IMAGE_BYTES);
    config
}

/// The thread that advances the epoch; it ends when the engine's last clone is dropped.
struct Ticker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    #[allow(
        clippy::disallowed_methods,
        reason = "an OS thread of its own is the point: it ticks although every async thread is busy"
    )]
    fn start(engine: wasmtime::Engine) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new()
            .name("wasgi-epoch".into())
            .spawn({
                let stop = stop.clone();
                move || {
                    while !stop.load(Ordering::Relaxed) {
                        std::thread::sleep(TICK);
                        engine.increment_epoch();
                    }
                }
            })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It only sleeps and counts; it cannot have panicked.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
