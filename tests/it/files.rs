//! Files that an app brings along, live folders, and the folder for its data: what a guest sees of them, what it may do,
//! and which archives are refused.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use flate2::{Compression, write::GzEncoder};
use tar::{Builder, EntryType, Header};
use wasgi::wasm::files::section;
use wasgi_tests::{Finished, Folder, Guest, Program, Running, Serve, guests};

use crate::cli::{Process, complaint};

type Packed<'a> = (EntryType, &'a str, &'a [u8]);

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// A tar of these entries, with their paths as they are, legal or not.
fn tar(entries: &[Packed<'_>]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (kind, path, content) in entries {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mtime(1_234_567_890);
        if matches!(kind, EntryType::Symlink | EntryType::Link) {
            header.set_link_name("/etc").unwrap();
        }
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn file<'a>(path: &'a str, content: &'a [u8]) -> Packed<'a> {
    (EntryType::Regular, path, content)
}

/// A copy of the guest with these archives in it.
fn with_archives(folder: &Folder, guest: Guest, archives: &[&[u8]]) -> PathBuf {
    let mut component = fs::read(guest.path()).unwrap();
    for archive in archives {
        component.extend_from_slice(&section(archive));
    }
    folder.write("app.wasm", component)
}

fn with_files(folder: &Folder, entries: &[Packed<'_>]) -> PathBuf {
    with_archives(folder, guests::USE_FILES, &[&gzip(&tar(entries))])
}

/// The status and the text of one request.
pub(crate) fn ask(server: &Running, target: &str) -> (u16, String) {
    let response = server.get(target);
    (response.status, response.text())
}

#[track_caller]
fn says(server: &Running, target: &str, text: &str) {
    assert_eq!(ask(server, target), (200, text.to_owned()), "{target}");
}

#[track_caller]
fn refused(server: &Running, target: &str) -> String {
    let (status, text) = ask(server, target);
    assert_eq!(status, 418, "{target}: {text}");
    text
}

fn some_files() -> Vec<Packed<'static>> {
    vec![
        (EntryType::Directory, "0/", b""),
        file("0/settings.json", b"{}"),
        file("1/main.py", b"import this"),
        file("1/static/a b.txt", b"text"),
        file("python/lib.py", b""),
    ]
}

/// `use_files`: the top-level folders of the archive are read-only mounts, in every instance, with or without a cache.
#[test]
pub(crate) fn use_files() {
    let folder = Folder::new("files");
    let wasm = with_files(&folder, &some_files());
    for serve in [
        Serve::file(&wasm, "files").instances(3),
        // From the cache now.
        Serve::file(&wasm, "files"),
        Serve::file(&wasm, "files").uncached(),
    ] {
        let server = serve.start();
        says(&server, "/read?path=/0/settings.json", "{}");
        says(&server, "/read?path=/1/main.py", "import this");
        says(&server, "/read?path=/1/static/a%20b.txt", "text");
        says(&server, "/list?path=/1", "main.py static");
        says(&server, "/modified?path=/1/main.py", "1234567890");
        refused(&server, "/read?path=/1/absent");
        refused(&server, "/read?path=/etc/passwd");
        refused(&server, "/list?path=/");
    }
}

#[test]
fn what_an_app_brings_along_cannot_be_changed() {
    let folder = Folder::new("read-only");
    let wasm = with_files(&folder, &some_files());
    let server = Serve::file(&wasm, "read-only").start();
    for change in [
        "/write?path=/1/main.py&text=x",
        "/write?path=/1/new&text=x",
        "/write?path=/new&text=x",
        "/make?path=/1/folder",
        "/remove?path=/1/main.py",
        "/rename?path=/1/main.py&to=/1/other.py",
        "/rename?path=/1/main.py&to=/0/other.py",
        "/link?path=/1/main.py&to=/1/other.py",
        "/touch?path=/1/main.py",
    ] {
        refused(&server, change);
    }
    says(&server, "/read?path=/1/main.py", "import this");
    says(&server, "/list?path=/1", "main.py static");
    says(&server, "/modified?path=/1/main.py", "1234567890");
}

#[test]
fn nothing_outside_is_seen_and_no_path_of_the_host_is_named() {
    let around = Folder::new("around");
    let secret = around.write("secret", "s3cret");
    around.write("live/inside", "inside");
    let live = around.path("live");
    symlink(&secret, live.join("absolute")).unwrap();
    symlink("../secret", live.join("relative")).unwrap();
    symlink("inside", live.join("fine")).unwrap();
    symlink("..", live.join("up")).unwrap();
    symlink("loop", live.join("loop")).unwrap();
    let data = around.path("data");
    let wasm = with_files(&around, &some_files());
    let server = Serve::file(&wasm, "outside")
        .live("1", &live)
        .data(&data)
        .start();
    says(&server, "/read?path=/1/fine", "inside");
    for path in [
        "/1/../secret",
        "/1/../../../../../../../../etc/passwd",
        "/1/absolute",
        "/1/relative",
        "/1/up/secret",
        "/1/loop",
        "/data/../secret",
        "/data/../../../../../../etc/passwd",
        "../secret",
        "/proc/self/environ",
        secret.to_str().unwrap(),
        "/1/inside/below",
    ] {
        let text = refused(&server, &format!("/read?path={path}"));
        assert!(
            !text.contains("s3cret") && !text.contains("around"),
            "{text}"
        );
    }
    // A file that is renamed across stays inside, too.
    assert_eq!(ask(&server, "/write?path=/data/mine&text=m").0, 200);
    refused(&server, "/rename?path=/data/mine&to=/data/../mine");
    refused(&server, "/rename?path=/1/../secret&to=/data/secret");
    refused(&server, "/link?path=/1/inside&to=/data/inside");
    assert_eq!(fs::read_to_string(&secret).unwrap(), "s3cret");
}

/// Each open file is a descriptor of the process: a guest at its bound gets an error and lives on.
#[test]
fn open_files_are_bounded() {
    let folder = Folder::new("open");
    let wasm = with_files(&folder, &some_files());
    let server = Serve::file(&wasm, "open").start();
    for round in 0..3 {
        let (_, said) = ask(&server, "/open?path=/1/main.py&count=5000");
        let opened: usize = said.split(':').next().unwrap().parse().unwrap();
        assert!((200..=256).contains(&opened), "round {round}: {said}");
        let (_, said) = ask(&server, "/listings?path=/1&count=1000");
        let opened: usize = said.split(':').next().unwrap().parse().unwrap();
        assert!((1..=16).contains(&opened), "round {round}: {said}");
    }
    assert_eq!(ask(&server, "/read?path=/1/main.py").0, 200);
}

#[test]
fn a_live_folder_is_seen_as_it_is() {
    let folder = Folder::new("live");
    let wasm = with_files(&folder, &some_files());
    let live = folder.path("mine");
    folder.write("mine/main.py", "one");
    let server = Serve::file(&wasm, "live").live("1", &live).start();
    says(&server, "/read?path=/1/main.py", "one");
    folder.write("mine/main.py", "two");
    says(&server, "/read?path=/1/main.py", "two");
    says(&server, "/list?path=/1", "main.py");
    assert_eq!(ask(&server, "/read?path=/0/settings.json").0, 200);
    refused(&server, "/write?path=/1/main.py&text=x");
    assert_eq!(fs::read_to_string(live.join("main.py")).unwrap(), "two");
}

#[test]
fn an_app_without_files_sees_none() {
    let server = Serve::guest(guests::USE_FILES).start();
    for path in ["/", "/0", "/1", "/data", "/python", "/tmp", "."] {
        refused(&server, &format!("/list?path={path}"));
    }
}

/// What the archive of a stranger may try; each ends with an error that names it, and nothing outside is touched.
#[test]
fn hostile_archives_are_refused() {
    let long = vec![b'x'; 2000];
    let empty: &[u8] = b"";
    let many: Vec<_> = (0..17).map(|number| format!("m{number}/a")).collect();
    let many: Vec<_> = many.iter().map(|name| file(name, b"")).collect();
    let one = |kind, path, content| gzip(&tar(&[(kind, path, content)]));
    let whole = gzip(&tar(&some_files()));
    let neither = "neither a file nor a folder";
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (one(EntryType::Regular, "../escaped", b"x"), "`..`"),
        (one(EntryType::Regular, "1/../../escaped", b"x"), "`..`"),
        (one(EntryType::Regular, "/escaped", b"x"), "absolute"),
        (one(EntryType::Regular, "data/a", b"x"), "legal name"),
        (one(EntryType::Regular, "top", b"x"), "file at the top"),
        (one(EntryType::Symlink, "1/link", empty), neither),
        (one(EntryType::Link, "1/link", empty), neither),
        (one(EntryType::Char, "1/null", empty), neither),
        (one(EntryType::Fifo, "1/pipe", empty), neither),
        (one(EntryType::XHeader, "1/pax", b"10 size=1\n"), neither),
        (
            one(EntryType::GNULongName, "long", &long),
            "name of more than 512",
        ),
        (
            gzip(&tar(&[file("1/a", b"1"), file("1/a", b"2")])),
            "earlier one",
        ),
        (gzip(&tar(&many)), "more than 16"),
        (whole[..whole.len() / 2].to_vec(), "damaged"),
        (b"not a gzip".to_vec(), "damaged"),
        (empty.to_vec(), "damaged"),
        ([&whole[..], b"more"].concat(), "follows its end"),
    ];
    for (archive, why) in cases {
        let folder = Folder::new("hostile");
        let wasm = with_archives(&folder, guests::USE_FILES, &[&archive]);
        for cached in [true, false] {
            let serve = Serve::file(&wasm, "hostile");
            let serve = if cached { serve } else { serve.uncached() };
            let error = serve.load().map(|_| ()).unwrap_err();
            let because = std::error::Error::source(&error).unwrap().to_string();
            assert!(error.to_string().contains("are refused"), "{error}");
            assert!(because.contains(why), "{because}, not {why}");
        }
    }
}

/// A little more than 1 GiB of zeros in 5 MiB.
#[test]
fn a_bomb_is_stopped() {
    let folder = Folder::new("bomb");
    let mut header = Header::new_gnu();
    header.set_path("1/zeros").unwrap();
    header.set_size(1 << 40);
    header.set_cksum();
    let mut bomb = GzEncoder::new(Vec::new(), Compression::fast());
    bomb.write_all(header.as_bytes()).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..1030 {
        bomb.write_all(&zeros).unwrap();
    }
    let wasm = with_archives(&folder, guests::USE_FILES, &[&bomb.finish().unwrap()]);
    let cache = folder.path("cache");
    let mut command = wasgi_tests::wasgi();
    command
        .arg("build")
        .arg(wasm)
        .env("WASGI_CACHE_DIR", &cache);
    complaint(&Process::start(&mut command).finished()).says(
        "are refused",
        "unpacks to more than 1024 MiB",
        "build it again",
    );
    // What had been written is gone.
    let left: Vec<_> = fs::read_dir(&cache)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn two_archives_are_refused_and_other_sections_are_not_ours() {
    let folder = Folder::new("two");
    let archive = gzip(&tar(&some_files()));
    let wasm = with_archives(&folder, guests::USE_FILES, &[&archive, &archive]);
    let error = Serve::file(&wasm, "two").load().map(|_| ()).unwrap_err();
    let because = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(because, "it has 2 of them");
}

/// Two processes that see an app for the first time at the same moment both serve it.
#[test]
fn several_processes_unpack_the_same_app_at_once() {
    let folder = Folder::new("at-once");
    let cache = folder.path("cache");
    let contents: Vec<_> = (0..300).map(|number| format!("1/file-{number}")).collect();
    let entries: Vec<_> = contents.iter().map(|name| file(name, b"x")).collect();
    let wasm = with_files(&folder, &entries);
    let serve = || {
        let mut command = wasgi_tests::wasgi();
        command
            .args(["serve", "--port", "0"])
            .arg(&wasm)
            .env("WASGI_CACHE_DIR", &cache);
        Program::start(&mut command)
    };
    std::thread::scope(|scope| {
        let programs: Vec<_> = (0..3).map(|_| scope.spawn(serve)).collect();
        for program in programs {
            let program = program.join().unwrap();
            let response = program.client().get("/read?path=/1/file-299");
            assert_eq!((response.status, response.text()), (200, "x".into()));
        }
    });
    let kinds = |end: &str| {
        let entries = fs::read_dir(&cache).unwrap();
        entries
            .filter(|entry| entry.as_ref().unwrap().path().extension() == Some(end.as_ref()))
            .count()
    };
    assert_eq!((kinds("files"), kinds("tmp"), kinds("cwasm")), (1, 0, 1));
}

/// Without a cache the files are in a private folder for as long as the server runs.
#[test]
fn without_a_cache_nothing_is_left() {
    let folder = Folder::new("no-cache");
    let temporary = folder.path("tmp");
    fs::create_dir(&temporary).unwrap();
    let wasm = with_files(&folder, &some_files());
    let mut command = wasgi_tests::wasgi();
    command
        .args(["serve", "--port", "0", "--no-cache"])
        .arg(&wasm)
        .env("TMPDIR", &temporary);
    let mut program = Program::start(&mut command);
    let response = program.client().get("/read?path=/1/main.py");
    assert_eq!(response.text(), "import this");
    let inside = || -> Vec<PathBuf> {
        let entries = fs::read_dir(&temporary).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let [unpacked] = &inside()[..] else {
        panic!("{:?}", inside());
    };
    let mode = fs::metadata(unpacked).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    program.terminate();
    assert!(program.wait().success());
    assert_eq!(inside(), Vec::<PathBuf>::new());
}

/// What somebody else could write to is not used, and what is read-only still serves.
#[test]
fn a_cache_of_others_is_not_used() {
    let folder = Folder::new("foreign");
    let cache = folder.path("cache");
    let wasm = with_files(&folder, &some_files());
    let build = || {
        let mut command = wasgi_tests::wasgi();
        command
            .args(["build", "--json"])
            .arg(&wasm)
            .env("WASGI_CACHE_DIR", &cache);
        Finished::run(&mut command)
    };
    assert_eq!(build().code, Some(0));
    assert!(build().stdout.contains("\"cached\":true"));
    let permit = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    let files = fs::read_dir(&cache)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "files"));
    let files = files.expect("unpacked files");
    for (foreign, cached) in [(&cache, false), (&files, true)] {
        permit(foreign, 0o777).unwrap();
        let again = build();
        assert_eq!(again.code, Some(0), "{again:?}");
        assert!(
            again.stdout.contains(&format!("\"cached\":{cached}")),
            "{again:?}"
        );
        assert!(again.stderr.contains("others can write"), "{again:?}");
        permit(foreign, 0o700).unwrap();
    }
}
