//! What one instance has: its WASI, its memory limit, its link, and how often it is interrupted.
//!
//! `instance.rs` makes one store per instance. No network, no environment of ours, and no files but those of the app
//! (`files.rs`): what is not put in here does not exist for the guest.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiter, Store, UpdateDeadline};
use wasmtime_wasi::clocks::HostMonotonicClock;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::App;
use super::descriptors::Opened;
use super::engine::{Limiting, TABLE_ELEMENTS_MAX};
use super::guest_log::GuestLog;
use super::link::Link;
use crate::telemetry::Sparse;

/// What the guest may hand over in one host call, in bytes: a batch of the contract with room for its records.
pub(super) const HOSTCALL_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Live handles of the component model in one store; a guest needs a handful for each thing it waits for.
pub(super) const HANDLES_MAX: usize = 10_000;

/// A pointer.
const TABLE_ELEMENT_BYTES: usize = 8;

/// What `wasi:random` gives in one call, in bytes.
pub(super) const RANDOM_BYTES_MAX: u64 = 64 * 1024;

/// The data of one store.
pub(super) struct Data {
    pub(super) link: Arc<Link>,
    /// An `exchange` is pending.
    pub(super) exchanging: Arc<AtomicBool>,
    pub(super) opened: Opened,
    pub(super) table: ResourceTable,
    wasi: WasiCtx,
    memory: MemoryLimit,
}

impl WasiView for Data {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// A store for one instance of `app`.
pub(super) fn new(app: &App, link: Arc<Link>) -> Store<Data> {
    let mut wasi = WasiCtxBuilder::new();
    for (name, value) in &app.env {
        wasi.env(name, value);
    }
    wasi.arg(&app.name)
        .stdout(GuestLog::new(link.clone(), "stdout"))
        .stderr(GuestLog::new(link.clone(), "stderr"))
        .monotonic_clock(Clock(link.born))
        .max_random_size(RANDOM_BYTES_MAX)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false);
    let mut wasi = wasi.build();
    *wasi.filesystem() = app.files.opened();
    let data = Data {
        exchanging: Arc::default(),
        opened: Opened::default(),
        wasi,
        table: ResourceTable::new(),
        memory: MemoryLimit {
            refused: Sparse::default(),
            link: link.clone(),
        },
        link,
    };
    let mut store = Store::new(&app.engine.wasmtime, data);
    if app.engine.limiting == Limiting::On {
        limit(&mut store);
    }
    store
}

/// Sets every limit that the runtime watches.
fn limit(store: &mut Store<Data>) {
    let ledger = store.data().link.ledger.clone();
    store.data_mut().table.set_max_capacity(HANDLES_MAX);
    store.limiter(|data| &mut data.memory);
    store.set_hostcall_fuel(HOSTCALL_BYTES_MAX);
    store.set_max_component_handles(HANDLES_MAX);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| {
        ledger.tick()?;
        // A real yield: whoever else is ready on this thread runs before the guest goes on (`G-06`).
        let others = Box::pin(tokio::task::yield_now());
        Ok(UpdateDeadline::YieldCustom(1, others))
    });
}

/// The guest's monotonic clock: it starts with the instance, so it tells nothing of the host.
struct Clock(std::time::Instant);

impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Linear memory, summed over all memories of the instance, and its tables (`G-07`). Growth over the
/// budget is refused, which most allocators turn into a trap.
struct MemoryLimit {
    refused: Sparse,
    link: Arc<Link>,
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(desired.saturating_sub(current)))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > TABLE_ELEMENTS_MAX {
            self.link.starved.store(true, Ordering::Relaxed);
            if let Some(count) = self.refused.count() {
                let (app, instance) = (&*self.link.app, self.link.number);
                tracing::warn!(
                    app,
                    instance,
                    limit = "table",
                    "the app asked for a table of {desired} entries and may have {TABLE_ELEMENTS_MAX}, which is the same for \
                     every app ({count} times so far)"
                );
            }
            return Ok(false);
        }
        let more = desired.saturating_sub(current);
        Ok(self.grow(more.saturating_mul(TABLE_ELEMENT_BYTES)))
    }
}

impl MemoryLimit {
    fn grow(&mut self, more: usize) -> bool {
        let Err(over) = self.link.budget.grow_guest(more) else {
            return true;
        };
        self.link.starved.store(true, Ordering::Relaxed);
        if let Some(count) = self.refused.count() {
            let (app, instance) = (&*self.link.app, self.link.number);
            let (asked, max) = (Mebibytes(over.guest + over.more), Mebibytes(over.max));
            let held = Mebibytes(over.host);
            tracing::warn!(
                app,
                instance,
                limit = "memory",
                "the app asked for {asked} of memory and may have {max}, with {held} that the host holds for it (limit \
                 `memory`; {count} times so far); `memory` below [limits] in wasgi.toml gives it more"
            );
        }
        false
    }
}

struct Mebibytes(usize);

impl std::fmt::Display for Mebibytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} MiB", self.0.div_ceil(1024 * 1024))
    }
}
