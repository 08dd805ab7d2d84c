//! The build tools: a virtual environment of our own, with pinned versions, made once and kept.
//!
//! The versions and the digests of everything in it stand in `tools/requirements.txt`. The user's own Python packages are
//! not seen by it, and it does not touch them.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use wasgi::error::{Error, Result};

use super::{
    digest::Digest,
    home::{Home, cannot_write},
    interpreter, process,
    progress::Phase,
};

/// The versions of the tools, with the digests of their files.
pub(super) const REQUIREMENTS: &str = include_str!("tools/requirements.txt");
const PIP_FOR_TARGET: &str = include_str!("tools/pip_for_target.py");
const COMPONENTIZE: &str = include_str!("tools/componentize.py");
const INSPECT_WHEEL: &str = include_str!("tools/inspect_wheel.py");

/// The scripts that we bring, below the folder of the tools.
const SCRIPTS: [(&str, &str); 3] = [
    ("pip_for_target.py", PIP_FOR_TARGET),
    ("componentize.py", COMPONENTIZE),
    ("inspect_wheel.py", INSPECT_WHEEL),
];

/// The tools, ready to run.
pub(super) struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// What the tools are, for the names of everything that is made with them.
    pub(super) fn digest() -> Digest {
        let mut digest = Digest::of("tools 1").with("requirements", REQUIREMENTS);
        for (name, text) in SCRIPTS {
            digest.add(name, text);
        }
        digest
    }

    /// Finds the tools, or makes them.
    pub(super) fn open(home: &Home, offline: bool) -> Result<Self> {
        let name = format!("tools-{}", Self::digest().short());
        let make = || home.tool(&name, |folder| make(home, folder, offline));
        let (folder, was_there) = make()?;
        let tools = Self { folder };
        if !was_there || tools.work(home)? {
            return Ok(tools);
        }
        // The Python that it was made with has changed or gone.
        let folder = &tools.folder;
        fs::remove_dir_all(folder).map_err(|error| cannot_write(folder, error))?;
        make()?;
        Ok(tools)
    }

    /// The interpreter that runs the tools.
    pub(super) fn python(&self) -> Command {
        let mut command = process::command(self.folder.join("bin/python"));
        command.arg("-I");
        command
    }

    /// pip, for this machine.
    pub(super) fn pip(&self) -> Command {
        let mut command = self.python();
        command.args(["-m", "pip"]);
        command
    }

    /// One of our scripts.
    pub(super) fn script(&self, name: &str) -> Command {
        let mut command = self.python();
        command.arg(self.folder.join(name));
        command
    }

    /// The search path with the tools' programs in front.
    pub(super) fn path(&self) -> Result<OsString> {
        let own = [self.folder.join("bin")];
        let users = env::var_os("PATH").unwrap_or_default();
        env::join_paths(own.into_iter().chain(env::split_paths(&users))).map_err(|error| {
            Error::user("cannot use the folder of Python's build tools")
                .because(error)
                .hint("set WASGI_CACHE_DIR to a folder without `:` in its path")
        })
    }

    fn work(&self, home: &Home) -> Result<bool> {
        let scratch = home.scratch("tools")?;
        let mut command = self.python();
        command.args(["-c", "import componentize_py, maturin, pip"]);
        Ok(process::run(&mut command, &scratch).is_ok_and(|ended| ended.succeeded()))
    }
}

fn make(home: &Home, folder: &Path, offline: bool) -> Result<()> {
    let scratch = home.scratch("tools")?;
    let python = interpreter::find(&scratch)?;
    if offline {
        return Err(Error::user("Python's build tools are not installed yet")
            .because("`--offline` keeps them from being fetched")
            .hint("run once without `--offline`; they are kept"));
    }
    let phase = Phase::announced("installing Python's build tools (once)");
    let mut venv = process::command(&python);
    venv.args(["-I", "-m", "venv"]).arg(folder);
    let ended = process::run(&mut venv, &scratch)?;
    if !ended.succeeded() {
        let said = format!("{}\n{}", ended.stdout, ended.stderr);
        let what = format!("`{}` cannot make a virtual environment", python.display());
        return Err(Error::user(what)
            .because(process::last_lines(&said, 8))
            .hint("on Debian and Ubuntu: `apt install python3-venv`"));
    }
    for (name, text) in SCRIPTS.iter().chain(&[("requirements.txt", REQUIREMENTS)]) {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| cannot_write(&path, error))?;
    }
    let tools = Tools {
        folder: folder.to_owned(),
    };
    let mut pip = tools.pip();
    pip.args([
        "install",
        "--quiet",
        "--require-hashes",
        "--only-binary=:all:",
    ]);
    pip.arg("--requirement")
        .arg(folder.join("requirements.txt"));
    let ended = process::run(&mut pip, &scratch)?;
    if !ended.succeeded() {
        return Err(Error::user("cannot install Python's build tools")
            .because(ended.last_words(8))
            .hint("it needs the network, once; pip's own settings (index, proxy, certificates) are heard"));
    }
    phase.done("installed Python's build tools");
    Ok(())
}
