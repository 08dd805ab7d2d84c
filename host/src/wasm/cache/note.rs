//! Which file has which digest, so that an app of 40 MiB is not hashed at each start.
//!
//! A file is known by what the system says of it: device, inode, length, and the times of its last write and last
//! change. The latter nobody can set, so a file with a note has the content that was hashed.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::{Cache, is_private, note_use};

/// A file that is written twice within one tick of the system's clock looks the same: one that is younger than this is
/// not noted. Where times are whole seconds, [`COARSE`] is.
const FINE: Duration = Duration::from_millis(50);

/// See [`FINE`].
const COARSE: Duration = Duration::from_secs(3);

/// What the system says of an open file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::wasm) struct Identity {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    /// Long enough after its last change for the times to mean something.
    at_rest: bool,
}

impl Identity {
    /// Of a file that is about to be read.
    pub(in crate::wasm) fn of(file: &File) -> io::Result<Self> {
        let found = file.metadata()?;
        Ok(Self {
            device: found.dev(),
            inode: found.ino(),
            length: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
            at_rest: at_rest(&found),
        })
    }

    /// Whether it is still the same file with the same content.
    pub(in crate::wasm) fn still(&self, file: &File) -> bool {
        let same = |now: Self| {
            Self {
                at_rest: self.at_rest,
                ..now
            } == *self
        };
        Self::of(file).is_ok_and(same)
    }

    fn name(&self) -> String {
        let ((m, mn), (c, cn)) = (self.modified, self.changed);
        format!(
            "{:x}-{:x}-{:x}-{m:x}.{mn:x}-{c:x}.{cn:x}.note",
            self.device, self.inode, self.length
        )
    }
}

fn at_rest(found: &Metadata) -> bool {
    let Ok(now) = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) else {
        return false;
    };
    let seconds = u64::try_from(found.ctime()).unwrap_or(u64::MAX);
    let nanos = u32::try_from(found.ctime_nsec()).unwrap_or_default();
    let needed = if nanos == 0 { COARSE } else { FINE };
    now.checked_sub(Duration::new(seconds, nanos))
        .is_some_and(|rest| rest >= needed)
}

impl Cache {
    /// The digest of a file that was hashed before and has not changed since.
    pub(in crate::wasm) fn noted(&self, file: &Identity) -> Option<String> {
        let path = self.note_path(file);
        if !path.exists() || !is_private(&path) {
            return None;
        }
        let text = std::fs::read_to_string(&path).ok()?;
        let (digest, mac) = text.split_once(' ')?;
        let legal = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        let ours = self.key().ok()?.mac("note", &[&file.name(), digest]);
        note_use(&path);
        (legal && *ours.finalize().to_hex() == *mac).then(|| digest.to_owned())
    }

    /// Notes the digest of a file, if it was at rest when it was read. What cannot be noted is hashed again.
    pub(in crate::wasm) fn note(&self, file: &Identity, digest: &str) {
        if !file.at_rest {
            return;
        }
        let Ok(key) = self.make_key() else {
            return;
        };
        let mac = key.mac("note", &[&file.name(), digest]).finalize().to_hex();
        let parts = [digest.as_bytes(), b" ", mac.as_bytes()];
        let _ = self.write(&self.note_path(file), &parts);
    }

    fn note_path(&self, file: &Identity) -> PathBuf {
        self.folder.join(file.name())
    }
}
