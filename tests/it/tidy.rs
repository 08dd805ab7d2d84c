//! House rules that a compiler does not know: which way the arrows of `ARCHITECTURE.md` point, that every module says what it is
//! for, and what must not be in a file.

use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The files that git knows, or would know, below some folders; `.rs` only when asked.
pub(crate) fn files(folders: &[&str], rust: bool) -> Vec<PathBuf> {
    let listed = Command::new("git")
        .current_dir(root())
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "--",
        ])
        .args(folders)
        .output()
        .expect("git");
    assert!(
        listed.status.success(),
        "{}",
        String::from_utf8_lossy(&listed.stderr)
    );
    let listed = String::from_utf8(listed.stdout).unwrap();
    let found = listed.lines().map(|line| root().join(line));
    found
        .filter(|path| path.is_file() && (!rust || path.extension().is_some_and(|end| end == "rs")))
        .collect()
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// The code of a file, without its tests, its comments and what stands in quotes on a line.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = std::fs::read_to_string(path).unwrap();
    let own = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = own.lines().enumerate().map(|(number, line)| {
        let line = line.split("//").next().unwrap_or_default();
        (number + 1, line.to_owned())
    });
    lines.collect()
}

/// Whether a path of Rust stands in a line, as a whole.
fn names(line: &str, path: &str) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + path.len()..].chars().next();
        !before.is_some_and(|letter| is_word(letter) || letter == ':')
            && !after.is_some_and(is_word)
    })
}

/// The folder or file below `host/src` that a file belongs to.
fn room(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("host/src")).unwrap();
    let first = inside
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The arrows of `ARCHITECTURE.md`: who may name what.
#[test]
fn the_arrows_point_down() {
    // A name, and the rooms that may have it.
    let own: &[(&str, &[&str])] = &[
        ("wasmtime", &["wasm", "bindings"]),
        ("wasmtime_wasi", &["wasm"]),
        ("hyper", &["server"]),
        ("hyper_util", &["server"]),
        ("socket2", &["server"]),
        ("rustls", &["server"]),
        ("tokio_rustls", &["server"]),
        ("x509_cert", &["server"]),
        ("clap", &["cli"]),
        ("anyhow", &["cli", "main"]),
    ];
    // A room, and what it may not name.
    let forbidden: &[(&str, &[&str])] = &[
        (
            "asgi",
            &[
                "tokio",
                "std::net::Tcp",
                "std::time::Instant",
                "std::time::SystemTime",
                "Instant",
                "std::fs",
                "std::thread",
            ],
        ),
        (
            "hosting",
            &[
                "crate::server",
                "crate::wasm",
                "tokio",
                "http",
                "std::net::Tcp",
                "Instant",
                "std::thread",
            ],
        ),
        ("wasm", &["crate::server", "crate::hosting", "std::net"]),
        ("asgi", &["crate::server", "crate::hosting", "crate::wasm"]),
        (
            "config",
            &[
                "crate::server",
                "crate::hosting",
                "crate::wasm",
                "crate::asgi",
                "tokio",
                "http",
            ],
        ),
        (
            "error",
            &[
                "crate::server",
                "crate::wasm",
                "crate::asgi",
                "crate::config",
            ],
        ),
        (
            "telemetry",
            &["crate::server", "crate::wasm", "crate::asgi"],
        ),
        ("bindings", &["crate"]),
    ];
    let mut wrong = Vec::new();
    for path in files(&["host/src"], true) {
        let room = room(&path);
        for (number, line) in code(&path) {
            for (name, rooms) in own {
                if names(&line, name) && !rooms.contains(&room.as_str()) {
                    wrong.push(format!(
                        "{}:{number} names {name}, which belongs to {rooms:?}",
                        shown(&path)
                    ));
                }
            }
            for (_, list) in forbidden.iter().filter(|(of, _)| *of == room) {
                for name in list.iter().filter(|name| names(&line, name)) {
                    wrong.push(format!(
                        "{}:{number} names {name}, and {room}/ has nothing to do with it",
                        shown(&path)
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every module says in its first line what it is for.
#[test]
fn every_module_opens_with_what_it_is_for() {
    let silent: Vec<_> = files(&["host", "guest-sdk", "tests", "apps", "benches"], true)
        .into_iter()
        // A file of tests beside its module is part of it.
        .filter(|path| path.file_name().is_none_or(|name| name != "tests.rs"))
        .filter(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            let first = text.lines().next().unwrap_or_default();
            first.trim_start_matches("//!").trim().len() < 10 || !first.starts_with("//!")
        })
        .map(|path| shown(&path))
        .collect();
    assert!(
        silent.is_empty(),
        "no `//!` in the first line of {silent:#?}"
    );
}

/// Files that may be longer than the rest, and how long. Only ever to be lowered.
const LONG: &[(&str, usize)] = &[("host/src/asgi/call.rs", 760), ("tests/it/http.rs", 600)];

/// A file that has grown beyond 500 lines has a second noun in it.
#[test]
fn no_file_grows_beyond_its_bound() {
    let long: Vec<_> = files(&["host", "guest-sdk", "tests", "apps", "benches"], true)
        .into_iter()
        .filter_map(|path| {
            let lines = std::fs::read_to_string(&path).unwrap().lines().count();
            let name = shown(&path);
            let bound = LONG
                .iter()
                .find(|(of, _)| *of == name)
                .map_or(500, |(_, bound)| *bound);
            (lines > bound).then(|| format!("{name}: {lines} lines, at most {bound}"))
        })
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// The security floor: wasmtime 48, and at least the release with the fixes that we rely on.
#[test]
fn wasmtime_is_at_its_floor() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let mut lines = lock.lines();
    let mut found = 0;
    while let Some(line) = lines.next() {
        if line == "name = \"wasmtime\"" || line == "name = \"wasmtime-wasi\"" {
            let version = lines
                .next()
                .unwrap()
                .trim_start_matches("version = ")
                .trim_matches('"');
            let parts: Vec<u32> = version
                .split('.')
                .map(|part| part.parse().unwrap())
                .collect();
            assert!(
                parts[0] == 48 && parts[1] == 0 && parts[2] >= 8,
                "{line}: {version}"
            );
            found += 1;
        }
    }
    assert_eq!(found, 2, "one wasmtime and one wasmtime-wasi");
}

/// Nothing in the repository knows which machine it was written on.
#[test]
fn no_file_names_a_folder_of_ours() {
    let needles = [
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
        concat!("/ho", "me/"),
    ];
    let mut wrong = Vec::new();
    for path in files(&["."], false) {
        let bytes = std::fs::read(&path).unwrap();
        let Ok(text) = String::from_utf8(bytes) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for needle in needles {
                if line.contains(needle) && !line.contains("://") {
                    wrong.push(format!("{}:{}: {}", shown(&path), number + 1, line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A guest that is not listed would be linked natively as a test program with nothing in it.
/// A merge that was not finished has stood in a document once.
#[test]
fn no_file_has_marks_of_a_merge() {
    for path in files(&["."], false) {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let marked = text
            .lines()
            .position(|line| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> "));
        assert_eq!(marked, None, "{}, counted from 0", shown(&path));
    }
}

#[test]
fn every_guest_is_listed_as_no_native_test() {
    let manifest = std::fs::read_to_string(root().join("tests/guests/Cargo.toml")).unwrap();
    for path in files(&["tests/guests/src/bin"], true) {
        let name = path.file_stem().unwrap().to_string_lossy();
        let entry = format!("{{ name = \"{name}\", test = false }},");
        assert!(
            manifest.contains(&entry),
            "no `{entry}` in tests/guests/Cargo.toml"
        );
    }
}
