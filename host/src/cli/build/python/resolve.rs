//! Dependencies become a folder of pure Python and WebAssembly: which packages in which versions, and where each comes from.
//!
//! pip is asked twice. First as if the target were an ordinary Linux, so that it finds a set of versions that fit together
//! whatever they are written in; the markers (`sys_platform` and so on) are those of the component. Then each package that
//! is not pure is replaced by a wheel of ours, left out or refused, by name, and exactly these versions are installed,
//! each with its digest.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest as _, Sha256};
use wasgi::error::{Error, Result};

use super::{
    found::{Found, Kind, Report},
    home::{Home, cannot_write},
    native::{self, PLATFORM, Wanted},
    places::Place,
    process::{self, Ended},
    progress::{Phase, note},
    recipes::{Recipe, recipe},
    sources::Sources,
    tools::Tools,
};

/// How many packages may turn out, one after the other, to have sources only.
const ROUNDS_MAX: usize = 24;

/// The platforms whose wheels show that a version exists; ours first.
const PLATFORMS: [&str; 13] = [
    PLATFORM,
    "any",
    "manylinux1_x86_64",
    "manylinux2010_x86_64",
    "manylinux2014_x86_64",
    "manylinux_2_5_x86_64",
    "manylinux_2_12_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux_2_24_x86_64",
    "manylinux_2_28_x86_64",
    "manylinux_2_34_x86_64",
    "manylinux_2_35_x86_64",
    "manylinux_2_39_x86_64",
];

/// Resolves and installs; made for one build.
pub(super) struct Resolver<'a> {
    pub(super) home: &'a Home,
    pub(super) tools: &'a Tools,
    /// The app's folder, against which pip reads relative paths.
    pub(super) folder: &'a Path,
    pub(super) sources: &'a Sources,
}

impl Resolver<'_> {
    /// Installs what `sources` says, and what that needs, into `lib`. Gives the names of what was left out.
    pub(super) fn install(&self, lib: &Path) -> Result<Vec<String>> {
        let phase = Phase::announced("installing the dependencies");
        let scratch = self.home.scratch("pip")?;
        let wheels = self.home.scratch("wheels")?;
        let found = self.resolve(&scratch, &wheels)?;
        let mut pins = String::new();
        let mut left_out = Vec::new();
        for package in &found {
            let (name, version) = (&package.metadata.name, &package.metadata.version);
            let hash = match package.kind() {
                Kind::Fits => {
                    self.check(package)?;
                    package.sha256().map(str::to_owned)
                }
                Kind::Native if recipe(name) == Recipe::LeftOut => {
                    left_out.push(name.clone());
                    continue;
                }
                Kind::Native => Some(sha256(&self.native(package, &scratch, &wheels)?)?),
                Kind::Source => Some(sha256(&self.built_in_place(package, &wheels)?)?),
            };
            let Some(hash) = hash else {
                return Err(Error::internal(format!("pip names no digest for `{name}`")));
            };
            // Writing to a string cannot fail.
            let _ = writeln!(pins, "{name}=={version} --hash=sha256:{hash}");
        }
        self.pinned(&pins, lib)?;
        if !left_out.is_empty() {
            note(&format!(
                "left out, because the host does their work or others work without them: {}",
                left_out.join(", ")
            ));
        }
        phase.done(&format!(
            "installed {} packages",
            found.len() - left_out.len()
        ));
        Ok(left_out)
    }

    /// A lock knows the files that it allows; what was built here it cannot know.
    fn check(&self, package: &Found) -> Result<()> {
        let known = package
            .sha256()
            .is_none_or(|digest| self.sources.digests.contains(digest));
        let fetched = !package.download_info.url.starts_with("file:");
        if known || !fetched || self.sources.digests.is_empty() {
            return Ok(());
        }
        let (name, version) = (&package.metadata.name, &package.metadata.version);
        let from = self.sources.shown.as_deref().unwrap_or("the lock");
        Err(Error::user(format!(
            "`{name}` {version} is not the file that `{from}` names"
        ))
        .because(format!(
            "`{}` has another digest",
            package.download_info.url
        ))
        .hint("lock the dependencies again, or ask who has changed the package"))
    }

    /// The versions that fit together. Packages that come as sources only are built as they turn up.
    fn resolve(&self, scratch: &Path, wheels: &Path) -> Result<Vec<Found>> {
        let write = |name: &str, lines: &[String]| {
            let path = scratch.join(name);
            let text = lines.join("\n") + "\n";
            fs::write(&path, text).map_err(|error| cannot_write(&path, error))?;
            Ok(path)
        };
        let places = self.sources.places.iter().map(Place::line);
        let lines: Vec<_> = self
            .sources
            .requirements
            .iter()
            .cloned()
            .chain(places)
            .collect();
        let requirements = write("requirements.txt", &lines)?;
        let constraints = write("constraints.txt", &self.sources.constraints)?;
        let report = scratch.join("report.json");
        let mut built = Vec::new();
        for _ in 0..ROUNDS_MAX {
            let mut pip = self.pip("install", wheels);
            for platform in PLATFORMS {
                pip.args(["--platform", platform]);
            }
            pip.args(["--dry-run", "--ignore-installed", "--quiet"])
                .arg("--report")
                .arg(&report)
                .arg("--target")
                .arg(scratch.join("nothing"))
                .arg("--requirement")
                .arg(&requirements)
                .arg("--constraint")
                .arg(&constraints);
            let ended = process::run(&mut pip, scratch)?;
            if ended.succeeded() {
                let text = fs::read_to_string(&report).unwrap_or_default();
                let report: Report = serde_json::from_str(&text).map_err(|error| {
                    Error::internal("cannot understand what pip reports").because(error)
                })?;
                return Ok(report.install);
            }
            match without_wheel(&ended.stderr).filter(|name| !built.contains(name)) {
                Some(requirement) => {
                    self.sources_only(&requirement, &ended, scratch, wheels)?;
                    built.push(requirement);
                }
                None => return Err(self.refused(&ended)),
            }
        }
        Err(Error::user("too many dependencies have no wheel")
            .because(format!(
                "these were built from their sources: {}",
                built.join(", ")
            ))
            .hint("ask for versions of which there are wheels"))
    }

    fn pip(&self, verb: &str, wheels: &Path) -> Command {
        let mut pip = self.tools.script("pip_for_target.py");
        pip.arg(verb)
            .current_dir(self.folder)
            .args(["--only-binary=:all:", "--python-version", "3.14"])
            .args(["--implementation", "cp"])
            .args(["--abi", "cp314", "--abi", "abi3", "--abi", "none"])
            .arg("--find-links")
            .arg(wheels);
        pip
    }

    /// A package for which there is no wheel at all: it may be pure Python, packed long ago.
    fn sources_only(
        &self,
        requirement: &str,
        refusal: &Ended,
        scratch: &Path,
        wheels: &Path,
    ) -> Result<()> {
        let name: String = requirement
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(*letter))
            .collect();
        match recipe(&name) {
            Recipe::Impossible(why, instead) => return Err(impossible(&name, why, instead)),
            // An index that has not heard of it has no sources either, and this is the shorter way to hear that.
            _ if !self.exists(&name, requirement, scratch)? => return Err(self.refused(refusal)),
            recipe => {
                let wanted = Wanted {
                    name: &name,
                    version: "from its sources",
                    requirement,
                    content: None,
                    recipe: if recipe == Recipe::LeftOut {
                        Recipe::Build {
                            env: &[],
                            tools_suffice: false,
                        }
                    } else {
                        recipe
                    },
                };
                native::wheel(self.home, self.tools, &wanted, wheels)?;
            }
        }
        Ok(())
    }

    /// Whether the index has heard of it, in the version that is asked for.
    fn exists(&self, name: &str, requirement: &str, scratch: &Path) -> Result<bool> {
        let mut pip = self.tools.pip();
        pip.args(["index", "versions", name]);
        let ended = process::run(&mut pip, scratch)?;
        Ok(ended.succeeded() && offers(&ended.stdout, requirement))
    }

    /// A package whose wheel is for another machine: the pure one of the same version, or one of ours.
    fn native(&self, package: &Found, scratch: &Path, wheels: &Path) -> Result<PathBuf> {
        let (name, version) = (&package.metadata.name, &package.metadata.version);
        let requirement = format!("{name}=={version}");
        let recipe = recipe(name);
        if let Recipe::Impossible(why, instead) = recipe {
            return Err(impossible(name, why, instead));
        }
        let pure = scratch.join("pure");
        let mut pip = self.pip("download", wheels);
        pip.args(["--platform", PLATFORM, "--platform", "any"]);
        pip.args(["--no-deps", "--quiet", "--dest"])
            .arg(&pure)
            .arg(&requirement);
        if process::run(&mut pip, scratch)?.succeeded()
            && let Some(wheel) = move_wheel(&pure, wheels)
        {
            return Ok(wheel);
        }
        let wanted = Wanted {
            name,
            version,
            requirement: &requirement,
            content: None,
            recipe,
        };
        native::wheel(self.home, self.tools, &wanted, wheels)
    }

    /// A package that was named by its place: a folder, an archive or a repository.
    fn built_in_place(&self, package: &Found, wheels: &Path) -> Result<PathBuf> {
        let place = package.place();
        let content = self.sources.places.iter();
        let content = content.filter_map(|known| known.content_of(&place)).next();
        let wanted = Wanted {
            name: &package.metadata.name,
            version: &package.metadata.version,
            requirement: &place,
            content,
            recipe: Recipe::Build {
                env: &[],
                tools_suffice: false,
            },
        };
        native::wheel(self.home, self.tools, &wanted, wheels)
    }

    /// Installs exactly these.
    pub(super) fn pinned(&self, pins: &str, lib: &Path) -> Result<()> {
        let scratch = self.home.scratch("pip")?;
        let path = scratch.join("pinned.txt");
        fs::write(&path, pins).map_err(|error| cannot_write(&path, error))?;
        let mut pip = self.pip("install", &self.home.scratch("wheels")?);
        // Indexes that the requirements name.
        let options = self.sources.requirements.iter().filter(|line| {
            ["--", "-i ", "-f "]
                .iter()
                .any(|flag| line.starts_with(flag))
        });
        pip.args(options.flat_map(|line| line.split_whitespace()));
        pip.args(["--platform", PLATFORM, "--platform", "any"])
            .args(["--no-deps", "--no-compile", "--quiet", "--require-hashes"])
            .arg("--target")
            .arg(lib)
            .arg("--requirement")
            .arg(&path);
        let ended = process::run(&mut pip, &scratch)?;
        if !ended.succeeded() {
            return Err(self.refused(&ended));
        }
        // Programs of packages: nothing runs them in a component.
        let _ = fs::remove_dir_all(lib.join("bin"));
        Ok(())
    }

    fn refused(&self, ended: &Ended) -> Error {
        let from = self.sources.shown.as_deref().unwrap_or("the app");
        let said: Vec<_> = ended
            .stderr
            .lines()
            .filter(|line| {
                // What pip mentions beside what went wrong.
                let beside = ["WARNING: ", "ERROR: Ignored the following", "Looking in "];
                !line.trim().is_empty() && !beside.iter().any(|start| line.starts_with(start))
            })
            .collect();
        let git = git_said(&said);
        let said = match &git {
            Some(git) => git.clone(),
            None => process::last_lines(&said.join("\n"), 12),
        };
        let network = [
            "NewConnectionError",
            "Max retries exceeded",
            "Temporary failure",
            "ReadTimeout",
            "ProxyError",
        ]
        .iter()
        .any(|word| ended.stderr.contains(word));
        let hint = if ended.stderr.contains("Cannot find command 'git'") {
            "install git (`apt install git`), or name an archive of the repository, which needs none: `name @ https://….tar.gz`"
        } else if git.is_some() {
            "git could not fetch it: try `git clone` with that URL yourself, and check the branch or tag behind the `@`"
        } else if network {
            "the package index cannot be reached; pip's own settings (index, proxy, certificates) are heard"
        } else if said.contains("No matching distribution") {
            "check the name and the version; it has to have a wheel, or sources, for Python 3.14"
        } else if said.contains("conflict") || said.contains("ResolutionImpossible") {
            "pip says which of them contradict each other; change the versions that are asked for"
        } else {
            "pip says why"
        };
        Error::user(format!("cannot install the dependencies in `{from}`"))
            .because(said)
            .hint(hint)
    }
}

fn impossible(name: &str, why: &str, instead: &str) -> Error {
    Error::user(format!(
        "the dependency `{name}` cannot be compiled to WebAssembly"
    ))
    .because(why.to_owned())
    .hint(instead.to_owned())
}

/// What git itself said, if it is what went wrong.
fn git_said(lines: &[&str]) -> Option<String> {
    let words = ["fatal: ", "error: pathspec "];
    let said = lines.iter().map(|line| line.trim());
    let said: Vec<_> = said
        .filter(|line| words.iter().any(|word| line.starts_with(word)))
        .collect();
    (!said.is_empty()).then(|| said.join("\n"))
}

/// The requirement for which pip has found no wheel.
fn without_wheel(said: &str) -> Option<String> {
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix("ERROR: No matching distribution found for "))?;
    // `name[extra]==1.0; marker (from somebody)`
    let requirement = line.split([';', '(']).next().unwrap_or_default().trim();
    let legal = requirement
        .chars()
        .next()
        .is_some_and(|first| first.is_ascii_alphanumeric());
    legal.then(|| requirement.to_owned())
}

/// Whether the list of versions of a package, as pip prints it, has the one that a requirement pins.
fn offers(list: &str, requirement: &str) -> bool {
    let Some((_, version)) = requirement.split_once("==") else {
        return true;
    };
    let version = version.trim_start_matches('=').trim();
    let list = list
        .lines()
        .find_map(|line| line.trim().strip_prefix("Available versions:"));
    // A list that is not understood, or a pattern: the build finds out.
    list.is_none_or(|list| {
        version.contains(['*', ',']) || list.split(',').any(|offered| offered.trim() == version)
    })
}

fn move_wheel(from: &Path, to: &Path) -> Option<PathBuf> {
    let entry = fs::read_dir(from).ok()?.flatten().next()?;
    let path = to.join(entry.file_name());
    fs::rename(entry.path(), &path).ok()?;
    Some(path)
}

fn sha256(path: &Path) -> Result<String> {
    let bytes = fs::read(path).map_err(|error| cannot_write(path, error))?;
    let digest = Sha256::digest(bytes);
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_offered_or_not() {
        let list = "docopt (0.6.2)\nAvailable versions: 0.6.2, 0.6.1, 0.5.0\n";
        for requirement in ["docopt", "docopt>=0.6", "docopt==0.6.1", "docopt==0.*"] {
            assert!(offers(list, requirement), "{requirement}");
        }
        assert!(!offers(list, "docopt==0.6"));
        assert!(offers("something else", "docopt==9"));
    }

    #[test]
    fn what_pip_has_no_wheel_for_is_read_from_its_words() {
        let said = "ERROR: Could not find a version that satisfies the requirement docopt (from versions: none)\n\
                    ERROR: No matching distribution found for docopt\n";
        assert_eq!(without_wheel(said).as_deref(), Some("docopt"));
        let said = "ERROR: No matching distribution found for a[x]==1.0; extra == \"b\" (from c)\n";
        assert_eq!(without_wheel(said).as_deref(), Some("a[x]==1.0"));
        assert_eq!(without_wheel("ERROR: something else"), None);
        assert_eq!(
            without_wheel("ERROR: No matching distribution found for --evil"),
            None
        );
    }
}
