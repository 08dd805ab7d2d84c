//! `wasgi serve`: arguments become plain settings, the app becomes a component, the library serves.
//!
//! Everything is settled here, before any port is bound. It never looks at a request.

use std::{
    future::pending,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::{ArgMatches, parser::ValueSource};
use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
};
use wasgi::{
    error::{Error, Result},
    server::{Listeners, Server, Settings},
    telemetry,
    wasm::{App, Engine, Pool},
};

use super::{LogLevel, ServeArgs, app, report};

/// Serves the app until a signal says stop.
pub(super) fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let _telemetry = telemetry::start(args.log_level.into());
    let source = app::resolve(
        &args.app,
        args.manifest.as_deref(),
        &args.source,
        &args.cache,
    )?;
    let mut manifest = source.manifest;
    if let Some(seconds) = args.timeout_graceful_shutdown {
        manifest.limits.drain = Some(Duration::from_secs(seconds));
    }
    let workers = usize::from(args.workers);
    let listeners = listen(&args, threads(workers))?;

    let began = Instant::now();
    let engine = Engine::new()?;
    let app = App::load(&engine, &source.wasm, &manifest, args.cache.open().as_ref())?;
    let how = if app.from_cache { "cached" } else { "compiled" };
    let loaded = began.elapsed();
    let pool = Pool::new(app, workers, listeners.threads());
    let settings = Settings {
        root_path: args.root_path,
        access_log: args.access_log && !args.no_access_log,
    };
    let mut signals = Signals::install()?;
    let Some(server) = signals.or(Server::begin(listeners, pool, settings)?.ready()) else {
        report::say("stopped before the app was ready");
        return Ok(ExitCode::SUCCESS);
    };
    let server = server?;
    report::say(&format!(
        "wasgi serves {} at {} ({workers} {}; code {how} in {loaded:.0?}, ready after {:.0?}; stop with Ctrl-C)",
        manifest.name,
        server.address(),
        if workers == 1 {
            "instance"
        } else {
            "instances"
        },
        began.elapsed(),
    ));
    signals.stop(&server);
    server.join();
    Ok(ExitCode::SUCCESS)
}

/// One thread for each instance, up to the cores that there are: a further thread would only share one.
fn threads(workers: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    workers.min(cores)
}

fn listen(args: &ServeArgs, threads: usize) -> Result<Listeners> {
    match &args.uds {
        Some(path) => Listeners::unix(path, threads),
        None => Listeners::tcp(&args.host, args.port, threads),
    }
}

/// SIGINT and SIGTERM. Before the app starts they end the process, as they do by themselves.
struct Signals {
    runtime: Runtime,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn install() -> Result<Self> {
        let failed = |error| Error::internal("cannot listen for signals").because(error);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let entered = runtime.enter();
        let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let terminate = signal(SignalKind::terminate()).map_err(failed)?;
        drop(entered);
        Ok(Self {
            runtime,
            interrupt,
            terminate,
        })
    }

    /// Waits for `future`; none when a signal comes first.
    fn or<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        self.runtime.block_on(async {
            tokio::select! {
                done = future => Some(done),
                _ = self.interrupt.recv() => None,
                _ = self.terminate.recv() => None,
            }
        })
    }

    /// The first signal drains, a second one forces. Returns when the server can be joined.
    fn stop(mut self, server: &Server) {
        self.or(pending::<()>());
        report::say("stopping: no new connections, calls in flight may finish; again to stop now");
        server.drain();
        if self.or(server.stopped()).is_none() {
            server.force();
        }
    }
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

impl From<LogLevel> for tracing::Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Trace => Self::TRACE,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Info => Self::INFO,
            LogLevel::Warn => Self::WARN,
            LogLevel::Error => Self::ERROR,
        }
    }
}
