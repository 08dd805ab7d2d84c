//! The app's own files, copied to where the build may write: without what is no part of the app, and without secrets.
//!
//! Everything that the copy leaves out by itself is listed here, once, and in docs/python.md. The manifest's `include` brings
//! single files and folders back, `exclude` takes more away. What is copied is bounded, because it goes into the component.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use wasgi::error::{Error, Result};

use super::{digest::Digest, home::cannot_write};

/// As much as an app's own files may be together.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// As many as there may be.
const FILES_MAX: usize = 20_000;

/// As deep as they may lie.
const DEPTH_MAX: usize = 24;

/// Folders that are no part of an app: version control, environments, caches. A folder with a `pyvenv.cfg` or a
/// `CACHEDIR.TAG` in it is none either.
const FOLDERS: [&str; 12] = [
    "__pycache__",
    "__pypackages__",
    "htmlcov",
    "node_modules",
    ".git",
    ".hg",
    ".svn",
    ".tox",
    ".nox",
    ".venv",
    ".eggs",
    ".wasgi",
];

/// Endings of files that are no part of an app: compiled code for another machine, packed packages, logs.
const ENDINGS: [&str; 9] = [
    ".pyc", ".pyo", ".so", ".pyd", ".dylib", ".dll", ".wasm", ".whl", ".log",
];

/// Endings of files that the user is told about when they are left out: databases belong in `/data`, keys nowhere.
const NOTED: [&str; 5] = [".sqlite", ".sqlite3", ".db", ".pem", ".key"];

/// What is copied and what is not.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    pub(super) include: &'a [String],
    pub(super) exclude: &'a [String],
}

/// What was copied.
#[derive(Debug, Default)]
pub(super) struct Copied {
    pub(super) files: usize,
    pub(super) bytes: u64,
    /// Files that were left out although the app might miss them: secrets and databases.
    pub(super) missed: Vec<String>,
}

impl Rules<'_> {
    /// Whether a path below the app's folder (with `/`) goes into the component. `out` says that the folder which it is in
    /// does not, and was entered only because something in it is included.
    fn takes(&self, path: &str, is_folder: bool, out: bool) -> bool {
        if self.excludes(path) {
            return false;
        }
        self.includes(path) || self.leads(path, is_folder) || !(out || left_out(path, is_folder))
    }

    fn includes(&self, path: &str) -> bool {
        self.include.iter().any(|pattern| covers(pattern, path))
    }

    /// A folder on the way to something that is included.
    fn leads(&self, path: &str, is_folder: bool) -> bool {
        let below = |pattern: &String| covers(path, pattern.trim_end_matches('/'));
        is_folder && self.include.iter().any(below)
    }

    fn excludes(&self, path: &str) -> bool {
        self.exclude.iter().any(|pattern| covers(pattern, path))
    }
}

/// Whether `pattern` names `path` or a folder that it is in. A last part `*.x` stands for every file with that ending.
fn covers(pattern: &str, path: &str) -> bool {
    let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
    if let Some(ending) = pattern.strip_prefix('*') {
        return path.ends_with(ending);
    }
    path.strip_prefix(pattern)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn left_out(path: &str, is_folder: bool) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    if is_folder {
        return FOLDERS.contains(&name)
            || name.ends_with(".egg-info")
            || (name.starts_with('.') && name.ends_with("_cache"));
    }
    is_noted(name)
        || name == ".coverage"
        || name == ".DS_Store"
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
        || name.contains(".sqlite3-")
        || name.contains(".db-")
        || (path.starts_with("dist/") && name.ends_with(".tar.gz"))
}

fn is_noted(name: &str) -> bool {
    is_secret(name) || NOTED.iter().any(|ending| name.ends_with(ending))
}

/// Environments, and what other tools have marked as a cache.
fn is_marked(folder: &Path) -> bool {
    ["pyvenv.cfg", "CACHEDIR.TAG"]
        .iter()
        .any(|mark| folder.join(mark).exists())
}

/// `.env`, `.env.production` and their like; examples are none.
fn is_secret(name: &str) -> bool {
    let is_env = name == ".env" || name.starts_with(".env.");
    let is_example = ["example", "sample", "template", "dist"]
        .iter()
        .any(|word| name.ends_with(word));
    is_env && !is_example || [".netrc", ".pypirc", ".npmrc", "id_rsa", "id_ed25519"].contains(&name)
}

/// Copies the files of the app in `from` to `to`, and adds them to `digest`.
pub(super) fn copy(
    from: &Path,
    to: &Path,
    rules: &Rules<'_>,
    digest: &mut Digest,
) -> Result<Copied> {
    let root = fs::canonicalize(from).map_err(|error| unreadable(from, error))?;
    let mut copy = Copy {
        root,
        rules,
        digest,
        copied: Copied::default(),
    };
    copy.folder(from, to, "", &At::default())?;
    Ok(copy.copied)
}

/// Where in the app's folder a copy is.
#[derive(Default)]
struct At {
    depth: usize,
    /// In a folder that is left out, on the way to something that is included.
    out: bool,
}

struct Copy<'a> {
    root: PathBuf,
    rules: &'a Rules<'a>,
    digest: &'a mut Digest,
    copied: Copied,
}

impl Copy<'_> {
    fn folder(&mut self, from: &Path, to: &Path, inside: &str, at: &At) -> Result<()> {
        if at.depth > DEPTH_MAX {
            return Err(Error::user(format!("`{}` lies too deep", from.display()))
                .because(format!("folders may be nested {DEPTH_MAX} deep"))
                .hint("if it is no part of the app, name it in `exclude` of `[build]`"));
        }
        fs::create_dir_all(to).map_err(|error| cannot_write(to, error))?;
        let entries = fs::read_dir(from).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = entries.map_err(|error| unreadable(from, error))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                return Err(Error::user(format!(
                    "the name of `{}` is not UTF-8",
                    entry.path().display()
                ))
                .hint("rename it, or name its folder in `exclude` of `[build]`"));
            };
            let path = if inside.is_empty() {
                name.to_owned()
            } else {
                format!("{inside}/{name}")
            };
            self.entry(&entry.path(), &to.join(name), &path, at)?;
        }
        Ok(())
    }

    fn entry(&mut self, from: &Path, to: &Path, path: &str, at: &At) -> Result<()> {
        // What is left out is not looked at: a broken link in an old environment is nobody's business.
        let listed = fs::symlink_metadata(from).map_err(|error| unreadable(from, error))?;
        if !listed.is_dir() && !self.rules.takes(path, false, at.out) {
            let name = path.rsplit('/').next().unwrap_or_default();
            if !at.out && is_noted(name) && !self.rules.excludes(path) {
                self.copied.missed.push(path.to_owned());
            }
            return Ok(());
        }
        if listed.is_symlink() {
            self.check_link(from, path)?;
        }
        let found = fs::metadata(from).map_err(|error| unreadable(from, error))?;
        if found.is_dir() {
            if !self.rules.takes(path, true, at.out) {
                return Ok(());
            }
            let out = at.out || left_out(path, true) || is_marked(from);
            let out = out && !self.rules.includes(path);
            if out && !self.rules.leads(path, true) {
                return Ok(());
            }
            let at = At {
                depth: at.depth + 1,
                out,
            };
            self.digest.add("folder", path);
            return self.folder(from, to, path, &at);
        }
        if !found.is_file() {
            // A socket, a pipe, a device: not a file that an app could bring.
            return Ok(());
        }
        self.copied.files += 1;
        self.copied.bytes += found.len();
        if self.copied.bytes > BYTES_MAX || self.copied.files > FILES_MAX {
            return Err(self.too_much(path));
        }
        let content = fs::read(from).map_err(|error| unreadable(from, error))?;
        self.digest.add("file", path);
        self.digest.add("content", &content);
        let written = fs::write(to, content).and_then(|()| {
            // Validators of static files are made of it.
            fs::File::options()
                .append(true)
                .open(to)?
                .set_modified(found.modified()?)
        });
        written.map_err(|error| cannot_write(to, error))
    }

    /// A link may not bring in what is outside of the app's folder, nor the folder that it is in.
    fn check_link(&self, link: &Path, path: &str) -> Result<()> {
        let target = fs::canonicalize(link).map_err(|error| unreadable(link, error))?;
        let within = target.starts_with(&self.root);
        let around = fs::canonicalize(link.parent().unwrap_or(link))
            .is_ok_and(|parent| parent.starts_with(&target));
        if within && !around {
            return Ok(());
        }
        let why = if around {
            "it would contain itself".to_owned()
        } else {
            format!("`{}` is outside of the app's folder", target.display())
        };
        Err(
            Error::user(format!("the link `{path}` cannot go into the component"))
                .because(why)
                .hint(format!(
                    "copy what it points to, or write `exclude = [\"{path}\"]` into `[build]`"
                )),
        )
    }

    fn too_much(&self, path: &str) -> Error {
        let (mib, top) = (BYTES_MAX >> 20, path.split('/').next().unwrap_or(path));
        Error::user("the app's folder has too much in it for a component")
            .because(format!("its files are more than {mib} MiB or {FILES_MAX} files; the last was `{path}`"))
            .hint(format!(
                "name what is no part of the app in `[build]`, for example `exclude = [\"{top}\"]`; data that changes \
                 belongs in `/data`"
            ))
    }
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::user(format!("cannot read `{}`", path.display()))
        .because(error)
        .hint("it is in the app's folder; if it is no part of the app, name it in `exclude` of `[build]`")
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules<'_> = Rules {
        include: &[],
        exclude: &[],
    };

    fn app(name: &str, files: &[&str]) -> (PathBuf, PathBuf) {
        let root = std::env::temp_dir().join(format!("wasgi-stage-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        for file in files {
            let path = root.join("app").join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, file).expect("a file");
        }
        (root.join("app"), root.join("to"))
    }

    fn copied(name: &str, files: &[&str], rules: &Rules<'_>) -> Vec<String> {
        let (from, to) = app(name, files);
        let done = copy(&from, &to, rules, &mut Digest::of("test")).expect("copied");
        let mut there: Vec<_> = files
            .iter()
            .filter(|file| to.join(file).is_file())
            .map(|file| (*file).to_owned())
            .collect();
        assert_eq!(done.files, there.len());
        there.sort();
        fs::remove_dir_all(from.parent().expect("ours")).expect("ours");
        there
    }

    #[test]
    fn what_is_no_part_of_an_app_stays_behind() {
        let kept = copied(
            "rules",
            &[
                "main.py",
                "templates/index.html",
                "static/.well-known/x",
                ".env.example",
                ".env",
                ".env.production",
                "db.sqlite3",
                "shop.db-wal",
                "certs/server.key",
                ".git/config",
                ".venv/bin/python",
                "odd-env/pyvenv.cfg",
                "odd-env/lib/x.py",
                "pkg/__pycache__/a.pyc",
                "node_modules/a/index.js",
                ".mypy_cache/x",
                "shop.egg-info/PKG-INFO",
                "dist/shop.whl",
                "dist/shop.tar.gz",
                "dist/app.js",
                "target/CACHEDIR.TAG",
                "target/x",
                "fast.cpython-312-x86_64-linux-gnu.so",
            ],
            &RULES,
        );
        assert_eq!(
            kept,
            [
                ".env.example",
                "dist/app.js",
                "main.py",
                "static/.well-known/x",
                "templates/index.html"
            ]
        );
    }

    #[test]
    fn the_manifest_brings_back_and_takes_away() {
        let (include, exclude) = (
            [".tox/site".to_owned()],
            ["notes".to_owned(), "*.md".to_owned()],
        );
        let rules = Rules {
            include: &include,
            exclude: &exclude,
        };
        let files = [
            "main.py",
            ".tox/site/a.css",
            ".tox/junk",
            "notes/x",
            "notes2/x",
            "a/b.md",
        ];
        assert_eq!(
            copied("manifest", &files, &rules),
            [".tox/site/a.css", "main.py", "notes2/x"]
        );
    }

    #[test]
    fn a_link_may_not_lead_out_and_may_not_contain_itself() {
        let (from, to) = app("links", &["main.py", "a/x"]);
        let link = |target: &Path| {
            let _ = fs::remove_file(from.join("a/link"));
            std::os::unix::fs::symlink(target, from.join("a/link")).expect("a link");
            copy(&from, &to, &RULES, &mut Digest::of("test")).map(|copied| copied.files)
        };
        assert_eq!(link(&from.join("main.py")).expect("inside"), 3);
        let error = link(Path::new("/etc/passwd")).expect_err("outside");
        assert_eq!(
            error.to_string(),
            "the link `a/link` cannot go into the component"
        );
        let error = link(&from).expect_err("around");
        assert!(
            error
                .hint_text()
                .is_some_and(|hint| hint.contains("exclude = [\"a/link\"]"))
        );
        fs::remove_dir_all(from.parent().expect("ours")).expect("ours");
    }

    #[test]
    fn the_digest_follows_names_and_contents_and_nothing_else() {
        let digest = |files: &[&str], change: Option<&str>| {
            let (from, to) = app("digest", files);
            if let Some(path) = change {
                fs::write(from.join(path), "changed").expect("a file");
            }
            let mut digest = Digest::of("test");
            copy(&from, &to, &RULES, &mut digest).expect("copied");
            fs::remove_dir_all(from.parent().expect("ours")).expect("ours");
            digest.hex()
        };
        let files = ["main.py", "a/x", ".git/HEAD"];
        let whole = digest(&files, None);
        assert_eq!(whole, digest(&files, None));
        assert_eq!(whole, digest(&files, Some(".git/HEAD")));
        assert_ne!(whole, digest(&files, Some("a/x")));
        assert_ne!(whole, digest(&files[..1], None));
    }
}
