//! Where dependencies are looked for, and what comes of the forms in which people write them.

use std::path::PathBuf;

use super::*;

/// A folder with these files, gone with the value.
struct Folder(PathBuf);

impl Folder {
    fn with(name: &str, files: &[(&str, &str)]) -> Self {
        let folder =
            std::env::temp_dir().join(format!("wasgi-sources-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        for (path, text) in files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn found(&self) -> Sources {
        Sources::find(&self.0, None).expect("readable")
    }

    #[track_caller]
    fn refused(&self) -> (String, String) {
        let error = Sources::find(&self.0, None).expect_err("refused");
        (
            error.to_string(),
            error.hint_text().unwrap_or_default().to_owned(),
        )
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const PROJECT: &str =
    "[project]\nname = \"shop\"\nversion = \"1\"\ndependencies = [\"starlette>=1\"]\n";

#[test]
fn a_lock_goes_before_requirements_and_those_before_the_project() {
    let all = [
        ("pylock.toml", "lock-version = \"1.0\"\n"),
        ("requirements.txt", "fastapi\n"),
        ("pyproject.toml", PROJECT),
    ];
    assert!(Folder::with("all", &all).found().is_empty());
    assert_eq!(
        Folder::with("two", &all[1..]).found().requirements,
        ["fastapi"]
    );
    let project = Folder::with("one", &all[2..]).found();
    assert_eq!(project.requirements, ["starlette>=1"]);
    assert_eq!(Folder::with("none", &[]).found(), Sources::default());
    let linter = [("pyproject.toml", "[tool.ruff]\nline-length = 100\n")];
    assert_eq!(Folder::with("linter", &linter).found(), Sources::default());
}

#[test]
fn the_manifest_names_another_file() {
    let folder = Folder::with(
        "named",
        &[("requirements.txt", "a"), ("deploy/prod.txt", "b")],
    );
    let found = Sources::find(&folder.0, Some("deploy/prod.txt")).expect("there");
    assert_eq!(found.requirements, ["b"]);
    let error = Sources::find(&folder.0, Some("no.txt")).expect_err("not there");
    assert!(error.to_string().contains("there is no file"), "{error}");
}

#[test]
fn requirements_are_read_as_pip_reads_them() {
    let folder = Folder::with(
        "lines",
        &[
            (
                "requirements.txt",
                "# comment\n\nfastapi[standard]>=0.1  # why\n-r more/base.txt\n-c limits.txt\n-e .\n.\n.[dev]\n\
                 --no-binary :all:\n--index-url https://example.org/simple\n\
                 httpx==1.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n",
            ),
            ("more/base.txt", "jinja2\n--requirement=deep.txt\n"),
            ("more/deep.txt", "yarl"),
            ("limits.txt", "starlette<2\n"),
        ],
    );
    let found = folder.found();
    assert_eq!(
        found.requirements,
        [
            "fastapi[standard]>=0.1",
            "jinja2",
            "yarl",
            "--index-url https://example.org/simple",
            "httpx==1.0      --hash=sha256:00      --hash=sha256:11",
        ]
    );
    assert_eq!(found.constraints, ["starlette<2"]);
}

#[test]
fn places_are_folders_and_archives_and_the_app_itself_is_none() {
    let folder = Folder::with(
        "places",
        &[
            (
                "requirements.txt",
                "./libs/a\n-e libs/b[x]\n--editable=c\nc\n-e git+https://example.org/d\n-e ./libs/..\n",
            ),
            ("libs/a/setup.py", ""),
            ("c/setup.py", ""),
        ],
    );
    let found = folder.found();
    assert_eq!(found.requirements, ["c", "git+https://example.org/d"]);
    let lines: Vec<_> = found.places.iter().map(Place::line).collect();
    let lines: Vec<_> = lines
        .iter()
        .filter_map(|line| line.strip_prefix(&format!("{}/", folder.0.display())))
        .collect();
    assert_eq!(lines, ["./libs/a", "libs/b[x]", "./c"]);
    assert!(!found.is_empty());
}

#[test]
fn requirements_that_include_themselves_are_an_error() {
    let (what, _) =
        Folder::with("loop", &[("requirements.txt", "-r requirements.txt\n")]).refused();
    assert!(what.ends_with("includes itself"), "{what}");
    let (what, _) = Folder::with("gone", &[("requirements.txt", "-r gone.txt\n")]).refused();
    assert!(what.starts_with("cannot read"), "{what}");
}

#[test]
fn the_versions_of_a_lock_beside_the_project_are_kept() {
    let uv = r#"
        version = 1
        [[package]]
        name = "shop"
        version = "1"
        source = { virtual = "." }
        [[package]]
        name = "starlette"
        version = "1.2.3"
        source = { registry = "https://example.org/simple" }
        [[package]]
        name = "numpy"
        version = "1.0"
        source = { registry = "https://example.org/simple" }
        [[package]]
        name = "numpy"
        version = "2.0"
        source = { registry = "https://example.org/simple" }
        [[package]]
        name = "mine"
        version = "1"
        source = { git = "https://example.org/mine" }
    "#;
    let found = Folder::with("uv", &[("pyproject.toml", PROJECT), ("uv.lock", uv)]).found();
    assert_eq!(found.requirements, ["starlette>=1"]);
    assert_eq!(found.constraints, ["starlette==1.2.3"]);
    assert_eq!(found.notes.len(), 1);

    let poetry = "[[package]]\nname = \"starlette\"\nversion = \"1.1\"\n\n[[package]]\nname = \"mine\"\nversion = \"2\"\n\
                  [package.source]\ntype = \"git\"\nurl = \"https://example.org/mine\"\n";
    let files = [("pyproject.toml", PROJECT), ("poetry.lock", poetry)];
    assert_eq!(
        Folder::with("poetry", &files).found().constraints,
        ["starlette==1.1"]
    );
}

#[test]
fn a_pylock_says_all_that_is_installed() {
    let text = r#"
        lock-version = "1.0"
        [[packages]]
        name = "starlette"
        version = "1.2.3"
        [packages.sdist]
        hashes = { sha256 = "aa" }
        [[packages.wheels]]
        name = "starlette-1.2.3-py3-none-any.whl"
        hashes = { sha256 = "bb" }
        [[packages]]
        name = "tzdata"
        version = "1"
        marker = "sys_platform == 'win32'"
        [[packages]]
        name = "pytest"
        version = "8"
        marker = "'dev' in dependency_groups"
        [[packages]]
        name = "shop"
        directory = { path = "." }
    "#;
    let found = Folder::with("pylock", &[("pylock.toml", text)]).found();
    assert_eq!(
        found.requirements,
        ["starlette==1.2.3", "tzdata==1; sys_platform == 'win32'"]
    );
    assert_eq!(found.digests.into_iter().collect::<Vec<_>>(), ["aa", "bb"]);
    let (what, hint) =
        Folder::with("future", &[("pylock.toml", "lock-version = \"2.0\"")]).refused();
    assert!(
        what.contains("not a lock file") && hint.contains("pip lock"),
        "{what}"
    );
    let place = "lock-version = \"1.0\"\n[[packages]]\nname = \"a\"\n[packages.vcs]\nurl = \"x\"\n";
    let (what, _) = Folder::with("place", &[("pylock.toml", place)]).refused();
    assert!(
        what.starts_with("`a` in") && what.ends_with("has no version"),
        "{what}"
    );
}

#[test]
fn what_is_not_read_comes_with_the_command_that_converts_it() {
    let poetry = "[tool.poetry.dependencies]\npython = \"^3.10\"\nfastapi = \"^0.100\"\n";
    let (what, hint) = Folder::with("old-poetry", &[("pyproject.toml", poetry)]).refused();
    assert!(
        what.contains("Poetry's own section") && hint.contains("poetry export"),
        "{what}"
    );
    let (what, hint) = Folder::with("pipenv", &[("Pipfile", "")]).refused();
    assert!(
        what.contains("`Pipfile`") && hint.contains("pipenv requirements"),
        "{what}"
    );
    let dynamic = "[project]\nname = \"a\"\ndynamic = [\"dependencies\"]\n";
    let (what, _) = Folder::with("dynamic", &[("pyproject.toml", dynamic)]).refused();
    assert!(what.contains("are computed"), "{what}");
    let (what, _) = Folder::with("toml", &[("pyproject.toml", "[project\n")]).refused();
    assert!(what.ends_with("is not valid TOML"), "{what}");
    let list = "[project]\nname = \"a\"\ndependencies = \"fastapi\"\n";
    let (what, _) = Folder::with("list", &[("pyproject.toml", list)]).refused();
    assert!(what.contains("not a list of strings"), "{what}");
}
