//! `wasgi build` and `wasgi serve` of Python, as far as they get without running any: what was typed, what is in the folder, which
//! Python this machine has, what cannot be installed. Apps that do not import are in `python/bad_apps`.

mod with_tools;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use wasgi_tests::{Folder, wasgi};

use super::{Complaint, Process, complaint, run};

const RAW: &str = "async def app(scope, receive, send):\n    pass\n";

/// `wasgi build` with a cache of its own, in which there are no tools.
fn build(folder: &Folder) -> Command {
    let mut command = wasgi();
    command
        .arg("build")
        .env("WASGI_CACHE_DIR", folder.path("cache"));
    command
}

/// A folder with an app, of which `wasgi.toml` says these lines more.
fn app(manifest: &str, files: &[(&str, &str)]) -> Folder {
    let folder = Folder::new("python");
    let manifest = format!("name = \"shop\"\napp = \"main:app\"\n{manifest}");
    folder.write("shop/wasgi.toml", manifest);
    folder.write("shop/main.py", RAW);
    for (path, text) in files {
        folder.write(&format!("shop/{path}"), text);
    }
    folder
}

/// What is said about an app that is not built.
#[track_caller]
fn refused(folder: &Folder) -> Complaint {
    let mut command = build(folder);
    // Whatever is found is found before anything is fetched.
    command.arg(folder.path("shop")).arg("--offline");
    complaint(&Process::start(&mut command).finished())
}

/// A `python3` that answers the question what it is with these lines, on a path with nothing else on it.
fn machine_with(folder: &Folder, answer: &str) -> PathBuf {
    let script = format!("#!/bin/sh\nprintf '{answer}'\n");
    let python = folder.write("bin/python3", script);
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    folder.path("bin")
}

#[test]
fn a_folder_of_python_without_a_manifest_gets_the_command_that_serves_it() {
    let folder = Folder::new("python");
    folder.write(
        "web/api.py",
        "import fastapi\n\nservice = fastapi.FastAPI()\n",
    );
    let web = folder.path("web");
    let hint = format!("`wasgi serve api:service --app-dir {}`", web.display());
    complaint(&run([Path::new("serve"), &web])).says("has no `wasgi.toml`", "", &hint);
    let file = web.join("api.py");
    complaint(&run([Path::new("serve"), &file])).says("is a file of Python", "", &hint);

    let mut typed = build(&folder);
    typed.arg("api").arg("--app-dir").arg(&web);
    let hint = "a Python app is `api:service`";
    complaint(&Process::start(&mut typed).finished()).says("cannot find the app `api`", "", hint);
}

#[test]
fn what_is_no_module_and_attribute_comes_with_one_that_is() {
    for (typed, better) in [
        ("main.py:app", "`main:app`"),
        ("src/web.py:api", "`src.web:api`"),
        ("main:", "`main:app`"),
        (":app", "`main:app`"),
        ("main:app()", "`main:app`"),
    ] {
        let said = complaint(&run(["build", typed]));
        said.says("neither a file nor a Python app", "", better);
    }
    let said = complaint(&run(["build", "main:app", "--app-dir", "no/such/folder"]));
    said.says("there is no folder `no/such/folder`", "", "--app-dir");
}

#[test]
fn flags_and_keys_of_the_other_language_are_errors() {
    let folder = app("", &[]);
    let shop = folder.path("shop");
    let typed = |flags: &[&str]| {
        let mut command = build(&folder);
        complaint(&Process::start(command.arg(&shop).args(flags)).finished())
    };
    typed(&["--locked"]).says("`--locked` is for Rust apps", "", "leave it out");
    typed(&["--app-dir", "x"]).says("`--app-dir` goes with `module:attribute`", "", "main:app");
    let folder = app("[build]\nfeatures = [\"x\"]\n", &[]);
    refused(&folder).says(
        "line 4: `build.features` is for Rust apps",
        "",
        "take it out",
    );
    let mut new = wasgi();
    new.args(["new", "--template", "fastapi", "--sdk-path", "."]);
    let said = complaint(&Process::start(new.arg(folder.path("new"))).finished());
    said.says("`--sdk-path` is for Rust apps", "", "leave it out");
}

#[test]
fn dependencies_in_a_form_that_is_not_read_come_with_the_command_that_converts_them() {
    let poetry = "[tool.poetry.dependencies]\npython = \"^3.12\"\nfastapi = \"*\"\n";
    let said = refused(&app("", &[("pyproject.toml", poetry)]));
    said.says("Poetry's own section", "", "poetry export");
    let said = refused(&app("", &[("Pipfile", "")]));
    said.says("`Pipfile` are not read", "", "pipenv requirements");
    let said = refused(&app(
        "[build]\nrequirements = \"uv.lock\"\n",
        &[("uv.lock", "")],
    ));
    said.says(
        "`uv.lock` is not a file of requirements",
        "",
        "pyproject.toml",
    );
    let said = refused(&app("[build]\nrequirements = \"prod.txt\"\n", &[]));
    said.says("there is no file", "", "build.requirements");
    let said = refused(&app("", &[("requirements.txt", "-r requirements.txt\n")]));
    said.says("includes itself", "", "`-r`");
}

#[test]
fn a_place_in_the_requirements_that_is_none_is_named() {
    let asking = |line: &str| {
        let files = [("requirements.txt", line), ("words/tea.txt", "")];
        refused(&app("", &files))
    };
    let said = asking("./shared\n");
    said.says(
        "there is no folder",
        "requirements.txt` asks for `./shared`",
        "relative to the app's folder",
    );
    let said = asking("-e ./words[extra]\n");
    said.says(
        "words` is no Python project",
        "neither a pyproject.toml nor a setup.py",
        "`python_path`",
    );
}

#[test]
fn what_cannot_go_into_a_component_is_named() {
    let folder = app("", &[]);
    let link = folder.path("shop/passwords");
    std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
    refused(&folder).says(
        "the link `passwords`",
        "outside of the app's folder",
        "exclude = [",
    );
    fs::remove_file(&link).unwrap();
    let large = fs::File::create(folder.path("shop/model.bin")).unwrap();
    large.set_len(65 << 20).unwrap();
    refused(&folder).says("too much in it", "`model.bin`", "exclude = [\"model.bin\"]");
    let folder = app("[build]\npython_path = [\"src\"]\n", &[]);
    refused(&folder).says("there is no folder", "", "python_path");
}

#[test]
fn a_machine_without_a_fitting_python_is_told_what_to_install() {
    let folder = app("", &[]);
    let on = |path: PathBuf| {
        let mut command = build(&folder);
        command.arg(folder.path("shop")).env("PATH", path);
        complaint(&Process::start(&mut command).finished())
    };
    on(folder.path("shop")).says("there is no `python3`", "3.10", "apt install python3-venv");
    let bare = machine_with(&folder, "3\\n12\\nFalse\\n/usr/bin/python3\\n");
    on(bare).says(
        "cannot make a virtual environment",
        "ensurepip",
        "python3.12-venv",
    );
    let old = machine_with(&folder, "3\\n8\\nTrue\\n/usr/bin/python3\\n");
    on(old).says("Python 3.8 is too old", "3.10", "python3.12");
    let broken = machine_with(&folder, "what?\\n");
    on(broken).says("there is no `python3`", "", "install it");
}

#[test]
fn offline_says_what_is_missing_and_leaves_nothing_behind() {
    let folder = app("", &[("requirements.txt", "starlette\n")]);
    refused(&folder).says(
        "build tools are not installed yet",
        "--offline",
        "once without",
    );
    let left = fs::read_dir(folder.path("cache/python/tmp"))
        .unwrap()
        .count();
    assert_eq!(left, 0, "what the build has made aside");
    assert!(!folder.path("shop/.wasgi/build/shop.wasm").exists());
}

#[test]
fn a_cache_that_others_can_write_to_is_not_used_for_tools() {
    let folder = app("", &[]);
    let python = folder.path("cache/python");
    fs::create_dir_all(&python).unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o777)).unwrap();
    refused(&folder).says(
        "cannot use the folder",
        "others can write",
        "WASGI_CACHE_DIR",
    );
}
