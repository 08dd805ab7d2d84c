//! The real binary: built once, run with a clean environment, killed on drop.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use crate::{Client, cache_folder, eventually, target_folder};

/// The `wasgi` program, ready for arguments.
///
/// # Panics
/// When it cannot be built.
pub fn wasgi() -> Command {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    let mut command = Command::new(BINARY.get_or_init(build));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("WASGI_")
            || name.starts_with("LISTEN_")
            || name == "FORWARDED_ALLOW_IPS"
            || name.starts_with("CARGO_") && name != "CARGO_HOME"
            || name.starts_with("RUST") && !name.starts_with("RUSTUP")
        {
            command.env_remove(&*name);
        }
    }
    command
        .env("WASGI_CACHE_DIR", cache_folder())
        .stdin(Stdio::null());
    command
}

/// Builds it with the profile of the test that asks. As a part of the workspace, so that it agrees with `cargo test
/// --workspace` on the features of everything below it, and wasmtime is compiled once.
fn build() -> PathBuf {
    let profile = std::env::current_exe().unwrap();
    let profile = profile
        .ancestors()
        .find(|folder| folder.ends_with("deps"))
        .unwrap()
        .parent()
        .unwrap();
    let mut cargo = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let ours = name.starts_with("CARGO_PKG")
            || name.starts_with("CARGO_MANIFEST")
            || name.starts_with("CARGO_BIN");
        if ours || ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "LD_LIBRARY_PATH"].contains(&&*name) {
            cargo.env_remove(&*name);
        }
    }
    let built = cargo
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
        .args(["build", "--workspace", "--bin", "wasgi"])
        .arg("--target-dir")
        .arg(target_folder())
        .arg("--profile")
        .arg(match profile.file_name().and_then(OsStr::to_str) {
            Some("debug") | None => "dev",
            Some(other) => other,
        })
        .output()
        .expect("cargo");
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    profile.join("wasgi")
}

/// A program that has ended.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; none when a signal has ended it.
    pub code: Option<i32>,
    /// What it printed as data.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Finished {
    /// Runs `wasgi` with these arguments to its end.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn of<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Self {
        Self::run(wasgi().args(arguments))
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn run(command: &mut Command) -> Self {
        let output = command.output().expect("the program");
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// `wasgi serve`, running. Killed when it is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    /// The line that says what serves where.
    pub start_line: String,
}

impl Program {
    /// Serves a component on port 0 with these further arguments.
    pub fn serve(app: &Path, arguments: &[&str]) -> Self {
        let mut command = wasgi();
        command
            .arg("serve")
            .arg(app)
            .args(["--port", "0"])
            .args(arguments);
        Self::start(&mut command)
    }

    /// Runs the command until it says that it serves.
    ///
    /// # Panics
    /// When it ends instead.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn({
            let lines = lines.clone();
            move || {
                for line in stderr.lines().map_while(Result::ok) {
                    lines.lock().unwrap().push(line);
                }
            }
        });
        let mut program = Self {
            child,
            lines,
            start_line: String::new(),
        };
        let mut ended = None;
        eventually("the program serves", || {
            let lines = program.lines.lock().unwrap();
            let line = lines
                .iter()
                .find(|line| line.starts_with("wasgi serves "))
                .cloned();
            drop(lines);
            ended = program.child.try_wait().unwrap();
            program.start_line = line.unwrap_or_default();
            !program.start_line.is_empty() || ended.is_some()
        });
        assert!(
            !program.start_line.is_empty(),
            "it ended with {ended:?}: {:#?}",
            program.stderr()
        );
        program
    }

    /// Where it listens, as its start line says.
    ///
    /// # Panics
    /// When it listens on a Unix socket.
    pub fn address(&self) -> SocketAddr {
        let word = self.start_line.split_whitespace().find_map(|word| {
            word.strip_prefix("http://")
                .or(word.strip_prefix("https://"))
        });
        word.expect("an address in the start line")
            .parse()
            .expect("an address")
    }

    /// A new connection.
    pub fn client(&self) -> Client {
        Client::tcp(self.address())
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    ///
    /// # Panics
    /// Never.
    pub fn stderr(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits for a line with this text in it.
    #[track_caller]
    pub fn wait_line(&self, text: &str) -> String {
        let mut found = None;
        eventually(text, || {
            found = self.stderr().into_iter().find(|line| line.contains(text));
            found.is_some()
        });
        found.unwrap_or_default()
    }

    /// Sends SIGINT.
    pub fn interrupt(&self) {
        self.signal(rustix::process::Signal::INT);
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// Sends SIGHUP.
    pub fn hang_up(&self) {
        self.signal(rustix::process::Signal::HUP);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal)
            .expect("a process");
    }

    /// Whether it still runs.
    ///
    /// # Panics
    /// When the system does not say.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the program ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
