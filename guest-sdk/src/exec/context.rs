//! What a task can reach while it is polled: the loop it runs on and the call it belongs to.
//!
//! The loop installs itself for the length of a turn; `spawn` and `sleep` find it here. Several loops
//! may live on one thread (tests do that), one at a time is current.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use crate::hub::Hub;

/// A task that was spawned and belongs to a call, or to none (0).
pub(crate) struct Spawned {
    pub(crate) call: u64,
    pub(crate) future: Pin<Box<dyn Future<Output = ()>>>,
}

pub(crate) struct Context {
    pub(crate) hub: Arc<Hub>,
    /// The call whose task is being polled, 0 for none. Spawned tasks inherit it.
    pub(crate) call: Cell<u64>,
    pub(crate) spawned: RefCell<Vec<Spawned>>,
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<Context>>> = const { RefCell::new(None) };
}

impl Context {
    pub(crate) fn new(hub: Arc<Hub>) -> Rc<Context> {
        Rc::new(Context {
            hub,
            call: Cell::new(0),
            spawned: RefCell::new(Vec::new()),
        })
    }

    /// The context of the loop that polls the caller, if any does.
    pub(crate) fn current() -> Option<Rc<Context>> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Makes this the current context until the guard goes.
    pub(crate) fn install(self: &Rc<Self>) -> Installed {
        Installed(CURRENT.replace(Some(self.clone())))
    }
}

/// Puts the previous context back.
pub(crate) struct Installed(Option<Rc<Context>>);

impl Drop for Installed {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}
