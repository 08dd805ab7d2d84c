//! The server: sockets, threads, connections and requests. The only place for hyper and sockets.
//!
//! Each thread has its own runtime, its own listener, its connections and its instances, so that a request does not
//! change threads on its way. [`Server::start`] takes its listeners and gives a handle to stop it, so that any test
//! can run a whole server in-process. Read [`request`] for the life of a request.

mod access;
mod body;
mod connection;
pub mod listen;
mod request;
mod thread;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::watch;

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
    /// Starts the instances of `pool`, then listens (`L-03`). Blocks until every instance has answered its start-up.
    /// The pool must have been made for as many threads as `listeners`.
    ///
    /// # Errors
    /// When an instance does not start (`L-05`, `L-08`), or the system gives no thread or socket.
    pub fn start(listeners: Listeners, pool: Arc<Pool>, settings: Settings) -> Result<Self> {
        let (stage, _) = watch::channel(Stage::Starting);
        let shared = Arc::new(Shared {
            address: listeners.address.clone(),
            requests: AtomicU64::new(RandomState::new().hash_one("request id")),
            settings,
            pool,
        });
        let (started, starts) = mpsc::channel();
        let mut server = Self {
            shared,
            stage,
            threads: Vec::new(),
            listeners,
        };
        let mut gates = Vec::new();
        for number in 0..server.listeners.threads() {
            let (gate, listener) = tokio::sync::oneshot::channel();
            gates.push(gate);
            let main = thread::Main {
                shared: server.shared.clone(),
                number,
                stage: server.stage.subscribe(),
                listener,
                started: started.clone(),
            };
            server.threads.push(
                main.spawn().map_err(|error| {
                    Error::internal("cannot start a server thread").because(error)
                })?,
            );
        }
        drop(started);
        server.await_instances(&starts)?;
        let sockets = server.listeners.listen().map_err(|error| {
            Error::user(format!("cannot listen on {}", server.address()))
                .because(error)
                .hint(
                    "another program may have taken the port just now; choose another with --port",
                )
        })?;
        for (gate, socket) in gates.into_iter().zip(sockets) {
            // A thread that is gone has been reported by its instances.
            let _ = gate.send(socket);
        }
        server.stage.send_replace(Stage::Serving);
        Ok(server)
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

    fn await_instances(&self, starts: &mpsc::Receiver<std::result::Result<(), End>>) -> Result<()> {
        // Each slot reports once and drops its sender.
        for start in starts {
            start.map_err(|end| self.not_started(&end))?;
        }
        Ok(())
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

impl Drop for Server {
    fn drop(&mut self) {
        self.force();
        self.join_threads();
    }
}
