//! Messages on their way to the app, and the credit for them (`W-09`, `W-28`).
//!
//! Messages wait here until an app takes them, so a `receive` that is cancelled or dropped loses nothing (`G-09`). A message costs
//! its length and [`MESSAGE_PRICE`]. What the host may still hand over and what lies here unread costs at most [`MARK`]
//! together (`G-20`), but for the one message that was handed over whole and overdrew it.

use std::collections::VecDeque;

use super::Payload;
use crate::call::{Body, MARK};

#[derive(Debug)]
pub(crate) struct Inbound<B: Body> {
    queue: VecDeque<Payload<B>>,
    /// Price of the queue.
    buffered: i64,
    /// Credit given to the host and not used; below zero after a message that was larger than it.
    granted: i64,
    /// The host may be asked: it has been accepted, and the app has called `receive`.
    asked: bool,
    /// Nobody wants messages any more.
    closed: bool,
}

impl<B: Body> Inbound<B> {
    pub(crate) fn new() -> Inbound<B> {
        Inbound {
            queue: VecDeque::new(),
            buffered: 0,
            granted: 0,
            asked: false,
            closed: false,
        }
    }

    /// A message from the host.
    pub(crate) fn push(&mut self, message: Payload<B>) {
        if self.closed {
            return;
        }
        self.granted -= signed(message.price());
        self.buffered += signed(message.price());
        self.queue.push_back(message);
    }

    pub(crate) fn take(&mut self) -> Option<Payload<B>> {
        let message = self.queue.pop_front()?;
        self.buffered -= signed(message.price());
        Some(message)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Credit for the first `receive` after `accept`.
    pub(crate) fn ask(&mut self) -> Option<u32> {
        if self.asked {
            return None;
        }
        self.asked = true;
        self.grant(1)
    }

    /// Credit after the app has taken something: in pieces that are worth an action, or when nothing else is on its way.
    pub(crate) fn top_up(&mut self) -> Option<u32> {
        let starves = self.granted <= 0 && self.queue.is_empty();
        self.grant(if starves { 1 } else { signed(MARK / 2) })
    }

    fn grant(&mut self, at_least: i64) -> Option<u32> {
        let room = signed(MARK) - self.buffered - self.granted;
        if !self.asked || self.closed || room < at_least {
            return None;
        }
        let room = u32::try_from(room).ok()?;
        self.granted += i64::from(room);
        Some(room)
    }

    /// Nobody will take what is left, or what comes.
    pub(crate) fn close(&mut self) {
        self.queue.clear();
        self.buffered = 0;
        self.closed = true;
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(count: usize) -> Payload<Vec<u8>> {
        Payload::Bytes((count > 0).then(|| vec![0; count]))
    }

    #[test]
    fn small_messages_are_topped_up_by_half_the_mark_g20() {
        let mut inbound = Inbound::new();
        inbound.push(bytes(0));
        assert_eq!(inbound.top_up(), None, "nobody has called receive");
        assert_eq!(inbound.ask(), Some(65_536)); // the price of the one that lies here was paid in advance
        assert_eq!(inbound.ask(), None);
        let mut inbound = Inbound::new();
        assert_eq!(inbound.ask(), Some(65_536));
        for _ in 0..127 {
            inbound.push(bytes(0));
        }
        for taken in 1..127 {
            assert!(inbound.take().is_some());
            let expected = (taken == 64).then_some(32_768);
            assert_eq!(inbound.top_up(), expected, "{taken}");
        }
    }

    #[test]
    fn a_message_that_overdraws_is_paid_before_the_next_g20() {
        let mut inbound = Inbound::new();
        assert_eq!(inbound.ask(), Some(65_536));
        inbound.push(bytes(1_000_000));
        assert_eq!(inbound.top_up(), None, "it lies here unread");
        assert!(inbound.take().is_some());
        assert_eq!(inbound.top_up(), Some(1_000_512));
    }

    #[test]
    fn the_last_message_of_an_empty_credit_is_topped_up_at_once() {
        let mut inbound = Inbound::new();
        assert_eq!(inbound.ask(), Some(65_536));
        for _ in 0..128 {
            inbound.push(bytes(0));
        }
        let granted: u32 = std::iter::from_fn(|| inbound.take().map(|_| inbound.top_up()))
            .flatten()
            .sum();
        assert_eq!(granted, 65_536);
    }

    #[test]
    fn what_nobody_wants_is_dropped() {
        let mut inbound = Inbound::new();
        assert!(inbound.ask().is_some());
        inbound.push(bytes(1));
        inbound.close();
        inbound.push(bytes(1));
        assert!(inbound.is_empty() && inbound.take().is_none());
        assert_eq!(inbound.top_up(), None);
    }
}
