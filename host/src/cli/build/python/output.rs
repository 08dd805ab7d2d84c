//! Where the component of an app lies: `.wasgi/build` in the app's folder, as cargo has its `target`.
//!
//! Beside it stands the digest of what it was made from, so that a build of which nothing has changed ends at once. Where the
//! folder cannot be written to, the component lies with the build tools.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use wasgi::error::Result;

use super::{
    Mode, Request,
    digest::Digest,
    home::{Home, cannot_write},
};

/// The place of one component.
pub(super) struct Output {
    wasm: PathBuf,
    note: PathBuf,
}

impl Output {
    /// The place of the component that is asked for.
    pub(super) fn of(request: &Request<'_>, home: &Home) -> Result<Self> {
        let suffix = match request.mode {
            Mode::Snapshot => "",
            Mode::Live => "-live",
        };
        let folder = match beside(request.folder) {
            Ok(folder) => folder,
            Err(_) => elsewhere(request.folder, home)?,
        };
        Ok(Self {
            wasm: folder.join(format!("{}{suffix}.wasm", request.name)),
            note: folder.join(format!("{}{suffix}.digest", request.name)),
        })
    }

    /// The component, if it was made from the same.
    pub(super) fn fresh(&self, digest: &Digest) -> Option<PathBuf> {
        let found = fs::metadata(&self.wasm).ok()?;
        let noted = fs::read_to_string(&self.note).ok()?;
        (noted == self.line(digest, found.len())).then(|| self.wasm.clone())
    }

    /// Puts a component there, whole.
    pub(super) fn keep(&self, component: &Path, digest: &Digest) -> Result<PathBuf> {
        let aside = self
            .wasm
            .with_extension(format!("{}.tmp", std::process::id()));
        let bytes = fs::copy(component, &aside).map_err(|error| cannot_write(&aside, error))?;
        // In this order: a note without its component is worth nothing, a component without its note is built again.
        let kept = match fs::remove_file(&self.note) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => fs::rename(&aside, &self.wasm),
        };
        kept.and_then(|()| fs::write(&self.note, self.line(digest, bytes)))
            .map_err(|error| cannot_write(&self.wasm, error))?;
        Ok(self.wasm.clone())
    }

    fn line(&self, digest: &Digest, bytes: u64) -> String {
        format!("{} {bytes}\n", digest.hex())
    }
}

/// `.wasgi/build`, which version control does not see.
fn beside(app: &Path) -> io::Result<PathBuf> {
    let ours = app.join(".wasgi");
    let folder = ours.join("build");
    fs::create_dir_all(&folder)?;
    let ignore = ours.join(".gitignore");
    if !ignore.exists() {
        fs::write(ignore, "*\n")?;
    }
    let probe = folder.join(format!(".{}.tmp", std::process::id()));
    fs::write(&probe, "")?;
    fs::remove_file(probe)?;
    Ok(folder)
}

fn elsewhere(app: &Path, home: &Home) -> Result<PathBuf> {
    let app = fs::canonicalize(app).unwrap_or_else(|_| app.to_owned());
    let name = Digest::of("app folder").with("path", app.as_os_str().as_encoded_bytes());
    let folder = home.tool_folder(&format!("app-{}", name.short()));
    fs::create_dir_all(&folder).map_err(|error| cannot_write(&folder, error))?;
    Ok(folder)
}
