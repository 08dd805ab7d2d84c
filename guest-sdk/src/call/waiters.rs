//! Who waits in `receive`, first come first served (`A-16`).

use std::collections::VecDeque;
use std::task::Waker;

/// Names one that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

#[derive(Default)]
pub(crate) struct Waiters {
    queue: VecDeque<(Ticket, Waker)>,
    next: u64,
}

impl Waiters {
    /// Whether the holder of `ticket` may take the next event: it is first, or nobody waits.
    pub(crate) fn is_turn(&self, ticket: Option<Ticket>) -> bool {
        match self.queue.front() {
            None => true,
            Some((first, _)) => Some(*first) == ticket,
        }
    }

    /// Takes a place in the queue, or keeps the one that `ticket` names.
    pub(crate) fn wait(&mut self, ticket: &mut Option<Ticket>, waker: &Waker) {
        let place =
            ticket.and_then(|ticket| self.queue.iter_mut().find(|(other, _)| *other == ticket));
        if let Some((_, kept)) = place {
            kept.clone_from(waker);
            return;
        }
        let new = Ticket(self.next);
        self.next += 1;
        self.queue.push_back((new, waker.clone()));
        *ticket = Some(new);
    }

    /// Gives the place up, if there is one.
    pub(crate) fn leave(&mut self, ticket: &mut Option<Ticket>) {
        if let Some(ticket) = ticket.take() {
            self.queue.retain(|(other, _)| *other != ticket);
        }
    }

    /// The waker of the first, who keeps the place until served.
    pub(crate) fn front(&self) -> Option<Waker> {
        self.queue.front().map(|(_, waker)| waker.clone())
    }

    /// The wakers of all, who keep their places.
    pub(crate) fn all(&self) -> impl Iterator<Item = Waker> {
        self.queue.iter().map(|(_, waker)| waker.clone())
    }
}
