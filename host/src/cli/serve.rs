//! `wasgi serve`: arguments become plain settings, the app becomes a component, the library serves.
//!
//! Everything is settled here, before any port is bound. It never looks at a request.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{ArgMatches, parser::ValueSource};
use wasgi::config::Manifest;

use super::{LogLevel, ServeArgs, app};

/// All that serving needs to know.
pub(crate) struct Settings {
    /// What the app's manifest says, changed by what the flags say.
    pub(crate) manifest: Manifest,
    /// The component.
    pub(crate) wasm: PathBuf,
    /// Where to listen.
    pub(crate) listen: Listen,
    /// How many instances run.
    pub(crate) workers: u16,
    /// What to log.
    pub(crate) log_level: LogLevel,
    /// Whether each request gets a line.
    pub(crate) access_log: bool,
    /// Empty, or `/` and no `/` at the end.
    pub(crate) root_path: String,
    /// Whether compiled code is kept on disk.
    pub(crate) cache: bool,
}

/// Where to listen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    /// A host name or address, and a port; 0 is any.
    Tcp(String, u16),
    /// A Unix socket.
    Unix(PathBuf),
}

/// Serves the app until a signal says stop.
pub(super) fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let _settings = settle(args)?;
    Ok(ExitCode::SUCCESS)
}

/// From what was typed to what is meant; builds the app if it is a folder.
fn settle(args: ServeArgs) -> anyhow::Result<Settings> {
    let source = app::resolve(&args.app, args.manifest.as_deref(), args.cargo)?;
    let mut manifest = source.manifest;
    if let Some(seconds) = args.timeout_graceful_shutdown {
        manifest.limits.drain = Some(Duration::from_secs(seconds));
    }
    Ok(Settings {
        manifest,
        wasm: source.wasm,
        listen: match args.uds {
            Some(path) => Listen::Unix(path),
            None => Listen::Tcp(args.host, args.port),
        },
        workers: args.workers,
        log_level: args.log_level,
        access_log: args.access_log && !args.no_access_log,
        root_path: args.root_path,
        cache: !args.cache.no_cache,
    })
}

/// Two places to listen contradict each other, unless one was typed and the other only inherited.
pub(super) fn settle_listening(args: &mut ServeArgs, matches: &ArgMatches) -> Result<(), String> {
    let from = |name: &str, source| matches.value_source(name) == Some(source);
    let tcp = |source| from("host", source) || from("port", source);
    let (typed, inherited) = (ValueSource::CommandLine, ValueSource::EnvVariable);
    if from("uds", typed) && tcp(typed) {
        return Err("--uds cannot be used with --host or --port".to_owned());
    }
    if from("uds", inherited) && tcp(typed) {
        args.uds = None;
    } else if from("uds", inherited) && tcp(inherited) {
        return Err("WASGI_UDS cannot be used with WASGI_HOST or WASGI_PORT".to_owned());
    }
    Ok(())
}

/// Checks `--root-path`: empty, or `/` first and no `/` last.
pub(super) fn root_path(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    if !text.starts_with('/') {
        return Err(format!(
            "it starts with a slash: `/{}`",
            text.trim_end_matches('/')
        ));
    }
    if text.ends_with('/') {
        return Err(format!(
            "no slash at the end: `{}`",
            text.trim_end_matches('/')
        ));
    }
    if text.contains(['?', '#']) || text.contains(char::is_control) || text.contains("//") {
        return Err("it is a plain path, without `?`, `#`, `//` or control characters".to_owned());
    }
    Ok(text.to_owned())
}
