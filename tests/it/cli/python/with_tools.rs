//! Builds that need the tools, and the package index: they share the cache of all tests.

use std::fs;
use std::process::Command;
use std::time::Duration;

use wasgi_tests::{Folder, Program, wasgi};

use super::{Complaint, Process, app, complaint};

#[track_caller]
fn refused(requirements: &str) -> Complaint {
    let folder = app("", &[("requirements.txt", requirements)]);
    let mut command = wasgi();
    command.arg("build").arg(folder.path("shop"));
    let finished = Process::start(&mut command).finished_within(Duration::from_secs(600));
    complaint(&finished)
}

/// An app that says what it finds in its folder.
const CURIOUS: &str = r#"
def make():
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            return
        try:
            with open(scope["path"].removeprefix("/")) as file:
                body = file.read()
        except OSError as error:
            body = type(error).__name__
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body.encode()})
    return app
"#;

#[test]
fn a_plain_folder_is_built_once_with_its_files_and_without_its_secrets() {
    let folder = Folder::new("python");
    folder.write("web/main.py", CURIOUS);
    folder.write("web/static/x.txt", "there");
    folder.write("web/.env", "TOKEN=secret");
    let typed = |verb: &str| {
        let mut command = wasgi();
        command.args([verb, "main:make", "--factory", "--no-optimize", "--app-dir"]);
        command.arg(folder.path("web"));
        command
    };
    let build = || {
        let process = Process::start(typed("build").arg("--json"));
        let finished = process.finished_within(Duration::from_secs(900));
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let object: serde_json::Value = serde_json::from_str(&finished.stdout).expect("JSON");
        (object, finished.stderr)
    };
    let (first, said) = build();
    assert_eq!(first["name"], "web");
    assert!(said.contains("left out of the component: .env"), "{said}");
    let ignored = fs::read_to_string(folder.path("web/.wasgi/.gitignore")).unwrap();
    assert_eq!(
        ignored, "*\n",
        "version control does not see what was built"
    );

    folder.write("web/.git/HEAD", "another branch");
    let (second, said) = build();
    assert!(said.contains("nothing has changed"), "{said}");
    assert_eq!(second["digest"], first["digest"]);

    let program = Program::start(typed("serve").args(["--port", "0"]));
    let mut client = program.client();
    assert_eq!(client.get("/static/x.txt").text(), "there");
    assert_eq!(client.get("/.env").text(), "FileNotFoundError");
    assert_eq!(client.get("/.git/HEAD").text(), "FileNotFoundError");
}

/// A folder, an editable one and a repository; what changes in a folder changes the app, and nothing is left behind in it.
#[test]
fn dependencies_may_be_folders_and_repositories() {
    let folder = Folder::new("python");
    let package = |at: &str, name: &str, word: &str| {
        let project = format!(
            "[project]\nname = \"{name}\"\nversion = \"1.0\"\n[build-system]\nrequires = [\"setuptools\"]\n\
             build-backend = \"setuptools.build_meta\"\n[tool.setuptools]\npackages = [\"{name}\"]\n"
        );
        folder.write(&format!("{at}/pyproject.toml"), project);
        folder.write(
            &format!("{at}/{name}/__init__.py"),
            format!("WORD = \"{word}\"\n"),
        );
    };
    package("web/libs/leaf", "leaf", "one");
    package("root", "root", "two");
    package("stem/python", "stem", "three");
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(folder.path("stem")).args(arguments);
        git.env("GIT_CONFIG_GLOBAL", "/dev/null");
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), "test");
            git.env(format!("GIT_{role}_EMAIL"), "test@example.org");
        }
        let done = Process::start(&mut git).finished();
        assert_eq!(done.code, Some(0), "{done:?}");
    };
    git(&["init"]);
    git(&["add", "."]);
    git(&["commit", "--message", "first"]);
    let requirements = format!(
        "-e ./libs/leaf\n../root ; python_version >= '3.14'\nstem @ git+file://{}#subdirectory=python\n",
        folder.path("stem").display()
    );
    folder.write("web/requirements.txt", requirements);
    let words =
        "from leaf import WORD as a\nfrom root import WORD as b\nfrom stem import WORD as c\n";
    let answer = CURIOUS.replace("file.read()", "f'{a} {b} {c}'");
    folder.write("web/main.py", format!("{words}{answer}"));
    let answer = || {
        let mut command = wasgi();
        command.args(["build", "main:make", "--factory", "--no-optimize"]);
        let patience = Duration::from_secs(900);
        let finished =
            Process::start(command.current_dir(folder.path("web"))).finished_within(patience);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let program = Program::serve(&folder.path("web/.wasgi/build/web.wasm"), &[]);
        program.client().get("/main.py").text()
    };
    assert_eq!(answer(), "one two three");
    package("web/libs/leaf", "leaf", "four");
    assert_eq!(answer(), "four two three");
    for place in ["web/libs/leaf", "root"] {
        let left = fs::read_dir(folder.path(place)).unwrap().count();
        assert_eq!(left, 2, "a project and its package in {place}");
    }
}

#[test]
fn a_repository_that_is_not_there_comes_with_what_to_try() {
    let folder = Folder::new("python");
    let place = format!("shop @ git+file://{}", folder.path("none").display());
    refused(&place).says(
        "cannot install the dependencies",
        "fatal: ",
        "try `git clone`",
    );
}

/// What is left out is in the requirements, so "add it" would be the wrong advice.
#[test]
fn an_import_of_what_was_left_out_says_so() {
    let folder = app(
        "",
        &[
            ("requirements.txt", "orjson\n"),
            ("main.py", "import orjson\n\napp = orjson.loads\n"),
        ],
    );
    let build = || {
        let mut command = wasgi();
        command.arg("build").arg(folder.path("shop"));
        let patience = Duration::from_secs(600);
        complaint(&Process::start(&mut command).finished_within(patience))
    };
    // The second time its dependencies are installed already, and the note is not said again.
    for _ in 0..2 {
        build().says(
            "`orjson` was left out of the component",
            "main.py:1: ModuleNotFoundError",
            "`json` does what `orjson` does",
        );
    }
}

#[test]
fn a_dependency_that_is_not_there_is_named() {
    let said = refused("wasgi-no-such-package-anywhere\n");
    said.says(
        "cannot install the dependencies",
        "wasgi-no-such-package",
        "check the name",
    );
    let said = refused("starlette==0.0.0.1\n");
    said.says(
        "cannot install the dependencies",
        "starlette==0.0.0.1",
        "check the name",
    );
    let said = refused("starlette ??\n");
    said.says(
        "cannot install the dependencies",
        "Invalid requirement",
        "pip says why",
    );
}

#[test]
fn a_native_dependency_without_a_recipe_is_named_with_what_to_try() {
    let said = refused("psycopg2-binary\n");
    said.says("`psycopg2-binary` cannot be compiled", "libpq", "pg8000");
    let said = refused("bitarray\n");
    said.says(
        "`bitarray` is not pure Python",
        "",
        "pure Python package instead",
    );
}
