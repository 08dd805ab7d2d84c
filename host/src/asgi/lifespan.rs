//! The lifespan of one instance as a state machine (`L-01`–`L-07`).
//!
//! `wasm/` feeds it what the guest says and asks it what to do; it owns no deadline.

/// What an instance is, seen from outside (`G-02`). Only [`Ready`](Phase::Ready) takes calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// `lifespan-startup` is on its way or with the app.
    Starting,
    /// Start-up has been answered, be it by an app that has no lifespan (`L-04`).
    Ready,
    /// `lifespan-shutdown` is on its way or with the app.
    Draining,
    /// The app has answered `lifespan-shutdown`; `run` may return.
    Stopped,
    /// `lifespan.startup.failed` (`L-05`), with the app's text.
    Failed(String),
}

/// The order of the two events and their answers.
#[derive(Debug)]
pub struct Lifespan {
    phase: Phase,
}

/// Said at the wrong time: the instance ends (`wit/world.wit`, "What a violation costs").
#[derive(Debug, PartialEq, Eq)]
pub struct OutOfOrder(pub &'static str);

impl Default for Lifespan {
    fn default() -> Self {
        Self {
            phase: Phase::Starting,
        }
    }
}

impl Lifespan {
    /// Where the instance stands.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// `lifespan.startup.complete`, or an app that does not take part.
    ///
    /// # Errors
    /// When start-up has been answered before.
    pub fn started(&mut self) -> Result<(), OutOfOrder> {
        self.answer_startup(Phase::Ready)
    }

    /// `lifespan.startup.failed` (`L-05`).
    ///
    /// # Errors
    /// When start-up has been answered before.
    pub fn failed(&mut self, message: String) -> Result<(), OutOfOrder> {
        self.answer_startup(Phase::Failed(message))
    }

    /// The host sends `lifespan-shutdown`; true if it is the time for it.
    pub fn drain(&mut self) -> bool {
        let ready = self.phase == Phase::Ready;
        if ready {
            self.phase = Phase::Draining;
        }
        ready
    }

    /// `lifespan.shutdown.complete` or `.failed`: both end it (`L-06`).
    ///
    /// # Errors
    /// When nobody asked, or when it has been answered before.
    pub fn stopped(&mut self) -> Result<(), OutOfOrder> {
        match self.phase {
            Phase::Draining => {
                self.phase = Phase::Stopped;
                Ok(())
            }
            Phase::Stopped => Err(OutOfOrder("`shutdown` said twice")),
            _ => Err(OutOfOrder("`shutdown` said before `lifespan-shutdown`")),
        }
    }

    fn answer_startup(&mut self, phase: Phase) -> Result<(), OutOfOrder> {
        if self.phase != Phase::Starting {
            return Err(OutOfOrder("`startup` said twice"));
        }
        self.phase = phase;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l03_startup_then_shutdown() {
        let mut lifespan = Lifespan::default();
        assert!(!lifespan.drain());
        lifespan.started().unwrap();
        assert_eq!(*lifespan.phase(), Phase::Ready);
        assert!(lifespan.drain() && !lifespan.drain());
        lifespan.stopped().unwrap();
        assert_eq!(*lifespan.phase(), Phase::Stopped);
    }

    #[test]
    fn each_answer_comes_once_and_in_its_time() {
        let mut lifespan = Lifespan::default();
        assert!(lifespan.stopped().is_err());
        lifespan.started().unwrap();
        assert!(lifespan.started().is_err());
        assert!(lifespan.failed(String::new()).is_err());
        assert!(lifespan.stopped().is_err());
        lifespan.drain();
        lifespan.stopped().unwrap();
        assert!(lifespan.stopped().is_err());
    }

    #[test]
    fn l05_failed_takes_no_calls_and_no_shutdown() {
        let mut lifespan = Lifespan::default();
        lifespan.failed("no database".into()).unwrap();
        assert!(!lifespan.drain());
        assert_eq!(*lifespan.phase(), Phase::Failed("no database".into()));
    }
}
