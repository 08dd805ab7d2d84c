//! What is measured: the programs beside this one, and the guests, built by `wasgi build` as users build theirs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use wasgi::config::Manifest;
use wasgi::wasm::{App, Cache, Engine};

use crate::server::Program;

/// Programs and folders.
pub(crate) struct Tools {
    wasgi: PathBuf,
    peer: PathBuf,
    many: PathBuf,
    /// The attackers' clients.
    pub(crate) attack: PathBuf,
    limits: PathBuf,
    /// Where servers write what they say.
    pub(crate) logs: PathBuf,
    /// Where this program keeps what it has made for later runs.
    pub(crate) made: PathBuf,
    /// The folder `benches` of the repository.
    pub(crate) benches: &'static Path,
}

/// The guests in Rust.
pub(crate) struct Guests {
    pub(crate) hello: Guest,
    pub(crate) axum: Guest,
    pub(crate) streams: Guest,
}

/// An app and its component.
pub(crate) struct Guest {
    /// Where its `wasgi.toml` is.
    pub(crate) folder: PathBuf,
    /// What was built.
    pub(crate) wasm: PathBuf,
}

impl Tools {
    /// Finds the programs.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let folder = own.parent().context("this program is in no folder")?;
        let logs = folder.join("bench-logs");
        std::fs::create_dir_all(&logs)?;
        Ok(Self {
            wasgi: program(folder, "wasgi")?,
            peer: program(folder, "wasgi-bench-peer")?,
            many: program(folder, "wasgi-bench-many")?,
            attack: program(folder, "wasgi-bench-attack")?,
            limits: program(folder, "wasgi-bench-limits")?,
            logs,
            made: folder.join("bench-made"),
            benches: Path::new(env!("CARGO_MANIFEST_DIR")),
        })
    }

    /// Builds the app of a folder.
    pub(crate) fn build(&self, folder: PathBuf, more: &[&str]) -> anyhow::Result<Guest> {
        eprintln!("building {}", folder.display());
        let built = Command::new(&self.wasgi)
            .arg("build")
            .args(more)
            .arg(&folder)
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot start {}", self.wasgi.display()))?;
        ensure!(built.status.success(), "cannot build {}", folder.display());
        let wasm = PathBuf::from(String::from_utf8(built.stdout)?.trim_end());
        ensure!(wasm.is_file(), "no component at `{}`", wasm.display());
        Ok(Guest { folder, wasm })
    }

    /// The bare hyper server.
    pub(crate) fn peer(&self) -> Program {
        Program {
            name: "bare hyper".to_owned(),
            path: self.peer.clone(),
            args: Vec::new(),
        }
    }

    /// The host of many apps.
    pub(crate) fn many(&self, args: Vec<OsString>) -> Program {
        Program {
            name: "many".to_owned(),
            path: self.many.clone(),
            args,
        }
    }

    /// The host of one app, with limits or without.
    pub(crate) fn limits(&self, limits: &str, args: Vec<OsString>) -> Program {
        Program {
            name: format!("limits {limits}"),
            path: self.limits.clone(),
            args,
        }
    }

    /// `wasgi serve`, with `more` arguments.
    pub(crate) fn serve(&self, name: &str, guest: &Guest, more: &[&str]) -> Program {
        let mut args: Vec<OsString> = vec!["serve".into(), guest.wasm.clone().into()];
        args.extend(["--manifest".into(), guest.folder.join("wasgi.toml").into()]);
        args.extend(["--port", "0"].map(Into::into));
        args.extend(more.iter().map(Into::into));
        Program {
            name: name.to_owned(),
            path: self.wasgi.clone(),
            args,
        }
    }
}

impl Guest {
    /// Loads it into this process, from the cache if it is there.
    pub(crate) fn load(&self, engine: &Engine) -> anyhow::Result<App> {
        let manifest = Manifest::load(&self.folder)?;
        Ok(App::load(
            engine,
            &self.wasm,
            &manifest,
            Cache::of_user().as_ref(),
        )?)
    }
}

impl Guests {
    /// Builds them all.
    pub(crate) fn build(tools: &Tools) -> anyhow::Result<Self> {
        let guest = |folder| tools.build(folder, &["--locked"]);
        Ok(Self {
            hello: guest(tools.benches.join("../apps/hello"))?,
            axum: guest(tools.benches.join("guests/axum-hello"))?,
            streams: guest(tools.benches.join("guests/streams"))?,
        })
    }
}

fn program(folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    ensure!(
        path.is_file(),
        "there is no {}: run `make bench`, which builds it",
        path.display()
    );
    Ok(path)
}
