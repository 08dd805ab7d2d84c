//! Runs the tools: with an environment of their own, what they say captured, and killed when they take too long.
//!
//! A tool is misled by what a person has set for another Python: an active virtual environment, `PYTHONPATH`, settings of
//! pip that change what is installed where. Only what says how the network is reached gets through.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use wasgi::error::{Error, Result};

/// Of what a tool says, this much is kept: its end.
const SAID_BYTES_MAX: u64 = 256 * 1024;

/// How often a running tool is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A tool that has ended.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    /// The end of it, if it was long.
    pub(super) stderr: String,
}

impl Ended {
    pub(super) fn succeeded(&self) -> bool {
        self.status.success()
    }

    /// The last lines of what it said, without empty ones.
    pub(super) fn last_words(&self, lines: usize) -> String {
        last_lines(&self.stderr, lines)
    }
}

/// The last lines that are not empty.
pub(super) fn last_lines(text: &str, lines: usize) -> String {
    let said: Vec<_> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let from = said.len().saturating_sub(lines);
    said.get(from..).unwrap_or_default().join("\n")
}

/// A command in a clean environment.
pub(super) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    clean(&mut command);
    command.stdin(Stdio::null());
    command
}

fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_none_or(misleads) {
            command.env_remove(&name);
        }
    }
    command.env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("PYTHONUTF8", "1");
    // Nobody is there to answer: a repository that wants a password is an error.
    command.env("GIT_TERMINAL_PROMPT", "0");
    // What a tool written in Rust says should end with what went wrong.
    command.env("RUST_BACKTRACE", "0");
}

fn misleads(name: &str) -> bool {
    /// How packages are fetched.
    const PIP: [&str; 14] = [
        "PIP_CACHE_DIR",
        "PIP_CERT",
        "PIP_CLIENT_CERT",
        "PIP_CONFIG_FILE",
        "PIP_DEFAULT_TIMEOUT",
        "PIP_EXTRA_INDEX_URL",
        "PIP_FIND_LINKS",
        "PIP_INDEX_URL",
        "PIP_KEYRING_PROVIDER",
        "PIP_NO_INDEX",
        "PIP_PROXY",
        "PIP_RETRIES",
        "PIP_TIMEOUT",
        "PIP_TRUSTED_HOST",
    ];
    const OTHERS: [&str; 4] = [
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "__PYVENV_LAUNCHER__",
        "PIPENV_ACTIVE",
    ];
    (name.starts_with("PIP_") && !PIP.contains(&name))
        || name.starts_with("PYTHON")
        || name.starts_with("MATURIN_")
        || name.starts_with("PYO3_")
        || OTHERS.contains(&name)
}

/// Runs a tool to its end.
pub(super) fn run(command: &mut Command, scratch: &Path) -> Result<Ended> {
    watch(command, scratch, |_| Ok(()))
}

/// Runs a tool; `look` is asked again and again how it goes, and its error ends the tool.
pub(super) fn watch(
    command: &mut Command,
    scratch: &Path,
    mut look: impl FnMut(Duration) -> Result<()>,
) -> Result<Ended> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |what: &str, error: io::Error| {
        Error::user(format!("cannot {what} `{program}`")).because(error).hint(
            "is it there, and may it be run? Removing the folder `python` of wasgi's cache makes the tools again",
        )
    };
    // Files, not pipes: nobody has to read them while it runs.
    let open = |name: &str| open(&scratch.join(name)).map_err(|error| failed("run", error));
    let (mut stdout, mut stderr) = (open("stdout")?, open("stderr")?);
    let to = |file: &File| file.try_clone().map_err(|error| failed("run", error));
    command.stdout(to(&stdout)?).stderr(to(&stderr)?);
    let child = command.spawn().map_err(|error| failed("start", error))?;
    let mut child = Running(child);
    let started = Instant::now();
    let status = loop {
        let ended = child
            .0
            .try_wait()
            .map_err(|error| failed("wait for", error))?;
        if let Some(status) = ended {
            break status;
        }
        look(started.elapsed())?;
        pause();
    };
    let read = |file: &mut File| tail(file).map_err(|error| failed("read what was said by", error));
    Ok(Ended {
        status,
        stdout: read(&mut stdout)?,
        stderr: read(&mut stderr)?,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "a build has a thread of its own, and no runtime is on it"
)]
fn pause() {
    std::thread::sleep(LOOK);
}

/// Killed when nobody waits for it any more.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
}

fn tail(file: &mut File) -> io::Result<String> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(SAID_BYTES_MAX)))?;
    let mut bytes = Vec::new();
    file.take(SAID_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_pythons_settings_do_not_get_through_but_the_networks_do() {
        for name in [
            "VIRTUAL_ENV",
            "PYTHONPATH",
            "PYTHONHOME",
            "PIP_TARGET",
            "PIP_USER",
            "PIP_NO_BINARY",
            "PYO3_CONFIG_FILE",
        ] {
            assert!(misleads(name), "{name}");
        }
        for name in ["PIP_INDEX_URL", "PIP_CERT", "HTTPS_PROXY", "PATH", "HOME"] {
            assert!(!misleads(name), "{name}");
        }
    }

    #[test]
    fn the_last_lines_are_those_with_something_in_them() {
        assert_eq!(last_lines("a\nb\n\n  \nc\n", 2), "b\nc");
        assert_eq!(last_lines("", 3), "");
    }

    #[test]
    fn a_tool_is_killed_when_the_watcher_says_so() {
        let scratch = std::env::temp_dir().join(format!("wasgi-watch-{}", std::process::id()));
        std::fs::create_dir_all(&scratch).expect("a folder");
        let mut sleeper = command("sleep");
        let ended = watch(sleeper.arg("600"), &scratch, |_| Err(Error::user("enough")));
        assert_eq!(ended.err().expect("killed").to_string(), "enough");
        let mut speaker = command("sh");
        let ended = run(
            speaker.args(["-c", "echo out; echo err >&2; exit 3"]),
            &scratch,
        );
        let ended = ended.expect("it ran");
        assert_eq!(
            (ended.stdout.as_str(), ended.stderr.as_str()),
            ("out\n", "err\n")
        );
        assert_eq!(ended.status.code(), Some(3));
        std::fs::remove_dir_all(&scratch).expect("ours");
    }
}
