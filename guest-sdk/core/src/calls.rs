//! The open calls of an instance by the host's ids.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map from ids of calls.
pub type Calls<V> = HashMap<u64, V, BuildHasherDefault<IdHasher>>;

/// Ids come from the host, are never used twice and need no defence: one multiplication spreads them.
#[derive(Debug, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = (self.0 ^ id)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(26);
    }
}
