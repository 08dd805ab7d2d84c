//! What the app depends on, as its folder says it: a file of requirements for pip, and constraints from a lock file.
//!
//! `resolve` calls it. It looks for files by their names, in an order that is documented, reads what they include, and takes
//! out what makes no sense here. What they mean is pip's business. Every form that we do not read is an error with
//! the command that turns it into one that we do.

mod lock;

use std::{collections::BTreeSet, fs, path::Path};

use wasgi::error::{Error, Result};

use super::places::Place;

/// As deep as requirements may include each other.
const DEPTH_MAX: usize = 16;

/// What is to be installed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sources {
    /// Where it was said, for messages; none when the folder says nothing.
    pub(super) shown: Option<String>,
    /// Lines of a requirements file, nested ones in place.
    pub(super) requirements: Vec<String>,
    /// Those of them that are places on this machine.
    pub(super) places: Vec<Place>,
    /// Lines of a constraints file.
    pub(super) constraints: Vec<String>,
    /// SHA-256 of the files that a lock allows; empty when none says.
    pub(super) digests: BTreeSet<String>,
    /// Things that the user should know.
    pub(super) notes: Vec<String>,
}

impl Sources {
    /// Looks into the app's folder; `named` is the file that the manifest names.
    pub(super) fn find(folder: &Path, named: Option<&str>) -> Result<Self> {
        if let Some(named) = named {
            let path = folder.join(named);
            if !path.is_file() {
                return Err(
                    Error::user(format!("there is no file `{}`", path.display())).hint(
                        "`build.requirements` in `wasgi.toml` names the file with the dependencies",
                    ),
                );
            }
            return Self::read(&path, folder);
        }
        for name in ["pylock.toml", "requirements.txt", "pyproject.toml"] {
            let path = folder.join(name);
            if path.is_file() && (name != "pyproject.toml" || says_dependencies(&path)) {
                return Self::read(&path, folder);
            }
        }
        for (name, command) in [
            ("Pipfile", "pipenv requirements > requirements.txt"),
            ("Pipfile.lock", "pipenv requirements > requirements.txt"),
            (
                "environment.yml",
                "pip list --format=freeze > requirements.txt",
            ),
        ] {
            if folder.join(name).is_file() {
                return Err(
                    Error::user(format!("dependencies in `{name}` are not read"))
                        .hint(format!("write a requirements file: `{command}`")),
                );
            }
        }
        Ok(Self::default())
    }

    /// Whether there is nothing to install.
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty() && !self.requirements.iter().any(|line| !line.starts_with('-'))
    }

    fn read(path: &Path, folder: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let shown = Some(path.display().to_string());
        let is_lock =
            name == "pylock.toml" || name.starts_with("pylock.") && name.ends_with(".toml");
        if is_lock {
            let mut sources = lock::read(path, &toml_of(path)?)?;
            sources.shown = shown;
            return Ok(sources);
        }
        if name == "uv.lock" || name == "poetry.lock" || name == "pdm.lock" {
            return Err(
                Error::user(format!("`{name}` is not a file of requirements")).hint(
                    "name the `pyproject.toml` beside it: the versions in the lock are then kept",
                ),
            );
        }
        let mut sources = Self {
            shown,
            ..Self::default()
        };
        if name.ends_with(".toml") {
            sources.read_project(path)?;
        } else {
            sources.read_requirements(path, false, 0)?;
        }
        sources.set_places_apart(folder);
        Ok(sources)
    }

    /// `[project] dependencies`, and the versions of a lock file beside it.
    fn read_project(&mut self, path: &Path) -> Result<()> {
        let project = toml_of(path)?;
        self.requirements = project_dependencies(path, &project)?;
        for name in ["uv.lock", "poetry.lock", "pdm.lock"] {
            let lock = path.with_file_name(name);
            if lock.is_file() {
                self.constraints = lock::constraints(&toml_of(&lock)?);
                self.notes
                    .push(format!("the versions are those of `{}`", lock.display()));
                break;
            }
        }
        Ok(())
    }

    /// Lines that name a place. The app's own folder is in the component anyway, and a component is never edited.
    fn set_places_apart(&mut self, folder: &Path) {
        for line in std::mem::take(&mut self.requirements) {
            let editable = after(&line, ["-e", "--editable"]);
            let place = match editable {
                Some(line) => Place::of_editable(line, folder),
                None => Place::of(&line, folder),
            };
            match place {
                Some(place) if place.is(folder) => {}
                Some(place) => self.places.push(place),
                None => self.requirements.push(editable.unwrap_or(&line).to_owned()),
            }
        }
    }

    fn read_requirements(&mut self, path: &Path, constraints: bool, depth: usize) -> Result<()> {
        if depth > DEPTH_MAX {
            return Err(Error::user(format!("`{}` includes itself", path.display()))
                .hint("look at its lines that begin with `-r` and `-c`"));
        }
        for line in lines(&text_of(path)?) {
            match Line::of(&line) {
                Line::Include(nested) => {
                    self.read_requirements(&path.with_file_name(nested), constraints, depth + 1)?;
                }
                Line::Constraints(nested) => {
                    self.read_requirements(&path.with_file_name(nested), true, depth + 1)?;
                }
                // What may be built is decided here.
                Line::Ours => {}
                Line::Other if constraints => self.constraints.push(line),
                Line::Other => self.requirements.push(line),
            }
        }
        Ok(())
    }
}

/// A line of a requirements file.
enum Line<'l> {
    Include(&'l str),
    Constraints(&'l str),
    /// An option of pip that we set ourselves.
    Ours,
    Other,
}

impl<'l> Line<'l> {
    fn of(line: &'l str) -> Self {
        if let Some(path) = after(line, ["-r", "--requirement"]) {
            return Self::Include(path);
        }
        if let Some(path) = after(line, ["-c", "--constraint"]) {
            return Self::Constraints(path);
        }
        if after(line, ["--no-binary", "--only-binary"]).is_some() || line == "--prefer-binary" {
            return Self::Ours;
        }
        Self::Other
    }
}

/// What stands behind one of these flags.
fn after<'l>(line: &'l str, flags: [&str; 2]) -> Option<&'l str> {
    flags.iter().find_map(|flag| {
        let rest = line.strip_prefix(flag)?;
        rest.starts_with([' ', '=', '\t'])
            .then(|| rest.trim_start_matches([' ', '=', '\t']))
    })
}

/// Logical lines: comments gone, continued lines joined.
fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut whole = String::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        let comment = line.trim_start().starts_with('#');
        let line = match line.find(" #").or_else(|| line.find("\t#")) {
            Some(at) => line.get(..at).unwrap_or_default(),
            None => line,
        };
        let line = if comment { "" } else { line.trim_end() };
        match line.strip_suffix('\\') {
            Some(line) => {
                whole.push_str(line);
                whole.push(' ');
            }
            None => {
                whole.push_str(line);
                let done = std::mem::take(&mut whole);
                if !done.trim().is_empty() {
                    lines.push(done.trim().to_owned());
                }
            }
        }
    }
    if !whole.trim().is_empty() {
        lines.push(whole.trim().to_owned());
    }
    lines
}

/// A `pyproject.toml` may hold nothing but settings of a linter.
fn says_dependencies(path: &Path) -> bool {
    let Ok(project) = toml_of(path) else {
        return true;
    };
    project.contains_key("project") || poetry_dependencies(&project).is_some()
}

fn poetry_dependencies(project: &toml::Table) -> Option<&toml::Value> {
    project.get("tool")?.get("poetry")?.get("dependencies")
}

fn project_dependencies(path: &Path, project: &toml::Table) -> Result<Vec<String>> {
    let shown = path.display();
    let Some(section) = project.get("project") else {
        if poetry_dependencies(project).is_some() {
            let what = format!(
                "`{shown}` has its dependencies in Poetry's own section, which is not read"
            );
            return Err(Error::user(what).hint(
                "write them to `[project] dependencies` (`poetry init` of version 2 does), or \
                 `poetry export -o requirements.txt`",
            ));
        }
        return Ok(Vec::new());
    };
    let names = |key: &str| -> Option<Vec<String>> {
        let list = section.get(key)?.as_array()?;
        list.iter()
            .map(|item| Some(item.as_str()?.to_owned()))
            .collect()
    };
    let dynamic = names("dynamic").unwrap_or_default();
    if dynamic.iter().any(|key| key == "dependencies") {
        let what = format!("the dependencies of `{shown}` are computed when it is built");
        return Err(Error::user(what)
            .because("`dynamic` in `[project]` names `dependencies`")
            .hint("write a requirements.txt, and `requirements = \"requirements.txt\"` into `[build]`"));
    }
    match (section.get("dependencies"), names("dependencies")) {
        (None, _) => Ok(Vec::new()),
        (Some(_), Some(dependencies)) => Ok(dependencies),
        (Some(_), None) => {
            let what = format!("`project.dependencies` in `{shown}` is not a list of strings");
            Err(Error::user(what).hint("for example `dependencies = [\"starlette>=1\"]`"))
        }
    }
}

fn text_of(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| {
        Error::user(format!("cannot read `{}`", path.display()))
            .because(error)
            .hint("the dependencies stand there: check that it is UTF-8 text that you can read")
    })
}

fn toml_of(path: &Path) -> Result<toml::Table> {
    text_of(path)?.parse().map_err(|error: toml::de::Error| {
        Error::user(format!("`{}` is not valid TOML", path.display()))
            .because(error.message().to_owned())
            .hint("the dependencies stand there")
    })
}

#[cfg(test)]
mod tests;
