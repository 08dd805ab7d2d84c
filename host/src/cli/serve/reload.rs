//! `wasgi serve --reload`: builds and loads the app again when its files change, and serves the new one on the same
//! socket.
//!
//! Python apps are not built at all for a change of their own files: new instances import them from the folder as it is.
//! While something builds, the app before it serves; when it fails, its author reads why in the terminal and in the
//! browser until it is put right. Only here do clients read error text.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode, sync::Arc, time::Instant};

use wasgi::{
    config::{Manifest, manifest::Build},
    error::{Error, Result},
    server::{Inherited, Notice, Server, Settings, Site},
    wasm::{App, Engine, Pool},
};

use super::{Loaded, Signals, load, place, threads, watch::Watch};
use crate::cli::{
    ServeArgs, app, report,
    walls::{Programs, Walls},
};

/// The mount of a Python app's own files.
const OWN_FILES: &str = "1";

/// Serves the app, and each further version of it, until a signal says stop.
pub(super) fn run(
    mut args: ServeArgs,
    inherited: Option<Inherited>,
    settings: Settings,
    mut walls: Walls,
) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::install()?;
    let folder = folder(&args)?;
    // What it says later changes no number of threads.
    let manifest = match &args.manifest {
        Some(file) => Manifest::load_file(file),
        None => Manifest::load(&folder),
    };
    let listeners = place::listen(&args, inherited, threads(&args, manifest.ok().as_ref()))?;
    args.cache.home = walls.leave_root(&args.walls)?;
    // Each version of the app is built by programs that are started for it.
    walls.close(&args.walls, Programs::Any, None);
    let builder = Arc::new(Builder {
        engine: Engine::new()?.compiling_by(args.cache.compile.compiler()?),
        args,
        folder,
    });

    let mut watch = Watch::new(&builder.folder);
    let first = async {
        let began = Instant::now();
        let app = match builder.build().await {
            Ok(app) => app,
            Err(failure) => {
                let notice = failure.say(&builder.name());
                let server = Server::with_notice(listeners, notice, settings)?;
                let server = server.ready().await?;
                builder.wait_for_change(&server);
                return Ok(server);
            }
        };
        let loaded = Loaded::of(&app, began);
        let pool = Pool::new(app, listeners.threads());
        // Nobody gets to read this one: it listens when the app has started, or has not.
        let notice = Notice::new(&loaded.name, "the app starts", "");
        let starting = Server::with_notice(listeners, notice, settings)?;
        let started = starting.server().deploy(Site::only(pool)).await;
        if let Err(error) = started {
            let notice = Failure::from(error).say(&loaded.name);
            starting.server().show(notice);
            let server = starting.ready().await?;
            builder.wait_for_change(&server);
            return Ok(server);
        }
        let server = starting.ready().await?;
        loaded.say(&server);
        Ok::<_, Error>(server)
    };
    let Some(server) = signals.or(first) else {
        report::say("stopped before the app was ready");
        signals.abandon();
        return Ok(ExitCode::SUCCESS);
    };
    let server = server?;
    // Ends only by a signal.
    signals.beside(&server, async {
        loop {
            let changed = watch.changed().await;
            builder.again(&server, &changed).await;
        }
    });
    signals.drain(&server);
    server.join();
    Ok(ExitCode::SUCCESS)
}

/// What is watched: the folder that was typed, or the one that the module is in.
fn folder(args: &ServeArgs) -> Result<PathBuf> {
    if args.app.is_dir() {
        return Ok(args.app.clone());
    }
    let typed = args.app.to_string_lossy();
    if !args.app.exists() && typed.contains(':') {
        let folder = args.source.app_dir.clone();
        return Ok(folder.unwrap_or_else(|| PathBuf::from(".")));
    }
    // It has no sources, or is not there: this says so.
    let source = app::resolve_live(
        &args.app,
        args.manifest.as_deref(),
        &args.source,
        &args.cache,
        None,
    )?;
    Ok(source.folder.unwrap_or_else(|| PathBuf::from(".")))
}

/// Makes one app after the other.
struct Builder {
    engine: Engine,
    args: ServeArgs,
    folder: PathBuf,
}

impl Builder {
    /// Builds and loads on a thread of its own: it takes seconds, or milliseconds.
    async fn build(self: &Arc<Self>) -> Result<App, Failure> {
        let builder = self.clone();
        let built = tokio::task::spawn_blocking(move || builder.build_now()).await;
        built.unwrap_or_else(|error| {
            Err(Error::internal("the build ended unexpectedly")
                .because(error)
                .into())
        })
    }

    fn build_now(&self) -> Result<App, Failure> {
        let args = &self.args;
        let mut heard = String::new();
        let source = app::resolve_live(
            &args.app,
            args.manifest.as_deref(),
            &args.source,
            &args.cache,
            Some(&mut heard),
        )
        .map_err(|error| Failure { error, heard })?;
        let live = match source.manifest.build {
            Build::Python(_) => source.folder.clone(),
            Build::Rust(_) => None,
        };
        let mut app = load(args, source, &self.engine, args.cache.open().as_ref())?;
        if let Some(folder) = live {
            app.mount_live(OWN_FILES, &folder)?;
        }
        Ok(app)
    }

    /// Files have changed: puts a new version in the place of the app, or says why not.
    async fn again(self: &Arc<Self>, server: &Server, changed: &[PathBuf]) {
        report::say(&format!("{}: loading the app again", named(changed)));
        let began = Instant::now();
        let app = match self.build().await {
            Ok(app) => app,
            Err(failure) => return server.show(failure.say(&self.name())),
        };
        let name = app.name.clone();
        let pool = Pool::new(app, server.threads());
        match server.deploy(Site::only(pool)).await {
            Ok(()) => report::say(&format!(
                "wasgi serves the new {name}, after {:.0?}",
                began.elapsed()
            )),
            Err(error) => server.show(Failure::from(error).say(&name)),
        }
    }

    fn wait_for_change(&self, server: &Server) {
        report::say(&format!(
            "{} shows why; waiting for a change in `{}` (stop with Ctrl-C)",
            server.url(),
            self.folder.display()
        ));
    }

    /// What an app without a manifest is called in the log.
    fn name(&self) -> String {
        self.folder
            .canonicalize()
            .ok()
            .and_then(|folder| Some(folder.file_name()?.to_string_lossy().into_owned()))
            .unwrap_or_else(|| "app".to_owned())
    }
}

/// Why there is no new version.
struct Failure {
    error: Error,
    /// What the build's own tools have printed, which the terminal has shown already.
    heard: String,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let heard = String::new();
        Self { error, heard }
    }
}

impl Failure {
    /// Prints it, and makes the page that says the same.
    fn say(self, app: &str) -> Notice {
        let title = self.error.to_string();
        let error = anyhow::Error::new(self.error);
        report::failure(&error);
        let mut text = report::text(&error);
        if !self.heard.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{}", self.heard);
        }
        Notice::new(app, &title, &text)
    }
}

/// The files that have changed, in a few words.
fn named(changed: &[PathBuf]) -> String {
    const NAMED: usize = 3;
    let names: Vec<_> = changed
        .iter()
        .take(NAMED)
        .map(|path| path.display().to_string())
        .collect();
    let more = match changed.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more} changed", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_files_are_a_few_words() {
        let paths = |names: &[&str]| -> Vec<_> { names.iter().map(PathBuf::from).collect() };
        assert_eq!(named(&paths(&["a.py"])), "a.py changed");
        let five = paths(&["a", "b", "c/d", "e", "f"]);
        assert_eq!(named(&five), "a, b, c/d and 2 more changed");
    }
}
