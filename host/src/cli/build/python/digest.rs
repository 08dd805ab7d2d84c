//! Names what something was made from: a SHA-256 over labelled pieces, each with its length, so that no two inputs run together.

use sha2::{Digest as _, Sha256};

/// A digest in the making.
#[derive(Clone)]
pub(super) struct Digest(Sha256);

impl Digest {
    /// A digest of things of this kind. A changed kind makes all older ones stale.
    pub(super) fn of(kind: &str) -> Self {
        Self(Sha256::new()).with("kind", kind)
    }

    /// Adds a piece.
    pub(super) fn add(&mut self, label: &str, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        for part in [label.as_bytes(), bytes] {
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }

    /// Adds a piece and goes on.
    pub(super) fn with(mut self, label: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.add(label, bytes);
        self
    }

    /// All 64 hexadecimal digits.
    pub(super) fn hex(&self) -> String {
        let digest = self.0.clone().finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The first 16 of them, for names of folders.
    pub(super) fn short(&self) -> String {
        self.hex().chars().take(16).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_do_not_run_together() {
        let digest = |pieces: &[(&str, &str)]| {
            let mut digest = Digest::of("test");
            for (label, bytes) in pieces {
                digest.add(label, bytes);
            }
            digest.hex()
        };
        assert_ne!(digest(&[("a", "bc")]), digest(&[("ab", "c")]));
        assert_ne!(
            digest(&[("a", "b"), ("a", "")]),
            digest(&[("a", ""), ("a", "b")])
        );
        assert_eq!(digest(&[("a", "b")]), digest(&[("a", "b")]));
        assert_eq!(Digest::of("test").short().len(), 16);
    }
}
