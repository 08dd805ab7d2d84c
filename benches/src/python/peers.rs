//! uvicorn and granian, in environments of their own with pinned versions.
//!
//! An environment is made once for each interpreter, beside this program. It has the same versions of the frameworks as
//! the components, since both read the `requirements.txt` of the apps.

use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::server::Program;
use crate::tools::{Guest, Tools};

use super::interpreters::{self, Interpreter};

/// What is installed: files below `benches/python/`.
const REQUIREMENTS: [&str; 3] = [
    "starlette/requirements.txt",
    "fastapi/requirements.txt",
    "peers.txt",
];

/// In an environment that is whole: what was installed, by which interpreter.
const STAMP: &str = "installed.txt";

/// All environments; the first is the one that ratios are made with.
pub(crate) struct Peers {
    pub(crate) first: Environment,
    pub(crate) others: Vec<Environment>,
}

/// One interpreter with the servers.
pub(crate) struct Environment {
    pub(crate) interpreter: Interpreter,
    folder: PathBuf,
    /// `name==version` of everything in it.
    pub(crate) packages: Vec<String>,
}

impl Peers {
    /// Chooses the interpreters, and installs the servers where they are not.
    pub(crate) fn prepare(asked: &[PathBuf], tools: &Tools) -> anyhow::Result<Self> {
        let environments: anyhow::Result<Vec<_>> = interpreters::choose(asked)?
            .into_iter()
            .map(|interpreter| Environment::prepare(interpreter, tools))
            .collect();
        let mut environments = environments?.into_iter();
        Ok(Self {
            first: environments.next().context("no interpreter")?,
            others: environments.collect(),
        })
    }
}

impl Environment {
    fn prepare(interpreter: Interpreter, tools: &Tools) -> anyhow::Result<Self> {
        let folder = tools.made.join(format!("python-{}", interpreter.version));
        let mut wanted = format!("{}\n", interpreter.path.display());
        for file in requirements(tools) {
            wanted += &fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        }
        let stamp = folder.join(STAMP);
        if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            install(&interpreter, &folder, tools)?;
            fs::write(&stamp, wanted)?;
        }
        let packages = pip(&interpreter, &folder)?.arg("freeze").output()?;
        let packages = String::from_utf8(packages.stdout)?;
        Ok(Self {
            interpreter,
            folder,
            packages: packages.lines().map(str::to_owned).collect(),
        })
    }

    /// Its interpreter.
    pub(crate) fn python(&self) -> Command {
        Command::new(python(&self.folder))
    }

    /// uvicorn as its documentation says it is fastest: uvloop, httptools, no access log.
    pub(crate) fn uvicorn(&self, app: &Guest) -> Program {
        let mut args: Vec<OsString> = ["-m", "uvicorn", "main:app", "--app-dir"]
            .map(Into::into)
            .into();
        args.push(app.folder.clone().into());
        args.extend(["--port", "0", "--no-access-log"].map(Into::into));
        args.extend(["--loop", "uvloop", "--http", "httptools"].map(Into::into));
        Program {
            name: format!("uvicorn, CPython {}", self.interpreter.version),
            path: python(&self.folder),
            args,
        }
    }

    /// granian with one worker, for WebSockets or without them. It cannot say which port the system chose, so it is given
    /// one that is free.
    pub(crate) fn granian(&self, app: &Guest, websockets: bool) -> anyhow::Result<Program> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut args: Vec<OsString> = vec!["main:app".into(), "--working-dir".into()];
        args.push(app.folder.clone().into());
        args.extend(["--interface", "asgi", "--workers", "1"].map(Into::into));
        let websockets = if websockets { "--ws" } else { "--no-ws" };
        args.extend(["--loop", "uvloop", "--http", "1", websockets].map(Into::into));
        args.extend(["--port".to_owned(), free.port().to_string()].map(Into::into));
        Ok(Program {
            name: format!("granian, CPython {}", self.interpreter.version),
            path: self.folder.join("bin/granian"),
            args,
        })
    }
}

fn install(interpreter: &Interpreter, folder: &Path, tools: &Tools) -> anyhow::Result<()> {
    eprintln!(
        "installing uvicorn and granian for CPython {}",
        interpreter.version
    );
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    run(Command::new(&interpreter.path)
        .args(["-m", "venv", "--without-pip"])
        .arg(folder))?;
    let mut pip = pip(interpreter, folder)?;
    pip.args(["install", "-q", "--only-binary", ":all:"]);
    for file in requirements(tools) {
        pip.arg("-r").arg(file);
    }
    run(&mut pip)
}

/// pip for an environment that has none, since some Pythons come without the means to put it there: the
/// interpreter's own, or that of another.
fn pip(interpreter: &Interpreter, folder: &Path) -> anyhow::Result<Command> {
    let others = ["python3", "/usr/bin/python3"].map(Path::new);
    let has_pip = |python: &&Path| {
        let asked = Command::new(python)
            .args(["-m", "pip", "--version"])
            .output();
        asked.is_ok_and(|said| said.status.success())
    };
    let found = [interpreter.path.as_path()]
        .into_iter()
        .chain(others)
        .find(has_pip);
    let mut pip = Command::new(found.context("no Python here has pip")?);
    pip.args(["-m", "pip", "--disable-pip-version-check", "--python"]);
    pip.arg(python(folder));
    Ok(pip)
}

fn requirements(tools: &Tools) -> impl Iterator<Item = PathBuf> {
    let folder = tools.benches.join("python");
    REQUIREMENTS.into_iter().map(move |file| folder.join(file))
}

fn python(folder: &Path) -> PathBuf {
    folder.join("bin/python")
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.stdin(Stdio::null()).status();
    let status = status.with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}
