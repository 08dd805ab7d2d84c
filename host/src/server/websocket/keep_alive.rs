//! Pings of the server: when one is due, and when a client that has not answered one is gone (`W-22`).
//!
//! No timer in here: `session.rs` has one, and asks. As the library `websockets` has it: a ping each interval, and only its own pong
//! counts as an answer. While we do not read, because the app has enough, no answer can come and none is missed.

use tokio::time::{Duration, Instant};

/// Of one connection.
#[derive(Debug)]
pub(super) struct KeepAlive {
    interval: Option<Duration>,
    timeout: Option<Duration>,
    next: Instant,
    /// When the last ping must have been answered; none when it was.
    until: Option<Instant>,
    /// Of pings sent: what the last one says.
    count: u32,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// A ping that says this.
    Ping([u8; 4]),
    /// The end.
    Gone,
}

impl KeepAlive {
    pub(super) fn new(interval: Option<Duration>, timeout: Option<Duration>, now: Instant) -> Self {
        Self {
            interval,
            timeout,
            next: now + interval.unwrap_or_default(),
            until: None,
            count: 0,
        }
    }

    /// When to ask what is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.interval?;
        Some(self.until.unwrap_or(self.next))
    }

    pub(super) fn due(&mut self, now: Instant) -> Due {
        let Some(interval) = self.interval else {
            return Due::Nothing;
        };
        match self.until {
            Some(until) if now >= until => Due::Gone,
            None if now >= self.next => {
                self.next = now + interval;
                self.until = self.timeout.map(|timeout| now + timeout);
                self.count = self.count.wrapping_add(1);
                Due::Ping(self.count.to_be_bytes())
            }
            _ => Due::Nothing,
        }
    }

    /// A pong came.
    pub(super) fn pong(&mut self, payload: &[u8]) {
        if payload == self.count.to_be_bytes() {
            self.until = None;
        }
    }

    /// Nothing was read until now.
    pub(super) fn paused(&mut self, now: Instant) {
        if let (Some(until), Some(timeout)) = (&mut self.until, self.timeout) {
            *until = now + timeout;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn w22_a_ping_each_interval_and_the_end_without_its_pong() {
        let now = Instant::now();
        let mut it = KeepAlive::new(Some(20 * S), Some(10 * S), now);
        assert_eq!(it.deadline(), Some(now + 20 * S));
        assert_eq!(it.due(now + 19 * S), Due::Nothing);
        assert_eq!(it.due(now + 20 * S), Due::Ping([0, 0, 0, 1]));
        assert_eq!(it.deadline(), Some(now + 30 * S));
        it.pong(b"nobody asked");
        assert_eq!(it.due(now + 29 * S), Due::Nothing);
        it.pong(&[0, 0, 0, 1]);
        assert_eq!(it.deadline(), Some(now + 40 * S));
        assert_eq!(it.due(now + 41 * S), Due::Ping([0, 0, 0, 2]));
        it.pong(&[0, 0, 0, 1]);
        assert_eq!(it.due(now + 51 * S), Due::Gone);
    }

    #[test]
    fn w22_w28_no_pong_is_missed_while_nothing_is_read() {
        let now = Instant::now();
        let mut it = KeepAlive::new(Some(20 * S), Some(10 * S), now);
        it.paused(now);
        assert_eq!(it.due(now + 20 * S), Due::Ping([0, 0, 0, 1]));
        it.paused(now + 29 * S);
        assert_eq!(it.due(now + 38 * S), Due::Nothing);
        assert_eq!(it.due(now + 39 * S), Due::Gone);
    }

    #[test]
    fn w22_both_can_be_off() {
        let now = Instant::now();
        let mut off = KeepAlive::new(None, Some(S), now);
        assert_eq!(off.deadline(), None);
        assert_eq!(off.due(now + 100 * S), Due::Nothing);
        let mut patient = KeepAlive::new(Some(S), None, now);
        assert_eq!(patient.due(now + S), Due::Ping([0, 0, 0, 1]));
        assert_eq!(patient.due(now + 2 * S), Due::Ping([0, 0, 0, 2]));
    }
}
