//! Sees when the files of an app change, by looking.
//!
//! `reload` waits for it. It lists the folder four times a second and compares lengths, times and inodes, as uvicorn's own
//! reloader does: that works on every file system, container mounts and network disks included, needs no descriptors,
//! and costs 1–2 ms a look for an app of a thousand files. A folder that takes longer is looked at less often. What
//! tools write (caches, environments, build folders) is left out.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// Looking takes at most this part of the time.
const SHARE: u32 = 20;

/// An editor, or a checkout of another branch, writes several files: wait until nothing changes for this long.
const QUIET: Duration = Duration::from_millis(75);

/// And no longer than this many times.
const QUIET_MAX: u32 = 40;

/// A folder with more files is looked at up to here.
const FILES_MAX: usize = 50_000;

/// Folders of tools.
const TOOLS: &[&str] = &["__pycache__", "node_modules"];

/// A folder, and what was in it at the last look.
pub(super) struct Watch {
    folder: PathBuf,
    seen: Seen,
}

type Seen = BTreeMap<PathBuf, State>;

#[derive(Debug, PartialEq, Eq)]
struct State {
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Watch {
    /// Watches `folder` as it is now.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            seen: look(folder),
        }
    }

    /// Waits until files have changed and stay as they are for a moment, and names them, relative to the folder.
    pub(super) async fn changed(&mut self) -> Vec<PathBuf> {
        let mut pause = PAUSE;
        loop {
            tokio::time::sleep(pause).await;
            let began = Instant::now();
            let mut now = self.look().await;
            pause = PAUSE.max(began.elapsed() * SHARE);
            if now == self.seen {
                continue;
            }
            for _ in 0..QUIET_MAX {
                tokio::time::sleep(QUIET).await;
                let then = std::mem::replace(&mut now, self.look().await);
                if then == now {
                    break;
                }
            }
            let before = std::mem::replace(&mut self.seen, now);
            let changed = differences(&self.folder, &before, &self.seen);
            // Changed and changed back is no change.
            if !changed.is_empty() {
                return changed;
            }
        }
    }

    async fn look(&self) -> Seen {
        let folder = self.folder.clone();
        let looked = tokio::task::spawn_blocking(move || look(&folder));
        looked.await.unwrap_or_default()
    }
}

fn differences(folder: &Path, before: &Seen, now: &Seen) -> Vec<PathBuf> {
    let new = now
        .iter()
        .filter(|(path, state)| before.get(*path) != Some(state));
    let gone = before.iter().filter(|(path, _)| !now.contains_key(*path));
    new.chain(gone)
        .map(|(path, _)| path.strip_prefix(folder).unwrap_or(path).to_owned())
        .collect()
}

fn look(folder: &Path) -> Seen {
    let mut seen = Seen::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // What cannot be read, or has just gone, is not there.
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            if seen.len() >= FILES_MAX {
                return seen;
            }
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && is_of_a_tool(&path) => {}
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(_) if !is_scratch(&path) => {
                    // Through a link to what it means; a link to a folder is not followed.
                    if let Ok(state) = state(&path) {
                        seen.insert(path, state);
                    }
                }
                _ => {}
            }
        }
    }
    seen
}

fn state(path: &Path) -> io::Result<State> {
    let found = fs::metadata(path)?;
    if !found.is_file() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(State {
        inode: found.ino(),
        length: found.len(),
        modified: (found.mtime(), found.mtime_nsec()),
    })
}

fn name(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

/// Hidden folders (`.git`, `.venv`, `.wasgi`), caches, virtual environments, and what cargo builds into.
fn is_of_a_tool(folder: &Path) -> bool {
    let name = name(folder);
    name.starts_with('.')
        || TOOLS.contains(&&*name)
        || folder.join("pyvenv.cfg").exists()
        || folder.join("CACHEDIR.TAG").exists()
}

/// What editors and interpreters write beside a file.
fn is_scratch(file: &Path) -> bool {
    let name = name(file);
    let ends = [".pyc", "~", ".swp", ".swx", ".tmp", ".part"];
    ends.iter().any(|end| name.ends_with(end)) || name.starts_with(".#") || name == "4913"
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("wasgi-{name}-{}", std::process::id()));
            fs::create_dir_all(&folder).expect("a folder");
            Self(folder)
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn changed(watch: &mut Watch) -> Vec<PathBuf> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let changed = tokio::time::timeout(Duration::from_secs(60), watch.changed());
            changed.await.expect("a change")
        })
    }

    #[test]
    fn changes_are_seen_and_those_of_tools_are_not() {
        let folder = Folder::new("watch");
        folder.write("main.py", "one");
        folder.write("gone.py", "one");
        let mut watch = Watch::new(&folder.0);
        for noise in [
            ".git/index",
            ".venv/lib/a.py",
            ".wasgi/data/db.sqlite",
            "__pycache__/main.cpython-314.pyc",
            "env/pyvenv.cfg",
            "env/lib/a.py",
            "target/CACHEDIR.TAG",
            "target/debug/app.wasm",
            "node_modules/a.js",
            "main.py~",
            ".main.py.swp",
            "4913",
        ] {
            folder.write(noise, "noise");
        }
        assert_eq!(look(&folder.0), watch.seen);
        folder.write("main.py", "two, longer");
        folder.write("pages/new.html", "");
        folder.write(".env", "A=1");
        fs::remove_file(folder.0.join("gone.py")).expect("it was there");
        let mut names = changed(&mut watch);
        names.sort();
        let expected = [".env", "gone.py", "main.py", "pages/new.html"];
        assert_eq!(names, expected.map(PathBuf::from));
    }

    #[test]
    fn a_folder_that_goes_away_and_comes_back_is_a_change() {
        let folder = Folder::new("watch-again");
        folder.write("main.py", "one");
        let mut watch = Watch::new(&folder.0);
        fs::remove_dir_all(&folder.0).expect("it was there");
        assert_eq!(changed(&mut watch), [PathBuf::from("main.py")]);
        folder.write("main.py", "one");
        assert_eq!(changed(&mut watch), [PathBuf::from("main.py")]);
    }
}
