//! Where instances have their memory, tables and stacks: in a pool that was mapped once, or each on its own.
//!
//! `engine.rs` asks [`Places::offers`] and takes the first that the system grants. Which one it is changes how long an
//! instance takes to start and how many there can be; of compiled code it changes nothing but for [`Places::Tight`].
//!
//! **One size, and not classes of sizes.** Compiled code checks no access against the length of a memory when 4 GiB of
//! addresses are reserved for it and whatever it does not have traps in hardware. With a class of 256 MiB each access is
//! compared first, an app of another class needs other code, and nothing is gained but addresses, of which a process
//! has 128 TiB: 1,000 instances reserve 8 TiB and use none of it. How much of its memory an app may use is said by
//! its store's limiter (`store.rs`), for all of its memories together. ARCHITECTURE has the numbers.

use std::fmt;

use rustix::process::{Resource, getrlimit};
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::FIBER_STACK_BYTES;

/// What [`super::Engine::new`] has room for.
pub(super) const INSTANCES: u32 = 1_000;

/// Two mappings of a stack and about three of a memory for each instance; Linux gives a process 65,530 unless told
/// otherwise, and code, threads and the allocator want some.
pub(super) const INSTANCES_MAX: u32 = 10_000;

/// Below it a pool is not worth its addresses.
const INSTANCES_MIN: u32 = 8;

/// Entries of one wasm table; the largest Python app that we know has 20,000. It is also how far apart tables lie in the
/// pool: the nearer, the fewer page tables (at a million each table has a page of its own).
pub(in crate::wasm) const TABLE_ELEMENTS_MAX: usize = 100_000;

/// What one component may have. An SDK's has one memory and two tables; a core instance is a shared library, of which a
/// Python app has 16 and one for each native extension. Several memories and tables come with components that
/// were made of components. A small one of a thousand memories would use up the pool.
pub(in crate::wasm) const MEMORIES_MAX: u32 = 4;
pub(in crate::wasm) const TABLES_MAX: u32 = 16;
const CORE_INSTANCES_MAX: u32 = 512;

/// What the host keeps for each instance beside its memory: tables of functions, imports and globals of all its
/// core instances. 80 KiB in a Python app of 50 MiB.
const METADATA_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A memory with what is reserved around it.
const MEMORY_ADDRESSES: u64 = 4 * 1024 * 1024 * 1024 + 64 * 1024 * 1024;

/// What stays resident, and is zeroed by hand, when an instance ends, so that the next one in its place has no page to
/// fault in. This much of it is in use in a small guest anyway. Measured on hello, CPU of start and end together:
/// 0.47 with nothing kept, 0.39 with these, 0.39 with sixteen times as much; a Python app gains nothing from any.
const STACK_KEPT: usize = 16 * 1024;
const MEMORY_KEPT: usize = 64 * 1024;
const TABLE_KEPT: usize = 4 * 1024;

/// Where instances are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Places {
    /// In a pool with room for this many: starting one is half the work.
    Pool(u32),
    /// Each maps its own, with as many addresses as in the pool.
    OnDemand,
    /// Each maps only what it uses: where addresses are scarce. Code is slower, since every access to memory is checked,
    /// and memory that grows is copied.
    Tight,
}

impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool(instances) => write!(f, "a pool of {instances}"),
            Self::OnDemand => f.write_str("on demand"),
            Self::Tight => f.write_str("on demand, with every access checked"),
        }
    }
}

impl Places {
    /// What may be had, best first, when so many instances are wanted and the process may use so many addresses.
    pub(super) fn offers(instances: u32, addresses: Option<u64>) -> Vec<Self> {
        // Half is left for code, threads, buffers, and whatever else there is.
        let spare = addresses.map_or(u64::MAX, |all| all / 2);
        let affordable = u32::try_from(spare / Self::addresses_each()).unwrap_or(u32::MAX);
        let mut size = instances.clamp(INSTANCES_MIN, INSTANCES_MAX);
        size = size.min(affordable);
        let mut offers = Vec::new();
        while size >= INSTANCES_MIN {
            offers.push(Self::Pool(size));
            size /= 4;
        }
        // An instance and its successor.
        if affordable >= 2 {
            offers.push(Self::OnDemand);
        }
        offers.push(Self::Tight);
        offers
    }

    /// Addresses for one instance in the pool; as many memories are there as two for each.
    fn addresses_each() -> u64 {
        let tables = 4 * TABLE_ELEMENTS_MAX * 16;
        2 * MEMORY_ADDRESSES + (FIBER_STACK_BYTES + tables) as u64
    }

    pub(super) fn configure(self, config: &mut Config) {
        match self {
            Self::Pool(instances) => {
                let strategy = InstanceAllocationStrategy::Pooling(pool(instances));
                config.allocation_strategy(strategy);
            }
            Self::OnDemand => {}
            Self::Tight => {
                config
                    .memory_reservation(0)
                    .memory_guard_size(64 * 1024)
                    .memory_reservation_for_growth(16 * 1024 * 1024);
            }
        }
    }
}

fn pool(instances: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_MAX))
        .total_memories(instances * 2)
        .total_tables(instances * 4)
        // One runs the guest; components made of components may have a few that wait.
        .total_stacks(instances + instances / 4)
        .max_memories_per_component(MEMORIES_MAX)
        .max_memories_per_module(MEMORIES_MAX)
        .max_tables_per_component(TABLES_MAX)
        .max_tables_per_module(TABLES_MAX)
        .max_core_instances_per_component(CORE_INSTANCES_MAX)
        .max_core_instance_size(METADATA_BYTES_MAX)
        .max_component_instance_size(METADATA_BYTES_MAX)
        .table_elements(TABLE_ELEMENTS_MAX)
        // The limiter of each store says how much of it there is.
        .max_memory_size(4 * 1024 * 1024 * 1024)
        .async_stack_keep_resident(STACK_KEPT)
        .table_keep_resident(TABLE_KEPT)
        .linear_memory_keep_resident(MEMORY_KEPT)
        // Asks the kernel (from 6.7 on) which pages were touched, so that no other is zeroed or kept. 5 % less CPU.
        .pagemap_scan(Enabled::Auto);
    pool
}

/// How many addresses this process may use, if that is limited (`ulimit -v`).
pub(super) fn addresses() -> Option<u64> {
    getrlimit(Resource::As).current
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1024 * 1024 * 1024;

    #[test]
    fn a_process_with_few_addresses_gets_a_smaller_pool_or_none() {
        let first = |wanted, addresses| Places::offers(wanted, addresses)[0];
        assert_eq!(first(1_000, None), Places::Pool(1_000));
        assert_eq!(first(1, None), Places::Pool(INSTANCES_MIN));
        assert_eq!(first(u32::MAX, None), Places::Pool(INSTANCES_MAX));
        assert_eq!(first(1_000, Some(1 << 40)), Places::Pool(62));
        assert_eq!(first(1_000, Some(100 * GIB)), Places::OnDemand);
        assert_eq!(first(1_000, Some(30 * GIB)), Places::Tight);
        assert_eq!(first(1_000, Some(0)), Places::Tight);
    }

    #[test]
    fn there_is_always_something_left_to_try() {
        let offers = Places::offers(1_000, None);
        let pools = [1_000, 250, 62, 15].map(Places::Pool);
        assert_eq!(offers[..4], pools);
        assert_eq!(offers[4..], [Places::OnDemand, Places::Tight]);
    }
}
