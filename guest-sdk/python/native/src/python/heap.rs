//! Puts `crate::heap` below the interpreter, for its domains of objects and of their parts.
//!
//! Memory that the interpreter has taken before stays with the allocator that it came from: every address is asked for its
//! pool. The raw domain stays libc's.

use core::ffi::c_void;
use std::cell::UnsafeCell;
use std::ptr::null_mut;

use pyo3::ffi::{
    PyMem_GetAllocator, PyMem_RawMalloc, PyMem_SetAllocator, PyMemAllocatorDomain, PyMemAllocatorEx,
};
use pyo3::prelude::*;

use crate::heap::{Heap, LARGEST};

/// What an instance has one of.
struct Single<T>(UnsafeCell<T>);

// SAFETY: an instance has one thread.
unsafe impl<T> Sync for Single<T> {}

static HEAP: Single<Heap> = Single(UnsafeCell::new(Heap::new(0)));

const NONE: PyMemAllocatorEx = PyMemAllocatorEx {
    ctx: null_mut(),
    malloc: None,
    calloc: None,
    realloc: None,
    free: None,
};

/// Where the interpreter's memory came from until now: for objects, and for their parts.
static BEFORE: [Single<PyMemAllocatorEx>; 2] = [const { Single(UnsafeCell::new(NONE)) }; 2];

/// From here on small objects are ours. Called once, before the app is imported.
pub(super) fn install() {
    use PyMemAllocatorDomain::{PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ};
    for (domain, before) in [PYMEM_DOMAIN_OBJ, PYMEM_DOMAIN_MEM]
        .into_iter()
        .zip(&BEFORE)
    {
        let before = before.0.get();
        let mut ours = PyMemAllocatorEx {
            ctx: before.cast(),
            malloc: Some(malloc),
            calloc: Some(calloc),
            realloc: Some(realloc),
            free: Some(free),
        };
        // SAFETY: the interpreter fills `before`, which lives as long as the process, and copies `ours`, whose
        // functions keep to its contract: what is not theirs goes to the allocator that was there before.
        unsafe {
            PyMem_GetAllocator(domain, before);
            PyMem_SetAllocator(domain, &raw mut ours);
        }
    }
}

/// Leaves the holes in the memory of the snapshot alone: what comes from here on is in pages of its own.
#[pyfunction]
pub(crate) fn renew_heap() {
    heap(Heap::renew);
}

fn heap<R>(use_it: impl FnOnce(&mut Heap) -> R) -> R {
    // SAFETY: one thread, and nothing that runs in here comes back: neither `PyMem_RawMalloc` nor the heap calls Python.
    use_it(unsafe { &mut *HEAP.0.get() })
}

fn more(bytes: usize) -> *mut u8 {
    // SAFETY: any size may be asked for.
    unsafe { PyMem_RawMalloc(bytes) }.cast()
}

fn before(ctx: *mut c_void) -> PyMemAllocatorEx {
    // SAFETY: the interpreter hands back the pointer to one of `BEFORE` that `install` gave it.
    unsafe { *ctx.cast() }
}

extern "C" fn malloc(ctx: *mut c_void, size: usize) -> *mut c_void {
    if size <= LARGEST {
        let block = heap(|heap| heap.take(size, more));
        if !block.is_null() {
            return block.cast();
        }
    }
    let before = before(ctx);
    before
        .malloc
        .map_or(null_mut(), |malloc| malloc(before.ctx, size))
}

extern "C" fn calloc(ctx: *mut c_void, count: usize, each: usize) -> *mut c_void {
    if let Some(size) = count.checked_mul(each)
        && size <= LARGEST
    {
        let block = heap(|heap| heap.take(size, more));
        if !block.is_null() {
            // SAFETY: the block has at least `size` bytes.
            unsafe { block.write_bytes(0, size) };
            return block.cast();
        }
    }
    let before = before(ctx);
    before
        .calloc
        .map_or(null_mut(), |calloc| calloc(before.ctx, count, each))
}

extern "C" fn realloc(ctx: *mut c_void, old: *mut c_void, size: usize) -> *mut c_void {
    if old.is_null() {
        return malloc(ctx, size);
    }
    let Some(room) = heap(|heap| heap.size(old.cast())) else {
        let before = before(ctx);
        return before
            .realloc
            .map_or(null_mut(), |realloc| realloc(before.ctx, old, size));
    };
    // It stays where it is unless it would waste more than half of its block.
    if size <= room && size.saturating_mul(2) >= room {
        return old;
    }
    let new = malloc(ctx, size);
    if new.is_null() {
        // What shrinks may stay.
        return if size <= room { old } else { new };
    }
    // SAFETY: two blocks that do not overlap; the old one has `room` bytes and the new one `size`.
    unsafe {
        new.cast::<u8>()
            .copy_from_nonoverlapping(old.cast(), room.min(size))
    };
    free(ctx, old);
    new
}

extern "C" fn free(ctx: *mut c_void, address: *mut c_void) {
    // SAFETY: the interpreter frees what nobody uses any more.
    if heap(|heap| unsafe { heap.give(address.cast()) }) {
        return;
    }
    let before = before(ctx);
    if let Some(free) = before.free {
        free(before.ctx, address);
    }
}
