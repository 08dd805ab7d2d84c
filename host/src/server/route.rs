//! Where requests go: to the app, or to a notice that stands in its place.
//!
//! Each server thread has its own, so that asking for it is never a contest between cores. `Server::replace` and
//! `Server::show` change them one after the other; a request keeps what it got.

use std::sync::{Arc, PoisonError, RwLock};

use super::notice::Notice;
use crate::wasm::Pool;

/// What answers.
#[derive(Clone)]
pub(super) enum Target {
    /// The instances of an app.
    App(Arc<Pool>),
    /// A page of ours.
    Notice(Arc<Notice>),
}

impl Target {
    /// The app's name, for the access line.
    pub(super) fn name(&self) -> &Arc<str> {
        match self {
            Self::App(pool) => &pool.app.name,
            Self::Notice(notice) => &notice.app,
        }
    }
}

/// The target of one server thread.
pub(super) struct Route(RwLock<Target>);

impl Route {
    pub(super) fn to(target: Target) -> Self {
        Self(RwLock::new(target))
    }

    pub(super) fn target(&self) -> Target {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn set(&self, target: Target) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = target;
    }
}
