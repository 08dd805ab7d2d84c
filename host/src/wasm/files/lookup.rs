//! A file of the app, opened by the host to be sent, by the path that the app knows it by (`E-02`).
//!
//! `server/file.rs` asks, through [`App::open_file`](crate::wasm::App::open_file). A guest names the path, so it is resolved
//! as its own look-ups are: below the mount, whatever dots and links there are on the way (`openat2` with
//! `RESOLVE_BENEATH`, or the same step by step where the system has none).

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::path::Path;

use cap_primitives::fs::{OpenOptions, open};

use super::Files;

impl Files {
    /// The regular file at this absolute path of the guest, and its length in bytes as it is now. Blocks.
    ///
    /// # Errors
    /// When there is none that the guest could read: no mount, no file, a way out of the mount, a folder, a device. The
    /// text names nothing of the host.
    pub(in crate::wasm) fn find(&self, path: &str) -> Result<(File, u64)> {
        let not_found = || Error::from(ErrorKind::NotFound);
        let relative = path.trim_start_matches('/');
        let (mount, within) = relative.split_once('/').ok_or_else(not_found)?;
        let mount = self.mounts.get(mount).ok_or_else(not_found)?;
        let folder = mount.folder.as_ref().ok_or_else(not_found)?;
        let mut options = OpenOptions::new();
        // A pipe would wait for its writer.
        options.read(true)._cap_fs_ext_nonblock(true);
        let within = Path::new(within.trim_start_matches('/'));
        let file = open(folder, within, &options)?;
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(Error::other("it is no regular file"));
        }
        Ok((file, found.len()))
    }
}

#[cfg(test)]
mod tests;
