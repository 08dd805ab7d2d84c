//! `wasgi build` of a component, and the cache of compiled code. Folders are built in `new` and `load_errors`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use wasgi_tests::{Finished, Folder, Program, guests, wasgi};

use super::{Process, complaint};

/// `wasgi build` of a guest with a cache of its own.
fn build(cache: &Path) -> Command {
    let mut command = wasgi();
    command.arg("build").arg(guests::ECHO.path());
    command.env("WASGI_CACHE_DIR", cache);
    command
}

#[track_caller]
fn built(command: &mut Command) -> Finished {
    let finished = Process::start(command).finished();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    finished
}

/// What `--json` printed, and what was said beside it.
#[track_caller]
fn json(command: &mut Command) -> (Value, String) {
    let finished = built(command.arg("--json"));
    let [line] = finished.stdout.lines().collect::<Vec<_>>()[..] else {
        panic!("one line: {finished:?}");
    };
    (serde_json::from_str(line).expect("JSON"), finished.stderr)
}

#[track_caller]
fn is_cached(command: &mut Command) -> bool {
    let (object, _) = json(command);
    object["cached"].as_bool().expect("cached")
}

/// The only compiled code in the cache. Beside it lie a key, a lock, and a note of the component's digest.
#[track_caller]
fn entry(cache: &Path) -> PathBuf {
    let files = fs::read_dir(cache).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let (code, beside): (Vec<_>, Vec<_>) =
        files.partition(|path| path.extension().is_some_and(|end| end == "cwasm"));
    let [file] = &code[..] else {
        panic!("{code:?}");
    };
    assert!((2..=3).contains(&beside.len()), "{beside:?}");
    file.clone()
}

#[test]
fn the_second_build_takes_the_compiled_code_from_the_cache() {
    let folder = Folder::new("build");
    let cache = folder.path("cache");
    let (first, said) = json(&mut build(&cache));
    assert_eq!(first["name"], "echo");
    assert_eq!(first["wasm"], guests::ECHO.path);
    let size = fs::metadata(guests::ECHO.path()).unwrap().len();
    assert_eq!(first["bytes"], size);
    assert_eq!(first["cached"], false);
    assert!(first["compiled_ms"].is_u64(), "{first}");
    assert!(
        said.starts_with("`echo`: a component of ") && said.contains("compiled in"),
        "{said}"
    );
    let digest = first["digest"].as_str().expect("a digest");
    assert!(digest.len() == 64 && digest.chars().all(|letter| letter.is_ascii_hexdigit()));
    let file = entry(&cache);
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with(digest), "{name}");

    let (second, said) = json(&mut build(&cache));
    assert_eq!(second["cached"], true);
    assert_eq!(second["digest"], first["digest"]);
    assert!(said.contains("was in the cache"), "{said}");
    assert_eq!(entry(&cache), file, "one component, one file");
}

#[test]
fn without_json_it_prints_the_path_and_nothing_else() {
    let finished = built(wasgi().arg("build").arg(guests::ECHO.path()));
    assert_eq!(finished.stdout, format!("{}\n", guests::ECHO.path));
    assert!(finished.stderr.contains("a component of"), "{finished:?}");
}

#[test]
fn the_component_is_copied_to_where_o_says() {
    let folder = Folder::new("build");
    let output = folder.path("out.wasm");
    let mut command = build(&folder.path("cache"));
    let finished = built(command.arg("-o").arg(&output));
    assert_eq!(finished.stdout, format!("{}\n", output.display()));
    let component = fs::read(guests::ECHO.path()).unwrap();
    assert!(fs::read(&output).unwrap() == component, "a copy");

    let mut onto_itself = wasgi();
    onto_itself.arg("build").arg(&output).arg("-o").arg(&output);
    built(&mut onto_itself);
    assert!(fs::read(&output).unwrap() == component, "onto itself");

    let nowhere = folder.path("no/such/folder/out.wasm");
    let mut command = build(&folder.path("cache"));
    let finished = Process::start(command.arg("-o").arg(nowhere)).finished();
    complaint(&finished).says("cannot write", "No such file", "a folder that exists");
}

#[test]
fn no_cache_neither_reads_nor_writes_it() {
    let folder = Folder::new("build");
    let cache = folder.path("cache");
    assert!(!is_cached(build(&cache).arg("--no-cache")));
    assert!(!cache.exists(), "nothing was kept");
    assert!(!is_cached(build(&cache).env("WASGI_NO_CACHE", "true")));
    assert!(!cache.exists(), "nothing was kept");
    assert!(!is_cached(&mut build(&cache)));
    assert!(!is_cached(build(&cache).arg("--no-cache")), "not read");
    assert!(is_cached(&mut build(&cache)));
}

#[test]
fn a_damaged_entry_of_the_cache_is_compiled_again() {
    let folder = Folder::new("build");
    let cache = folder.path("cache");
    built(&mut build(&cache));
    let file = entry(&cache);
    let whole = fs::read(&file).unwrap();
    let longer = [&whole[..], b"more"].concat();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for damaged in [
        &flipped[..],
        &whole[..whole.len() - 1],
        &whole[..whole.len() / 3],
        &longer,
    ] {
        fs::write(&file, damaged).unwrap();
        let (object, said) = json(&mut build(&cache));
        assert_eq!(object["cached"], false);
        assert!(
            said.contains("WARN")
                && said.contains("damaged or not from this host: compiling again"),
            "{said}"
        );
        assert!(is_cached(&mut build(&cache)), "it was replaced");
    }
    fs::write(&file, "").unwrap();
    assert!(!is_cached(&mut build(&cache)));
    assert!(is_cached(&mut build(&cache)));
}

#[test]
fn a_server_starts_from_the_cache_and_survives_a_damaged_one() {
    let folder = Folder::new("build");
    let cache = folder.path("cache");
    let serve = || {
        let mut command = wasgi();
        command.arg("serve").arg(guests::ECHO.path());
        command.args(["--port", "0"]).env("WASGI_CACHE_DIR", &cache);
        let program = Program::start(&mut command);
        program.client().assert_kept();
        program.start_line.clone()
    };
    assert!(serve().contains("; code compiled in "));
    assert!(serve().contains("; code cached in "));
    fs::write(
        entry(&cache),
        "nonsense that is longer than a digest of SHA-256",
    )
    .unwrap();
    assert!(serve().contains("; code compiled in "));
}

/// Compiled code runs with the host's rights.
#[test]
fn a_cache_that_others_can_write_to_is_not_used() {
    let folder = Folder::new("build");
    let cache = folder.path("cache");
    built(&mut build(&cache));
    let file = entry(&cache);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&cache), mode(&file)), (0o700, 0o600));
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).unwrap();
    let (object, said) = json(&mut build(&cache));
    assert_eq!(object["cached"], false);
    assert!(said.contains("others can write to the cache"), "{said}");
}

#[test]
fn a_cache_that_cannot_be_written_is_a_warning_that_says_what_to_do() {
    let folder = Folder::new("build");
    let in_the_way = folder.write("cache", "not a folder");
    let (object, said) = json(&mut build(&in_the_way));
    assert_eq!(object["cached"], false);
    assert!(said.contains("cannot keep compiled code in"), "{said}");
    assert!(said.contains("set WASGI_CACHE_DIR"), "{said}");
}

#[test]
fn the_cache_is_where_the_system_has_caches() {
    let folder = Folder::new("build");
    let unset = || {
        let mut command = wasgi();
        command.arg("build").arg(guests::ECHO.path());
        command
            .env_remove("WASGI_CACHE_DIR")
            .env_remove("XDG_CACHE_HOME");
        command
    };
    built(unset().env("XDG_CACHE_HOME", folder.path("xdg")));
    entry(&folder.path("xdg/wasgi"));
    built(unset().env("HOME", folder.path("home")));
    entry(&folder.path("home/.cache/wasgi"));
}
