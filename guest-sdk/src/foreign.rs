//! Knows whether app code waits for something that is not ours.
//!
//! Futures of other crates over component-model imports (an outgoing request, a socket) register a *waitable* with
//! the current `wasip3_task`, a C structure which all versions of wit-bindgen share
//! (`wit-bindgen/src/rt/async_support/cabi.rs`). While app code runs we install a task of our own that writes each
//! registration down and passes it on to the real one. As long as one is written down the loop must not block
//! in `exchange`: the event of a foreign waitable could not be delivered.
//!
//! This is the only unsafe code of the crate. The guest has one thread, and `run` never returns its control
//! while [`scope`] is on the stack.
//!
//! Our task speaks version 2 of the interface: an operation that is dropped later, under whatever task, then comes
//! back to us by the pointer that it cloned, so the books are always right.

#![allow(
    unsafe_code,
    reason = "a C interface of wit-bindgen; see the module's introduction"
)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr;

type Callback = unsafe extern "C" fn(callback_ptr: *mut c_void, code: u32);
type Register = unsafe extern "C" fn(*mut c_void, u32, Callback, *mut c_void) -> *mut c_void;
type Unregister = unsafe extern "C" fn(*mut c_void, u32) -> *mut c_void;

/// `wasip3_task`, versions 1 and 2 share this head.
#[repr(C)]
struct Task {
    version: u32,
    ptr: *mut c_void,
    register: Register,
    unregister: Unregister,
}

/// `wasip3_task_v2`.
#[repr(C)]
struct TaskV2 {
    head: Task,
    vtable: &'static VTable,
}

/// `wasip3_task_vtable`.
#[repr(C)]
struct VTable {
    register: Register,
    unregister: Unregister,
    clone: unsafe extern "C" fn(*mut c_void) -> *mut c_void,
    drop: unsafe extern "C" fn(*mut c_void),
}

unsafe extern "C" {
    /// Sets the current task and answers the previous one. Weakly defined by wit-bindgen.
    fn wasip3_task_set(task: *mut Task) -> *mut Task;
}

/// Whom to tell when a waitable is ready.
#[derive(Clone, Copy)]
struct Waiting {
    callback: Callback,
    callback_ptr: *mut c_void,
}

/// The real task as it is needed to pass things on: `ptr` lives as long as `run` does.
#[derive(Clone, Copy)]
struct Real {
    ptr: *mut c_void,
    register: Register,
    unregister: Unregister,
}

thread_local! {
    /// The books: foreign waitables that somebody waits for.
    static PENDING: RefCell<BTreeMap<u32, Waiting>> = const { RefCell::new(BTreeMap::new()) };
    static REAL: Cell<Option<Real>> = const { Cell::new(None) };
}

static VTABLE: VTable = VTable {
    register,
    unregister,
    clone: clone_task,
    drop: drop_task,
};

/// Whether app code waits for a waitable that is not ours.
pub(crate) fn is_pending() -> bool {
    PENDING.with_borrow(|pending| !pending.is_empty())
}

/// Runs app code with our task in place of the real one. Must be called from within `run`.
pub(crate) fn scope<R>(work: impl FnOnce() -> R) -> R {
    struct Restore(*mut Task);

    impl Drop for Restore {
        fn drop(&mut self) {
            // SAFETY: this is the task that was current before, whose owner is still on the stack.
            unsafe { wasip3_task_set(self.0) };
        }
    }

    let mut ours = TaskV2 {
        head: Task {
            version: 2,
            ptr: ptr::null_mut(),
            register,
            unregister,
        },
        vtable: &VTABLE,
    };
    let ours: *mut TaskV2 = &raw mut ours;
    // SAFETY: `ours` outlives `restore`, which takes it out again. Our functions never use their `ptr`, so
    // null is as good as any. A current task, if there is one, is valid by the contract of `wasip3_task_set`.
    let restore = unsafe {
        let real = wasip3_task_set(ours.cast());
        if let Some(real) = real.as_ref() {
            REAL.set(Some(Real {
                ptr: real.ptr,
                register: real.register,
                unregister: real.unregister,
            }));
        }
        Restore(real)
    };
    let result = work();
    drop(restore);
    result
}

unsafe extern "C" fn register(
    _ours: *mut c_void,
    waitable: u32,
    callback: Callback,
    callback_ptr: *mut c_void,
) -> *mut c_void {
    let waiting = Waiting {
        callback,
        callback_ptr,
    };
    let before = PENDING.with_borrow_mut(|pending| pending.insert(waitable, waiting));
    if let Some(real) = REAL.get() {
        // SAFETY: `real` is the task of `run`, which is alive while any code of the guest runs. The pointer that we
        // give it is a number in disguise, which `deliver` does not follow.
        unsafe {
            (real.register)(
                real.ptr,
                waitable,
                deliver,
                ptr::without_provenance_mut(waitable as usize),
            )
        };
    }
    before.map_or(ptr::null_mut(), |before| before.callback_ptr)
}

unsafe extern "C" fn unregister(_ours: *mut c_void, waitable: u32) -> *mut c_void {
    if let Some(real) = REAL.get() {
        // SAFETY: as in `register`.
        unsafe { (real.unregister)(real.ptr, waitable) };
    }
    strike_out(waitable).map_or(ptr::null_mut(), |waiting| waiting.callback_ptr)
}

/// The real task reports a waitable: out of the books, and on to whom it concerns.
unsafe extern "C" fn deliver(waitable: *mut c_void, code: u32) {
    // It came from a u32, see `register`.
    if let Ok(waitable) = u32::try_from(waitable.addr())
        && let Some(waiting) = strike_out(waitable)
    {
        // SAFETY: whoever registered guarantees that the pointer is valid until it is called or unregistered.
        unsafe { (waiting.callback)(waiting.callback_ptr, code) };
    }
}

fn strike_out(waitable: u32) -> Option<Waiting> {
    PENDING.with_borrow_mut(|pending| pending.remove(&waitable))
}

/// There is one task, it lives for ever and nobody counts.
unsafe extern "C" fn clone_task(ours: *mut c_void) -> *mut c_void {
    ours
}

unsafe extern "C" fn drop_task(_ours: *mut c_void) {}
