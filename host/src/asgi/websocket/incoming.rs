//! Messages from the client to the app's `receive` (`W-09`, `W-28`).
//!
//! `mod.rs` owns one of these per WebSocket. It holds at most [`MARK`] bytes at the price of the contract and the one
//! message that crosses it; the session reads the socket only while there is room.

use std::collections::VecDeque;

use super::price;
use crate::asgi::{MARK, Violation};
use crate::bindings::types::Payload;

/// Messages on their way to the guest.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    messages: VecDeque<Payload>,
    /// Their price.
    held: usize,
    /// What the guest may still be given; below zero when the last message was larger than it.
    credit: i64,
    /// How it goes on.
    over: bool,
}

impl Incoming {
    /// The guest can take `bytes` more.
    ///
    /// # Errors
    /// `LimitExceeded` when the credit not yet used would be more than [`MARK`].
    pub(super) fn grant(&mut self, bytes: u32) -> Result<(), Violation> {
        let credit = self.credit + i64::from(bytes);
        if usize::try_from(credit).is_ok_and(|credit| credit > MARK) {
            return Err(Violation::LimitExceeded(
                "more than 64 KiB of `read` credit at once",
            ));
        }
        self.credit = credit;
        Ok(())
    }

    /// A message came from the client.
    pub(super) fn push(&mut self, message: Payload) {
        if !self.over {
            self.held += price(&message);
            self.messages.push_back(message);
        }
    }

    /// Nothing comes any more: what is held needs no credit from now on, because `closed` stands behind it.
    pub(super) fn finish(&mut self) {
        self.over = true;
    }

    /// Forgets what is held, and what comes.
    pub(super) fn discard(&mut self) {
        self.over = true;
        self.messages.clear();
        self.held = 0;
    }

    /// What the host holds of it, in bytes.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Whether another message may be read from the socket.
    pub(super) fn has_room(&self) -> bool {
        self.held < MARK
    }

    /// Whether [`take`](Self::take) would yield a message.
    pub(super) fn has_next(&self) -> bool {
        !self.messages.is_empty() && (self.credit > 0 || self.over)
    }

    /// Whether nothing is left to hand over.
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The next message for the guest, if its credit allows one.
    pub(super) fn take(&mut self) -> Option<Payload> {
        if !self.has_next() {
            return None;
        }
        let message = self.messages.pop_front()?;
        let price = price(&message);
        self.held -= price;
        self.credit = self.credit.saturating_sub_unsigned(price as u64);
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(length: usize) -> Payload {
        Payload::Bytes(vec![0; length])
    }

    #[test]
    fn a_message_is_whole_and_may_overdraw() {
        let mut incoming = Incoming::default();
        incoming.push(bytes(100_000));
        incoming.push(bytes(1));
        assert!(incoming.take().is_none());
        incoming.grant(1).unwrap();
        assert!(matches!(incoming.take(), Some(Payload::Bytes(it)) if it.len() == 100_000));
        incoming.grant(65_536).unwrap();
        assert!(incoming.take().is_none(), "the debt comes first");
        incoming.grant(35_500).unwrap();
        assert!(incoming.take().is_some());
    }

    #[test]
    fn w28_many_small_messages_fill_it_as_a_large_one_does() {
        let mut incoming = Incoming::default();
        let mut count = 0;
        while incoming.has_room() {
            incoming.push(bytes(0));
            count += 1;
        }
        assert_eq!(count, 128);
    }

    #[test]
    fn g20_more_credit_than_the_mark_is_a_violation() {
        let mut incoming = Incoming::default();
        incoming.grant(65_536).unwrap();
        assert!(incoming.grant(1).is_err());
    }

    #[test]
    fn what_is_held_at_the_end_needs_no_credit() {
        let mut incoming = Incoming::default();
        incoming.push(bytes(1));
        incoming.finish();
        incoming.push(bytes(2));
        assert!(matches!(incoming.take(), Some(Payload::Bytes(it)) if it.len() == 1));
        assert!(incoming.take().is_none());
    }
}
