//! Locking without poison. A guest has one thread and a panic ends it; natively (unit tests, `testing`)
//! a poisoned lock would only hide the first failure behind a second one.

use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
