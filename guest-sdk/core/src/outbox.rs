//! What the app has said and the host does not know yet, cut into batches that the contract allows.

use crate::call::Body;
use crate::said::Said;

/// Most actions in one `exchange` or `say` (`wit/world.wit`, "Bounds of a batch").
const MAX_ACTIONS: usize = 1_024;
/// Most bytes of lists and strings in one of them: a mebibyte.
const MAX_BATCH_BYTES: usize = 1 << 20;

/// What is said in this turn, as actions `A` of the SDK: its bindings' own, or [`Said`] where they are lowered later.
#[derive(Debug)]
pub struct Outbox<A> {
    /// Full batches, to be said before the last one.
    full: Vec<Vec<A>>,
    last: Vec<A>,
    last_bytes: usize,
}

impl<A> Default for Outbox<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A> Outbox<A> {
    /// An empty one.
    pub const fn new() -> Outbox<A> {
        Outbox {
            full: Vec::new(),
            last: Vec::new(),
            last_bytes: 0,
        }
    }

    /// Says something, after all that was said before.
    // Whoever calls knows which action it is, so that size and conversion are a few instructions there.
    #[inline(always)]
    pub fn push<B: Body>(&mut self, said: Said<B>)
    where
        A: From<Said<B>>,
    {
        let bytes = said.size();
        self.add(said.into(), bytes);
    }

    #[inline(never)]
    fn add(&mut self, action: A, bytes: usize) {
        let is_full = self.last.len() == MAX_ACTIONS || self.last_bytes + bytes > MAX_BATCH_BYTES;
        // A message that is larger than a batch cannot be cut, and goes alone.
        if is_full && !self.last.is_empty() {
            self.full.push(std::mem::take(&mut self.last));
            self.last_bytes = 0;
        }
        self.last_bytes += bytes;
        self.last.push(action);
    }

    /// The batches of this turn; the last one is for `exchange` and may be empty. `spare` is an empty list whose
    /// room is used again.
    pub fn take(&mut self, spare: Vec<A>) -> (Vec<Vec<A>>, Vec<A>) {
        self.last_bytes = 0;
        (
            std::mem::take(&mut self.full),
            std::mem::replace(&mut self.last, spare),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::Payload;

    fn piece(bytes: usize) -> Said<Vec<u8>> {
        Said::Body {
            call: 1,
            body: Some(vec![0; bytes]),
            part: 0..bytes,
            more: true,
        }
    }

    #[test]
    fn a_batch_has_at_most_1024_actions() {
        let mut outbox = Outbox::<Said<Vec<u8>>>::new();
        for _ in 0..2_049 {
            outbox.push(piece(0));
        }
        let (full, last) = outbox.take(Vec::new());
        assert_eq!(
            full.iter().map(Vec::len).collect::<Vec<_>>(),
            [1_024, 1_024]
        );
        assert_eq!(last.len(), 1);
    }

    #[test]
    fn a_batch_has_at_most_a_mebibyte() {
        let mut outbox = Outbox::<Said<Vec<u8>>>::new();
        for _ in 0..5 {
            outbox.push(piece(262_144));
        }
        let (full, last) = outbox.take(Vec::new());
        assert_eq!((full.len(), last.len()), (1, 1));
        outbox.push(piece(1_000_000));
        assert_eq!(outbox.take(Vec::new()).0.len(), 0);
    }

    #[test]
    fn a_message_that_is_larger_than_a_batch_goes_alone() {
        let message = |bytes: usize| Said::<Vec<u8>>::Message {
            call: 1,
            payload: Payload::Bytes(Some(vec![0; bytes])),
        };
        let mut outbox = Outbox::<Said<Vec<u8>>>::new();
        for bytes in [3_000_000, 1, 2_000_000, 2] {
            outbox.push(message(bytes));
        }
        let (full, last) = outbox.take(Vec::new());
        assert_eq!(full.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!(last.len(), 1);
    }
}
