//! What the user sees of a build while it runs: one line on stderr when a long phase begins, and one when it is done.

use std::time::Instant;

use crate::cli::report;

/// One phase of a build.
pub(super) struct Phase {
    started: Instant,
}

impl Phase {
    /// A phase that takes long enough to be announced.
    pub(super) fn announced(what: &str) -> Self {
        report::say(&format!("  {what} ..."));
        Self::quiet()
    }

    /// A phase that is only mentioned when it is done.
    pub(super) fn quiet() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// Says what was done and how long it took.
    pub(super) fn done(self, what: &str) {
        let seconds = self.started.elapsed().as_secs_f64();
        report::say(&format!("  {what} in {seconds:.1} s"));
    }
}

/// Something that the user should know and that stops nothing.
pub(super) fn note(what: &str) {
    report::say(&format!("note: {what}"));
}
