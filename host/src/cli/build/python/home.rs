//! Where the tools and what they make are kept: `python` below the folder of the compiled-code cache.
//!
//! Everything in here is a folder that was made aside and renamed, so that it is whole or not there, and carries the digest
//! of what it was made from in its name. One build at a time makes a given folder; others wait for its lock. What nobody
//! has used for 30 days is removed when something new is kept. The folder belongs to the user alone, because what stands
//! here is run.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use wasgi::{
    error::{Error, Result},
    wasm::Cache,
};

/// What nobody has used for this long is removed.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 3600);

/// What a build that was killed has left is removed after this.
const FORGOTTEN: Duration = Duration::from_secs(24 * 3600);

/// Touched whenever a kept folder is used.
const USED: &str = ".used";

/// The folders of one build.
pub(super) struct Home {
    /// Tools, which are kept even if nothing else is.
    tools: PathBuf,
    /// What is made of dependencies.
    kept: PathBuf,
    /// The folder for this build alone, removed with the value.
    temporary: PathBuf,
}

impl Home {
    /// The folders of this user; without `keep`, what is made goes with the value, the tools excepted.
    pub(super) fn open(keep: bool) -> Result<Self> {
        let cache = Cache::of_user().ok_or_else(|| {
            Error::user("there is no place for Python's build tools")
                .because("neither WASGI_CACHE_DIR nor XDG_CACHE_HOME nor HOME is set")
                .hint("set WASGI_CACHE_DIR to a folder of yours")
        })?;
        let tools = cache.path().join("python");
        let made = make(&tools).and_then(|()| check(&tools));
        made.map_err(|error| {
            Error::user(format!("cannot use the folder `{}`", tools.display()))
                .because(error)
                .hint("set WASGI_CACHE_DIR to a folder that is yours alone")
        })?;
        let tools = fs::canonicalize(&tools).unwrap_or(tools);
        remove_forgotten(&tools);
        let temporary = aside(&tools.join("tmp"))?;
        let kept = if keep {
            tools.clone()
        } else {
            temporary.join("kept")
        };
        Ok(Self {
            tools,
            kept,
            temporary,
        })
    }

    /// A folder of this build's own, empty.
    pub(super) fn scratch(&self, name: &str) -> Result<PathBuf> {
        let folder = self.temporary.join(name);
        make(&folder).map_err(|error| cannot_write(&folder, error))?;
        Ok(folder)
    }

    /// The kept folder `name`, which `fill` makes if it is not there. It says whether it was.
    pub(super) fn kept(
        &self,
        name: &str,
        fill: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<(PathBuf, bool)> {
        self.once(&self.kept, name, fill)
    }

    /// As [`Home::kept`], for tools.
    pub(super) fn tool(
        &self,
        name: &str,
        fill: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<(PathBuf, bool)> {
        self.once(&self.tools, name, fill)
    }

    /// The kept folder `name`, if it is there.
    pub(super) fn existing(&self, name: &str) -> Option<PathBuf> {
        let folder = self.kept.join(name);
        use_of(&folder)
    }

    /// A folder that is not made aside, because what fills it writes its own path into it.
    pub(super) fn tool_folder(&self, name: &str) -> PathBuf {
        self.tools.join(name)
    }

    fn once(
        &self,
        below: &Path,
        name: &str,
        fill: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<(PathBuf, bool)> {
        let folder = below.join(name);
        if let Some(folder) = use_of(&folder) {
            return Ok((folder, true));
        }
        make(below).map_err(|error| cannot_write(below, error))?;
        let _lock = lock(below, name)?;
        if let Some(folder) = use_of(&folder) {
            return Ok((folder, true));
        }
        let new = aside(&self.temporary.join("new"))?;
        fill(&new)?;
        let done = fs::write(new.join(USED), "").and_then(|()| fs::rename(&new, &folder));
        done.map_err(|error| cannot_write(&folder, error))?;
        prune(below);
        Ok((folder, false))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // What is left of it is removed by a later build.
        let _ = fs::remove_dir_all(&self.temporary);
    }
}

/// The folder, noted as used, if it is whole.
fn use_of(folder: &Path) -> Option<PathBuf> {
    let note = fs::File::options().append(true).open(folder.join(USED));
    let note = note.ok()?;
    let _ = note.set_modified(SystemTime::now());
    Some(folder.to_owned())
}

fn make(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

/// Ours, and writable by nobody else: what stands there is executed.
fn check(folder: &Path) -> io::Result<()> {
    let found = fs::metadata(folder)?;
    if found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(io::Error::other(
        "others can write to it, and what stands there is run",
    ))
}

/// A new folder with a name that no other build has.
fn aside(below: &Path) -> Result<PathBuf> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = below.join(format!("{}-{number}", std::process::id()));
    let made = match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => make(&folder),
    };
    made.map_err(|error| cannot_write(&folder, error))?;
    Ok(folder)
}

fn lock(below: &Path, name: &str) -> Result<fs::File> {
    let path = lock_of(below, name);
    let locked = fs::File::create(&path).and_then(|file| {
        file.lock()?;
        Ok(file)
    });
    locked.map_err(|error| cannot_write(&path, error))
}

/// Removes what nobody uses any more.
fn prune(below: &Path) {
    for path in entries(below) {
        if is_older(&path.join(USED), UNUSED) {
            // Another build may have been quicker.
            let _ = fs::remove_dir_all(&path);
            let _ = fs::remove_file(lock_of(
                below,
                &path.file_name().unwrap_or_default().to_string_lossy(),
            ));
        }
    }
}

/// Removes what builds that were killed have left.
fn remove_forgotten(tools: &Path) {
    for path in entries(&tools.join("tmp")) {
        if is_older(&path, FORGOTTEN) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

fn is_older(path: &Path, than: Duration) -> bool {
    let modified = fs::metadata(path).and_then(|found| found.modified());
    modified.is_ok_and(|then| then.elapsed().is_ok_and(|age| age > than))
}

fn lock_of(below: &Path, name: &str) -> PathBuf {
    below.join(format!("{name}.lock"))
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path())
}

/// The error for a file that could not be written.
pub(super) fn cannot_write(path: &Path, error: io::Error) -> Error {
    let hint = match error.kind() {
        io::ErrorKind::StorageFull => "there is no space left on that disk",
        io::ErrorKind::PermissionDenied => "check who may write there, or set WASGI_CACHE_DIR",
        _ => "check that it is a folder that you may write to, or set WASGI_CACHE_DIR",
    };
    Error::user(format!("cannot write `{}`", path.display()))
        .because(error)
        .hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(name: &str) -> (Home, PathBuf) {
        let root = std::env::temp_dir().join(format!("wasgi-home-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        let temporary = aside(&root.join("tmp")).expect("a folder");
        let home = Home {
            tools: root.clone(),
            kept: root.clone(),
            temporary,
        };
        (home, root)
    }

    #[test]
    fn what_was_filled_once_is_not_filled_again_and_a_failure_leaves_nothing() {
        let (home, root) = home("once");
        let failed = home.kept("a-1", |_| Err(Error::user("no")));
        assert_eq!(failed.expect_err("it failed").to_string(), "no");
        assert!(!root.join("a-1").exists());
        let fill = |folder: &Path| {
            fs::write(folder.join("x"), "1").map_err(|error| cannot_write(folder, error))
        };
        let (folder, was_there) = home.kept("a-1", fill).expect("filled");
        assert!(!was_there && folder.join("x").is_file());
        let (_, was_there) = home.kept("a-1", |_| panic!("it is there")).expect("there");
        assert!(was_there && home.existing("a-1").is_some() && home.existing("b").is_none());
        drop(home);
        assert!(entries(&root.join("tmp")).next().is_none(), "nothing left");
        fs::remove_dir_all(&root).expect("ours");
    }

    #[test]
    fn what_nobody_uses_is_removed_when_something_new_is_kept() {
        let (home, root) = home("prune");
        for (name, days) in [("used-1", 29), ("unused-1", 31)] {
            home.kept(name, |_| Ok(())).expect("made");
            let note = fs::File::options()
                .append(true)
                .open(root.join(name).join(USED));
            let then = SystemTime::now() - Duration::from_secs(days * 24 * 3600);
            note.expect("a note").set_modified(then).expect("ours");
        }
        home.kept("new-1", |_| Ok(())).expect("made");
        assert!(root.join("used-1").exists() && !root.join("unused-1").exists());
        fs::remove_dir_all(&root).expect("ours");
    }

    #[test]
    fn two_builds_that_want_the_same_make_it_once() {
        let (first, root) = home("twice");
        let second = Home {
            tools: root.clone(),
            kept: root.clone(),
            temporary: aside(&root.join("tmp")).expect("a folder"),
        };
        let (made, came) = (AtomicU64::new(0), AtomicU64::new(0));
        let make = |home: &Home| {
            came.fetch_add(1, Ordering::SeqCst);
            home.kept("x-1", |_| {
                // Not before the other one wants it, too.
                while came.load(Ordering::SeqCst) < 2 {
                    std::thread::yield_now();
                }
                made.fetch_add(1, Ordering::SeqCst);
                Ok(())
            })
            .map(|_| ())
        };
        std::thread::scope(|scope| {
            let other = scope.spawn(|| make(&second));
            make(&first).expect("made or found");
            other.join().expect("no panic").expect("made or found");
        });
        assert_eq!(made.load(Ordering::SeqCst), 1);
        drop((first, second));
        fs::remove_dir_all(&root).expect("ours");
    }
}
