//! The request body on its way to the app, and the credit for it.
//!
//! Events wait here until an app takes them, so a `receive` that is cancelled or dropped loses nothing (`G-09`). What the host
//! may still hand over and what lies here unread is at most [`MARK`] bytes together (`G-20`).

use std::collections::VecDeque;

use super::{Body, MARK};

#[derive(Debug)]
pub(crate) struct Inbound<B> {
    queue: VecDeque<B>,
    /// Bytes in the queue.
    buffered: usize,
    /// Credit given to the host and not used.
    granted: usize,
    /// The app has called `receive`: the host may be asked (`Q-07`).
    asked: bool,
    /// The host has handed over the last piece.
    ended: bool,
    /// The app has taken the last piece.
    done: bool,
}

impl<B: Body> Inbound<B> {
    pub(crate) fn new(first: Option<B>, more: bool) -> Inbound<B> {
        let mut inbound = Inbound {
            queue: VecDeque::new(),
            buffered: 0,
            granted: 0,
            asked: false,
            ended: false,
            done: false,
        };
        inbound.push(first, more);
        inbound
    }

    /// A piece from the host; `None` is an empty one.
    pub(crate) fn push(&mut self, body: Option<B>, more: bool) {
        if self.ended {
            return;
        }
        self.ended = !more;
        if let Some(body) = body {
            self.granted = self.granted.saturating_sub(body.len());
            self.buffered += body.len();
            self.queue.push_back(body);
        }
    }

    /// The next `http.request`, if there is one: the bytes (`None` when there are none), and whether more will follow.
    pub(crate) fn take(&mut self) -> Option<(Option<B>, bool)> {
        if self.done {
            return None; // `Q-10`: from here on only a disconnect
        }
        let body = match self.queue.pop_front() {
            Some(body) => Some(body),
            None if self.ended => None,
            None => return None,
        };
        self.buffered -= body.as_ref().map_or(0, Body::len);
        self.done = self.ended && self.queue.is_empty();
        Some((body, !self.done))
    }

    /// Whether `take` would yield.
    pub(crate) fn has_event(&self) -> bool {
        !self.done && (self.ended || !self.queue.is_empty())
    }

    /// Whether it is known that no byte is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.done || (self.ended && self.queue.is_empty())
    }

    /// Credit for the first `receive` of the call.
    pub(crate) fn ask(&mut self) -> Option<u32> {
        if self.asked {
            return None;
        }
        self.asked = true;
        self.grant(1)
    }

    /// Credit after the app has taken something: only in pieces that are worth an action.
    pub(crate) fn top_up(&mut self) -> Option<u32> {
        self.grant(if self.granted == 0 { 1 } else { MARK / 2 })
    }

    fn grant(&mut self, at_least: usize) -> Option<u32> {
        let room = MARK.saturating_sub(self.buffered + self.granted);
        if self.ended || room < at_least {
            return None;
        }
        self.granted += room;
        u32::try_from(room).ok()
    }

    /// The call is over: nobody will take what is left.
    pub(crate) fn clear(&mut self) {
        self.queue.clear();
        self.buffered = 0;
        self.ended = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(count: usize) -> Option<Vec<u8>> {
        Some(vec![0; count])
    }

    #[test]
    fn no_body_is_one_empty_event_q02() {
        let mut inbound = Inbound::<Vec<u8>>::new(None, false);
        assert!(inbound.is_empty());
        assert!(inbound.has_event());
        assert_eq!(inbound.ask(), None);
        assert_eq!(inbound.take(), Some((None, false)));
        assert_eq!(inbound.take(), None);
        assert!(!inbound.has_event());
    }

    #[test]
    fn credit_and_buffer_never_exceed_the_mark_g20() {
        let mut inbound = Inbound::new(bytes(1_000), true);
        assert_eq!(inbound.ask(), Some(64_536));
        assert_eq!(inbound.ask(), None);
        assert!(inbound.take().is_some());
        assert_eq!(inbound.top_up(), None); // 1,000 bytes are not worth an action
        inbound.push(bytes(60_000), true);
        assert!(inbound.take().is_some());
        assert_eq!(inbound.top_up(), Some(61_000));
    }

    #[test]
    fn the_last_piece_may_be_empty_q04() {
        let mut inbound = Inbound::new(bytes(1), true);
        assert_eq!(inbound.take(), Some((bytes(1), true)));
        assert_eq!(inbound.take(), None);
        inbound.push(None, false);
        assert_eq!(inbound.take(), Some((None, false)));
    }

    #[test]
    fn a_cleared_body_has_one_empty_end() {
        let mut inbound = Inbound::new(bytes(3), true);
        assert!(!inbound.is_empty());
        inbound.clear();
        assert!(inbound.is_empty());
        assert_eq!(inbound.top_up(), None);
        inbound.push(bytes(3), true);
        assert_eq!(inbound.take(), Some((None, false)));
    }
}
