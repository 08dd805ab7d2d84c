//! Which paths of a guest name a file, and which ways out there are not.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::*;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("wasgi-lookup-{name}-{}", std::process::id()));
        fs::create_dir_all(path.join("mount/below")).unwrap();
        fs::write(path.join("secret"), "secret").unwrap();
        fs::write(path.join("mount/a.txt"), "text").unwrap();
        fs::write(path.join("mount/below/b.txt"), "below").unwrap();
        Self(path)
    }

    fn files(&self) -> Files {
        let mut files = Files::none();
        files.mount_live("1", &self.0.join("mount")).unwrap();
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn read(files: &Files, path: &str) -> Option<String> {
    let (mut file, length) = files.find(path).ok()?;
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(length, text.len() as u64);
    Some(text)
}

#[test]
fn e02_paths_of_the_guest_are_found() {
    let folder = Folder::new("found");
    symlink("below/b.txt", folder.0.join("mount/link")).unwrap();
    symlink("below", folder.0.join("mount/folder")).unwrap();
    let files = folder.files();
    for (path, text) in [
        ("/1/a.txt", "text"),
        ("//1//a.txt", "text"),
        ("/1/./a.txt", "text"),
        ("/1/below/../a.txt", "text"),
        ("/1/below/b.txt", "below"),
        ("/1/link", "below"),
        ("/1/folder/b.txt", "below"),
    ] {
        assert_eq!(read(&files, path).as_deref(), Some(text), "{path}");
    }
}

#[test]
fn e02_there_is_no_way_out_of_a_mount() {
    let folder = Folder::new("out");
    symlink("../secret", folder.0.join("mount/up")).unwrap();
    symlink("..", folder.0.join("mount/parent")).unwrap();
    symlink(folder.0.join("secret"), folder.0.join("mount/absolute")).unwrap();
    symlink("/proc/self", folder.0.join("mount/proc")).unwrap();
    let files = folder.files();
    let host = folder.0.join("secret");
    for path in [
        "/1/../secret",
        "/1/below/../../secret",
        "/1/up",
        "/1/parent/secret",
        "/1/absolute",
        "/1/proc/environ",
        "/../secret",
        "/secret",
        "/etc/passwd",
        "/1",
        "/1/",
        "/",
        "",
        "/2/a.txt",
        "/1/a.txt/",
        "/1/absent",
        "/1/\0",
        host.to_str().unwrap(),
    ] {
        assert_eq!(read(&files, path), None, "{path}");
    }
}

#[test]
fn e02_only_regular_files() {
    let folder = Folder::new("kinds");
    let pipe = folder.0.join("mount/pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(folder.0.join("mount/socket")).unwrap();
    let files = folder.files();
    for path in ["/1/pipe", "/1/socket", "/1/below"] {
        assert!(files.find(path).is_err(), "{path}");
    }
}
