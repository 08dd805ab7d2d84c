//! What an app still does for a call when its client gets nothing more of it (`G-10`, `G-11`).
//!
//! `wasm/` looks at it by the clock, which nothing in here knows.

use super::Call;

/// Why the client gets nothing more, although the app has not `finished`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// It has the whole response, and the app has said all of it: work after the response (`G-11`).
    Complete,
    /// It has all that it takes, a head without a body (`M-04`, `M-05`), and the app has more to say.
    Bodiless,
    /// It is gone, or was answered by the host, and the app hears of a disconnect (`G-10`).
    Disconnected,
}

impl Call {
    /// Whether the client gets nothing more; none while it waits, or reads.
    pub fn after(&self) -> Option<After> {
        let state = self.lock();
        let complete = state.send.is_complete();
        match &state.end {
            Some(_) if complete => Some(After::Complete),
            Some(_) => Some(After::Disconnected),
            None if !state.taken => None,
            None if complete => Some(After::Complete),
            None => Some(After::Bodiless),
        }
    }

    /// Tells an app that goes on with a response which has [no body](After::Bodiless) that nobody listens.
    pub fn let_go(&self) {
        let state = self.lock();
        if state.end.is_none() && !state.send.is_complete() {
            self.leave(state);
        }
    }
}
