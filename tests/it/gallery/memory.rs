//! Who wants memory, handles or files, of its own or of the host (`G-07`, `G-20`).

use wasgi_tests::{Folder, Program, Serve, by_hand, eventually, guests};

use super::Stage;

const MEMORY: [&str; 3] = [
    "refused memory",
    "32 MiB",
    "`memory` below [limits] in wasgi.toml",
];

const HANDLES: [&str; 2] = ["more than 10000 handles", "the same for every app"];

/// Step by step.
#[test]
fn memory_in_steps_is_refused() {
    let guest = Serve::guest(guests::EAT_MEMORY).limit("memory", "32 MiB");
    Stage::serve(guest).assert_crash("/", 500, "memory", &MEMORY);
}

/// All of it in one go, and then page by page: a refusal is an answer, and who can live with it lives on.
#[test]
pub(crate) fn grow_at_once() {
    let guest = Serve::guest(guests::GROW_AT_ONCE).limit("memory", "32 MiB");
    let stage = Stage::serve(guest);
    let sibling = stage.sibling();
    let response = stage.get("/");
    assert!(
        response.text().starts_with("at once: false, then "),
        "{response:?}"
    );
    let line = stage.app().wait_line("limit `memory`");
    assert!(line.message.contains("may have 32 MiB"), "{line}");
    sibling.assert_lives();
    stage.assert_not_replaced();
    let used = stage.usage().memory_bytes;
    assert!(used <= 32 * 1024 * 1024, "{used}");
    // What it has taken is not there for its next call: the host needs some of it.
    stage.assert_unharmed();
}

/// One send of more than there is memory for.
#[test]
pub(crate) fn send_all_at_once() {
    let guest = Serve::guest(guests::SEND_ALL_AT_ONCE).limit("memory", "32 MiB");
    Stage::serve(guest).assert_crash("/", 500, "memory", &MEMORY);
}

/// Tables of functions count, and have a bound of their own.
#[test]
fn tables_are_refused() {
    let stage = Stage::of(by_hand::GROW_TABLES);
    assert_eq!(stage.get("/attack").text(), "ok");
    let line = stage.app().wait_line("asked for a table of");
    assert!(line.message.contains("may have 100000, which"), "{line}");
    stage.assert_not_replaced();
    stage.assert_over();
}

/// What is refused before the first instruction is refused to the one who deploys it.
#[test]
fn large_beginnings_are_refused() {
    let stage = Stage::empty();
    let table = stage.refuses(Serve::guest(by_hand::START_WITH_A_LARGE_TABLE));
    assert!(table.contains("100,000 entries"), "{table}");
    let memory = stage.refuses(Serve::guest(by_hand::START_WITH_ALL_MEMORY));
    assert!(memory.contains("limit `memory`, 128 MiB"), "{memory}");
    stage.assert_unharmed();
}

/// A million resources of WASI.
#[test]
pub(crate) fn hoard_pollables() {
    Stage::of(guests::HOARD_POLLABLES).assert_crash("/", 500, "bound", &HANDLES);
}

/// A million streams of the component model.
#[test]
pub(crate) fn hoard_streams() {
    Stage::of(guests::HOARD_STREAMS).assert_crash("/", 500, "bound", &HANDLES);
}

/// A million waitable sets.
#[test]
fn a_million_waitable_sets() {
    Stage::of(by_hand::HOARD_WAITABLE_SETS).assert_wat_crash("bound", &HANDLES);
}

/// As many random bytes as there are numbers, in one call.
#[test]
pub(crate) fn too_much_randomness() {
    let says = ["more than 64 KiB of random bytes", "the same for every app"];
    Stage::of(guests::TOO_MUCH_RANDOMNESS).assert_crash("/", 500, "bound", &says);
}

/// A million actions in one batch are more than the host copies in one call.
#[test]
pub(crate) fn a_million_actions() {
    let says = [
        "more than 4 MiB handed to the host in one call",
        "the same for every app",
    ];
    Stage::of(guests::A_MILLION_ACTIONS).assert_crash("/", 502, "bound", &says);
}

/// Four billion, by their number alone.
#[test]
fn four_billion_actions() {
    Stage::of(by_hand::SAY_TOO_MUCH_AT_ONCE).assert_wat_crash("host", &["the instance failed"]);
}

/// Files that are never closed: descriptors of the process, which all instances share. At its bound a guest gets an error;
/// when it has ended, they are closed.
#[test]
pub(crate) fn flood_with_files() {
    let folder = Folder::new("flood");
    folder.write("data/file", "x");
    let program = Program::serve(
        guests::FLOOD_WITH_FILES.path(),
        &["--data-dir", &folder.path("data").display().to_string()],
    );
    program.client().assert_kept();
    let open = || {
        std::fs::read_dir(format!("/proc/{}/fd", program.pid()))
            .unwrap()
            .count()
    };
    let before = open();
    let response = program.client().get("/?path=/data/file");
    assert_eq!((response.status, &*response.text()), (200, "256 open"));
    assert!(open() <= before + 256 + 4, "{before}, then {}", open());
    program.client().assert_kept();
    eventually("its client's connections are gone", || {
        open() <= before + 256
    });
}
