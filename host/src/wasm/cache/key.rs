//! The host's own key: what is in the cache has been put there by whoever has it.
//!
//! Compiled code runs with the host's rights, so where it comes from matters more than that it is whole. Each thing in the
//! cache carries a MAC (keyed BLAKE3) of itself and of what it is for. A file that was damaged, cut off, swapped
//! with another app's, made by another version, or brought along from another machine has none that fits.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;

use super::{Cache, is_private_file, unique, write_all};

/// The name of the file in the cache: 32 random bytes, for this user's eyes only.
const FILE: &str = "key";

/// As many bytes as a MAC has.
pub(super) const MAC_BYTES: usize = blake3::OUT_LEN;

/// A key of 256 bits.
pub(super) struct Key([u8; blake3::KEY_LEN]);

impl Key {
    /// A MAC in the making: of a thing of this kind and with these properties. Its content follows.
    pub(super) fn mac(&self, kind: &str, properties: &[&str]) -> blake3::Hasher {
        let mut mac = blake3::Hasher::new_keyed(&self.0);
        for text in [kind].iter().chain(properties) {
            // With its length, so that no two lists of texts look the same.
            mac.update(&(text.len() as u64).to_le_bytes());
            mac.update(text.as_bytes());
        }
        mac
    }
}

impl Cache {
    /// The key, if there is one that nobody else can know.
    pub(super) fn key(&self) -> io::Result<Key> {
        let mut file = File::open(self.folder.join(FILE))?;
        if !is_private_file(&file) || file.metadata()?.mode() & 0o077 != 0 {
            return Err(io::Error::other(
                "others can read or write the cache's key: remove it",
            ));
        }
        let mut key = [0; blake3::KEY_LEN];
        file.read_exact(&mut key)?;
        Ok(Key(key))
    }

    /// The key, made if there is none. Of several that make one at the same time one is kept, by all.
    pub(super) fn make_key(&self) -> io::Result<Key> {
        match self.key() {
            // Nothing that it vouches for can be told from anything else.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                fs::remove_file(self.folder.join(FILE))?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => return found,
        }
        self.make()?;
        let mut key = [0; blake3::KEY_LEN];
        File::open("/dev/urandom")?.read_exact(&mut key)?;
        let aside = self.folder.join(format!("key-{}.tmp", unique()));
        write_all(&aside, &[&key])?;
        // Unlike a rename it leaves alone what is there.
        let linked = fs::hard_link(&aside, self.folder.join(FILE));
        fs::remove_file(&aside)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => self.key(),
        }
    }
}
