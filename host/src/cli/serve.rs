//! `wasgi serve`: arguments become plain settings, the app becomes a component, the library serves.
//!
//! Everything is settled here, before any port is bound. It never looks at a request.

pub(super) mod behind;
pub(super) mod place;
mod reload;
mod signals;
mod tls;
mod watch;

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::process::{Resource, getrlimit, setrlimit};
use wasgi::{
    config::{Instances, Manifest},
    error::{Error, Result},
    server::{
        Concurrency, Inherited, Listeners, OwnHeaders, Server, Settings, Site, websocket, wire,
    },
    telemetry,
    wasm::{App, Cache, Engine, Pool},
};

use super::{
    ClientArgs, LogLevel, ServeArgs, WebSocketArgs,
    app::{self, Source},
    report,
    walls::{Programs, Walls},
};
use signals::Signals;

/// Where an app's data is, below its folder, unless `--data-dir` says otherwise.
const DATA_FOLDER: &str = ".wasgi/data";

/// Serves the app until a signal says stop.
pub(super) fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    // Before anything is opened that could have its number.
    let inherited = place::inherited(&args)?;
    // Before there are threads.
    let walls = Walls::begin(&args.walls);
    let _telemetry = telemetry::start(args.log_level.into());
    let settings = settings(&args)?;
    raise_descriptor_limit();
    if args.reload {
        return reload::run(args, inherited, settings, walls);
    }
    let mut signals = Signals::install()?;
    // On a thread of its own, so that signals are heard meanwhile.
    let loading = async {
        let loading = move || Ready::load(args, inherited, walls);
        let loaded = tokio::task::spawn_blocking(loading).await;
        let ready = loaded.map_err(|error| {
            Error::internal("loading the app ended unexpectedly").because(error)
        })??;
        let starting = Server::begin(ready.listeners, [Site::only(ready.pool)], settings)?;
        Ok::<_, Error>((starting.ready().await?, ready.loaded))
    };
    let Some(served) = signals.or(loading) else {
        report::say("stopped before the app was ready");
        signals.abandon();
        return Ok(ExitCode::SUCCESS);
    };
    let (server, loaded) = served?;
    loaded.say(&server);
    signals.stop(&server);
    server.join();
    Ok(ExitCode::SUCCESS)
}

/// What there is before a server.
struct Ready {
    listeners: Listeners,
    pool: Arc<Pool>,
    loaded: Loaded,
}

impl Ready {
    fn load(
        mut args: ServeArgs,
        mut inherited: Option<Inherited>,
        mut walls: Walls,
    ) -> Result<Self> {
        let mut listeners = None;
        if args.walls.is_other_user() {
            // Ports first: from then on nothing is done as root, neither building nor reading the app.
            let threads = threads(&args, None);
            listeners = Some(place::listen(&args, inherited.take(), threads)?);
            args.cache.home = walls.leave_root(&args.walls)?;
        }
        let args = &args;
        let source = app::resolve(
            &args.app,
            args.manifest.as_deref(),
            &args.source,
            &args.cache,
        )?;
        let threads = threads(args, Some(&source.manifest));
        let listeners = match listeners {
            Some(listeners) => listeners,
            None => place::listen(args, inherited, threads)?,
        };

        let began = Instant::now();
        let engine = Engine::new()?.compiling_by(args.cache.compile.compiler()?);
        let data = data_folder(args, &source)?;
        let app = load(args, source, &engine, args.cache.open().as_ref())?;
        let loaded = Loaded::of(&app, began);
        let pool = Pool::new(app, listeners.threads());
        walls.close(&args.walls, Programs::None, data.as_deref());
        Ok(Self {
            listeners,
            pool,
            loaded,
        })
    }
}

/// Loads what has been built, with the limits and the data folder that were typed.
fn load(args: &ServeArgs, source: Source, engine: &Engine, cache: Option<&Cache>) -> Result<App> {
    let data = data_folder(args, &source)?;
    let mut manifest = source.manifest;
    if let Some(workers) = args.workers {
        manifest.instances.set_workers(workers.into());
    }
    if let Some(seconds) = args.timeout_graceful_shutdown {
        manifest.limits.drain = Some(Duration::from_secs(seconds));
    }
    if let Some(bytes) = args.websockets.ws_max_size {
        manifest.limits.websocket_message = Some(bytes);
    }
    let mut app = App::load(engine, &source.wasm, &manifest, cache)?;
    if let Some(folder) = data {
        app.mount_data(&folder)?;
    }
    Ok(app)
}

/// Where the app's data is: none if it asks for none and none was typed.
fn data_folder(args: &ServeArgs, source: &Source) -> Result<Option<PathBuf>> {
    if let Some(folder) = &args.data_dir {
        return Ok(Some(folder.clone()));
    }
    if !source.manifest.data {
        return Ok(None);
    }
    match &source.folder {
        Some(folder) => Ok(Some(folder.join(DATA_FOLDER))),
        None => Err(
            Error::user("the app has data, and a component has no folder to keep it in")
                .because("its manifest says `data = true`")
                .hint("say where with --data-dir FOLDER"),
        ),
    }
}

fn settings(args: &ServeArgs) -> Result<Settings> {
    Ok(Settings {
        root_path: args.root_path.clone(),
        access_log: args.access_log && !args.no_access_log,
        headers: OwnHeaders::new(
            args.date_header && !args.no_date_header,
            args.server_header && !args.no_server_header,
            &args.header,
        ),
        tls: tls::load(&args.tls)?,
        proxy: args.proxy.settings()?,
        wire: wire(&args.clients),
        websocket: websocket(&args.websockets),
        concurrency: args
            .limit_concurrency
            .map_or_else(Concurrency::default, |calls| {
                Concurrency::at_most(calls as usize)
            }),
    })
}

pub(super) fn wire(args: &ClientArgs) -> wire::Settings {
    let count = |number| usize::try_from(number).unwrap_or(usize::MAX);
    wire::Settings {
        sizes: wire::Sizes {
            head_bytes_max: count(args.limit_head_bytes),
            headers_max: count(args.limit_headers),
            target_bytes_max: count(args.limit_target_bytes),
        },
        head: Duration::from_secs(args.timeout_head),
        keep_alive: Duration::from_secs(args.timeout_keep_alive),
        stalled_write: Duration::from_secs(args.timeout_stalled_write),
        half_close: args.half_close,
    }
}

pub(super) fn websocket(args: &WebSocketArgs) -> websocket::Settings {
    let unless_0 = |seconds| (seconds > 0).then(|| Duration::from_secs(seconds));
    websocket::Settings {
        ping_interval: unless_0(args.ws_ping_interval),
        ping_timeout: unless_0(args.ws_ping_timeout),
        deflate: args.ws_per_message_deflate,
    }
}

/// What the start line says of an app.
struct Loaded {
    name: String,
    how: &'static str,
    /// How many instances it has.
    instances: String,
    began: Instant,
    took: Duration,
}

impl Loaded {
    fn of(app: &App, began: Instant) -> Self {
        Self {
            name: app.name.to_string(),
            how: if app.from_cache { "cached" } else { "compiled" },
            instances: app.limits.instances.count(),
            began,
            took: began.elapsed(),
        }
    }

    fn say(&self, server: &Server) {
        let Self {
            name,
            how,
            instances,
            began,
            took,
        } = self;
        report::say(&format!(
            "wasgi serves {name} at {} ({instances}; code {how} in {took:.0?}, ready after {:.0?}; stop with Ctrl-C)",
            server.url(),
            began.elapsed(),
        ));
    }
}

/// Connections, instances and the files that they open are descriptors: as many as the system allows this user.
fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        // Where it is refused, the server serves fewer.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

/// One thread for each instance that there may be, up to the cores that there are: a further thread would only share one.
fn threads(args: &ServeArgs, manifest: Option<&Manifest>) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let said = || manifest.map_or(1, |manifest| Instances::of(&manifest.instances).max);
    args.workers.map_or_else(said, usize::from).min(cores)
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
