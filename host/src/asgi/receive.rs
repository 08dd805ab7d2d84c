//! The request direction of an HTTP call: body bytes from the client to the app's `receive`.
//!
//! `call.rs` owns one of these per call. It never holds more than what the guest has asked for and one frame
//! (`Q-06`, `G-20`), and it never drops a byte (`G-09`).

use std::collections::VecDeque;

use bytes::Bytes;

use super::budget::PIECE_PRICE;
use super::{MARK, Violation};

/// One `http.request` event.
#[derive(Debug, PartialEq, Eq)]
pub struct Chunk {
    /// At most [`MARK`] bytes.
    pub body: Bytes,
    /// False on the last one.
    pub more: bool,
}

/// Request body on its way to the guest.
#[derive(Debug)]
pub struct Receive {
    chunks: VecDeque<Bytes>,
    buffered: usize,
    /// What the guest may still be given, in bytes.
    credit: usize,
    /// The guest has said `read` at least once: `100 Continue` may go out (`Q-07`).
    asked: bool,
    end: End,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum End {
    /// The client may send more.
    Open,
    /// The client is done, the guest does not know yet.
    Reached,
    /// The guest has been told.
    Told,
}

impl Receive {
    /// A body of which nothing but the head's event has been handed over; `more` as in that event.
    pub fn new(more: bool) -> Self {
        Self {
            chunks: VecDeque::new(),
            buffered: 0,
            credit: 0,
            asked: false,
            end: if more { End::Open } else { End::Told },
        }
    }

    /// The guest can take `bytes` more.
    ///
    /// # Errors
    /// `LimitExceeded` when the credit not yet used would be more than [`MARK`].
    pub fn grant(&mut self, bytes: usize) -> Result<(), Violation> {
        self.asked = true;
        if self.credit.saturating_add(bytes) > MARK {
            return Err(Violation::LimitExceeded(
                "more than 64 KiB of `read` credit at once",
            ));
        }
        self.credit += bytes;
        Ok(())
    }

    /// Body bytes came from the client.
    pub fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() && self.end == End::Open {
            self.buffered += bytes.len();
            self.chunks.push_back(bytes);
        }
    }

    /// The client has sent all of it.
    pub fn finish(&mut self) {
        if self.end == End::Open {
            self.end = End::Reached;
        }
    }

    /// Whether the socket should be read: the guest has asked for more than is buffered.
    pub fn wants(&self) -> bool {
        self.end == End::Open && self.credit > self.buffered
    }

    /// Whether the guest has asked at all (`Q-07`).
    pub fn asked(&self) -> bool {
        self.asked
    }

    /// The next event for the guest, if its credit allows one. The end alone needs no credit.
    pub fn take(&mut self) -> Option<Chunk> {
        if !self.has_next() {
            return None;
        }
        let room = self.credit.min(MARK);
        let body = match self.chunks.front_mut() {
            Some(front) if front.len() > room => front.split_to(room),
            Some(_) => self.chunks.pop_front().unwrap_or_default(),
            None => Bytes::new(),
        };
        self.credit -= body.len();
        self.buffered -= body.len();
        let last = self.end == End::Reached && self.chunks.is_empty();
        if last {
            self.end = End::Told;
        }
        Some(Chunk { body, more: !last })
    }

    /// Whether [`take`](Self::take) would yield an event.
    pub fn has_next(&self) -> bool {
        match self.end {
            End::Told => false,
            End::Reached if self.chunks.is_empty() => true,
            _ => self.credit > 0 && !self.chunks.is_empty(),
        }
    }

    /// What the host holds of it, in bytes.
    pub fn held(&self) -> usize {
        self.buffered + self.chunks.len() * PIECE_PRICE
    }

    /// Forgets what is buffered: nobody will read it.
    pub fn discard(&mut self) {
        self.chunks.clear();
        self.buffered = 0;
        self.end = End::Told;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q06_nothing_is_read_before_the_app_asks() {
        let mut receive = Receive::new(true);
        assert!(!receive.wants() && !receive.asked());
        receive.grant(10).unwrap();
        assert!(receive.wants() && receive.asked());
        receive.push(Bytes::from_static(b"0123456789abc"));
        assert!(!receive.wants());
        assert_eq!(receive.take().unwrap().body, "0123456789");
        assert_eq!(receive.take(), None);
        receive.grant(3).unwrap();
        assert_eq!(receive.take().unwrap().body, "abc");
    }

    #[test]
    fn the_end_needs_no_credit_and_comes_once() {
        let mut receive = Receive::new(true);
        receive.finish();
        let chunk = receive.take().unwrap();
        assert!(chunk.body.is_empty() && !chunk.more);
        assert_eq!(receive.take(), None);
    }

    #[test]
    fn the_last_bytes_carry_the_end() {
        let mut receive = Receive::new(true);
        receive.grant(MARK).unwrap();
        receive.push(Bytes::from_static(b"x"));
        receive.finish();
        assert_eq!(
            receive.take(),
            Some(Chunk {
                body: Bytes::from_static(b"x"),
                more: false
            })
        );
    }

    #[test]
    fn g20_more_credit_than_the_mark_is_a_violation() {
        let mut receive = Receive::new(true);
        receive.grant(MARK).unwrap();
        assert!(matches!(receive.grant(1), Err(Violation::LimitExceeded(_))));
    }

    #[test]
    fn a_body_that_is_over_takes_nothing_more() {
        let mut receive = Receive::new(false);
        receive.push(Bytes::from_static(b"x"));
        receive.finish();
        receive.grant(1).unwrap();
        assert_eq!(receive.take(), None);
        assert!(!receive.wants());
    }
}
