//! What is measured: the programs beside this one, and the guests, built by `wasgi build` as users build theirs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::server::Program;

/// Programs and guests.
pub(crate) struct Tools {
    wasgi: PathBuf,
    peer: PathBuf,
    /// Where servers write what they say.
    pub(crate) logs: PathBuf,
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
    /// Finds the programs and builds the guests.
    pub(crate) fn prepare() -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let folder = own.parent().context("this program is in no folder")?;
        let wasgi = program(folder, "wasgi")?;
        let peer = program(folder, "wasgi-bench-peer")?;
        let logs = folder.join("bench-logs");
        std::fs::create_dir_all(&logs)?;
        let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = benches.parent().context("`benches` is in no folder")?;
        Ok(Self {
            hello: Guest::build(&wasgi, root.join("apps/hello"))?,
            axum: Guest::build(&wasgi, benches.join("guests/axum-hello"))?,
            streams: Guest::build(&wasgi, benches.join("guests/streams"))?,
            wasgi,
            peer,
            logs,
        })
    }

    /// The bare hyper server.
    pub(crate) fn peer(&self) -> Program {
        Program {
            name: "bare hyper",
            path: self.peer.clone(),
            args: Vec::new(),
        }
    }

    /// `wasgi serve`, with `more` arguments.
    pub(crate) fn serve(&self, name: &'static str, guest: &Guest, more: &[&str]) -> Program {
        let mut args: Vec<OsString> = vec!["serve".into(), guest.wasm.clone().into()];
        args.extend(["--manifest".into(), guest.folder.join("wasgi.toml").into()]);
        args.extend(["--port", "0"].map(Into::into));
        args.extend(more.iter().map(Into::into));
        Program {
            name,
            path: self.wasgi.clone(),
            args,
        }
    }
}

impl Guest {
    fn build(wasgi: &Path, folder: PathBuf) -> anyhow::Result<Self> {
        eprintln!("building {}", folder.display());
        let built = Command::new(wasgi)
            .args(["build", "--locked"])
            .arg(&folder)
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot start {}", wasgi.display()))?;
        ensure!(built.status.success(), "cannot build {}", folder.display());
        let wasm = PathBuf::from(String::from_utf8(built.stdout)?.trim_end());
        ensure!(wasm.is_file(), "no component at `{}`", wasm.display());
        Ok(Self { folder, wasm })
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
