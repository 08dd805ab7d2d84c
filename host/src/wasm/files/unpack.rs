//! Unpacks the archive of a component into a folder. The archive is a stranger's.
//!
//! `files.rs` calls it with an empty folder that is ours alone. One gzip member holds one tar with files and folders and
//! nothing else: no links, no devices, no extension headers but GNU's long names. A name that could lead out of the
//! folder is refused, and so is whatever exceeds a bound; nothing is written before its name has been checked.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufRead, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flate2::bufread::GzDecoder;
use tar::{Archive, Entry, EntryType};

/// All files together, unpacked, with 512 bytes for each entry. A large app with its libraries has 150 MiB.
const UNPACKED_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Files and folders. A large app with its libraries has ten thousand.
const ENTRIES_MAX: usize = 100_000;

/// One path.
const PATH_BYTES_MAX: usize = 512;

/// Parts of one path.
const DEPTH_MAX: usize = 32;

/// Top-level folders: each costs the process a descriptor and each instance a handle.
const MOUNTS_MAX: usize = 16;

/// The name of a top-level folder.
const MOUNT_NAME_BYTES_MAX: usize = 32;

/// What an archive may not mount, because the host does.
pub(super) const DATA: &str = "data";

/// A later modification time is not believed: 2106, what 32 bits hold.
const MTIME_MAX: u64 = u32::MAX as u64;

/// Why an archive was not unpacked.
#[derive(Debug)]
pub(super) enum Problem {
    /// The archive's fault.
    Archive(String),
    /// The disk's.
    Disk(io::Error),
}

impl Problem {
    fn read(error: &io::Error) -> Self {
        Self::Archive(format!("it is damaged: {error}"))
    }

    fn of(path: &str, what: &str) -> Self {
        // A name is shown as a literal, so that nothing in it moves a cursor.
        let shown: String = path.chars().take(100).collect();
        Self::Archive(format!("the entry {shown:?} {what}"))
    }
}

/// Unpacks `archive` into `folder`, which exists and is empty.
pub(super) fn unpack(archive: impl BufRead, folder: &Path) -> Result<(), Problem> {
    let bounded = Bounded {
        inner: GzDecoder::new(archive),
        left: UNPACKED_BYTES_MAX,
    };
    let mut archive = Archive::new(bounded);
    let mut unpacked = Unpacked::new(folder);
    let entries = archive.entries().map_err(|error| Problem::read(&error))?;
    let mut long_name = None;
    // Raw: the crate would read extensions of any length into memory, and believe them.
    for (count, entry) in entries.raw(true).enumerate() {
        let mut entry = entry.map_err(|error| Problem::read(&error))?;
        if count >= ENTRIES_MAX {
            let what = format!("it has more than {ENTRIES_MAX} entries");
            return Err(Problem::Archive(what));
        }
        let kind = entry.header().entry_type();
        if kind == EntryType::GNULongName {
            long_name = Some(read_long_name(&mut entry)?);
            continue;
        }
        let name = match long_name.take() {
            Some(name) => name,
            None => entry.path_bytes().into_owned(),
        };
        let path = Checked::new(&name)?;
        match kind {
            EntryType::Directory => unpacked.folder(&path)?,
            EntryType::Regular => unpacked.file(&path, &mut entry)?,
            _ => {
                return Err(Problem::of(
                    path.shown,
                    "is neither a file nor a folder (links and devices are not allowed)",
                ));
            }
        }
    }
    finish(archive.into_inner())
}

/// What follows the end of the tar: the gzip checksum is checked, and nothing may stand behind it.
fn finish<R: BufRead>(mut rest: Bounded<GzDecoder<R>>) -> Result<(), Problem> {
    io::copy(&mut rest, &mut io::sink()).map_err(|error| Problem::read(&error))?;
    let mut beyond = rest.inner.into_inner();
    match beyond.read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Problem::Archive("something follows its end".to_owned())),
        Err(error) => Err(Problem::read(&error)),
    }
}

fn read_long_name(entry: &mut Entry<'_, impl Read>) -> Result<Vec<u8>, Problem> {
    // One more, for a NUL at the end.
    if entry.size() > PATH_BYTES_MAX as u64 + 1 {
        let what = format!("an entry has a name of more than {PATH_BYTES_MAX} bytes");
        return Err(Problem::Archive(what));
    }
    let mut name = Vec::new();
    entry
        .read_to_end(&mut name)
        .map_err(|error| Problem::read(&error))?;
    if name.last() == Some(&0) {
        name.pop();
    }
    Ok(name)
}

/// The path of an entry that stays where it is put.
struct Checked<'a> {
    shown: &'a str,
    mount: &'a str,
    /// Below the folder that is unpacked into.
    relative: PathBuf,
    /// Whether it is the mount itself.
    is_mount: bool,
}

impl<'a> Checked<'a> {
    fn new(name: &'a [u8]) -> Result<Self, Problem> {
        let Ok(shown) = std::str::from_utf8(name) else {
            let lossy = String::from_utf8_lossy(name);
            return Err(Problem::of(&lossy, "has a name that is not UTF-8"));
        };
        let problem = |what: &str| Err(Problem::of(shown, what));
        // A folder's name may end with a slash.
        let path = shown.strip_suffix('/').unwrap_or(shown);
        if path.starts_with('/') {
            return problem("has an absolute path");
        }
        if path.len() > PATH_BYTES_MAX {
            return problem("has a path of more than 512 bytes");
        }
        if path.contains(|letter: char| letter.is_control()) {
            return problem("has a control character in its path");
        }
        let mut relative = PathBuf::new();
        let mut depth = 0;
        for part in path.split('/') {
            match part {
                "" | "." | ".." => return problem("has an empty part, `.` or `..` in its path"),
                _ if part.len() > 255 => return problem("has a part of more than 255 bytes"),
                _ => relative.push(part),
            }
            depth += 1;
        }
        if depth > DEPTH_MAX {
            return problem("lies more than 32 folders deep");
        }
        let mount = path.split('/').next().unwrap_or_default();
        if !is_mount_name(mount) {
            return problem(
                "lies in no top-level folder of a legal name: 1 to 32 of `a-z`, `0-9`, `_` and `-`, and not `data`",
            );
        }
        Ok(Self {
            shown,
            mount,
            relative,
            is_mount: depth == 1,
        })
    }
}

/// Whether `/name` may be a mount of an archive.
pub(super) fn is_mount_name(name: &str) -> bool {
    let legal = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    (1..=MOUNT_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(legal) && name != DATA
}

/// What has been written so far.
struct Unpacked<'a> {
    root: &'a Path,
    mounts: HashSet<String>,
    folders: HashSet<PathBuf>,
}

impl<'a> Unpacked<'a> {
    fn new(root: &'a Path) -> Self {
        Self {
            root,
            mounts: HashSet::new(),
            folders: HashSet::new(),
        }
    }

    fn folder(&mut self, path: &Checked<'_>) -> Result<(), Problem> {
        if !self.mounts.contains(path.mount) {
            if self.mounts.len() >= MOUNTS_MAX {
                let what = format!("it has more than {MOUNTS_MAX} top-level folders");
                return Err(Problem::Archive(what));
            }
            self.mounts.insert(path.mount.to_owned());
        }
        self.make(&path.relative, path)
    }

    /// Makes a folder and those above it that are not there yet.
    fn make(&mut self, relative: &Path, path: &Checked<'_>) -> Result<(), Problem> {
        let missing: Vec<_> = relative
            .ancestors()
            .take_while(|above| !above.as_os_str().is_empty() && !self.folders.contains(*above))
            .map(Path::to_owned)
            .collect();
        for folder in missing.into_iter().rev() {
            fs::DirBuilder::new()
                .mode(0o700)
                .create(self.root.join(&folder))
                .map_err(|error| taken(path, error))?;
            self.folders.insert(folder);
            if self.folders.len() > ENTRIES_MAX {
                let what = format!("it has more than {ENTRIES_MAX} folders");
                return Err(Problem::Archive(what));
            }
        }
        Ok(())
    }

    fn file(
        &mut self,
        path: &Checked<'_>,
        entry: &mut Entry<'_, impl Read>,
    ) -> Result<(), Problem> {
        if path.is_mount {
            return Err(Problem::of(
                path.shown,
                "is a file at the top, where only folders are allowed",
            ));
        }
        let above = path.relative.parent().unwrap_or(Path::new(path.mount));
        self.folder(&Checked {
            shown: path.shown,
            mount: path.mount,
            relative: above.to_owned(),
            is_mount: false,
        })?;
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o400)
            .open(self.root.join(&path.relative))
            .map_err(|error| taken(path, error))?;
        let announced = entry.header().size().unwrap_or(u64::MAX);
        let written = copy(entry, &mut file)?;
        if written != announced {
            return Err(Problem::of(path.shown, "is cut off"));
        }
        if let Ok(seconds) = entry.header().mtime() {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.min(MTIME_MAX));
            file.set_modified(time).map_err(Problem::Disk)?;
        }
        Ok(())
    }
}

fn taken(path: &Checked<'_>, error: io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            Problem::of(path.shown, "has the name of an earlier one")
        }
        _ => Problem::Disk(error),
    }
}

/// As `io::copy`, and knows which side failed.
fn copy(from: &mut impl Read, to: &mut impl Write) -> Result<u64, Problem> {
    let mut buffer = [0; 16 * 1024];
    let mut copied = 0;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok(copied),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Problem::read(&error)),
        };
        let piece = buffer.get(..read).unwrap_or_default();
        to.write_all(piece).map_err(Problem::Disk)?;
        copied += read as u64;
    }
}

/// Gives no more than a number of bytes; one more is an error, not the end.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let Some(left) = self.left.checked_sub(read as u64) else {
            let what = format!(
                "it unpacks to more than {} MiB",
                UNPACKED_BYTES_MAX / (1024 * 1024)
            );
            return Err(io::Error::other(what));
        };
        self.left = left;
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
