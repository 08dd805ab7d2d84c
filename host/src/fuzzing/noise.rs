//! Bytes for fuzz targets and property tests: the same in every run.

/// A generator of what looks like chance.
#[derive(Debug)]
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1 << 63)
    }

    /// Below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    /// Up to `length_max` bytes of these.
    #[cfg(test)]
    pub(crate) fn text(&mut self, letters: &[u8], length_max: usize) -> Vec<u8> {
        let length = self.below(length_max + 1);
        (0..length)
            .map(|_| letters[self.below(letters.len())])
            .collect()
    }
}
