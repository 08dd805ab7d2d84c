//! Messages of the app's `send` on their way to the client, and the close frame behind them (`W-09`, `W-12`).
//!
//! `mod.rs` owns one of these per WebSocket. It bounds itself as the body of a response does (`G-20`): the message that
//! crosses [`MARK`] is taken whole, a further one is a violation until `writable` has been said.

use std::collections::VecDeque;

use super::{Close, price};
use crate::asgi::{MARK, Violation};
use crate::bindings::types::Payload;

/// Messages on their way to the client.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    messages: VecDeque<Payload>,
    /// What stands behind them.
    close: Option<Close>,
    /// Nothing is taken any more: a close has been said, or nobody listens.
    closing: bool,
    /// What `messages` cost.
    held: usize,
    /// As the guest counts: said and not yet reported `writable`.
    unsent: usize,
    /// Gone since the last report.
    unreported: usize,
}

/// The next thing for the client.
#[derive(Debug)]
pub enum Next {
    /// A message.
    Message(Payload),
    /// The close frame. Nothing stands behind it.
    Close(Close),
}

impl Outgoing {
    /// `websocket.send`.
    ///
    /// # Errors
    /// `InvalidState` after a close (`W-11`), `LimitExceeded` without room (`G-20`) and for a message of more than
    /// `bytes_max`.
    pub(super) fn push(&mut self, message: Payload, bytes_max: usize) -> Result<(), Violation> {
        if self.closing {
            return Err(Violation::InvalidState("a message after `websocket.close`"));
        }
        if self.unsent > MARK {
            return Err(Violation::LimitExceeded(
                "more than 64 KiB of unsent messages before `writable`",
            ));
        }
        let price = price(&message);
        if price > bytes_max.saturating_add(super::MESSAGE_PRICE) {
            return Err(Violation::LimitExceeded(
                "a message larger than `websocket_message` of the manifest's `[limits]`",
            ));
        }
        self.unsent += price;
        self.held += price;
        self.messages.push_back(message);
        Ok(())
    }

    /// Ends it behind what has been said; the first close counts.
    pub(super) fn close(&mut self, close: Close) -> bool {
        let first = !self.closing;
        if first {
            self.closing = true;
            self.close = Some(close);
        }
        first
    }

    /// Whether a close has been said, by whomever.
    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    /// The next thing to send. It counts as gone.
    pub(super) fn take(&mut self) -> Option<Next> {
        if let Some(message) = self.messages.pop_front() {
            self.unreported += price(&message);
            self.held -= price(&message);
            return Some(Next::Message(message));
        }
        self.close.take().map(Next::Close)
    }

    /// Forgets what is queued: nobody will read it. It counts as gone.
    pub(super) fn discard(&mut self) {
        self.closing = true;
        self.close = None;
        self.unreported += self.messages.drain(..).map(|it| price(&it)).sum::<usize>();
        self.held = 0;
    }

    /// What the host holds of it, in bytes.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Whether [`writable`](Self::writable) would report.
    pub(super) fn is_writable_due(&self) -> bool {
        self.unreported >= MARK / 2
    }

    /// How much to report as `writable`, if it is time.
    pub(super) fn writable(&mut self) -> Option<usize> {
        if !self.is_writable_due() {
            return None;
        }
        let gone = std::mem::take(&mut self.unreported);
        self.unsent = self.unsent.saturating_sub(gone);
        Some(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: usize = usize::MAX;

    fn bytes(length: usize) -> Payload {
        Payload::Bytes(vec![0; length])
    }

    fn close(code: u16) -> Close {
        Close {
            code,
            reason: String::new(),
        }
    }

    #[test]
    fn g20_the_message_that_crosses_the_mark_is_taken_and_the_next_is_not() {
        let mut outgoing = Outgoing::default();
        outgoing.push(bytes(65_024), ANY).unwrap();
        outgoing.push(bytes(1_000_000), ANY).unwrap();
        assert!(outgoing.push(bytes(0), ANY).is_err());
        assert!(outgoing.take().is_some() && outgoing.take().is_some());
        assert_eq!(outgoing.writable(), Some(65_536 + 1_000_512));
        outgoing.push(bytes(0), ANY).unwrap();
    }

    #[test]
    fn the_close_stands_behind_the_messages_and_the_first_counts() {
        let mut outgoing = Outgoing::default();
        outgoing.push(bytes(1), ANY).unwrap();
        assert!(outgoing.close(close(4000)));
        assert!(!outgoing.close(close(1012)));
        assert!(outgoing.push(bytes(1), ANY).is_err());
        assert!(matches!(outgoing.take(), Some(Next::Message(_))));
        assert!(matches!(outgoing.take(), Some(Next::Close(it)) if it.code == 4000));
        assert!(outgoing.take().is_none());
    }

    #[test]
    fn a_message_over_the_limit_is_refused_before_it_is_taken() {
        let mut outgoing = Outgoing::default();
        outgoing.push(bytes(1000), 1000).unwrap();
        assert!(outgoing.push(bytes(1001), 1000).is_err());
    }
}
