//! Memory for Python's small objects: free lists by size, in pools that are never given back.
//!
//! CPython's own allocator for them is not in its wasm build, so each of the hundred small objects that a request makes and
//! drops goes through libc's. This one takes from a list and puts back onto it. It also keeps objects that live for a
//! request apart from those of the snapshot: `renew`, at the end of the build, leaves the holes in the snapshot's
//! pages alone, so that an instance writes to few of the pages that all share.
//!
//! Knows no Python: `python/heap.rs` puts it below the interpreter. One thread, as an instance has.

use std::ptr::null_mut;

/// Blocks are multiples of this, and aligned to it.
const STEP: usize = 16;
/// The largest block; what is larger is libc's.
pub(crate) const LARGEST: usize = 512;
const CLASSES: usize = LARGEST / STEP;
/// A pool has blocks of one class, and is aligned to its size: the address of a block names its pool.
const POOL: usize = 16 * 1024;
/// What is taken from libc at once, less what aligning it costs.
const ARENA: usize = 512 * 1024;
/// Pools that the addresses of an instance have room for.
const POOLS: usize = 1 << (32 - POOL.ilog2());

/// A block that is free: its first word is the next one.
struct Free {
    next: *mut Free,
}

#[derive(Clone, Copy)]
struct Class {
    free: *mut Free,
    /// Blocks of the newest pool that were never used.
    fresh: *mut u8,
    fresh_bytes: usize,
}

pub(crate) struct Heap {
    /// Subtracted from addresses: 0 on wasm.
    base: usize,
    classes: [Class; CLASSES],
    /// Pools that were never used.
    arena: *mut u8,
    arena_bytes: usize,
    /// By pool: the class of its blocks, counted from one, or 0 where somebody else's memory is.
    owners: [u8; POOLS],
}

impl Heap {
    pub(crate) const fn new(base: usize) -> Self {
        Self {
            base,
            classes: [Class {
                free: null_mut(),
                fresh: null_mut(),
                fresh_bytes: 0,
            }; CLASSES],
            arena: null_mut(),
            arena_bytes: 0,
            owners: [0; POOLS],
        }
    }

    /// How large the block at `address` is; none if it is not one of ours.
    #[inline]
    pub(crate) fn size(&self, address: *mut u8) -> Option<usize> {
        let pool = (address.addr().wrapping_sub(self.base)) / POOL;
        match self.owners.get(pool) {
            None | Some(0) => None,
            Some(&class) => Some(usize::from(class) * STEP),
        }
    }

    /// A block of at least `bytes`; null when they are too many, or when `more` has nothing. `more(ARENA)` is that much
    /// memory, which stays ours for ever.
    #[inline]
    pub(crate) fn take(&mut self, bytes: usize, more: impl FnOnce(usize) -> *mut u8) -> *mut u8 {
        let number = bytes.max(1).div_ceil(STEP) - 1;
        let Some(class) = self.classes.get_mut(number) else {
            return null_mut();
        };
        let first = class.free;
        if !first.is_null() {
            // SAFETY: what is on a free list is a block that nobody else uses, and was written by `give`.
            class.free = unsafe { (*first).next };
            return first.cast();
        }
        self.take_fresh(number, more)
    }

    #[cold]
    fn take_fresh(&mut self, number: usize, more: impl FnOnce(usize) -> *mut u8) -> *mut u8 {
        let size = (number + 1) * STEP;
        let lacks = |class: &Class| class.fresh_bytes < size;
        if self.classes.get(number).is_none_or(lacks) {
            let pool = self.pool(number, more);
            if pool.is_null() {
                return pool;
            }
            if let Some(class) = self.classes.get_mut(number) {
                class.fresh = pool;
                class.fresh_bytes = POOL;
            }
        }
        let Some(class) = self.classes.get_mut(number) else {
            return null_mut();
        };
        let block = class.fresh;
        class.fresh = block.wrapping_add(size);
        class.fresh_bytes -= size;
        block
    }

    fn pool(&mut self, number: usize, more: impl FnOnce(usize) -> *mut u8) -> *mut u8 {
        if self.arena_bytes < POOL {
            let arena = more(ARENA);
            if arena.is_null() {
                return arena;
            }
            let skip = arena.addr().wrapping_sub(self.base).wrapping_neg() % POOL;
            self.arena = arena.wrapping_add(skip);
            self.arena_bytes = ARENA - skip;
        }
        let pool = self.arena;
        let at = pool.addr().wrapping_sub(self.base) / POOL;
        let (Some(owner), Ok(class)) = (self.owners.get_mut(at), u8::try_from(number + 1)) else {
            return null_mut();
        };
        *owner = class;
        self.arena = pool.wrapping_add(POOL);
        self.arena_bytes -= POOL;
        pool
    }

    /// Takes a block back. False, and nothing has happened, if it is not one of ours.
    ///
    /// # Safety
    /// Nobody uses the block any more.
    #[inline]
    pub(crate) unsafe fn give(&mut self, address: *mut u8) -> bool {
        let Some(size) = self.size(address) else {
            return false;
        };
        let Some(class) = self.classes.get_mut(size / STEP - 1) else {
            return false;
        };
        let block: *mut Free = address.cast();
        // SAFETY: it is a block of ours that nobody uses, of at least 16 bytes and aligned to 16.
        unsafe { (*block).next = class.free };
        class.free = block;
        true
    }

    /// Forgets what is free, and goes on in new pools.
    pub(crate) fn renew(&mut self) {
        for class in &mut self.classes {
            class.free = null_mut();
            class.fresh_bytes = 0;
        }
        self.arena_bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::{Layout, alloc, dealloc};
    use std::collections::HashMap;

    use super::*;

    /// Memory of which arenas are cut; the addresses of a 64-bit machine need a base.
    struct Region {
        start: *mut u8,
        used: usize,
        arenas: usize,
    }

    impl Region {
        fn layout(arenas: usize) -> Layout {
            Layout::from_size_align(arenas * ARENA + 64, 4096).unwrap()
        }

        fn new(arenas: usize) -> Self {
            // SAFETY: the layout has a size.
            let start = unsafe { alloc(Self::layout(arenas)) };
            assert!(!start.is_null());
            // Not aligned to a pool, as libc's memory is not.
            Self {
                start,
                used: 48,
                arenas,
            }
        }

        fn more(&mut self, bytes: usize) -> *mut u8 {
            if self.used + bytes > Self::layout(self.arenas).size() {
                return null_mut();
            }
            let arena = self.start.wrapping_add(self.used);
            self.used += bytes;
            arena
        }

        fn heap(&self) -> Box<Heap> {
            Box::new(Heap::new(self.start.addr() & !(POOL - 1)))
        }
    }

    impl Drop for Region {
        fn drop(&mut self) {
            // SAFETY: made with the same layout, and every heap of a test is gone.
            unsafe { dealloc(self.start, Self::layout(self.arenas)) }
        }
    }

    #[test]
    fn blocks_do_not_overlap_and_keep_what_is_written() {
        let mut region = Region::new(8);
        let mut heap = region.heap();
        let mut live: HashMap<usize, (usize, u8)> = HashMap::new();
        let mut random = 1_u64;
        for round in 0..60_000_u32 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let size = usize::try_from(random >> 40).unwrap() % (LARGEST + 1);
            let mark = u8::try_from(round % 251).unwrap();
            if random % 5 < 3 && live.len() < 2_000 {
                let block = heap.take(size, |bytes| region.more(bytes));
                assert!(!block.is_null() && block.addr().is_multiple_of(STEP));
                assert!(heap.size(block).is_some_and(|room| room >= size));
                // SAFETY: the block has room for that.
                unsafe { block.write_bytes(mark, size) };
                assert!(live.insert(block.addr(), (size, mark)).is_none());
            } else if let Some((&address, &(size, mark))) = live.iter().next() {
                live.remove(&address);
                let block = region.start.with_addr(address);
                // SAFETY: it was written above and nobody has freed it.
                let bytes = unsafe { std::slice::from_raw_parts(block, size) };
                assert!(bytes.iter().all(|byte| *byte == mark));
                // SAFETY: it is not used any more.
                assert!(unsafe { heap.give(block) });
            }
        }
    }

    #[test]
    fn what_was_given_back_is_taken_again_until_it_is_renewed() {
        let mut region = Region::new(3);
        let mut heap = region.heap();
        let first = heap.take(24, |bytes| region.more(bytes));
        // SAFETY: nobody uses it.
        assert!(unsafe { heap.give(first) });
        assert_eq!(heap.take(32, |bytes| region.more(bytes)), first);
        // SAFETY: nobody uses it.
        assert!(unsafe { heap.give(first) });
        heap.renew();
        let other = heap.take(32, |bytes| region.more(bytes));
        assert!(other != first && heap.size(first) == Some(32));
        assert!(other.addr() / POOL != first.addr() / POOL);
    }

    #[test]
    fn others_memory_is_not_ours() {
        let mut region = Region::new(1);
        let mut heap = region.heap();
        assert!(heap.take(LARGEST + 1, |bytes| region.more(bytes)).is_null());
        let block = heap.take(1, |bytes| region.more(bytes));
        for foreign in [null_mut(), region.start, block.wrapping_add(POOL)] {
            assert_eq!(heap.size(foreign), None);
            // SAFETY: it says no and does nothing.
            assert!(!unsafe { heap.give(foreign) });
        }
    }

    #[test]
    fn no_memory() {
        let mut region = Region::new(1);
        let mut heap = region.heap();
        let mut taken = 0;
        while !heap.take(LARGEST, |bytes| region.more(bytes)).is_null() {
            taken += 1;
        }
        assert_eq!(taken, (ARENA / POOL - 1) * (POOL / LARGEST));
        assert!(heap.take(16, |bytes| region.more(bytes)).is_null());
    }
}
