//! `wasgi.toml`: unknown keys, bad values, no file at all.

use wasgi_tests::{Folder, guests, wasgi};

use super::refused;
use crate::cli::{Process, complaint};

#[track_caller]
fn manifest_is_refused(text: impl AsRef<[u8]>, what: &str, hint: &str) {
    let folder = Folder::new("load");
    folder.write("wasgi.toml", &text);
    refused(&folder.path(""), what, "", hint);
    // The same for a manifest that stands elsewhere.
    let manifest = folder.write("other.toml", &text);
    let mut command = wasgi();
    command.arg("serve").arg(guests::ECHO.path());
    command.args(["--port", "0", "--manifest"]).arg(manifest);
    let what = what.replace("wasgi.toml", "other.toml");
    complaint(&Process::start(&mut command).finished()).says(&what, "", hint);
}

#[test]
fn a_folder_without_a_manifest_is_no_app() {
    let folder = Folder::new("load");
    refused(
        &folder.path(""),
        "has no `wasgi.toml`, so it is not an app",
        "",
        "start a new app with `wasgi new`",
    );
}

#[test]
fn an_unknown_key_is_an_error_with_its_line_and_a_suggestion() {
    manifest_is_refused(
        "name = \"shop\"\nlangauge = \"rust\"\n",
        "wasgi.toml, line 2: unknown key `langauge`",
        "did you mean `language`?",
    );
    manifest_is_refused(
        "name = \"shop\"\n\n[limits]\nmemroy = \"64 MiB\"\n",
        "wasgi.toml, line 4: unknown key `memroy` in `[limits]`",
        "did you mean `memory`?",
    );
    manifest_is_refused(
        "name = \"shop\"\n[tls]\n",
        "wasgi.toml, line 2: unknown key `tls`",
        "the keys are `name`, `language`, `app`, `build`, `data`, `env`, `limits`, `instances`",
    );
}

#[test]
fn a_bad_value_is_an_error_with_its_line_and_an_example() {
    for (line, what, hint) in [
        (
            "memory = \"lots\"",
            "`limits.memory` has to look like `512 KiB`",
            "for example",
        ),
        (
            "memory = 64",
            "`limits.memory` has to be a string with a unit",
            "for example",
        ),
        (
            "cpu = \"0 s\"",
            "`limits.cpu` has to be more than",
            "example",
        ),
        (
            "max_concurrent_calls = 0",
            "`limits.max_concurrent_calls` has to be a whole number from 1",
            "without quotes",
        ),
    ] {
        let text = format!("name = \"shop\"\n[limits]\n{line}\n");
        manifest_is_refused(text, &format!("wasgi.toml, line 3: {what}"), hint);
    }
}

#[test]
fn a_manifest_needs_a_legal_name() {
    manifest_is_refused(
        "language = \"rust\"\n",
        "the key `name` is missing",
        "for example `name = \"hello\"`",
    );
    manifest_is_refused(
        "name = \"My Shop\"\n",
        "wasgi.toml, line 1: `name` may have only lowercase letters",
        "for example `name = \"my-shop\"`",
    );
}

#[test]
fn a_manifest_that_is_no_toml_is_an_error() {
    let hint = "`key = \"value\"`";
    manifest_is_refused(
        "name = \"shop\"\nenv\n",
        "wasgi.toml, line 2: is not valid TOML",
        hint,
    );
    manifest_is_refused(b"name = \"\xff\"", "cannot read", "UTF-8");
    manifest_is_refused(
        "name = \"shop\"\n[env]\n\"A=B\" = \"1\"\n",
        "is not a name that an environment variable can have",
        "neither `=` nor NUL",
    );
}

#[test]
fn a_language_without_its_app_or_unknown_is_a_clear_error() {
    manifest_is_refused(
        "name = \"shop\"\nlanguage = \"python\"\n",
        "the key `app` is missing",
        "for example `app = \"main:app\"`",
    );
    manifest_is_refused(
        "name = \"shop\"\nlanguage = \"cobol\"\n",
        "`language` is `cobol`",
        "the languages are `rust`",
    );
}

#[test]
fn a_manifest_that_is_not_there_is_named() {
    let mut command = wasgi();
    command.arg("serve").arg(guests::ECHO.path());
    command.args(["--port", "0", "--manifest", "no/such.toml"]);
    complaint(&Process::start(&mut command).finished()).says(
        "cannot read `no/such.toml`",
        "No such file",
        "check that it is a file",
    );
}
