//! The apps of a server: which there are, where they answer, and what serves each. The table of routes is made of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::notice::Notice;
use super::route::{Mount, Number, Table};
use crate::error::Result;
use crate::hosting::{AppId, Route, Routes};
use crate::wasm::Pool;

/// An app of a server: who it is, where it answers, and what serves it. Cloning is cheap.
///
/// ```no_run
/// use std::path::Path;
/// use wasgi::config::Manifest;
/// use wasgi::error::Result;
/// use wasgi::hosting::AppId;
/// use wasgi::server::{Server, Site};
/// use wasgi::wasm::{App, Engine, Pool};
///
/// async fn deploy(server: &Server, engine: &Engine, tenant: &str, folder: &Path) -> Result<()> {
///     let manifest = Manifest::load(folder)?;
///     let id = AppId::of(tenant, &manifest.name)?;
///     let mut app = App::load(engine, &folder.join("app.wasm"), &manifest, None)?;
///     app.name = id.label().clone();
///     let routes = [format!("{tenant}.example.com/{}", id.app()).parse()?];
///     server.deploy(Site::new(id, routes, Pool::new(app, server.threads()))).await
/// }
/// ```
///
/// The pool's app has its identity's [label](AppId::label) for a name, so that log lines have it. The pool has been
/// made for as many threads as the server's listeners.
#[derive(Clone)]
pub struct Site {
    /// Who.
    pub app: AppId,
    /// Where: no other app of the server has one of these. An app without a route runs and is never asked.
    pub routes: Arc<[Route]>,
    /// What.
    pub pool: Arc<Pool>,
}

impl Site {
    /// An app at its routes.
    pub fn new(app: AppId, routes: impl IntoIterator<Item = Route>, pool: Arc<Pool>) -> Self {
        Self {
            app,
            routes: routes.into_iter().collect(),
            pool,
        }
    }

    /// The [only](AppId::only) app of a server, which answers everything.
    pub fn only(pool: Arc<Pool>) -> Self {
        Self::new(AppId::only(), [Route::everything()], pool)
    }
}

/// Those of one server.
#[derive(Clone, Default)]
pub(super) struct Sites {
    apps: BTreeMap<AppId, (Number, Site)>,
    numbers: Number,
    /// Stands in the place of all of them.
    pub(super) notice: Option<Arc<Notice>>,
}

impl Sites {
    pub(super) fn get(&self, app: &AppId) -> Option<&Site> {
        self.apps.get(app).map(|(_, site)| site)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Site> {
        self.apps.values().map(|(_, site)| site)
    }

    /// Puts a site in the place of the same app's, which is given back.
    pub(super) fn put(&mut self, site: Site) -> Option<Site> {
        let number = match self.apps.get(&site.app) {
            Some((number, _)) => *number,
            None => {
                self.numbers = self.numbers.wrapping_add(1);
                self.numbers
            }
        };
        let previous = self.apps.insert(site.app.clone(), (number, site));
        previous.map(|(_, site)| site)
    }

    pub(super) fn remove(&mut self, app: &AppId) -> Option<Site> {
        self.apps.remove(app).map(|(_, site)| site)
    }

    /// Where requests go. `root_path` stands in front of every prefix.
    ///
    /// # Errors
    /// When two apps have one route.
    pub(super) fn table(&self, root_path: &str) -> Result<Table> {
        let mounted = self.apps.values().flat_map(|(number, site)| {
            site.routes.iter().map(move |route| {
                let root_path = [root_path, route.prefix()].concat();
                let mount = Mount {
                    app: *number,
                    pool: site.pool.clone(),
                    root_path: (!root_path.is_empty()).then(|| root_path.into()),
                };
                (route.clone(), mount)
            })
        });
        let pools = self.apps.values();
        let pools = pools.map(|(number, site)| (*number, site.pool.clone()));
        let table = Table::new(Routes::of(mounted)?, pools.collect());
        Ok(table.behind(self.notice.clone()))
    }
}
