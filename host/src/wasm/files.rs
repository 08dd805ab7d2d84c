//! The files that an app brings along, and the folders that it is given.
//!
//! A component may carry an archive in a custom section ([`SECTION`]): its top-level folders are what the instances see
//! as `/name`, read-only. `app.rs` has it unpacked once per digest (`files/unpack.rs`, `cache/folder.rs`); `store.rs`
//! gives each instance the same open folders, so that a further instance costs no descriptor. Besides, an app can
//! be given a live folder in the place of one of its own, and a folder for its data, the only one that it can
//! write to. Nothing in here is ever named to a guest by its path on the host.
//!
//! What the app may read it may also have sent (`E-02`, `files/lookup.rs`): the host opens the file by the path that the
//! app knows, and no other.

mod lookup;
mod section;
mod unpack;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

pub use section::{SECTION, are_in, section};
use unpack::{DATA, Problem, is_mount_name, unpack};
use wasmtime_wasi::filesystem::WasiFilesystemCtx;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

use super::Cache;
use super::cache::Held;
use super::descriptors::LOCK_ENDING;
use crate::error::{Error, Result};

/// The folders of an app, opened once and shared by its instances.
pub(super) struct Files {
    mounts: BTreeMap<String, Mount>,
    opened: WasiFilesystemCtx,
    /// What the archive was unpacked to.
    _held: Option<Held>,
    /// Says to other processes that somebody uses the data folder.
    _data: Option<File>,
}

struct Mount {
    host: PathBuf,
    perms: FsPerms,
    /// For the host's own look-ups; none until it is opened.
    folder: Option<File>,
}

impl Files {
    /// Those of the component `file`, which is the one of this digest; `shown` is its path, for messages.
    ///
    /// # Errors
    /// When its archive breaks a rule, or there is no room to unpack it.
    pub(super) fn of(
        shown: &Path,
        file: &mut File,
        digest: &str,
        cache: Option<&Cache>,
    ) -> Result<Self> {
        let unreadable = |error: io::Error| {
            Error::user(format!("cannot read the files in `{}`", shown.display()))
                .because(error)
                .hint("did something change the file just now?")
        };
        let sections = section::find(file).map_err(unreadable)?;
        let [archive] = &sections[..] else {
            if sections.is_empty() {
                return Ok(Self::none());
            }
            return Err(refused(shown, format!("it has {} of them", sections.len())));
        };
        let held = match cache.and_then(|cache| cache.folder(digest)) {
            Some(held) => held,
            None => unpacked(file, archive, digest, cache).map_err(|problem| match problem {
                Problem::Archive(what) => refused(shown, what),
                Problem::Disk(error) => {
                    let what = format!("cannot unpack the files in `{}`", shown.display());
                    Error::user(what).because(error).hint(
                        "is the disk full? WASGI_CACHE_DIR, or TMPDIR without a cache, says where they go",
                    )
                }
            })?,
        };
        let mut files = Self::none();
        for entry in fs::read_dir(held.root()).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            if let Some(name) = entry
                .file_name()
                .to_str()
                .filter(|name| is_mount_name(name))
            {
                files.mounts.insert(
                    name.to_owned(),
                    Mount {
                        host: entry.path(),
                        perms: FsPerms::ReadOnly,
                        folder: None,
                    },
                );
            }
        }
        files._held = Some(held);
        files.open()?;
        Ok(files)
    }

    fn none() -> Self {
        Self {
            mounts: BTreeMap::new(),
            opened: WasiFilesystemCtx::default(),
            _held: None,
            _data: None,
        }
    }

    /// Puts a folder of the host in the place of the mount `name`, read-only and as it is at any time.
    ///
    /// # Errors
    /// When the folder cannot be opened.
    pub(super) fn mount_live(&mut self, name: &str, host: &Path) -> Result<()> {
        if !is_mount_name(name) {
            return Err(Error::internal(format!("`{name}` is no name of a mount")));
        }
        self.mount(name, host, FsPerms::ReadOnly)
    }

    /// Gives the app a folder to write to, `/data`. It is made, for this user alone, when it is not there.
    ///
    /// # Errors
    /// When the folder cannot be made or opened.
    pub(super) fn mount_data(&mut self, host: &Path) -> Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(host)
            .map_err(|error| {
                Error::user(format!("cannot make the data folder `{}`", host.display()))
                    .because(error)
                    .hint("give another one with --data-dir")
            })?;
        self._data = use_data(host).ok();
        self.mount(DATA, host, FsPerms::ReadWrite)
    }

    fn mount(&mut self, name: &str, host: &Path, perms: FsPerms) -> Result<()> {
        let host = host.to_owned();
        let mount = Mount {
            host,
            perms,
            folder: None,
        };
        self.mounts.insert(name.to_owned(), mount);
        self.open()
    }

    /// Whether the app has files at all.
    pub(super) fn are_there(&self) -> bool {
        !self.mounts.is_empty()
    }

    /// What a new instance gets: the same open folders as all others.
    pub(super) fn opened(&self) -> WasiFilesystemCtx {
        self.opened.clone()
    }

    fn open(&mut self) -> Result<()> {
        let mut wasi = WasiCtxBuilder::new();
        for (name, mount) in &mut self.mounts {
            let failed = |error: wasmtime::Error| {
                Error::user(format!(
                    "cannot open `{}`, which the app sees as `/{name}`",
                    mount.host.display()
                ))
                .because(error)
                .hint("check that the folder exists and is yours to read")
            };
            wasi.preopened_dir(&mount.host, format!("/{name}"), mount.perms)
                .map_err(failed)?;
            let folder = File::open(&mount.host);
            mount.folder = Some(folder.map_err(|error| failed(error.into()))?);
        }
        self.opened = wasi.build().filesystem().clone();
        Ok(())
    }
}

/// Says that this process uses a data folder. If no other does, the locks in it are of one that was killed: SQLite's are
/// empty folders beside their database (`descriptors.rs`), and nobody else would ever remove them.
fn use_data(host: &Path) -> io::Result<File> {
    let folder = File::open(host)?;
    if folder.try_lock().is_ok() {
        let mut left = LOOKED_AT_MAX;
        remove_locks(host, LOOK_DEPTH, &mut left);
    }
    folder.lock_shared()?;
    Ok(folder)
}

/// How deep locks are looked for, and among how many entries.
const LOOK_DEPTH: u32 = 4;
const LOOKED_AT_MAX: u32 = 10_000;

fn remove_locks(folder: &Path, depth: u32, left: &mut u32) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Some(fewer) = left.checked_sub(1) else {
            return;
        };
        *left = fewer;
        let path = entry.path();
        // Not through links.
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let name = entry.file_name();
        let of = name
            .to_str()
            .and_then(|name| name.strip_suffix(LOCK_ENDING));
        if of.is_some_and(|of| folder.join(of).is_file()) {
            if fs::remove_dir(&path).is_ok() {
                tracing::warn!("the lock {name:?} of a server that was killed: released");
            }
        } else if depth > 0 {
            remove_locks(&path, depth - 1, left);
        }
    }
}

fn refused(shown: &Path, what: String) -> Error {
    Error::user(format!("the files in `{}` are refused", shown.display()))
        .because(what)
        .hint(format!(
            "`wasgi build` puts them there, as one `{SECTION}` section; build it again"
        ))
}

/// Unpacks into the cache, or, where there is none or it cannot be written, into a folder for this run.
fn unpacked(
    file: &mut File,
    archive: &Range<u64>,
    digest: &str,
    cache: Option<&Cache>,
) -> std::result::Result<Held, Problem> {
    let mut fill = |folder: &Path| {
        file.seek(SeekFrom::Start(archive.start))?;
        let bytes = (&mut *file).take(archive.end - archive.start);
        unpack(BufReader::new(bytes), folder)
    };
    if let Some(cache) = cache {
        match cache.keep_folder(digest, &mut fill) {
            Err(Problem::Disk(error)) => tracing::warn!(
                "cannot keep unpacked files in `{}`, so they are unpacked again at each start: {error}",
                cache.path().display()
            ),
            kept => return kept,
        }
    }
    let held = Held::temporary()?;
    fill(held.root())?;
    Ok(held)
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}
