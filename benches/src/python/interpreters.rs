//! The Pythons of this machine: natively compiled, so whichever is best here is the one to compare with.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// Where they are looked for, if nobody says which to take. A distribution's own is often the only one that was
/// compiled with profiles, and hidden behind another on the path.
const CANDIDATES: [&str; 7] = [
    "python3.15",
    "python3.14",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3",
    "/usr/bin/python3",
];

/// The oldest that the frameworks run on with all that the apps use.
const OLDEST: [u32; 3] = [3, 11, 0];

/// Says where it is, its version, and how many milliseconds of processor time a loop over what servers do all
/// day takes it.
const PROBE: &str = "
import platform, sys, time
def work():
    began = time.process_time()
    seen = {}
    for number in range(400_000):
        name = str(number & 1023)
        seen[name] = (name.encode(), [number, len(name)])
    return time.process_time() - began
print(sys.executable)
print(*sys.version_info[:3], sep='.')
print(min(work() for _ in range(5)) * 1000)
";

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Interpreter {
    pub(crate) path: PathBuf,
    /// For example `3.13.0`.
    pub(crate) version: String,
    /// How long the probe's loop took.
    pub(crate) loop_ms: f64,
}

/// Those that were asked for, or the quickest of this machine and the newest, which may be the same.
pub(crate) fn choose(asked: &[PathBuf]) -> anyhow::Result<Vec<Interpreter>> {
    if !asked.is_empty() {
        return asked.iter().map(|path| Interpreter::probe(path)).collect();
    }
    let mut found: Vec<Interpreter> = Vec::new();
    for candidate in CANDIDATES {
        // Most of them are not there.
        if let Ok(one) = Interpreter::probe(Path::new(candidate))
            && one.numbers() >= OLDEST
            && found.iter().all(|other| other.version != one.version)
        {
            found.push(one);
        }
    }
    let chosen = best(found);
    ensure!(
        !chosen.is_empty(),
        "there is no Python from {OLDEST:?} on to run uvicorn and granian on: name one with --python"
    );
    Ok(chosen)
}

/// The quickest, then the newest if it is another.
fn best(found: Vec<Interpreter>) -> Vec<Interpreter> {
    let quickest = found
        .iter()
        .min_by(|one, other| one.loop_ms.total_cmp(&other.loop_ms));
    let newest = found.iter().max_by_key(|one| one.numbers());
    let mut chosen: Vec<_> = quickest.into_iter().chain(newest).cloned().collect();
    chosen.dedup();
    chosen
}

impl Interpreter {
    fn probe(path: &Path) -> anyhow::Result<Self> {
        let output = Command::new(path)
            .args(["-I", "-c", PROBE])
            .output()
            .with_context(|| format!("cannot start {}", path.display()))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let mut lines = said.lines();
        let mut line = || {
            let line = lines.next();
            line.with_context(|| format!("{} is no Python", path.display()))
        };
        Ok(Self {
            path: line()?.into(),
            version: line()?.to_owned(),
            loop_ms: line()?.parse()?,
        })
    }

    /// Major, minor, patch.
    fn numbers(&self) -> [u32; 3] {
        let mut numbers = self.version.split('.').flat_map(str::parse);
        [(); 3].map(|()| numbers.next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(version: &str, loop_ms: f64) -> Interpreter {
        Interpreter {
            path: version.into(),
            version: version.to_owned(),
            loop_ms,
        }
    }

    #[test]
    fn the_quickest_and_the_newest() {
        let versions = |found: Vec<Interpreter>| -> Vec<String> {
            best(found).into_iter().map(|one| one.version).collect()
        };
        let found = || {
            vec![
                one("3.9.18", 90.0),
                one("3.11.2", 60.0),
                one("3.13.0", 80.0),
            ]
        };
        assert_eq!(versions(found()), ["3.11.2", "3.13.0"]);
        let with = [found(), vec![one("3.14.1", 50.0)]].concat();
        assert_eq!(versions(with), ["3.14.1"]);
        assert!(versions(Vec::new()).is_empty());
    }
}
