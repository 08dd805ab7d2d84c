//! Sees when certificate files change, by looking every other second, and loads them again.
//!
//! Whoever runs a server polls [`Tls::keep_fresh`] beside it. Looking works on every file system and follows links, which
//! is how certbot and Kubernetes put a new certificate in the place of an old one.

use std::convert::Infallible;
use std::error::Error as _;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::Duration;

use super::Tls;
use crate::error::Error;

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
