//! `wasgi new`: a project that builds, answers and passes its own tests, outside of the repository.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use wasgi_tests::{Finished, Folder, Program, target_folder, wasgi};

use super::{Process, complaint, run};

/// Compiling the SDK, and axum, with nothing there yet, on a busy machine.
const COMPILING: Duration = Duration::from_secs(900);

/// New projects share a folder for what they compile, so that the SDK is compiled once and not in each run.
pub(super) fn compiled() -> PathBuf {
    target_folder().join("new-projects")
}

/// Runs `command` without the network if that does, else with it.
#[track_caller]
fn offline_or_online(command: impl Fn() -> Command) -> Finished {
    let offline = Process::start(command().arg("--offline")).finished_within(COMPILING);
    if offline.code == Some(0) {
        return offline;
    }
    let online = Process::start(&mut command()).finished_within(COMPILING);
    assert_eq!(online.code, Some(0), "{online:?}");
    online
}

/// Cargo as a person would call it in a new project.
fn cargo(project: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let ours = name.starts_with("CARGO_") && name != "CARGO_HOME";
        if ours || name == "RUSTFLAGS" || name.starts_with("LD_") {
            cargo.env_remove(&*name);
        }
    }
    cargo
        .current_dir(project)
        .env("CARGO_TARGET_DIR", compiled());
    cargo
}

/// One at a time: cargo lets only one into the shared folder, and who waits for it looks as if it hung.
pub(super) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From `wasgi new` to a server, its component and the project's own tests.
#[track_caller]
fn new_project(name: &str, template: &str, check: impl Fn(&Program)) {
    let _turn = turn();

    let folder = Folder::new("new");
    let project = folder.path(name);
    let mut new = wasgi();
    new.arg("new").arg(&project).args(["--template", template]);
    let made = Process::start(&mut new).finished();
    assert_eq!(made.code, Some(0), "{made:?}");
    assert_eq!(made.stdout, format!("{}\n", project.display()));
    let next = format!("next: wasgi serve {}\n", project.display());
    assert!(made.stderr.ends_with(&next), "{made:?}");
    assert!(
        made.stderr.contains("it depends on the wasgi-sdk in"),
        "where the SDK is from is made clear: {made:?}"
    );

    let built = offline_or_online(|| {
        let mut build = wasgi();
        build.arg("build").arg(&project).arg("--json");
        build.env("CARGO_TARGET_DIR", compiled());
        build
    });
    let object: Value = serde_json::from_str(&built.stdout).expect("JSON and nothing else");
    assert_eq!(object["name"], name);
    let component = PathBuf::from(object["wasm"].as_str().expect("a path"));

    // By its folder, as the command has said, and once more by the component that came of it.
    let mut serve = wasgi();
    serve.arg("serve").arg(&project);
    serve
        .args(["--port", "0", "--offline"])
        .env("CARGO_TARGET_DIR", compiled());
    let program = Program::start(&mut serve);
    let line = &program.start_line;
    assert!(
        line.starts_with(&format!("wasgi serves {name} at ")),
        "{line}"
    );
    assert!(
        line.contains("code cached"),
        "built and not changed: {line}"
    );
    check(&program);
    drop(program);
    check(&Program::serve(&component, &[]));

    let tests = offline_or_online(|| {
        let mut tests = cargo(&project);
        tests.arg("test");
        tests
    });
    assert!(tests.stdout.contains("1 passed"), "{tests:?}");
    // What is the project's own has a new name in each run, because its folder has.
    let _ = cargo(&project)
        .args(["clean", "--offline", "--package", name])
        .output();
}

#[test]
fn a_new_asgi_project_builds_answers_and_passes_its_tests() {
    new_project("new-asgi", "asgi", |program| {
        let mut client = program.client();
        assert_eq!(client.get("/").text(), "Hello, world!\n");
        assert_eq!(client.get("/Ada").text(), "Hello, Ada!\n");
    });
}

#[test]
fn a_new_axum_project_builds_answers_and_passes_its_tests() {
    new_project("new-axum", "axum", |program| {
        let mut client = program.client();
        let greeting = client.get("/greet/Ada");
        assert_eq!(greeting.header("content-type"), Some("application/json"));
        assert_eq!(greeting.text(), r#"{"greeting":"Hello, Ada!"}"#);
        assert_eq!(client.get("/nowhere").status, 404);
    });
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let folder = Folder::new("new");
    let thesis = folder.write("shop/thesis.txt", "years");
    let shop = folder.path("shop");
    complaint(&run([Path::new("new"), &shop])).says("is not empty", "", "nothing is overwritten");
    complaint(&run([Path::new("new"), &folder.write("file", "")])).says(
        "cannot make an app in",
        "",
        "a folder that is empty or does not exist",
    );
    let left: Vec<_> = std::fs::read_dir(&shop).unwrap().collect();
    assert_eq!(left.len(), 1);
    assert_eq!(std::fs::read_to_string(thesis).unwrap(), "years");
}

#[test]
fn a_bad_name_is_refused_with_a_better_one() {
    let folder = Folder::new("new");
    for (name, hint) in [
        ("My App", "my-app`"),
        ("naïve", "try `wasgi new "),
        ("async", "async-app`"),
        ("wasgi-sdk", "wasgi-sdk-app`"),
        ("123", "for example `wasgi new hello`"),
    ] {
        let path = folder.path(name);
        complaint(&run([Path::new("new"), &path])).says(
            &format!("an app cannot be called `{name}`"),
            "",
            hint,
        );
        assert!(!path.exists(), "{name} was made");
    }
}

#[test]
fn an_sdk_that_is_none_is_refused() {
    let folder = Folder::new("new");
    let mut new = wasgi();
    new.arg("new").arg(folder.path("shop"));
    new.arg("--sdk-path").arg(folder.path(""));
    complaint(&Process::start(&mut new).finished()).says(
        "there is no wasgi-sdk in",
        "",
        "`guest-sdk` of a checkout",
    );
    assert!(!folder.path("shop").exists());
}
