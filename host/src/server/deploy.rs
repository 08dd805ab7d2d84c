//! Apps come, go and are replaced while the server serves: started beside what serves, and then put into the table of
//! routes, which is swapped whole on every thread.
//!
//! What happens to one app costs the others nothing: an app that does not start changes nothing, and nobody waits for another app's
//! start-up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedMutexGuard, mpsc};

use super::notice::Notice;
use super::sites::{Site, Sites};
use super::thread::{Crew, not_started};
use super::{Server, Stage};
use crate::error::{Error, Result};
use crate::hosting::AppId;
use crate::wasm::Pool;
use crate::wasm::account::Usage;
use crate::wasm::instance::End;

impl Server {
    /// Every app that it serves, by name.
    pub fn sites(&self) -> Vec<Site> {
        self.lock_sites().all().cloned().collect()
    }

    /// An app that it serves. While a notice stands in its place it is kept.
    pub fn site(&self, app: &AppId) -> Option<Site> {
        self.lock_sites().get(app).cloned()
    }

    /// What each app uses, and has used since it was first deployed, whatever its version. A tenant's usage is the sum over its apps.
    pub fn usage(&self) -> Vec<(AppId, Usage)> {
        let sites = self.sites();
        let used = sites
            .into_iter()
            .map(|site| (site.app, site.pool.app.account.usage()));
        used.collect()
    }

    /// Serves an app from now on, a new one or another version of one that it serves, and no notice any more: starts the
    /// instances of its pool, waits until every one has answered its start-up, routes new requests to it, and lets those
    /// of the app's previous pool finish: calls in flight get their app's `drain` time, then lifespan shutdown follows, in
    /// the background. No request is lost: one that waits for an instance of the previous pool gets one of the new.
    /// Connections are kept. Other apps do not notice.
    ///
    /// Deployments of one app wait for each other. When the future is dropped before it is done, nothing has changed.
    ///
    /// # Errors
    /// When one of its routes is another app's, or an instance does not start: nothing has changed. When the server stops.
    pub async fn deploy(&self, site: Site) -> Result<()> {
        let _turn = self.turns.take(&site.app).await;
        self.deploy_in_turn(site).await
    }

    /// Serves the same app with new instances from now on, as [`deploy`](Self::deploy) serves another version. False
    /// where there is nothing to put new instances in the place of: no such app, or a notice.
    ///
    /// # Errors
    /// When one of them does not start: the previous ones go on serving. When the server stops.
    pub async fn recycle(&self, app: &AppId) -> Result<bool> {
        let _turn = self.turns.take(app).await;
        let site = {
            let sites = self.lock_sites();
            sites.get(app).filter(|_| sites.notice.is_none()).cloned()
        };
        let Some(site) = site else {
            return Ok(false);
        };
        let next = Site {
            pool: site.pool.afresh(),
            ..site.clone()
        };
        let started = self.start_beside(&next).await?;
        let put = self.change(|sites| sites.notice.is_none().then(|| sites.put(next)))?;
        if put.is_none() {
            return Ok(false);
        }
        started.serves();
        site.pool.stop();
        Ok(true)
    }

    /// Serves an app no longer: its routes are nobody's at once. Calls in flight get its `drain` time, then
    /// lifespan shutdown follows, in the background. A request that waits for an instance gets 503. False if there is no such app.
    pub async fn remove(&self, app: &AppId) -> bool {
        let _turn = self.turns.take(app).await;
        match self.change(|sites| sites.remove(app)) {
            Ok(Some(removed)) => {
                removed.pool.stop();
                true
            }
            Ok(None) => false,
            Err(error) => not_a_table(&error),
        }
    }

    /// Answers every request with a notice from now on, until an app is deployed. What it served before
    /// finishes its calls and is kept, so that it costs nothing to go back. For a server that its author looks at: the
    /// text goes to clients.
    pub fn show(&self, notice: Notice) {
        if let Err(error) = self.change(|sites| sites.notice = Some(Arc::new(notice))) {
            not_a_table(&error);
        }
    }

    async fn deploy_in_turn(&self, site: Site) -> Result<()> {
        // Before anything of it runs.
        let mut next = self.lock_sites().clone();
        let previous = next.put(site.clone());
        next.table(&self.shared.settings.root_path)?;
        let put = || {
            self.change(|sites| {
                sites.notice = None;
                sites.put(site.clone());
            })
        };
        match previous {
            // The same instances, at other routes.
            Some(previous) if Arc::ptr_eq(&previous.pool, &site.pool) => put(),
            previous => {
                let started = self.start_beside(&site).await?;
                put()?;
                started.serves();
                if let Some(previous) = previous {
                    previous.pool.stop();
                }
                Ok(())
            }
        }
    }

    /// Starts the instances of a pool beside those that serve.
    async fn start_beside(&self, site: &Site) -> Result<StopsUnlessItServes> {
        let pool = &site.pool;
        if let Some(previous) = self.site(&site.app) {
            pool.count_after(&previous.pool);
            pool.app.account.join(&previous.pool.app.account);
        }
        let (started, mut starts) = mpsc::unbounded_channel();
        let beside = StopsUnlessItServes {
            pool: pool.clone(),
            serves: false,
        };
        for thread in &self.threads {
            let crew = Crew {
                pool: pool.clone(),
                started: started.clone(),
            };
            // A thread that is gone does not report: the others say that the server stops.
            let _ = thread.crews.send(crew);
        }
        drop(started);
        while let Some(start) = starts.recv().await {
            start?;
        }
        if *self.stage.borrow() >= Stage::Draining {
            return Err(not_started(pool, &End::NotWanted));
        }
        Ok(beside)
    }

    /// Changes what there is, and with it where requests go: on every thread, or not at all.
    fn change<R>(&self, change: impl FnOnce(&mut Sites) -> R) -> Result<R> {
        let mut sites = self.lock_sites();
        let mut next = sites.clone();
        let result = change(&mut next);
        let table = Arc::new(next.table(&self.shared.settings.root_path)?);
        for thread in &self.threads {
            thread.route.set(table.clone());
        }
        *sites = next;
        Ok(result)
    }

    fn lock_sites(&self) -> MutexGuard<'_, Sites> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is left of a table, or behind a notice, has been a table before.
fn not_a_table(error: &Error) -> bool {
    tracing::error!("the table of routes stays as it was: {error}");
    false
}

/// Whose turn it is to change an app: one at a time, and each app for itself.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<AppId, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    async fn take(&self, app: &AppId) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Those that nobody has or waits for.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            turns.entry(app.clone()).or_default().clone()
        };
        turn.lock_owned().await
    }
}

/// Instances that have started and have no route yet.
struct StopsUnlessItServes {
    pool: Arc<Pool>,
    serves: bool,
}

impl StopsUnlessItServes {
    fn serves(mut self) {
        self.serves = true;
    }
}

impl Drop for StopsUnlessItServes {
    fn drop(&mut self) {
        if !self.serves {
            self.pool.stop();
        }
    }
}
