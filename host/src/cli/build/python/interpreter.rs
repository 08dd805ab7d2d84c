//! Finds a Python on this machine that can run the build tools. It is never the one that runs the app.

use std::path::{Path, PathBuf};

use wasgi::error::{Error, Result};

use super::process;

/// The oldest that the tools run on.
const OLDEST: (u32, u32) = (3, 10);

/// Under which names it is looked for, first come, first taken.
const NAMES: [&str; 7] = [
    "python3",
    "python3.14",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
    "python",
];

/// What it is asked: its version, whether it can make virtual environments, and where it is.
const QUESTION: &str = "import sys, importlib.util as u; print(*sys.version_info[:2], \
    all(u.find_spec(m) for m in ('venv', 'ensurepip')), sys.executable, sep='\\n')";

/// Who answered.
struct Answer {
    version: (u32, u32),
    /// Whether it has what virtual environments are made with.
    complete: bool,
    path: PathBuf,
}

/// A Python that can make a virtual environment for the tools.
pub(super) fn find(scratch: &Path) -> Result<PathBuf> {
    let answers = NAMES.iter().filter_map(|name| ask(name, scratch));
    let mut too_old = None;
    let mut bare = None;
    for answer in answers {
        if answer.version < OLDEST {
            too_old = too_old.or(Some(answer.version));
        } else if answer.complete {
            return Ok(answer.path);
        } else {
            bare = bare.or(Some(answer.version));
        }
    }
    Err(missing(bare, too_old))
}

fn missing(bare: Option<(u32, u32)>, too_old: Option<(u32, u32)>) -> Error {
    let need = "building a Python app needs Python 3.10 or newer on this machine, for the tools";
    match (bare, too_old) {
        (Some((major, minor)), _) => {
            Error::user("this machine's Python cannot make a virtual environment")
                .because(format!(
                    "Python {major}.{minor} is there without its modules `venv` and `ensurepip`"
                ))
                .hint(format!(
                    "on Debian and Ubuntu: `apt install python{major}.{minor}-venv`; elsewhere install \
                     Python whole"
                ))
        }
        (None, Some((major, minor))) => {
            Error::user(format!("this machine's Python {major}.{minor} is too old"))
                .because(need)
                .hint("install a newer one beside it, for example `python3.12`: it is found by its name")
        }
        (None, None) => Error::user("there is no `python3` on this machine")
            .because(need)
            .hint(
                "install it: `apt install python3-venv`, `dnf install python3`, `brew install python`, \
                 or https://www.python.org/downloads",
            ),
    }
}

fn ask(name: &str, scratch: &Path) -> Option<Answer> {
    let mut command = process::command(name);
    command.args(["-I", "-c", QUESTION]);
    let ended = process::run(&mut command, scratch).ok()?;
    ended.succeeded().then(|| read(&ended.stdout))?
}

fn read(said: &str) -> Option<Answer> {
    let mut lines = said.lines();
    let version = (lines.next()?.parse().ok()?, lines.next()?.parse().ok()?);
    let complete = lines.next()? == "True";
    let path = PathBuf::from(lines.next().filter(|path| !path.is_empty())?);
    Some(Answer {
        version,
        complete,
        path,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_anything_else_is_none() {
        let answer = read("3\n12\nTrue\n/usr/bin/python3\n").expect("an answer");
        assert_eq!(answer.version, (3, 12));
        assert!(answer.complete && answer.path == Path::new("/usr/bin/python3"));
        assert!(!read("3\n9\nFalse\n/x\n").expect("an answer").complete);
        for said in ["", "3\n", "3\nx\nTrue\n/x", "3\n12\nTrue\n\n"] {
            assert!(read(said).is_none(), "{said:?}");
        }
    }

    #[test]
    fn what_is_missing_is_named_with_what_to_install() {
        let hint = |error: Error| error.hint_text().unwrap_or_default().to_owned();
        assert!(hint(missing(None, None)).contains("apt install python3-venv"));
        assert!(hint(missing(Some((3, 12)), Some((3, 8)))).contains("python3.12-venv"));
        assert!(
            missing(None, Some((3, 8)))
                .to_string()
                .contains("3.8 is too old")
        );
    }
}
