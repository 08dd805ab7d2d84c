//! The engine: compiler settings and the epoch ticker. One per process; everything compiled belongs to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::Config;

use super::lane::SlowLane;
use crate::error::{Error, Result};

/// How often guest code is interrupted so that others on its thread get their turn (`G-06`). 1 ms bounds what a
/// spinning guest adds to its neighbours' latency. Being interruptible costs a hello request 2–4 %, and a Python app
/// 11–20 %: CPython is made of small functions, and each checks the epoch at its entry.
pub const TICK: Duration = Duration::from_millis(1);

/// Stack of guest code. Address space only: untouched pages cost nothing, and interpreters recurse deeply. CPython stops
/// a recursion by the size of its own stack, in linear memory; this one has to be the larger of the two for every kind
/// of frame. Its JSON parser, in nested objects, takes the most here for what it takes there.
const WASM_STACK_BYTES: usize = 96 * 1024 * 1024;

/// The fiber that guest code runs on also carries host functions that it calls.
const FIBER_STACK_BYTES: usize = WASM_STACK_BYTES + 8 * 1024 * 1024;

/// Initial memory up to this size is mapped, copy-on-write, and not copied into each instance: an interpreter with its
/// libraries brings 20 to 40 MiB. It is also what a tiny component can make us write to disk, so it is bounded.
const IMAGE_BYTES: u64 = 64 * 1024 * 1024;

/// A compiler and its ticker. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(super) wasmtime: wasmtime::Engine,
    pub(super) lane: Arc<SlowLane>,
    _ticker: Arc<Ticker>,
}

impl Engine {
    /// An engine with the settings that every app runs under.
    ///
    /// # Errors
    /// When this machine cannot run compiled wasm, or cannot start a thread.
    pub fn new() -> Result<Self> {
        let mut config = Config::new();
        config
            .wasm_component_model(true)
            .wasm_component_model_async(true)
            // Interruption: ticks, not fuel, because fuel costs every basic block.
            .epoch_interruption(true)
            .max_wasm_stack(WASM_STACK_BYTES)
            .async_stack_size(FIBER_STACK_BYTES)
            .memory_guaranteed_dense_image_size(IMAGE_BYTES)
            // What no guest toolchain of ours needs stays off: less to trust.
            .wasm_memory64(false)
            .wasm_multi_memory(true)
            .wasm_relaxed_simd(false);
        let unusable = |error: wasmtime::Error| {
            Error::internal("the WebAssembly engine cannot start").because(error)
        };
        let wasmtime = wasmtime::Engine::new(&config).map_err(unusable)?;
        let ticker = Ticker::start(wasmtime.clone())
            .map_err(|error| Error::internal("cannot start the epoch thread").because(error))?;
        Ok(Self {
            wasmtime,
            lane: Arc::default(),
            _ticker: Arc::new(ticker),
        })
    }
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
