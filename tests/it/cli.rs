//! The command line, through the real binary: what it says and where, exit codes, signals, flags, the environment.
//!
//! What is wrong with an app is in `load_errors`; what a request meets, in the other files. [`Process`] runs a `wasgi`
//! that need not get as far as to serve, and [`complaint`] holds every error to the same form: what, why, hint.

mod build;
mod compile;
mod flags;
mod https;
mod listen;
mod new;
mod passed;
mod python;
mod recycle;
mod reload;
mod serve;
mod signals;
mod startup;
mod walls;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use wasgi_tests::{Client, Finished, PATIENCE, Program, eventually, pause, wasgi};

/// A `wasgi` of which nobody knows how far it gets. Killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    stdout: Text,
    stderr: Text,
    readers: Vec<JoinHandle<()>>,
}

type Text = Arc<Mutex<String>>;

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        let (stdout, stderr) = (Text::default(), Text::default());
        let readers = vec![
            collect(child.stdout.take().unwrap(), stdout.clone()),
            collect(child.stderr.take().unwrap(), stderr.clone()),
        ];
        Self {
            child,
            stdout,
            stderr,
            readers,
        }
    }

    /// What it has said on stderr so far.
    pub(crate) fn said(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    #[track_caller]
    pub(crate) fn wait_said(&self, text: &str) {
        eventually(text, || self.said().contains(text));
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a process");
    }

    /// What the system has it down as: `S` sleeping, `T` stopped …
    pub(crate) fn state(&self) -> char {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("a process");
        let state = status.lines().find_map(|line| line.strip_prefix("State:"));
        let state = state.and_then(|state| state.trim_start().chars().next());
        state.expect("a state")
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn finished(self) -> Finished {
        self.finished_within(PATIENCE)
    }

    #[track_caller]
    pub(crate) fn finished_within(mut self, patience: Duration) -> Finished {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                started.elapsed() < patience,
                "it does not end: {}",
                self.said()
            );
            pause(Duration::from_millis(5));
        };
        for reader in self.readers.drain(..) {
            reader.join().expect("a reader");
        }
        let stdout = self.stdout.lock().unwrap().clone();
        Finished {
            code: status.code(),
            stdout,
            stderr: self.said(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(stream: impl Read + Send + 'static, text: Text) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut text = text.lock().unwrap();
            text.push_str(&line);
            text.push('\n');
        }
    })
}

/// Runs `wasgi` with these arguments to its end.
#[track_caller]
pub(crate) fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Finished {
    Process::start(wasgi().args(arguments)).finished()
}

/// An error, as a person reads it.
#[derive(Debug)]
pub(crate) struct Complaint {
    pub(crate) what: String,
    /// The causes, one a line; for many errors it is part of `what`.
    pub(crate) why: String,
    pub(crate) hint: String,
}

/// Takes the error of a program apart: it has a what and a hint, exit code 1, nothing on stdout, and nothing that
/// only its authors understand.
#[track_caller]
pub(crate) fn complaint(finished: &Finished) -> Complaint {
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(finished.stdout, "", "{finished:?}");
    let host_panicked = finished.stderr.contains("panicked at host");
    assert!(!host_panicked, "{finished:?}");
    assert!(!finished.stderr.contains("wasgi serves"), "{finished:?}");
    let of = |label: &str| -> Vec<&str> {
        let lines = finished.stderr.lines();
        lines.filter_map(|line| line.strip_prefix(label)).collect()
    };
    // The last one is ours: cargo has errors, too.
    let what = of("error: ").pop().unwrap_or_default().to_owned();
    let (why, hint) = (of("caused by: ").join("\n"), of("hint: ").join("\n"));
    assert!(!what.is_empty() && !hint.is_empty(), "{finished:?}");
    assert!(!what.ends_with('.'), "one line without a full stop: {what}");
    Complaint { what, why, hint }
}

impl Complaint {
    /// Each text stands where it belongs.
    #[track_caller]
    pub(crate) fn says(&self, what: &str, why: &str, hint: &str) {
        assert!(self.what.contains(what), "{what:?} in {self:?}");
        assert!(self.why.contains(why), "{why:?} in {self:?}");
        assert!(self.hint.contains(hint), "{hint:?} in {self:?}");
    }
}

/// The lines of the log with this target, so far.
fn lines_of(program: &Program, target: &str) -> Vec<String> {
    let target = format!(" {target}: ");
    let lines = program.stderr().into_iter();
    lines.filter(|line| line.contains(&target)).collect()
}

/// A field of a line of the log.
#[track_caller]
fn field<'l>(line: &'l str, name: &str) -> &'l str {
    let name = format!("{name}=");
    let found = line
        .split_whitespace()
        .find_map(|word| word.strip_prefix(&*name));
    found
        .unwrap_or_else(|| panic!("no {name} in {line}"))
        .trim_matches('"')
}

/// Serves, lets `visit` make requests, stops, and gives all that was said: what `Program` has read may lag behind.
#[track_caller]
fn visited(command: &mut Command, visit: impl FnOnce(&mut Client)) -> Finished {
    let process = Process::start(command);
    process.wait_said("; stop with Ctrl-C)\n");
    let said = process.said();
    let address = said.split_whitespace();
    let address = address
        .into_iter()
        .find_map(|word| word.strip_prefix("http://"));
    visit(&mut Client::tcp(
        address.expect("where").parse().expect("an address"),
    ));
    process.signal(Signal::TERM);
    let finished = process.finished();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.stdout, "", "a server has no data");
    finished
}
