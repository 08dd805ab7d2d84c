//! An order of waiting that is fair between clients: round robin over them, first come first served within one.
//!
//! Bounded in total, and a client may have as many places as are still free: one alone at most half of them, two a third
//! each. So whoever floods it is turned away first, and there is a place for those who come late. Pure; `waiting.rs`
//! puts it to use.

use std::collections::{HashMap, VecDeque};

/// Who waits, as far as fairness knows people apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Client {
    /// An IPv4 address.
    V4([u8; 4]),
    /// An IPv6 network of 64 bits: what one household or one machine has.
    V6([u8; 8]),
    /// Whoever has no address: all clients of a Unix socket together.
    Unknown,
}

/// Where something stands in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    client: Client,
    number: u64,
}

/// What waits.
pub(super) struct Queue<T> {
    max: usize,
    len: usize,
    last: u64,
    /// Those who wait, each with at least one item, by number.
    clients: HashMap<Client, VecDeque<(u64, T)>>,
    /// Each of them once: whose turn it is.
    turns: VecDeque<Client>,
}

impl<T> Queue<T> {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            len: 0,
            last: 0,
            clients: HashMap::new(),
            turns: VecDeque::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Takes an item to the end of its client's line, or gives it back when there is no place for it.
    pub(super) fn push(&mut self, client: Client, item: T) -> Result<Ticket, T> {
        let own = self.clients.get(&client).map_or(0, VecDeque::len);
        if own >= self.max.saturating_sub(self.len) {
            return Err(item);
        }
        self.last += 1;
        self.len += 1;
        if own == 0 {
            self.turns.push_back(client);
        }
        let line = self.clients.entry(client).or_default();
        line.push_back((self.last, item));
        Ok(Ticket {
            client,
            number: self.last,
        })
    }

    /// Offers a place to the next in turn; true when it was taken. An item that `take` gives back stays where it was.
    pub(super) fn offer(&mut self, take: impl FnOnce(T) -> Option<T>) -> bool {
        let Some(client) = self.turns.front().copied() else {
            return false;
        };
        let Some(line) = self.clients.get_mut(&client) else {
            return false;
        };
        let Some((number, item)) = line.pop_front() else {
            return false;
        };
        if let Some(item) = take(item) {
            line.push_front((number, item));
            return false;
        }
        self.len -= 1;
        self.turns.pop_front();
        if line.is_empty() {
            self.clients.remove(&client);
        } else {
            self.turns.push_back(client);
        }
        true
    }

    /// Takes out what waits no longer; none when it has had its turn.
    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<T> {
        let line = self.clients.get_mut(&ticket.client)?;
        let at = line
            .binary_search_by_key(&ticket.number, |(number, _)| *number)
            .ok()?;
        let (_, item) = line.remove(at)?;
        self.len -= 1;
        if line.is_empty() {
            self.clients.remove(&ticket.client);
            self.turns.retain(|client| *client != ticket.client);
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u8) -> Client {
        Client::V4([10, 0, 0, number])
    }

    fn next(queue: &mut Queue<(u8, u32)>) -> Option<(u8, u32)> {
        let mut taken = None;
        queue.offer(|item| {
            taken = Some(item);
            None
        });
        taken
    }

    /// Puts in so many items of a client, numbered; how many were taken.
    fn fill(queue: &mut Queue<(u8, u32)>, of: u8, items: u32) -> usize {
        let taken = |number: &u32| queue.push(client(of), (of, *number)).is_ok();
        (0..items).filter(taken).count()
    }

    #[test]
    fn clients_take_turns_and_each_keeps_its_order() {
        let mut queue = Queue::new(100);
        fill(&mut queue, 1, 4);
        fill(&mut queue, 2, 1);
        fill(&mut queue, 3, 2);
        let order: Vec<_> = std::iter::from_fn(|| next(&mut queue)).collect();
        assert_eq!(
            order,
            [(1, 0), (2, 0), (3, 0), (1, 1), (3, 1), (1, 2), (1, 3)]
        );
        assert_eq!((queue.len(), queue.turns.len()), (0, 0));
        assert!(queue.clients.is_empty());
    }

    #[test]
    fn a_single_request_is_next_but_one_behind_any_number() {
        let mut queue = Queue::new(1000);
        fill(&mut queue, 1, 200);
        next(&mut queue);
        fill(&mut queue, 2, 1);
        assert_eq!(next(&mut queue), Some((1, 1)));
        assert_eq!(next(&mut queue), Some((2, 0)));
    }

    #[test]
    fn one_client_gets_half_and_two_a_third_each() {
        let mut queue = Queue::new(12);
        assert_eq!(fill(&mut queue, 1, 100), 6);
        assert_eq!(fill(&mut queue, 2, 100), 3);
        let mut queue = Queue::new(12);
        for number in 0..100 {
            for of in [1, 2] {
                let _ = queue.push(client(of), (of, number));
            }
        }
        let of = |of| queue.clients.get(&client(of)).map(VecDeque::len);
        assert_eq!((of(1), of(2)), (Some(4), Some(4)));
    }

    #[test]
    fn the_total_is_never_passed_and_a_small_queue_takes_somebody() {
        for max in 0..20 {
            let mut queue = Queue::new(max);
            for of in 0..=255 {
                fill(&mut queue, of, 3);
                assert!(queue.len() <= max);
            }
            assert_eq!(queue.len(), max, "many clients fill it");
        }
    }

    #[test]
    fn what_is_given_back_keeps_its_turn() {
        let mut queue = Queue::new(10);
        fill(&mut queue, 1, 2);
        fill(&mut queue, 2, 1);
        assert!(!queue.offer(Some));
        assert_eq!(queue.len(), 3);
        assert_eq!(next(&mut queue), Some((1, 0)));
        assert!(!queue.offer(Some));
        assert_eq!(next(&mut queue), Some((2, 0)));
    }

    #[test]
    fn who_leaves_frees_the_place_and_changes_no_order() {
        let mut queue = Queue::new(10);
        let mut push = |of, number| queue.push(client(of), (of, number)).unwrap();
        let tickets = [push(1, 0), push(1, 1), push(2, 0), push(1, 2), push(3, 0)];
        let [_, second, only, ..] = tickets;
        assert_eq!(queue.remove(second), Some((1, 1)));
        assert_eq!(queue.remove(second), None);
        assert_eq!(queue.remove(only), Some((2, 0)));
        assert_eq!(queue.len(), 3);
        let order: Vec<_> = std::iter::from_fn(|| next(&mut queue)).collect();
        assert_eq!(order, [(1, 0), (3, 0), (1, 2)]);
        assert!(tickets.iter().all(|it| queue.remove(*it).is_none()));
        assert_eq!(queue.len(), 0);
    }

    /// Any order of coming, going and being served leaves nothing behind and serves nobody twice.
    #[test]
    fn whatever_happens_the_count_is_right() {
        let mut state = 7_u32;
        let mut random = move |below: usize| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as usize % below
        };
        let mut queue = Queue::new(16);
        let mut waiting: Vec<(Ticket, (u8, u32))> = Vec::new();
        for number in 0..20_000 {
            match random(4) {
                0 | 1 => {
                    let item = ([0, 1, 2, 3, 4][random(5)], number);
                    if let Ok(ticket) = queue.push(client(item.0), item) {
                        waiting.push((ticket, item));
                    }
                }
                2 => {
                    if let Some(item) = next(&mut queue) {
                        let at = waiting.iter().position(|(_, it)| *it == item).unwrap();
                        waiting.remove(at);
                        let older = waiting
                            .iter()
                            .any(|(_, it)| it.0 == item.0 && it.1 < item.1);
                        assert!(!older, "within a client the first is served first");
                    }
                }
                _ if waiting.is_empty() => {}
                _ => {
                    let at = random(waiting.len());
                    let (ticket, item) = waiting.remove(at);
                    assert_eq!(queue.remove(ticket), Some(item));
                }
            }
            assert_eq!(queue.len(), waiting.len());
            assert_eq!(queue.clients.len(), queue.turns.len());
        }
    }
}
