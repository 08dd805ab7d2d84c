//! The server: sockets, threads, connections and requests. The only place for hyper and sockets.
//!
//! Each thread has its own runtime, its own listener, its connections and its instances, so that a request does not
//! change threads on its way. [`Server::start`] takes its listeners and gives a handle to stop it, so that any test
//! can run a whole server in-process. Read `server/request.rs` for the life of a request.

mod abandoned;
mod access;
mod body;
mod client;
mod concurrency;
mod connection;
mod file;
mod headers;
pub mod listen;
mod notice;
pub mod proxy;
mod refused;
mod request;
mod route;
mod streams;
mod thread;
pub mod tls;
pub mod websocket;
pub mod wire;

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot, watch};

pub use concurrency::Concurrency;
pub use headers::OwnHeaders;
use listen::Listener;
pub use listen::{Address, Inherited, Listeners};
pub use notice::Notice;
use route::{Route, Target};
use thread::Crew;
use tls::Tls;

use crate::error::{Error, Result};
use crate::wasm::Pool;
use crate::wasm::instance::End;

/// What a server is told besides its sockets and its app.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The mount prefix (`H-09`): empty, or a path without a slash at its end.
    pub root_path: String,
    /// Whether each request gets a line in the log.
    pub access_log: bool,
    /// The certificates to serve HTTPS with; none serves plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// What every response gets.
    pub headers: OwnHeaders,
    /// Whose word counts about a client that comes through a proxy.
    pub proxy: proxy::Settings,
    /// What a client may send over HTTP/1, and how slow it may be.
    pub wire: wire::Settings,
    /// How WebSockets are served.
    pub websocket: websocket::Settings,
    /// How many calls there may be at a time.
    pub concurrency: Concurrency,
}

/// How far a server is. It only ever goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Instances run their lifespan start-up; nobody is listening.
    Starting,
    Serving,
    /// No new connections; calls in flight get their time.
    Draining,
    /// Calls in flight have had their time.
    Forced,
}

/// What the threads of a server share.
struct Shared {
    settings: Settings,
    address: Address,
    requests: AtomicU64,
}

impl Shared {
    /// Ids are consecutive from a random start: unique in a log, and telling a client nothing.
    fn next_request_id(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }
}

/// A running server.
pub struct Server {
    shared: Arc<Shared>,
    stage: watch::Sender<Stage>,
    threads: Vec<Thread>,
    /// Held over a whole replacement: one at a time.
    replacing: tokio::sync::Mutex<()>,
    /// None while there has only been a notice.
    serving: Mutex<Option<Arc<Pool>>>,
    /// Keeps the socket's file until the end.
    listeners: Listeners,
}

/// A server thread, from outside.
struct Thread {
    handle: JoinHandle<()>,
    route: Arc<Route>,
    /// Takes the instances that it is to run.
    crews: mpsc::UnboundedSender<Crew>,
}

type Started = std::result::Result<(), End>;

impl Server {
    /// Starts the instances of `pool`, then listens (`L-03`). Blocks until every instance has answered its start-up;
    /// [`begin`](Self::begin) does not. The pool must have been made for as many threads as `listeners`.
    ///
    /// # Errors
    /// When an instance does not start (`L-05`, `L-08`), or the system gives no thread or socket.
    pub fn start(listeners: Listeners, pool: Arc<Pool>, settings: Settings) -> Result<Self> {
        let mut starting = Self::begin(listeners, pool, settings)?;
        while let Some(start) = starting.starts.blocking_recv() {
            starting.check(start)?;
        }
        starting.listen()
    }

    /// Starts the instances of `pool` and does not wait for them. Dropping what it returns stops them.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn begin(listeners: Listeners, pool: Arc<Pool>, settings: Settings) -> Result<Starting> {
        Starting::new(listeners, Target::App(pool), settings)
    }

    /// A server without an app: it answers every request with a notice, until an app [takes its place](Self::replace),
    /// which may be before it listens.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn with_notice(
        listeners: Listeners,
        notice: Notice,
        settings: Settings,
    ) -> Result<Starting> {
        Starting::new(listeners, Target::Notice(Arc::new(notice)), settings)
    }

    /// Where it listens, with the port that the system chose if it was 0.
    pub fn address(&self) -> &Address {
        &self.shared.address
    }

    /// What a client types: the address with its scheme.
    pub fn url(&self) -> String {
        match (&self.shared.address, &self.shared.settings.tls) {
            (Address::Tcp(address), Some(_)) => format!("https://{address}"),
            (address, _) => address.to_string(),
        }
    }

    /// How many threads it has: what a pool for [`replace`](Self::replace) is made for.
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    /// What it serves, and with which instances. None before the first app, and while a notice stands in its place the
    /// one before.
    pub fn pool(&self) -> Option<Arc<Pool>> {
        self.serving().clone()
    }

    /// Serves `pool` from now on: starts its instances, waits until every one has answered its start-up, routes new
    /// requests to it, and lets the previous ones finish: calls in flight get their app's `drain` time, then
    /// lifespan shutdown follows, in the background. No request is lost: one that waits for an instance of the previous
    /// pool gets one of the new. Connections are kept.
    ///
    /// The pool must have been made for [`threads`](Self::threads). Replacements wait for each other. When the future
    /// is dropped before it is done, the previous pool goes on serving.
    ///
    /// # Errors
    /// When an instance does not start: then the previous pool, or the notice, goes on serving. When the server stops.
    pub async fn replace(&self, pool: Arc<Pool>) -> Result<()> {
        let _one_at_a_time = self.replacing.lock().await;
        let started = self.start_beside(pool).await?;
        self.put_in_place(started);
        Ok(())
    }

    /// Serves the same app with new instances from now on, as [`replace`](Self::replace) serves another. False while a
    /// notice stands in the app's place: there is nothing to put new instances in the place of.
    ///
    /// # Errors
    /// When one of them does not start: the previous ones go on serving. When the server stops.
    pub async fn recycle(&self) -> Result<bool> {
        let _one_at_a_time = self.replacing.lock().await;
        let Some(previous) = self.routed() else {
            return Ok(false);
        };
        let started = self.start_beside(previous.afresh()).await?;
        if !self
            .routed()
            .is_some_and(|pool| Arc::ptr_eq(&pool, &previous))
        {
            return Ok(false);
        }
        self.put_in_place(started);
        Ok(true)
    }

    /// Starts the instances of a pool beside those that serve.
    async fn start_beside(&self, pool: Arc<Pool>) -> Result<StopOnDrop> {
        if let Some(previous) = &*self.serving() {
            pool.count_after(previous);
        }
        let (started, mut starts) = mpsc::unbounded_channel();
        let unless_it_serves = StopOnDrop(Some(pool.clone()));
        for thread in &self.threads {
            let crew = Crew {
                pool: pool.clone(),
                started: started.clone(),
            };
            // A thread that is gone does not report: the others say that the server stops.
            let _ = thread.crews.send(crew);
        }
        drop(started);
        while let Some(start) = starts.recv().await {
            start.map_err(|end| not_started(&pool, &end))?;
        }
        if *self.stage.borrow() >= Stage::Draining {
            return Err(not_started(&pool, &End::NotWanted));
        }
        Ok(unless_it_serves)
    }

    fn put_in_place(&self, started: StopOnDrop) {
        let Some(pool) = started.defuse() else {
            return;
        };
        self.route(&Target::App(pool.clone()));
        let previous = self.serving().replace(pool);
        if let Some(previous) = previous {
            previous.stop();
        }
    }

    /// Where requests go, unless that is a notice.
    fn routed(&self) -> Option<Arc<Pool>> {
        match self.threads.first()?.route.target() {
            Target::App(pool) => Some(pool),
            Target::Notice(_) => None,
        }
    }

    /// Answers every request with a notice from now on, until an app takes its place. What it served before
    /// finishes its calls and is kept, so that it costs nothing to go back. For a server that its author looks at: the
    /// text goes to clients.
    pub fn show(&self, notice: Notice) {
        self.route(&Target::Notice(Arc::new(notice)));
    }

    fn route(&self, target: &Target) {
        for thread in &self.threads {
            thread.route.set(target.clone());
        }
    }

    fn serving(&self) -> std::sync::MutexGuard<'_, Option<Arc<Pool>>> {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops gracefully: no new connections, calls in flight get the app's `drain` time, then lifespan shutdown.
    pub fn drain(&self) {
        self.advance(Stage::Draining);
    }

    /// Stops now: calls in flight are ended; lifespan shutdown still runs, under its deadline.
    pub fn force(&self) {
        self.advance(Stage::Forced);
    }

    /// Waits, after [`drain`](Self::drain), until every thread has stopped.
    pub async fn stopped(&self) {
        // The threads hold the receivers; each drops its own when it ends.
        self.stage.closed().await;
    }

    /// Blocks until it has stopped.
    pub fn join(mut self) {
        self.join_threads();
    }

    fn advance(&self, to: Stage) {
        self.stage.send_if_modified(|stage| {
            let ahead = *stage < to;
            *stage = to.max(*stage);
            ahead
        });
    }

    fn join_threads(&mut self) {
        for thread in self.threads.drain(..) {
            drop(thread.crews);
            if thread.handle.join().is_err() {
                tracing::error!("a server thread panicked");
            }
        }
    }
}

/// Stops the instances of a pool unless they serve.
struct StopOnDrop(Option<Arc<Pool>>);

impl StopOnDrop {
    fn defuse(mut self) -> Option<Arc<Pool>> {
        self.0.take()
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        if let Some(pool) = &self.0 {
            pool.stop();
        }
    }
}

fn not_started(pool: &Pool, end: &End) -> Error {
    let app = &pool.app;
    let why = std::io::Error::other(end.to_string());
    let error = Error::user(format!("the app `{}` does not start", app.name)).because(why);
    match end {
        End::StartupFailed(_) => error.hint("the app refused to start: its own message says why"),
        End::Deadline(_) => error.hint(format!(
            "it had {:?} (limit `startup` in wasgi.toml)",
            app.limits.startup
        )),
        _ => error.hint("see the app's own lines above; `--log-level debug` shows more"),
    }
}

/// A server whose instances run their start-up; nobody is listening yet.
pub struct Starting {
    server: Server,
    /// Where each thread waits for its socket.
    gates: Vec<oneshot::Sender<Listener>>,
    /// How the first start of each instance went; ends when all have reported.
    starts: mpsc::UnboundedReceiver<Started>,
}

impl Starting {
    /// Waits until every instance has answered its start-up, then listens.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn ready(mut self) -> Result<Server> {
        while let Some(start) = self.starts.recv().await {
            self.check(start)?;
        }
        self.listen()
    }

    /// The server that does not listen yet.
    pub fn server(&self) -> &Server {
        &self.server
    }

    fn new(listeners: Listeners, target: Target, settings: Settings) -> Result<Self> {
        let (stage, _) = watch::channel(Stage::Starting);
        let (started, starts) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            address: listeners.address.clone(),
            requests: AtomicU64::new(RandomState::new().hash_one("request id")),
            settings,
        });
        let pool = match &target {
            Target::App(pool) => Some(pool.clone()),
            Target::Notice(_) => None,
        };
        let mut starting = Self {
            server: Server {
                shared,
                stage,
                threads: Vec::new(),
                replacing: tokio::sync::Mutex::default(),
                serving: Mutex::new(pool.clone()),
                listeners,
            },
            gates: Vec::new(),
            starts,
        };
        for number in 0..starting.server.listeners.threads() {
            let crew = pool.clone().map(|pool| Crew {
                pool,
                started: started.clone(),
            });
            starting.spawn(number, target.clone(), crew)?;
        }
        Ok(starting)
    }

    fn spawn(&mut self, number: usize, target: Target, crew: Option<Crew>) -> Result<()> {
        let (gate, listener) = oneshot::channel();
        let (crews, hired) = mpsc::unbounded_channel();
        if let Some(crew) = crew {
            // The receiver is here.
            let _ = crews.send(crew);
        }
        let route = Arc::new(Route::to(target));
        let main = thread::Main {
            shared: self.server.shared.clone(),
            number,
            stage: self.server.stage.subscribe(),
            route: route.clone(),
            listener,
            crews: hired,
        };
        let handle = main
            .spawn()
            .map_err(|error| Error::internal("cannot start a server thread").because(error))?;
        self.server.threads.push(Thread {
            handle,
            route,
            crews,
        });
        self.gates.push(gate);
        Ok(())
    }

    fn check(&self, start: Started) -> Result<()> {
        start.map_err(|end| match self.server.pool() {
            Some(pool) => not_started(&pool, &end),
            None => Error::internal("an instance of no app").because(end.to_string()),
        })
    }

    fn listen(mut self) -> Result<Server> {
        let sockets = self.server.listeners.listen().map_err(|error| {
            Error::user(format!("cannot listen on {}", self.server.url()))
                .because(error)
                .hint("another program may have taken it just now; choose another address")
        })?;
        for (gate, socket) in self.gates.into_iter().zip(sockets) {
            // A thread that is gone has said so by its instances.
            let _ = gate.send(socket);
        }
        self.server.advance(Stage::Serving);
        Ok(self.server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.force();
        self.join_threads();
    }
}
