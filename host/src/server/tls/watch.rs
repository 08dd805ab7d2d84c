//! Sees when certificate files change, by looking every other second, and loads them again.
//!
//! Whoever runs a server polls [`Server::keep_certificates_fresh`] beside it. Looking works on every file system and follows links, which
//! is how certbot and Kubernetes put a new certificate in the place of an old one.

use std::convert::Infallible;
use std::error::Error as _;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::Duration;

use super::super::Server;
use super::Tls;
use crate::error::{Error, Result};

/// Between two looks. A certificate and its key change one after the other: nothing is loaded before two looks in a row
/// have seen the same.
const PAUSE: Duration = Duration::from_secs(2);

/// The files at one look: device, inode, length and time, or nothing where there is none.
type Seen = Vec<Option<(u64, u64, u64, i64, i64)>>;

impl Tls {
    /// Loads the certificates again whenever their files have changed, for as long as it is polled.
    pub(in crate::server) async fn keep_fresh(self: &Arc<Self>) -> Infallible {
        let mut loaded = self.look().await;
        let mut before = loaded.clone();
        loop {
            tokio::time::sleep(PAUSE).await;
            let now = self.look().await;
            if now == before && now != loaded {
                loaded.clone_from(&now);
                self.refresh().await;
            }
            before = now;
        }
    }

    /// Loads the certificates again, and says how that went.
    pub(in crate::server) async fn refresh(self: &Arc<Self>) {
        let tls = self.clone();
        let loaded = tokio::task::spawn_blocking(move || tls.reload()).await;
        match loaded {
            Ok(Ok(())) => tracing::info!("the certificates were loaded again"),
            Ok(Err(error)) => {
                tracing::error!("the certificates stay as they were: {}", whole(&error))
            }
            Err(error) => tracing::error!("the certificates stay as they were: {error}"),
        }
    }

    async fn look(self: &Arc<Self>) -> Seen {
        let tls = self.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let look = |path| {
                let found = fs::metadata(path).ok()?;
                Some((
                    found.dev(),
                    found.ino(),
                    found.len(),
                    found.mtime(),
                    found.mtime_nsec(),
                ))
            };
            tls.files().map(look).collect()
        });
        looked.await.unwrap_or_default()
    }
}

impl Server {
    /// Reads the files of the certificates again: new connections use what they say now, those that exist go on. Does
    /// nothing without TLS. Blocks for as long as reading takes.
    ///
    /// # Errors
    /// When a file cannot be used: then the certificates stay as they were.
    pub fn reload_certificates(&self) -> Result<()> {
        self.shared
            .settings
            .tls
            .as_ref()
            .map_or(Ok(()), |tls| tls.reload())
    }

    /// As [`reload_certificates`](Self::reload_certificates), without blocking; the log says how it went.
    pub async fn refresh_certificates(&self) {
        if let Some(tls) = &self.shared.settings.tls {
            tls.refresh().await;
        }
    }

    /// Looks after the files of the certificates for as long as it is polled: reads them again when they change. Never
    /// ends. Without TLS it does nothing.
    pub async fn keep_certificates_fresh(&self) -> Infallible {
        match &self.shared.settings.tls {
            Some(tls) => tls.keep_fresh().await,
            None => std::future::pending().await,
        }
    }
}

/// What, why and hint on one line.
fn whole(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(why) = cause {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {why}");
        cause = why.source();
    }
    if let Some(hint) = error.hint_text() {
        let _ = write!(text, " ({hint})");
    }
    text
}
