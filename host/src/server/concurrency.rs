//! `--limit-concurrency`: how many calls a server has at a time, over all its threads.
//!
//! `request.rs` asks before it opens a call. What counts is work that the app was given, so a call counts from there (also
//! while it waits for an instance) until the app is done with it, as uvicorn counts its tasks: work after the response counts, and
//! so does a call whose client has left; a kept connection does not, and neither does a response on its way to a slow client.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many calls there may be. No limit by default. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Concurrency(Option<Arc<Semaphore>>);

/// There are as many calls as there may be: 503.
pub(super) struct Full;

impl Concurrency {
    /// At most so many calls; a further request is answered with 503 at once.
    pub fn at_most(calls: usize) -> Self {
        Self(Some(Arc::new(Semaphore::new(
            calls.min(Semaphore::MAX_PERMITS),
        ))))
    }

    /// A place for one more call, for as long as it is held; none where nobody counts.
    pub(super) fn take(&self) -> Result<Option<OwnedSemaphorePermit>, Full> {
        let Some(places) = &self.0 else {
            return Ok(None);
        };
        places
            .clone()
            .try_acquire_owned()
            .map(Some)
            .map_err(|_| Full)
    }
}
