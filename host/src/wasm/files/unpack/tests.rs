use std::os::unix::fs::PermissionsExt;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, Header};

use super::*;

/// An archive of these entries: kind, path, content. Paths are written as they are, legal or not.
fn archive(entries: &[(EntryType, &str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (kind, path, content) in entries {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mtime(1_700_000_000);
        header.set_mode(0o6777);
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn file<'a>(path: &'a str, content: &'a [u8]) -> (EntryType, &'a str, &'a [u8]) {
    (EntryType::Regular, path, content)
}

/// Unpacks into a folder beside which something stands that must not be touched.
fn unpacked(archive: &[u8], look: impl FnOnce(&Path)) -> Result<(), String> {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let name = format!("wasgi-unpack-{}-{number}", std::process::id());
    let around = std::env::temp_dir().join(name);
    let folder = around.join("in");
    fs::create_dir_all(&folder).unwrap();
    fs::write(around.join("neighbour"), "untouched").unwrap();
    let result = unpack(archive, &folder);
    let names: Vec<_> = fs::read_dir(&around)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let neighbour = fs::read_to_string(around.join("neighbour")).unwrap();
    assert_eq!(neighbour, "untouched");
    if result.is_ok() {
        look(&folder);
    }
    fs::remove_dir_all(&around).unwrap();
    result.map_err(|problem| match problem {
        Problem::Archive(what) => what,
        Problem::Disk(error) => panic!("the disk: {error}"),
    })
}

fn refused(archive: &[u8]) -> String {
    unpacked(archive, |_| ()).unwrap_err()
}

#[test]
fn files_and_folders_are_unpacked_for_us_alone() {
    let bytes = archive(&[
        (EntryType::Directory, "1/", b""),
        (EntryType::Directory, "1/empty", b""),
        file("1/a.txt", b"alpha"),
        file("python/deep/er/b.py", b""),
        file("1/\u{e4} b", b"spaces and letters"),
    ]);
    unpacked(&bytes, |root| {
        let read = |name: &str| fs::read(root.join(name)).unwrap();
        assert_eq!(read("1/a.txt"), b"alpha");
        assert_eq!(read("python/deep/er/b.py"), b"");
        assert_eq!(read("1/\u{e4} b"), b"spaces and letters");
        assert!(root.join("1/empty").is_dir());
        let found = fs::metadata(root.join("1/a.txt")).unwrap();
        assert_eq!(found.permissions().mode() & 0o7777, 0o400);
        let written = found.modified().unwrap();
        let since = written.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(since.as_secs(), 1_700_000_000);
        let folder = fs::metadata(root.join("python/deep")).unwrap();
        assert_eq!(folder.permissions().mode() & 0o7777, 0o700);
    })
    .unwrap();
}

#[test]
fn long_names_are_those_of_gnu_tar() {
    let long = format!("1/{}/{}.py", "d".repeat(150), "f".repeat(200));
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = Header::new_gnu();
    header.set_size(4);
    builder
        .append_data(&mut header, &long, &b"long"[..])
        .unwrap();
    let bytes = builder.into_inner().unwrap().finish().unwrap();
    unpacked(&bytes, |root| {
        assert_eq!(fs::read(root.join(&long)).unwrap(), b"long");
    })
    .unwrap();

    let endless = vec![b'x'; 1000];
    let bytes = archive(&[(EntryType::GNULongName, "././@LongLink", &endless)]);
    assert_eq!(
        refused(&bytes),
        "an entry has a name of more than 512 bytes"
    );
}

#[test]
fn a_name_that_leads_elsewhere_is_refused() {
    for (path, what) in [
        ("/etc/passwd", "absolute"),
        ("../neighbour", "`..`"),
        ("1/../../neighbour", "`..`"),
        ("1/..", "`..`"),
        ("..", "`..`"),
        (".", "`.`"),
        ("1/./a", "`.`"),
        ("1//a", "empty part"),
        ("", "empty part"),
        ("/", "empty part"),
        ("1/a\nb", "control character"),
        ("1/\x1b[2J", "control character"),
        ("data/a", "legal name"),
        ("Upper/a", "legal name"),
        ("a b/c", "legal name"),
        ("top", "a file at the top"),
    ] {
        let said = refused(&archive(&[file(path, b"x")]));
        assert!(said.contains(what), "{path:?}: {said}");
        assert!(!said.contains(char::is_control), "{said:?}");
    }
    let deep = format!("1/{}x", "d/".repeat(32));
    assert!(refused(&archive(&[file(&deep, b"")])).contains("32 folders deep"));
    let bytes = archive(&[file("1/\u{fffd}", b"")]);
    assert!(unpacked(&bytes, |_| ()).is_ok());
}

#[test]
fn links_devices_and_extensions_are_refused() {
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
        EntryType::Continuous,
        EntryType::GNUSparse,
        EntryType::GNULongLink,
        EntryType::XHeader,
        EntryType::XGlobalHeader,
    ] {
        let said = refused(&archive(&[(kind, "1/a", b"")]));
        assert!(
            said.contains("neither a file nor a folder"),
            "{kind:?}: {said}"
        );
    }
}

#[test]
fn a_name_is_used_once() {
    let twice = archive(&[file("1/a", b"one"), file("1/a", b"two")]);
    let below = archive(&[file("1/a", b"one"), file("1/a/b", b"two")]);
    let above = archive(&[file("1/a/b", b"one"), file("1/a", b"two")]);
    let folder = archive(&[file("1/a", b"one"), (EntryType::Directory, "1/a", b"")]);
    for bytes in [twice, below, above, folder] {
        let said = refused(&bytes);
        assert!(said.contains("the name of an earlier one"), "{said}");
    }
}

#[test]
fn what_is_too_much_is_refused() {
    let names: Vec<_> = (0..17).map(|number| format!("m{number}/a")).collect();
    let entries: Vec<_> = names.iter().map(|name| file(name, b"")).collect();
    assert!(unpacked(&archive(&entries[..16]), |_| ()).is_ok());
    assert!(refused(&archive(&entries)).contains("more than 16 top-level folders"));

    // The same folder again and again: nothing is written, and it ends all the same.
    let entries = vec![(EntryType::Directory, "1", &b""[..]); ENTRIES_MAX + 1];
    assert!(refused(&archive(&entries)).contains("more than 100000 entries"));
}

#[test]
fn a_bomb_is_stopped_at_its_bound() {
    let bounded = |length: u64| {
        let mut bounded = Bounded {
            inner: io::repeat(0).take(length),
            left: 1000,
        };
        io::copy(&mut bounded, &mut io::sink())
    };
    assert_eq!(bounded(1000).unwrap(), 1000);
    assert!(bounded(1001).is_err());
    // A file that says it is enormous, and ends.
    let mut bytes = GzEncoder::new(Vec::new(), Compression::fast());
    let mut header = Header::new_gnu();
    header.set_path("1/bomb").unwrap();
    header.set_size(u64::MAX / 4);
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    bytes.write_all(header.as_bytes()).unwrap();
    bytes.write_all(&[0; 1000]).unwrap();
    assert!(refused(&bytes.finish().unwrap()).contains("is cut off"));
}

#[test]
fn what_is_damaged_is_refused() {
    let whole = archive(&[file("1/a", &[7; 5000]), file("1/b", b"b")]);
    assert!(unpacked(&whole, |_| ()).is_ok());
    for cut in 0..whole.len() {
        refused(&whole[..cut]);
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert_eq!(refused(&longer), "something follows its end");
    let mut sum = whole.clone();
    let at = sum.len() - 8;
    sum[at] ^= 1;
    assert!(refused(&sum).contains("damaged"));
    assert!(refused(b"no gzip at all").contains("damaged"));
    assert!(refused(b"").contains("damaged"));
}
