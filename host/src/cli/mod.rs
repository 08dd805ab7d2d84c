//! The command line: every flag with its help text, one file per verb, and how errors are shown.
//!
//! `main.rs` calls `parse` and then `run`. It is the only place that knows clap, stdout and exit
//! codes. A verb turns its arguments into plain values once, calls the library, and prints what came
//! of it: data on stdout, talk on stderr.

mod app;
mod build;
mod compile;
mod new;
pub(crate) mod report;
mod serve;
mod walls;

use std::{path::PathBuf, process::ExitCode};

use clap::{
    ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum,
    builder::BoolishValueParser,
};
use http::header::{HeaderName, HeaderValue};
use wasgi::{
    config::{instances::INSTANCES_MAX, limits},
    server::OwnHeaders,
    wasm::Cache,
};

/// Compiles ASGI apps to WebAssembly and serves them.
#[derive(Parser)]
#[command(
    name = "wasgi",
    version,
    propagate_version = true,
    max_term_width = 100
)]
#[command(after_help = "Exit codes: 0 done, 1 you can fix it, 2 we could not.\n\
    Every flag with [env: ...] can be set there too; a flag goes before the environment.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serve one app: build it first if it is a folder or a Python module
    Serve(Box<ServeArgs>),
    /// Build an app, check it, and compile it ahead of time
    Build(BuildArgs),
    /// Start a new app from a template
    New(NewArgs),
    /// Compile a component: what the other verbs start
    #[command(hide = true)]
    Compile(compile::CompileArgs),
}

/// `wasgi serve`
#[derive(Args)]
pub(crate) struct ServeArgs {
    /// The app: `module:attribute` (Python), its folder (with a `wasgi.toml`), or a component (`.wasm`)
    #[arg(env = "WASGI_APP")]
    pub(crate) app: PathBuf,

    /// The address or host name to listen on
    #[arg(long, env = "WASGI_HOST", default_value = "127.0.0.1")]
    pub(crate) host: String,

    /// The port to listen on; 0 takes any that is free
    #[arg(long, env = "WASGI_PORT", default_value_t = 8000)]
    pub(crate) port: u16,

    /// Listen on a Unix socket with this path, instead of on a host and port
    #[arg(long, env = "WASGI_UDS", value_name = "PATH")]
    pub(crate) uds: Option<PathBuf>,

    /// Who may connect to the Unix socket, as the mode of its file, for example 660 [default: what the umask leaves]
    #[arg(long, env = "WASGI_UDS_PERMISSIONS", value_name = "MODE", value_parser = serve::place::mode)]
    pub(crate) uds_permissions: Option<u32>,

    /// Listen on a socket that was passed by whoever has started this: the number of its descriptor, or a name that
    /// systemd has given it. A single socket of systemd's is used without it
    #[arg(long, env = "WASGI_FD", value_name = "NUMBER_OR_NAME", value_parser = serve::place::descriptor)]
    pub(crate) fd: Option<serve::place::Descriptor>,

    /// Where to listen was typed, and not inherited or left to us
    #[arg(skip)]
    pub(crate) place_is_typed: bool,

    /// How many instances of the app run; they share no memory. Goes before `min_instances` and `max_instances` of the
    /// manifest [default: as the manifest says, else 1]
    #[arg(long, env = "WASGI_WORKERS", value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=i64::from(INSTANCES_MAX)))]
    pub(crate) workers: Option<u16>,

    /// What to log
    #[arg(
        long,
        env = "WASGI_LOG_LEVEL",
        value_name = "LEVEL",
        default_value = "info"
    )]
    #[arg(ignore_case = true)]
    pub(crate) log_level: LogLevel,

    /// Write one line per request
    #[arg(long, env = "WASGI_ACCESS_LOG", value_name = "BOOL", value_parser = BoolishValueParser::new())]
    #[arg(action = ArgAction::Set, default_value = "true", default_missing_value = "true")]
    #[arg(num_args = 0..=1, require_equals = true)]
    pub(crate) access_log: bool,

    /// Do not write one line per request
    #[arg(long, overrides_with = "access_log")]
    pub(crate) no_access_log: bool,

    /// Write a `date` header where the app has none
    #[arg(long, env = "WASGI_DATE_HEADER", value_name = "BOOL", value_parser = BoolishValueParser::new())]
    #[arg(action = ArgAction::Set, default_value = "true", default_missing_value = "true")]
    #[arg(num_args = 0..=1, require_equals = true)]
    pub(crate) date_header: bool,

    /// Do not write a `date` header
    #[arg(long, overrides_with = "date_header")]
    pub(crate) no_date_header: bool,

    /// Write a `server` header where the app has none
    #[arg(long, env = "WASGI_SERVER_HEADER", value_name = "BOOL", value_parser = BoolishValueParser::new())]
    #[arg(action = ArgAction::Set, default_value = "true", default_missing_value = "true")]
    #[arg(num_args = 0..=1, require_equals = true)]
    pub(crate) server_header: bool,

    /// Do not write a `server` header
    #[arg(long, overrides_with = "server_header")]
    pub(crate) no_server_header: bool,

    /// Add this header to every response that has none of its name; can be given several times
    #[arg(long, value_name = "NAME:VALUE", value_parser = OwnHeaders::parse)]
    pub(crate) header: Vec<(HeaderName, HeaderValue)>,

    /// The path below which a proxy in front has mounted the app, for example `/shop`
    #[arg(long, env = "WASGI_ROOT_PATH", value_name = "PATH", default_value = "")]
    #[arg(value_parser = serve::root_path)]
    pub(crate) root_path: String,

    /// The most requests that the app works for at a time, over all its instances; any further one is answered with 503
    /// [default: no limit]
    #[arg(long, env = "WASGI_LIMIT_CONCURRENCY", value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit_concurrency: Option<u32>,

    /// How long requests in flight may go on after a signal to stop [default: the manifest's
    /// `drain`, else 30]
    #[arg(long, env = "WASGI_TIMEOUT_GRACEFUL_SHUTDOWN", value_name = "SECONDS")]
    #[arg(value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub(crate) timeout_graceful_shutdown: Option<u64>,

    /// Load the app again when its files change, on the same socket; errors are shown to browsers, too: for
    /// development only
    #[arg(long, env = "WASGI_RELOAD", value_parser = BoolishValueParser::new())]
    #[arg(action = ArgAction::Set, default_value = "false", default_missing_value = "true")]
    #[arg(num_args = 0..=1, require_equals = true)]
    pub(crate) reload: bool,

    /// Give the app this folder to write to, as `/data` [default: `.wasgi/data` in the app's
    /// folder if its manifest says `data = true`, else none]
    #[arg(long, env = "WASGI_DATA_DIR", value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Read this manifest instead of the app folder's; a `.wasm` has none of its own
    #[arg(long, env = "WASGI_MANIFEST", value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) tls: TlsArgs,

    #[command(flatten)]
    pub(crate) proxy: serve::behind::ProxyArgs,

    #[command(flatten)]
    pub(crate) clients: ClientArgs,

    #[command(flatten)]
    pub(crate) websockets: WebSocketArgs,

    #[command(flatten)]
    pub(crate) walls: walls::WallArgs,

    #[command(flatten)]
    pub(crate) cache: CacheArgs,

    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

/// HTTPS.
#[derive(Args)]
#[command(next_help_heading = "HTTPS")]
pub(crate) struct TlsArgs {
    /// Serve HTTPS with this certificate (PEM) and those that follow it in the file. Once more, or with colons between
    /// them, for further host names: a client gets the one that it asks for, any other client the first
    #[arg(
        long,
        env = "WASGI_SSL_CERTFILE",
        value_name = "FILE",
        value_delimiter = ':'
    )]
    pub(crate) ssl_certfile: Vec<PathBuf>,

    /// The private key (PEM) of the certificate, one for each in the same order [default: it stands in the
    /// certificate's file]
    #[arg(
        long,
        env = "WASGI_SSL_KEYFILE",
        value_name = "FILE",
        value_delimiter = ':'
    )]
    pub(crate) ssl_keyfile: Vec<PathBuf>,

    /// Ask clients for certificates, issued by one of those in this file (PEM)
    #[arg(long, env = "WASGI_SSL_CA_CERTS", value_name = "FILE")]
    pub(crate) ssl_ca_certs: Option<PathBuf>,

    /// Whether clients need a certificate [default: required with --ssl-ca-certs, else none]
    #[arg(long, env = "WASGI_SSL_CERT_REQS", value_name = "WHETHER")]
    pub(crate) ssl_cert_reqs: Option<CertReqs>,

    /// How long a client may take from the connection to the end of the TLS handshake
    #[arg(
        long,
        env = "WASGI_TIMEOUT_TLS_HANDSHAKE",
        value_name = "SECONDS",
        default_value_t = 10
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout_tls_handshake: u64,
}

/// Whether clients need a certificate. uvicorn has numbers for it, which are taken, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CertReqs {
    /// Clients are not asked
    #[value(alias = "0")]
    None,
    /// A client may have none; one that is not accepted ends the connection
    #[value(alias = "1")]
    Optional,
    /// No client without one
    #[value(alias = "2")]
    Required,
}

/// What bounds a client before any app is asked.
#[derive(Args)]
#[command(next_help_heading = "What clients may do")]
pub(crate) struct ClientArgs {
    /// How long a connection is kept without a request
    #[arg(long, env = "WASGI_TIMEOUT_KEEP_ALIVE", value_name = "SECONDS", default_value_t = limits::KEEP_ALIVE.as_secs())]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout_keep_alive: u64,

    /// How long a new connection may be silent, and how long a request's head may take from its first byte
    #[arg(long, env = "WASGI_TIMEOUT_HEAD", value_name = "SECONDS", default_value_t = limits::HEAD_READ.as_secs())]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout_head: u64,

    /// How long a client may take nothing of its response before its connection is aborted
    #[arg(long, env = "WASGI_TIMEOUT_STALLED_WRITE", value_name = "SECONDS", default_value_t = limits::STALLED_WRITE.as_secs())]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout_stalled_write: u64,

    /// The largest head of a request, in bytes
    #[arg(long, env = "WASGI_LIMIT_HEAD_BYTES", value_name = "BYTES", default_value_t = limits::HEAD_BYTES_MAX as u64)]
    #[arg(value_parser = clap::value_parser!(u64).range(1024..=1_048_576))]
    pub(crate) limit_head_bytes: u64,

    /// The most header fields of a request
    #[arg(long, env = "WASGI_LIMIT_HEADERS", value_name = "N", default_value_t = limits::HEADERS_MAX as u64)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub(crate) limit_headers: u64,

    /// The longest target (path and query) of a request, in bytes
    #[arg(long, env = "WASGI_LIMIT_TARGET_BYTES", value_name = "BYTES", default_value_t = limits::TARGET_BYTES_MAX as u64)]
    #[arg(value_parser = clap::value_parser!(u64).range(64..=65_000))]
    pub(crate) limit_target_bytes: u64,

    /// Answer clients that close their side of an HTTP/1 connection after their request; else they count as gone
    #[arg(long, env = "WASGI_HALF_CLOSE", value_parser = BoolishValueParser::new())]
    #[arg(action = ArgAction::Set, default_value = "false", default_missing_value = "true")]
    #[arg(num_args = 0..=1, require_equals = true)]
    pub(crate) half_close: bool,
}

/// WebSockets.
#[derive(Args)]
#[command(next_help_heading = "WebSockets")]
pub(crate) struct WebSocketArgs {
    /// The largest message, either way, assembled and decompressed, in bytes; a larger one closes with 1009 [default: the
    /// manifest's `websocket_message`, else 16777216]
    #[arg(long, env = "WASGI_WS_MAX_SIZE", value_name = "BYTES")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_073_741_824))]
    pub(crate) ws_max_size: Option<u64>,

    /// How often clients are sent a ping; 0 for never
    #[arg(long, env = "WASGI_WS_PING_INTERVAL", value_name = "SECONDS", default_value_t = limits::WEBSOCKET_PING_INTERVAL.as_secs())]
    #[arg(value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub(crate) ws_ping_interval: u64,

    /// How long a client may leave a ping without its pong before it counts as gone; 0 for as long as it likes
    #[arg(long, env = "WASGI_WS_PING_TIMEOUT", value_name = "SECONDS", default_value_t = limits::WEBSOCKET_PING_TIMEOUT.as_secs())]
    #[arg(value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub(crate) ws_ping_timeout: u64,

    /// Compress messages (permessage-deflate) for clients that offer it
    #[arg(long, env = "WASGI_WS_PER_MESSAGE_DEFLATE", value_name = "BOOL", value_parser = BoolishValueParser::new())]
    #[arg(action = ArgAction::Set, default_value = "true", default_missing_value = "true")]
    pub(crate) ws_per_message_deflate: bool,
}

/// `wasgi build`
#[derive(Args)]
pub(crate) struct BuildArgs {
    /// The app: `module:attribute` (Python), its folder (with a `wasgi.toml`), or a component (`.wasm`) to check and
    /// compile
    #[arg(default_value = ".")]
    pub(crate) app: PathBuf,

    /// Copy the component to this file, too
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Print one JSON object instead of the component's path
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) cache: CacheArgs,

    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

/// `wasgi new`
#[derive(Args)]
pub(crate) struct NewArgs {
    /// The folder to make; its last part becomes the app's name
    #[arg(value_name = "NAME_OR_PATH")]
    pub(crate) path: PathBuf,

    /// What the app starts as
    #[arg(long, value_enum, default_value = "asgi")]
    pub(crate) template: Template,

    /// Rust: depend on the wasgi-sdk in this folder instead of on a released version
    #[arg(long, value_name = "FOLDER")]
    pub(crate) sdk_path: Option<PathBuf>,
}

/// Where compiled code, and what Python apps are built from, is kept.
#[derive(Args)]
#[cfg_attr(test, derive(Default))]
#[command(next_help_heading = "Building")]
pub(crate) struct CacheArgs {
    /// Build and compile again and keep nothing (but Python's build tools); else what was built is kept in `$WASGI_CACHE_DIR`, or in
    /// `wasgi` below `$XDG_CACHE_HOME` or `~/.cache`
    #[arg(long, env = "WASGI_NO_CACHE", value_parser = BoolishValueParser::new())]
    pub(crate) no_cache: bool,

    #[command(flatten)]
    pub(crate) compile: compile::LimitArgs,

    /// Instead of that of the environment, which is another user's
    #[arg(skip)]
    pub(crate) home: Option<PathBuf>,
}

impl CacheArgs {
    /// The cache of this user, unless it is not wanted or there is no place for one.
    pub(crate) fn open(&self) -> Option<Cache> {
        match &self.home {
            _ if self.no_cache => None,
            Some(home) if std::env::var_os("WASGI_CACHE_DIR").is_none() => {
                Some(Cache::at(home.join(".cache/wasgi")))
            }
            _ => Cache::of_user(),
        }
    }
}

/// How an app is built.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Building")]
pub(crate) struct SourceArgs {
    /// Python: look for the module in this folder instead of the working folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) app_dir: Option<PathBuf>,

    /// Python: the attribute is a function that makes the app
    #[arg(long)]
    pub(crate) factory: bool,

    /// Python: leave the interpreter as it is, instead of optimising it once for this machine
    #[arg(long)]
    pub(crate) no_optimize: bool,

    /// Rust: build with `Cargo.lock` as it is
    #[arg(long)]
    pub(crate) locked: bool,

    /// Build without the network
    #[arg(long)]
    pub(crate) offline: bool,
}

/// From the most talkative to the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// What a new app starts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Template {
    /// A raw ASGI app: scope, receive, send
    Asgi,
    /// An axum router
    Axum,
    /// Starlette: Python
    Starlette,
    /// FastAPI: Python
    Fastapi,
}

/// Reads the command line and the environment, or gives the exit code of `--help` and of errors.
pub(crate) fn parse() -> Result<Command, ExitCode> {
    match parse_from(std::env::args_os()) {
        Ok(command) => Ok(command),
        Err(error) => {
            // Help goes to stdout and is no error; if nobody reads it, that is no error either.
            let _ = error.print();
            Err(if error.use_stderr() {
                report::USER
            } else {
                ExitCode::SUCCESS
            })
        }
    }
}

fn parse_from<T>(args: impl IntoIterator<Item = T>) -> Result<Command, clap::Error>
where
    T: Into<std::ffi::OsString> + Clone,
{
    let mut command = Cli::command();
    let matches = command.try_get_matches_from_mut(args)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    if let (Command::Serve(args), Some((_, matches))) = (&mut cli.command, matches.subcommand()) {
        serve::place::settle(args, matches)
            .map_err(|what| command.error(clap::error::ErrorKind::ArgumentConflict, what))?;
    }
    Ok(cli.command)
}

/// Runs one verb.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(*args),
        Command::Build(args) => build::run(&args),
        Command::New(args) => new::run(&args),
        Command::Compile(args) => Ok(compile::run(&args)),
    }
}

#[cfg(test)]
mod tests;
