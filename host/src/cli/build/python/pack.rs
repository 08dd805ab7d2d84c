//! The files that the app may read when it runs, as one archive at the end of the component.
//!
//! The library unpacks it (`wasgi::wasm::files`, which has the rules for what may be in it) and mounts each top-level folder
//! read-only. The same files give the same bytes: entries are sorted, owners and times are nobody's and never, except that
//! the app's own files keep their times, of which servers of static files make their validators.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use flate2::{Compression, GzBuilder, write::GzEncoder};
use tar::{Builder, EntryType, Header};
use wasgi::{
    error::{Error, Result},
    wasm::files,
};

use super::home::cannot_write;

/// Fast: the files are read at the first start only, and most of the component is not them.
const LEVEL: u32 = 6;

/// A folder of the stage, where it goes, and whether its files keep their times.
pub(super) struct Mount<'a> {
    pub(super) from: PathBuf,
    pub(super) to: &'a str,
    pub(super) keep_times: bool,
}

/// Appends the files to the component.
pub(super) fn append(component: &Path, mounts: &[Mount<'_>]) -> Result<()> {
    let packed = pack(mounts)
        .map_err(|error| Error::internal("cannot pack the app's files").because(error))?;
    let written = fs::File::options()
        .append(true)
        .open(component)
        .and_then(|mut file| file.write_all(&files::section(&packed)));
    written.map_err(|error| cannot_write(component, error))
}

fn pack(mounts: &[Mount<'_>]) -> io::Result<Vec<u8>> {
    let encoder: GzEncoder<Vec<u8>> = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::new(LEVEL));
    let mut archive = Builder::new(encoder);
    for mount in mounts {
        if mount.from.is_dir() {
            add_folder(&mut archive, &mount.from, mount.to, mount.keep_times)?;
        }
    }
    archive.into_inner()?.finish()
}

fn add_folder(
    archive: &mut Builder<impl Write>,
    from: &Path,
    to: &str,
    keep_times: bool,
) -> io::Result<()> {
    archive.append_data(
        &mut header(EntryType::Directory, 0, 0),
        format!("{to}/"),
        io::empty(),
    )?;
    let mut entries = fs::read_dir(from)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if entry.file_type()?.is_dir() {
            add_folder(archive, &path, &format!("{to}/{name}"), keep_times)?;
        } else if entry.file_type()?.is_file() {
            // A native module is in the component itself; the import system only asks whether its file is there.
            let content = if name.ends_with(".so") {
                Vec::new()
            } else {
                fs::read(&path)?
            };
            let seconds = if keep_times { seconds(&path)? } else { 0 };
            let mut header = header(EntryType::Regular, content.len() as u64, seconds);
            archive.append_data(&mut header, format!("{to}/{name}"), content.as_slice())?;
        }
    }
    Ok(())
}

fn header(kind: EntryType, size: u64, seconds: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(if kind == EntryType::Directory {
        0o755
    } else {
        0o644
    });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(seconds);
    header.set_size(size);
    header
}

fn seconds(path: &Path) -> io::Result<u64> {
    let modified = fs::metadata(path)?.modified()?;
    Ok(modified
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs()))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_same_files_give_the_same_bytes_and_only_the_apps_keep_their_times() {
        let root = std::env::temp_dir().join(format!("wasgi-pack-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        for path in ["lib/a/x.py", "lib/a/fast.so", "1/main.py", "1/b.txt"] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(&path, "text").expect("a file");
            let then = UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
            let file = fs::File::options()
                .append(true)
                .open(&path)
                .expect("a file");
            file.set_modified(then).expect("ours");
        }
        let mounts = |keep_times| {
            [
                Mount {
                    from: root.join("lib"),
                    to: "0/lib",
                    keep_times: false,
                },
                Mount {
                    from: root.join("1"),
                    to: "1",
                    keep_times,
                },
                Mount {
                    from: root.join("not-there"),
                    to: "python",
                    keep_times,
                },
            ]
        };
        let packed = pack(&mounts(true)).expect("packed");
        assert_eq!(packed, pack(&mounts(true)).expect("packed"));
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed.as_slice()));
        let mut seen = Vec::new();
        for entry in archive.entries().expect("entries") {
            let mut entry = entry.expect("an entry");
            let mut content = String::new();
            entry.read_to_string(&mut content).expect("text");
            let path = entry.path().expect("a path").display().to_string();
            seen.push((path, content, entry.header().mtime().expect("a time")));
        }
        let text = |path: &str, content: &str, time| (path.to_owned(), content.to_owned(), time);
        assert_eq!(
            seen,
            [
                text("0/lib/", "", 0),
                text("0/lib/a/", "", 0),
                text("0/lib/a/fast.so", "", 0),
                text("0/lib/a/x.py", "text", 0),
                text("1/", "", 0),
                text("1/b.txt", "text", 1_700_000_000),
                text("1/main.py", "text", 1_700_000_000),
            ]
        );
        fs::remove_dir_all(&root).expect("ours");
    }
}
