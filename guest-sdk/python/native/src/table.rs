//! A small cache for values that come again and again, such as the headers of a browser: what HPACK's dynamic
//! table does on the wire, done for the allocator.
//!
//! Direct-mapped and bounded: a key has one slot, whoever comes later takes it.

/// Longest key, in bytes, that is worth a slot.
pub(crate) const MAX_KEY: usize = 160;

pub(crate) struct Table<V, const SLOTS: usize> {
    slots: Vec<Option<Slot<V>>>,
}

struct Slot<V> {
    /// Where the first part of the key ends.
    cut: usize,
    key: Vec<u8>,
    value: V,
}

impl<V, const SLOTS: usize> Table<V, SLOTS> {
    pub(crate) const fn new() -> Self {
        Table { slots: Vec::new() }
    }

    /// The value for a key in two parts, which stand one after the other in `key`: from the table, or from `make`.
    pub(crate) fn get<E>(
        &mut self,
        key: &[u8],
        cut: usize,
        make: impl FnOnce() -> Result<V, E>,
    ) -> Result<&V, E> {
        if self.slots.is_empty() {
            self.slots.resize_with(SLOTS, || None);
        }
        let at = usize::try_from(hash(key, cut) % SLOTS as u64).unwrap_or(0);
        #[expect(
            clippy::indexing_slicing,
            reason = "there are SLOTS slots, and `at` is a remainder of that"
        )]
        let slot = &mut self.slots[at];
        let hit = slot
            .as_ref()
            .is_some_and(|slot| slot.cut == cut && same(&slot.key, key));
        if !hit {
            *slot = None;
        }
        let slot = match slot {
            Some(slot) => slot,
            empty => empty.insert(Slot {
                cut,
                key: key.to_vec(),
                value: make()?,
            }),
        };
        Ok(&slot.value)
    }
}

/// `==` in words: that of slices calls libc, which is another module here and compares byte by byte.
fn same(one: &[u8], other: &[u8]) -> bool {
    let ((these, last), (those, other_last)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let mut words = these.iter().zip(those);
    let mut bytes = last.iter().zip(other_last);
    one.len() == other.len()
        && words.all(|(a, b)| u64::from_le_bytes(*a) == u64::from_le_bytes(*b))
        && bytes.all(|(a, b)| a == b)
}

/// Nothing depends on its quality but the number of hits, and no attacker gains more than a miss.
fn hash(key: &[u8], cut: usize) -> u64 {
    const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
    let (words, rest) = key.as_chunks::<8>();
    let mut hash = cut as u64;
    for &word in words {
        hash = (hash.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(SPREAD);
    }
    for &byte in rest {
        hash = (hash.rotate_left(5) ^ u64::from(byte)).wrapping_mul(SPREAD);
    }
    hash >> 40
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn ask<const SLOTS: usize>(
        table: &mut Table<u32, SLOTS>,
        key: &str,
        cut: usize,
        new: u32,
    ) -> u32 {
        *table
            .get(key.as_bytes(), cut, || Ok::<_, Infallible>(new))
            .unwrap()
    }

    #[test]
    fn the_same_key_is_made_once() {
        let mut table = Table::<u32, 8>::new();
        assert_eq!(ask(&mut table, "accept*/*", 6, 1), 1);
        assert_eq!(ask(&mut table, "accept*/*", 6, 2), 1);
    }

    #[test]
    fn another_cut_is_another_key() {
        let mut table = Table::<u32, 1>::new();
        assert_eq!(ask(&mut table, "ab", 1, 1), 1);
        assert_eq!(ask(&mut table, "ab", 2, 2), 2);
        assert_eq!(ask(&mut table, "ab", 1, 3), 3);
    }

    #[test]
    fn every_byte_of_a_key_counts() {
        for length in 0..40 {
            let key = vec![b'a'; length];
            assert!(same(&key, &key.clone()));
            assert!(!same(&key, &[key.clone(), vec![b'a']].concat()));
            for at in 0..length {
                let mut other = key.clone();
                other[at] = b'b';
                assert!(!same(&key, &other), "{at} of {length}");
            }
        }
    }

    #[test]
    fn a_failure_leaves_the_slot_empty() {
        let mut table = Table::<u32, 1>::new();
        assert_eq!(ask(&mut table, "a", 1, 1), 1);
        assert_eq!(table.get(b"b", 1, || Err("no")), Err("no"));
        assert_eq!(ask(&mut table, "a", 1, 2), 2);
    }
}
