//! Calls whose client gets nothing more, and whose app goes on: for how long it may (`G-10`, `G-11`).
//!
//! `link.rs` looks at each of its calls by the clock; `keeper.rs` replaces an instance that has one over time, since nothing
//! can end a single call of a guest.

use std::time::{Duration, Instant};

use crate::asgi::call::After;
use crate::config::limits::Limits;

/// The clock of one call.
#[derive(Debug, Default)]
pub(super) struct Clock {
    since: Option<(After, Instant)>,
    over: bool,
}

/// What is to be done about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// The app does not know yet that nobody listens; its time begins when it has been told.
    LetGo,
    /// It is over time, and nobody has been told.
    Over(Overtime),
}

/// A limit that a call has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overtime {
    /// Its name in the manifest.
    pub limit: &'static str,
    /// What it is set to.
    pub time: Duration,
}

impl Clock {
    /// Looks at a call, again and again.
    pub(super) fn look(
        &mut self,
        after: Option<After>,
        limits: &Limits,
        now: Instant,
    ) -> Option<Due> {
        let after = after?;
        let since = match self.since {
            Some((before, since)) if before == after => since,
            _ => {
                self.since = Some((after, now));
                now
            }
        };
        let (limit, time) = match after {
            After::Disconnected => ("disconnect_grace", limits.disconnect_grace),
            After::Complete | After::Bodiless => ("background", limits.background),
        };
        if self.over || now.saturating_duration_since(since) <= time {
            return None;
        }
        if after == After::Bodiless {
            return Some(Due::LetGo);
        }
        self.over = true;
        Some(Due::Over(Overtime { limit, time }))
    }

    /// Whether nobody waits for this call any more.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }
}

impl std::fmt::Display for Overtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { limit, time } = self;
        let after = match *limit {
            "background" => "its response was complete",
            _ => "its client had left",
        };
        write!(
            f,
            "over time: the app still works for this call {time:?} after {after}, so that its instance is replaced; \
             `{limit}` below [limits] in wasgi.toml gives it longer"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn limits() -> Limits {
        Limits {
            disconnect_grace: 5 * S,
            background: 60 * S,
            ..Limits::default()
        }
    }

    #[test]
    fn g10_the_grace_begins_when_the_client_is_gone_and_is_over_once() {
        let (mut clock, limits, start) = (Clock::default(), limits(), Instant::now());
        let mut look = |after, seconds: u32| clock.look(after, &limits, start + seconds * S);
        assert_eq!(look(None, 1000), None);
        assert_eq!(look(Some(After::Disconnected), 2000), None);
        assert_eq!(look(Some(After::Disconnected), 2005), None);
        let over = look(Some(After::Disconnected), 2006);
        let Some(Due::Over(overtime)) = over else {
            panic!("{over:?}");
        };
        assert_eq!((overtime.limit, overtime.time), ("disconnect_grace", 5 * S));
        assert_eq!(look(Some(After::Disconnected), 3000), None);
        assert!(clock.is_over());
    }

    #[test]
    fn g11_work_after_the_response_has_its_own_time() {
        let (mut clock, limits, start) = (Clock::default(), limits(), Instant::now());
        let mut look =
            |seconds: u32| clock.look(Some(After::Complete), &limits, start + seconds * S);
        assert_eq!((look(0), look(60)), (None, None));
        assert!(matches!(look(61), Some(Due::Over(it)) if it.limit == "background"));
    }

    #[test]
    fn m04_an_app_that_does_not_know_is_told_before_its_grace_begins() {
        let (mut clock, limits, start) = (Clock::default(), limits(), Instant::now());
        let mut look = |after, seconds: u32| clock.look(Some(after), &limits, start + seconds * S);
        assert_eq!(look(After::Bodiless, 0), None);
        assert_eq!(look(After::Bodiless, 61), Some(Due::LetGo));
        assert_eq!(look(After::Disconnected, 62), None);
        assert_eq!(look(After::Disconnected, 67), None);
        assert!(matches!(look(After::Disconnected, 68), Some(Due::Over(_))));
    }
}
