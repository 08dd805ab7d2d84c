//! Requirements that are places on this machine: a folder (`./shared`, `-e ../shared[extra]`) or an archive beside the app.
//!
//! `sources` recognises them, and `build` copies each folder before anything else: the copy is what is built, so that a build
//! leaves nothing in the user's folder, and its digest is part of what the dependencies are made from, so that a change in it
//! counts. What a folder means as a package is pip's business.

use std::{
    fs,
    path::{Path, PathBuf},
};

use wasgi::error::{Error, Result};

use super::{
    digest::Digest,
    home::Home,
    stage::{self, Rules},
};

/// A folder or a file that is named instead of a package.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// As it was written.
    shown: String,
    /// Where it is: after `copy`, the copy of a folder.
    path: PathBuf,
    /// `[extra]`, and the marker with its semicolon.
    behind: String,
    /// What is in it, after `copy`.
    digest: String,
}

impl Place {
    /// The place that a line names, if it names one; relative to the app's folder, as for pip that is run there.
    pub(super) fn of(line: &str, folder: &Path) -> Option<Self> {
        // Options, and variables, are left to pip.
        if line.starts_with('-') || line.contains(" --") || line.contains("${") {
            return None;
        }
        let (requirement, marker) = match line.split_once(" ;").or_else(|| line.split_once("; ")) {
            Some((requirement, marker)) => (requirement.trim(), format!(" ; {}", marker.trim())),
            None => (line.trim(), String::new()),
        };
        // `name[extra] @ file:///place`
        let (extras, place) = match requirement.split_once('@') {
            Some((name, place)) if place.trim_start().starts_with("file:") => {
                let extras = name.find('[').and_then(|at| name.get(at..));
                (extras.unwrap_or_default().trim(), place.trim())
            }
            _ => match requirement.find('[').filter(|_| requirement.ends_with(']')) {
                Some(at) => (
                    requirement.get(at..).unwrap_or_default(),
                    requirement.get(..at).unwrap_or_default().trim(),
                ),
                None => ("", requirement),
            },
        };
        let path = match place.strip_prefix("file:") {
            Some(url) => path_of(url)?,
            None if looks_like_a_path(place) => PathBuf::from(place),
            None => return None,
        };
        Some(Self {
            shown: place.to_owned(),
            path: folder.join(path),
            behind: format!("{extras}{marker}"),
            digest: String::new(),
        })
    }

    /// The place of a line that begins with `-e`: here a name without a slash is a folder, too.
    pub(super) fn of_editable(line: &str, folder: &Path) -> Option<Self> {
        let name = line.split(['[', ' ']).next().unwrap_or_default();
        if folder.join(name).is_dir() {
            return Self::of(&format!("./{line}"), folder).or_else(|| Self::of(line, folder));
        }
        Self::of(line, folder)
    }

    /// Whether it is this folder.
    pub(super) fn is(&self, folder: &Path) -> bool {
        let found = fs::canonicalize(&self.path);
        found.is_ok_and(|found| fs::canonicalize(folder).is_ok_and(|folder| folder == found))
    }

    /// As a line of requirements.
    pub(super) fn line(&self) -> String {
        format!("{}{}", self.path.display(), self.behind)
    }

    /// Adds what it is to what the dependencies are made from.
    pub(super) fn add_to(&self, digest: &mut Digest) {
        digest.add("place", &self.behind);
        digest.add("content", &self.digest);
    }

    /// What is in it, if pip's URL means this one.
    pub(super) fn content_of(&self, url: &str) -> Option<&str> {
        let path = path_of(url.strip_prefix("file:")?)?;
        (path == self.path).then_some(&self.digest)
    }

    /// Copies a folder, takes the digest, and is the copy from now on.
    fn copy(&mut self, to: &Path, from: &str) -> Result<()> {
        let asked = format!("`{from}` asks for `{}`", self.shown);
        if self.path.is_file() {
            let bytes = fs::read(&self.path).map_err(|error| {
                Error::user(format!("cannot read `{}`", self.path.display())).because(error)
            })?;
            self.digest = Digest::of("archive").with("content", bytes).hex();
            return Ok(());
        }
        if !self.path.is_dir() {
            let what = format!("there is no folder `{}`", self.path.display());
            return Err(Error::user(what)
                .because(asked)
                .hint("places in the requirements are relative to the app's folder"));
        }
        if !["pyproject.toml", "setup.py"]
            .iter()
            .any(|file| self.path.join(file).is_file())
        {
            let what = format!("the folder `{}` is no Python project", self.path.display());
            return Err(Error::user(what)
                .because(format!("{asked}, and there is neither a pyproject.toml nor a setup.py in it"))
                .hint(
                    "if it only has modules in it, `python_path` in `[build]` says that they are imported from there",
                ));
        }
        let name = self.path.file_name().unwrap_or("project".as_ref());
        let to = to.join(name);
        let mut digest = Digest::of("folder").with("name", name.as_encoded_bytes());
        let nothing_else = Rules {
            include: &[],
            exclude: &[],
        };
        stage::copy(&self.path, &to, &nothing_else, &mut digest)?;
        self.path = to;
        self.digest = digest.hex();
        Ok(())
    }
}

/// Copies all places of a build. `from` says where they were named.
pub(super) fn copy(places: &mut [Place], from: &str, home: &Home) -> Result<()> {
    for (number, place) in places.iter_mut().enumerate() {
        let to = home.scratch(&format!("places/{number}"))?;
        place.copy(&to, from)?;
    }
    Ok(())
}

/// As pip sees it: with a slash in it, or with a dot in front. A URL is none, nor is `name @ url`.
fn looks_like_a_path(text: &str) -> bool {
    let is_url = text.contains("://") || text.contains('@');
    !is_url && (text.contains('/') || text.starts_with('.'))
}

/// The path of a `file:` URL, whose scheme is gone. One that says more than a path is left to pip.
fn path_of(url: &str) -> Option<PathBuf> {
    let url = url.split_once("#egg=").map_or(url, |(url, _)| url);
    let path = match url.strip_prefix("//") {
        Some(path) => path.strip_prefix("localhost").unwrap_or(path),
        None => url,
    };
    if path.contains(['#', '?']) || path.is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|_| first == b'%');
        let decoded = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(decoded.unwrap_or(first));
        rest = match decoded {
            Some(_) => behind.get(2..).unwrap_or_default(),
            None => behind,
        };
    }
    Some(PathBuf::from(String::from_utf8(bytes).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn place(line: &str) -> Option<(String, String)> {
        let place = Place::of(line, Path::new("/app"))?;
        Some((place.path.display().to_string(), place.behind))
    }

    #[test]
    fn a_place_is_told_from_a_name_and_from_a_url() {
        let is = |line: &str, path: &str, behind: &str| {
            assert_eq!(place(line), Some((path.into(), behind.into())), "{line}");
        };
        is("./shared", "/app/./shared", "");
        is("../shared[dev,x]", "/app/../shared", "[dev,x]");
        is(
            "libs/a ; python_version > '3'",
            "/app/libs/a",
            " ; python_version > '3'",
        );
        is("/opt/a-1-py3-none-any.whl", "/opt/a-1-py3-none-any.whl", "");
        is("file:./a%20b", "/app/./a b", "");
        is("shared[x] @ file:///opt/shared", "/opt/shared", "[x]");
        is("file://localhost/opt/shared#egg=shared", "/opt/shared", "");
        for line in [
            "starlette",
            "fastapi[standard]>=0.1 ; python_version > '3'",
            "git+https://example.org/a/b@main",
            "a @ git+file:///opt/a",
            "https://example.org/a.tar.gz",
            "--index-url https://example.org/simple",
            "--find-links ./wheels",
            "./${PLACE}",
            "file:///opt/all#subdirectory=a",
        ] {
            assert_eq!(place(line), None, "{line}");
        }
    }
}
