//! The server: sockets, threads, connections and requests. The only place for hyper and sockets.
//!
//! Each thread has its own runtime, its own listener, its connections and its instances, so that a request does not
//! change threads on its way. [`Server::start`] takes its listeners and gives a handle to stop it, so that any test
//! can run a whole server in-process. Read `server/request.rs` for the life of a request.

mod access;
mod body;
mod connection;
pub mod listen;
mod request;
mod thread;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot, watch};

use listen::Listener;
pub use listen::{Address, Listeners};

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
    pool: Arc<Pool>,
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
    threads: Vec<JoinHandle<()>>,
    /// Keeps the socket's file until the end.
    listeners: Listeners,
}

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
        let (stage, _) = watch::channel(Stage::Starting);
        let (started, starts) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            address: listeners.address.clone(),
            requests: AtomicU64::new(RandomState::new().hash_one("request id")),
            settings,
            pool,
        });
        let mut starting = Starting {
            server: Self {
                shared,
                stage,
                threads: Vec::new(),
                listeners,
            },
            gates: Vec::new(),
            starts,
        };
        for number in 0..starting.server.listeners.threads() {
            starting.spawn(number, started.clone())?;
        }
        Ok(starting)
    }

    /// Where it listens, with the port that the system chose if it was 0.
    pub fn address(&self) -> &Address {
        &self.shared.address
    }

    /// What it serves, and with which instances.
    pub fn pool(&self) -> &Arc<Pool> {
        &self.shared.pool
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

    fn not_started(&self, end: &End) -> Error {
        let app = &self.shared.pool.app;
        let why = std::io::Error::other(end.to_string());
        let error = Error::user(format!("the app `{}` does not start", app.name)).because(why);
        match end {
            End::StartupFailed(_) => {
                error.hint("the app refused to start: its own message says why")
            }
            End::Deadline(_) => error.hint(format!(
                "it had {:?} (limit `startup` in wasgi.toml)",
                app.limits.startup
            )),
            _ => error.hint("see the app's own lines above; `--log-level debug` shows more"),
        }
    }

    fn join_threads(&mut self) {
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a server thread panicked");
            }
        }
    }
}

/// A server whose instances run their start-up; nobody is listening yet.
pub struct Starting {
    server: Server,
    /// Where each thread waits for its socket.
    gates: Vec<oneshot::Sender<Listener>>,
    /// How the first start of each instance went; ends when all have reported.
    starts: mpsc::UnboundedReceiver<std::result::Result<(), End>>,
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

    fn spawn(
        &mut self,
        number: usize,
        started: mpsc::UnboundedSender<std::result::Result<(), End>>,
    ) -> Result<()> {
        let (gate, listener) = oneshot::channel();
        let main = thread::Main {
            shared: self.server.shared.clone(),
            number,
            stage: self.server.stage.subscribe(),
            listener,
            started,
        };
        let thread = main
            .spawn()
            .map_err(|error| Error::internal("cannot start a server thread").because(error))?;
        self.server.threads.push(thread);
        self.gates.push(gate);
        Ok(())
    }

    fn check(&self, start: std::result::Result<(), End>) -> Result<()> {
        start.map_err(|end| self.server.not_started(&end))
    }

    fn listen(mut self) -> Result<Server> {
        let sockets = self.server.listeners.listen().map_err(|error| {
            Error::user(format!("cannot listen on {}", self.server.address()))
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
