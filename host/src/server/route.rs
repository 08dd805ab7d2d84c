//! Where requests go: to an app, to nobody, or to a notice that stands in the place of all apps.
//!
//! A [`Table`] is built whole by `sites.rs` and never changes. Each server thread has its own [`Route`] to the
//! current one, so that asking it is never a contest between cores; a request keeps what it got.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use http::header;
use http::request::Parts;

use super::notice::Notice;
use crate::hosting::Routes;
use crate::wasm::Pool;

/// An app as a request sees it, for as long as the server has it, whichever of its pools serves.
pub(super) type Number = u32;

/// What answers.
#[derive(Clone)]
pub(super) enum Target {
    /// The instances of an app.
    App(Mount),
    /// A page of ours.
    Notice(Arc<Notice>),
    /// No app has a route for it: 404.
    Nobody,
}

impl Target {
    /// The app's name, for the access line.
    pub(super) fn name(&self) -> Option<&Arc<str>> {
        match self {
            Self::App(mount) => Some(&mount.pool.app.name),
            Self::Notice(notice) => Some(&notice.app),
            Self::Nobody => None,
        }
    }
}

/// An app, where it is mounted.
#[derive(Clone)]
pub(super) struct Mount {
    pub(super) app: Number,
    pub(super) pool: Arc<Pool>,
    /// `root_path` of its scopes (`H-09`), unless that is empty: the server's, then the prefix of the route.
    pub(super) root_path: Option<Arc<str>>,
}

impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pool.app.name)
    }
}

/// Where everything goes.
pub(super) struct Table {
    routes: Routes<Mount>,
    /// What serves each app.
    pools: HashMap<Number, Arc<Pool>>,
    /// Answers all requests.
    notice: Option<Arc<Notice>>,
}

impl Table {
    pub(super) fn new(routes: Routes<Mount>, pools: HashMap<Number, Arc<Pool>>) -> Self {
        Self {
            routes,
            pools,
            notice: None,
        }
    }

    /// The same, behind a notice.
    pub(super) fn behind(self, notice: Option<Arc<Notice>>) -> Self {
        Self { notice, ..self }
    }

    fn target(&self, request: &Parts) -> Target {
        if let Some(notice) = &self.notice {
            return Target::Notice(notice.clone());
        }
        let found = self
            .routes
            .only()
            .or_else(|| self.routes.find(asked_host(request), request.uri.path()));
        found.cloned().map_or(Target::Nobody, Target::App)
    }
}

/// The way of one server thread to the table.
pub(super) struct Route(RwLock<Arc<Table>>);

impl Route {
    pub(super) fn by(table: Arc<Table>) -> Self {
        Self(RwLock::new(table))
    }

    /// What a request is for.
    pub(super) fn target(&self, request: &Parts) -> Target {
        self.read().target(request)
    }

    /// What serves an app now: for a request of a pool that does not any more.
    pub(super) fn pool(&self, app: Number) -> Option<Arc<Pool>> {
        self.read().pools.get(&app).cloned()
    }

    pub(super) fn set(&self, table: Arc<Table>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = table;
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Arc<Table>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The authority that a request names, which is the `host` that its app sees: an absolute target's or `:authority` before the
/// header (`H-20`, `F-04`). None where there are two headers: no app gets such a request (`P-02`).
pub(super) fn asked_host(request: &Parts) -> Option<&str> {
    if let Some(authority) = request.uri.authority() {
        return Some(authority.as_str());
    }
    let mut hosts = request.headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        _ => None,
    }
}
