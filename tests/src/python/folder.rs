//! Folders of Python apps that the real binary builds in place, as a user has them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::{files_below, kept, lock};

/// A folder outside of the repository that stays from run to run, for what `wasgi` builds in it (`.wasgi/build`). Nobody else
/// has it meanwhile.
#[derive(Debug)]
pub struct PythonFolder {
    path: PathBuf,
    _held: File,
}

impl PythonFolder {
    /// The folder of this name, with nothing in it but what was built there.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn new(name: &str) -> Self {
        let held = lock(&format!("folder-{name}"));
        let path = kept().join("folders").join(name);
        fs::create_dir_all(&path).expect("a folder below target");
        empty(&path, ".wasgi");
        let built = path.join(".wasgi");
        if built.is_dir() {
            empty(&built, "build");
        }
        Self { path, _held: held }
    }

    /// With a copy of an app of `apps/` in it.
    ///
    /// # Panics
    /// When there is no such app.
    pub fn of_app(app: &str) -> Self {
        let folder = Self::new(app);
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let from = root.expect("a workspace").join("apps").join(app);
        for file in files_below(&from) {
            let bytes = fs::read(from.join(&file)).expect("a file of the app");
            folder.write(&file.to_string_lossy(), bytes);
        }
        folder
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file into it.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
}

/// Removes everything but the entry of this name.
fn empty(folder: &Path, but: &str) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.ends_with(but) {
            continue;
        }
        let removed = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
