//! Compiling in a process of its own: the host's side.
//!
//! It hands over the open component as stdin and an open file as stdout, and nothing else: no environment of ours, no path, no
//! key of the cache. What the process may use it takes upon itself before it reads a byte (`cli/compile.rs`); how long it may
//! take is also watched from here. What comes back is code only when it says so by its exit code.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::Order;
use crate::error::{Error, Kind, Result};
use crate::wasm::Engine;
use crate::wasm::engine::Places;

/// Of what the process says on stderr.
const SAID_BYTES_MAX: u64 = 64 * 1024;

/// How much longer than its CPU time all of it may take: it has the lowest priority, and waits for others.
const WALL_FOR_CPU: u32 = 3;

/// A program that compiles one component: stdin to stdout, with the digest and the shown name as its last two
/// arguments.
#[derive(Clone, Debug)]
pub struct Program {
    /// The program.
    pub path: PathBuf,
    /// Its first arguments; those that say its limits are among them.
    pub arguments: Vec<OsString>,
    /// All of its environment.
    pub environment: Vec<(&'static str, &'static str)>,
    /// How much CPU time it may take on all cores together; it is killed when all of it takes three times as long.
    pub cpu: Duration,
    /// How much memory it may have, for errors: it limits itself.
    pub memory_bytes: u64,
    /// How to raise the two, for hints.
    pub raise: [&'static str; 2],
}

impl Program {
    pub(super) fn compile(&self, engine: &Engine, order: &Order<'_>, to: &File) -> Result<()> {
        let failed = |what: &str, error: std::io::Error| {
            Error::internal(format!("cannot {what} the process that compiles")).because(error)
        };
        // All handles of an open file share its position.
        let mut file = order.file;
        file.rewind().map_err(|error| failed("prepare", error))?;
        let input = order.file.try_clone();
        let output = to.try_clone();
        let mut child = Command::new(&self.path)
            .args(&self.arguments)
            .args(tight(engine).then_some("--tight"))
            .args(["--", order.digest, order.shown])
            .env_clear()
            .envs(self.environment.iter().copied())
            .current_dir("/")
            .stdin(input.map_err(|error| failed("prepare", error))?)
            .stdout(output.map_err(|error| failed("prepare", error))?)
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed("start", error))?;
        let began = Instant::now();
        let (status, said) = self
            .wait(&mut child)
            .map_err(|error| failed("wait for", error))?;
        tracing::debug!(?status, took = ?began.elapsed(), "compiled in a process of its own");
        self.judge(order.shown, status, &said)
    }

    /// Waits for its end, at most until the deadline: then it is killed, and there is no status.
    fn wait(&self, child: &mut Child) -> std::io::Result<(Option<ExitStatus>, String)> {
        let (said, hears) = mpsc::channel();
        let stderr = child.stderr.take();
        std::thread::Builder::new()
            .name("wasgi-compile".into())
            .spawn(move || {
                let mut text = Vec::new();
                let Some(mut stderr) = stderr else { return };
                // What it says beyond that is read and dropped, or it would wait for ever to be heard.
                let _ = stderr.by_ref().take(SAID_BYTES_MAX).read_to_end(&mut text);
                let _ = std::io::copy(&mut stderr, &mut std::io::sink());
                let _ = said.send(text);
            })?;
        // stderr ends when the process does: it starts no other.
        let heard = hears.recv_timeout(self.cpu.saturating_mul(WALL_FOR_CPU));
        if heard.is_err() {
            child.kill()?;
        }
        let status = child.wait()?;
        let Ok(text) = heard else {
            return Ok((None, String::new()));
        };
        Ok((Some(status), String::from_utf8_lossy(&text).into_owned()))
    }

    fn judge(&self, shown: &str, status: Option<ExitStatus>, said: &str) -> Result<()> {
        let [raise_cpu, raise_memory] = self.raise;
        let too_slow = || {
            Err(Error::user(format!(
                "`{shown}` takes longer than {} s of CPU time to compile",
                self.cpu.as_secs()
            ))
            .because("it was stopped")
            .hint(format!(
                "is it as large as it has to be? {raise_cpu} raises the limit"
            )))
        };
        let Some(status) = status else {
            return too_slow();
        };
        if status.success() {
            return Ok(());
        }
        if out_of_memory(said) {
            let what = format!(
                "`{shown}` needs more than {} MiB to compile",
                self.memory_bytes >> 20
            );
            let hint = format!("is it as large as it has to be? {raise_memory} raises the limit");
            return Err(Error::user(what).because("it was stopped").hint(hint));
        }
        if let Some(error) = said.lines().last().and_then(Refusal::error) {
            return Err(error);
        }
        match status.signal().and_then(Signal::from_named_raw) {
            Some(Signal::XCPU | Signal::KILL) => too_slow(),
            _ => Err(
                Error::internal(format!("`{shown}` could not be compiled")).because(format!(
                    "the process that compiles ended with {status}: {}",
                    said.trim()
                )),
            ),
        }
    }
}

/// Whether code has to be made for where addresses are scarce.
fn tight(engine: &Engine) -> bool {
    engine.places() == Places::Tight
}

/// What Rust and the allocator say when there is no more.
fn out_of_memory(said: &str) -> bool {
    [
        "memory allocation of",
        "out of memory",
        "Cannot allocate memory",
        // A thread that gets no stack.
        "Resource temporarily unavailable",
    ]
    .iter()
    .any(|words| said.contains(words))
}

/// An [`Error`] on its way from one process to another.
#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Refusal {
    internal: bool,
    what: String,
    why: Option<String>,
    hint: Option<String>,
}

impl Refusal {
    pub(super) fn of(error: &Error) -> Self {
        let why = std::error::Error::source(error).map(|source| {
            let mut text = source.to_string();
            let mut cause = source.source();
            while let Some(deeper) = cause {
                text.push_str(": ");
                text.push_str(&deeper.to_string());
                cause = deeper.source();
            }
            text
        });
        Self {
            internal: error.kind() == Kind::Internal,
            what: error.to_string(),
            why,
            hint: error.hint_text().map(str::to_owned),
        }
    }

    pub(super) fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn error(line: &str) -> Option<Error> {
        let refusal: Self = serde_json::from_str(line).ok()?;
        let mut error = if refusal.internal {
            Error::internal(refusal.what)
        } else {
            Error::user(refusal.what)
        };
        if let Some(why) = refusal.why {
            error = error.because(why);
        }
        if let Some(hint) = refusal.hint {
            error = error.hint(hint);
        }
        Some(error)
    }
}
