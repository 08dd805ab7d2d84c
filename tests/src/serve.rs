//! A whole server in this process: a guest, its manifest, its instances and its threads, on port 0.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use wasgi::config::Manifest;
use wasgi::error::{Error, Result};
use wasgi::hosting::AppId;
use wasgi::server::tls::{self, Tls};
use wasgi::server::{Address, Listeners, OwnHeaders, Server, Settings, Site, proxy};
use wasgi::wasm::{App, Cache, Engine, Pool};

use crate::logs::{self, Line};
use crate::{Client, Folder, Guest, H2, Response};

/// A server that is about to start.
#[derive(Clone, Debug)]
pub struct Serve {
    wasm: PathBuf,
    name: String,
    /// What the manifest says beside its name.
    head: String,
    limits: String,
    /// Of `[instances]`.
    instances: String,
    workers: Option<u32>,
    env: String,
    threads: usize,
    unix: bool,
    cached: bool,
    live: Vec<(String, PathBuf)>,
    data: Option<PathBuf>,
    settings: Settings,
    tls: Option<tls::Settings>,
    engine: Option<EngineOf>,
}

/// An engine that is not the one of all servers.
#[derive(Clone)]
struct EngineOf(Engine);

impl std::fmt::Debug for EngineOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.places())
    }
}

impl Serve {
    /// Serves a guest with one instance on one thread.
    pub fn guest(guest: Guest) -> Self {
        Self::file(guest.path(), guest.name)
    }

    /// As [`guest`](Self::guest), for any file.
    pub fn file(wasm: &Path, name: &str) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name: String = name.replace('_', "-").chars().take(40).collect();
        Self {
            wasm: wasm.to_owned(),
            // Unlike all others in this process, so that each test finds its own lines in the log.
            name: format!("{name}-{number}"),
            head: String::new(),
            limits: String::new(),
            instances: String::new(),
            workers: None,
            env: String::new(),
            threads: 1,
            unix: false,
            cached: true,
            live: Vec::new(),
            data: None,
            tls: None,
            engine: None,
            settings: Settings {
                access_log: true,
                ..Settings::default()
            },
        }
    }

    /// Serves an app of `tests/python`, with the limits that a Python app has.
    pub fn python(app: &str) -> Self {
        let mut serve = Self::file(&crate::python_app(app), app);
        serve
            .head
            .push_str("language = \"python\"\napp = \"main:app\"\n");
        serve
    }

    /// A line of `[limits]` in the manifest, for example `cpu`, `200 ms`.
    #[must_use]
    pub fn limit(mut self, key: &str, value: &str) -> Self {
        self.limits.push_str(&format!("{key} = {value:?}\n"));
        self
    }

    /// `max_concurrent_calls` in the manifest.
    #[must_use]
    pub fn calls_max(mut self, calls: u32) -> Self {
        self.limits
            .push_str(&format!("max_concurrent_calls = {calls}\n"));
        self
    }

    /// Lines of `[limits]` as they are.
    #[must_use]
    pub fn limits(mut self, lines: &str) -> Self {
        self.limits.push_str(lines);
        self
    }

    /// A variable of the guest's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push_str(&format!("{name} = {value:?}\n"));
        self
    }

    /// How many instances there are, always: `--workers`.
    #[must_use]
    pub fn instances(mut self, instances: u32) -> Self {
        self.workers = Some(instances);
        self
    }

    /// Lines of `[instances]` as they are.
    #[must_use]
    pub fn instance_lines(mut self, lines: &str) -> Self {
        self.instances.push_str(lines);
        self
    }

    /// How many server threads there are.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Listens on a Unix socket.
    #[must_use]
    pub fn unix(mut self) -> Self {
        self.unix = true;
        self
    }

    /// Runs in this engine, instead of in the one that all servers of the process have.
    #[must_use]
    pub fn engine(mut self, engine: &Engine) -> Self {
        self.engine = Some(EngineOf(engine.clone()));
        self
    }

    /// `--root-path`.
    #[must_use]
    pub fn root_path(mut self, path: &str) -> Self {
        self.settings.root_path = path.to_owned();
        self
    }

    /// Serves HTTPS with these certificates.
    #[must_use]
    pub fn tls(mut self, settings: tls::Settings) -> Self {
        self.tls = Some(settings);
        self
    }

    /// `--header` (any number), `--no-date-header` and `--no-server-header`.
    ///
    /// # Panics
    /// When one is no header.
    #[must_use]
    pub fn headers(mut self, headers: &[&str], date: bool, server: bool) -> Self {
        let parsed = headers.iter().map(|text| OwnHeaders::parse(text).unwrap());
        let parsed: Vec<_> = parsed.collect();
        self.settings.headers = OwnHeaders::new(date, server, &parsed);
        self
    }

    /// Whom it trusts to speak for clients, and how.
    #[must_use]
    pub fn proxy(mut self, settings: proxy::Settings) -> Self {
        self.settings.proxy = settings;
        self
    }

    /// Changes what the server is told, as flags do.
    #[must_use]
    pub fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// `--no-cache`.
    #[must_use]
    pub fn uncached(mut self) -> Self {
        self.cached = false;
        self
    }

    /// Mounts a folder as it is at `/name`.
    #[must_use]
    pub fn live(mut self, name: &str, folder: &Path) -> Self {
        self.live.push((name.to_owned(), folder.to_owned()));
        self
    }

    /// Mounts a folder to write to at `/data`.
    #[must_use]
    pub fn data(mut self, folder: &Path) -> Self {
        self.data = Some(folder.to_owned());
        self
    }

    /// Reads, checks and compiles the file.
    ///
    /// # Errors
    /// When it is no app.
    pub fn load(&self) -> Result<App> {
        let text = format!(
            "name = {:?}\n{}[limits]\n{}[instances]\n{}[env]\n{}",
            self.name, self.head, self.limits, self.instances, self.env
        );
        let mut manifest = Manifest::parse(Path::new("wasgi.toml"), &text)?;
        if let Some(workers) = self.workers {
            manifest.instances.set_workers(workers);
        }
        let cache = self.cached.then(cache);
        let engine = match &self.engine {
            Some(EngineOf(engine)) => engine.clone(),
            None => engine(),
        };
        let mut app = App::load(&engine, &self.wasm, &manifest, cache.as_ref())?;
        for (name, folder) in &self.live {
            app.mount_live(name, folder)?;
        }
        if let Some(folder) = &self.data {
            app.mount_data(folder)?;
        }
        Ok(app)
    }

    /// Its instances, none of which has started, for a server of so many threads.
    ///
    /// # Errors
    /// When the file is no app.
    pub fn pool(&self, threads: usize) -> Result<Arc<Pool>> {
        Ok(Pool::new(self.load()?, threads))
    }

    /// As [`pool`](Self::pool), of an app that is known as something else.
    pub(crate) fn pool_of(&self, id: &AppId, threads: usize) -> Result<Arc<Pool>> {
        let serve = Self {
            name: id.app().to_owned(),
            ..self.clone()
        };
        let mut app = serve.env("APP", id.label()).load()?;
        app.name = id.label().clone();
        Ok(Pool::new(app, threads))
    }

    /// Starts it.
    ///
    /// # Errors
    /// When the app does not start, with the lines that it has caused.
    pub fn try_start(self) -> std::result::Result<Running, (Error, Vec<Arc<Line>>)> {
        logs::capture();
        let name = self.name.clone();
        self.start_inner()
            .map_err(|error| (error, logs::lines_of(&name)))
    }

    /// Starts it.
    ///
    /// # Panics
    /// When the app does not start.
    #[track_caller]
    pub fn start(self) -> Running {
        match self.try_start() {
            Ok(running) => running,
            Err((error, lines)) => {
                let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
                panic!("{error:?}\n{}", lines.join("\n"));
            }
        }
    }

    fn start_inner(mut self) -> Result<Running> {
        self.settings.tls = self.tls.take().map(Tls::load).transpose()?;
        let pool = self.pool(self.threads)?;
        let folder = self.unix.then(|| Folder::new("socket"));
        let listeners = match &folder {
            Some(folder) => Listeners::unix(&folder.path("s"), self.threads)?,
            None => Listeners::tcp("127.0.0.1", 0, self.threads)?,
        };
        let server = Server::start(listeners, [Site::only(pool)], self.settings)?;
        Ok(Running {
            server: Some(server),
            name: self.name,
            _folder: folder,
        })
    }
}

impl From<Guest> for Serve {
    fn from(guest: Guest) -> Self {
        Self::guest(guest)
    }
}

/// One engine for all servers of the process, as a host has it.
fn engine() -> Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE
        .get_or_init(|| Engine::new().expect("an engine"))
        .clone()
}

fn cache() -> Cache {
    Cache::at(cache_folder())
}

/// Compiled guests, kept from run to run.
pub fn cache_folder() -> PathBuf {
    target_folder().join("guests/cache")
}

/// The target folder that this test runs from.
///
/// # Panics
/// When it runs from somewhere else.
pub fn target_folder() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let deps = program
        .ancestors()
        .find(|folder| folder.ends_with("deps"))
        .unwrap();
    deps.ancestors().nth(2).unwrap().to_owned()
}

/// A running server. Dropping it forces it to stop.
pub struct Running {
    server: Option<Server>,
    /// The app's name, as in its log lines.
    pub name: String,
    _folder: Option<Folder>,
}

impl Running {
    /// The server.
    ///
    /// # Panics
    /// After [`stop`](Self::stop).
    pub fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// What serves.
    ///
    /// # Panics
    /// When no app does.
    pub fn pool(&self) -> Arc<Pool> {
        self.server().site(&AppId::only()).unwrap().pool
    }

    /// Where it listens, on TCP.
    ///
    /// # Panics
    /// When it listens on a Unix socket.
    pub fn address(&self) -> SocketAddr {
        match self.server().address() {
            Address::Tcp(address) => *address,
            Address::Unix(path) => panic!("{} is no TCP address", path.display()),
        }
    }

    /// The path of its Unix socket.
    ///
    /// # Panics
    /// When it listens on TCP.
    pub fn socket(&self) -> PathBuf {
        match self.server().address() {
            Address::Unix(path) => path.clone(),
            Address::Tcp(address) => panic!("{address} is no Unix socket"),
        }
    }

    /// A new connection.
    pub fn client(&self) -> Client {
        match self.server().address() {
            Address::Tcp(address) => Client::tcp(*address),
            Address::Unix(path) => Client::unix(path),
        }
    }

    /// A new HTTP/2 connection.
    pub async fn h2(&self) -> H2 {
        H2::connect(self.address()).await
    }

    /// One GET on a connection of its own.
    #[track_caller]
    pub fn get(&self, target: &str) -> Response {
        self.client().get(target)
    }

    /// Whether it still serves: `/ok` gets "ok". Waits for a crashed instance to be replaced, as any request does.
    #[track_caller]
    pub fn assert_serves(&self) {
        let response = self.get("/ok");
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, "ok"),
            "the server does not go on"
        );
    }

    /// What the log says about its app so far.
    pub fn log(&self) -> Vec<Arc<Line>> {
        logs::lines_of(&self.name)
    }

    /// What its guests have printed so far.
    pub fn printed(&self) -> Vec<String> {
        self.log()
            .iter()
            .filter(|line| line.is_printed())
            .map(|line| line.message.clone())
            .collect()
    }

    /// Waits for a line about its app.
    #[track_caller]
    pub fn wait_log(&self, wanted: impl Fn(&Line) -> bool) -> Arc<Line> {
        logs::wait_for(&self.name, 0, wanted)
    }

    /// Where the log is now, for [`wait_since`](Self::wait_since).
    pub fn mark(&self) -> usize {
        logs::length()
    }

    /// Waits for a line about its app that was written after the mark.
    #[track_caller]
    pub fn wait_since(&self, mark: usize, wanted: impl Fn(&Line) -> bool) -> Arc<Line> {
        logs::wait_for(&self.name, mark, wanted)
    }

    /// Waits for a line with this text in it.
    #[track_caller]
    pub fn wait_line(&self, text: &str) -> Arc<Line> {
        self.wait_log(|line| line.message.contains(text))
    }

    /// Stops it gracefully and gives the whole log of its app.
    ///
    /// # Panics
    /// The second time.
    pub fn stop(&mut self) -> Vec<Arc<Line>> {
        let server = self.server.take().unwrap();
        server.drain();
        server.join();
        self.log()
    }
}
