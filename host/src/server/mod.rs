//! The server: sockets, threads, connections and requests. The only place for hyper and sockets.
//!
//! Each thread has its own runtime, its own listener, its connections and its instances, so that a request does not
//! change threads on its way. [`Server::start`] takes its listeners and gives a handle to stop it, so that any test
//! can run a whole server in-process. Read `server/request.rs` for the life of a request.
//!
//! A server has any number of apps, each a [`Site`]: an identity, routes, and a pool of instances. Which one a request is for,
//! [`hosting`](crate::hosting) says; `deploy.rs` has them come and go. `wasgi serve` is the case of one app that answers
//! everything.

mod abandoned;
mod access;
mod body;
mod client;
mod concurrency;
mod connection;
mod deploy;
mod file;
mod headers;
pub mod listen;
mod notice;
pub mod proxy;
mod refused;
mod request;
mod route;
mod sites;
mod starting;
mod streams;
mod thread;
pub mod tls;
pub mod websocket;
pub mod wire;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, watch};

pub use concurrency::Concurrency;
use deploy::Turns;
pub use headers::OwnHeaders;
pub use listen::{Address, Inherited, Listeners};
pub use notice::Notice;
use route::Route;
pub use sites::Site;
use sites::Sites;
pub use starting::Starting;
use thread::Crew;
use tls::Tls;

use crate::error::Result;

/// What a server is told besides its sockets and its apps.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The mount prefix (`H-09`) that a proxy in front has taken away: empty, or a path without a slash at its end. Those of routes
    /// stand behind it.
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
    /// How many calls there may be at a time, of all apps together. One app can take them all: a server for several tenants
    /// has no such limit, and one for each app (`max_concurrent_calls`).
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
    turns: Turns,
    /// What the table of every thread is made of.
    sites: Mutex<Sites>,
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

impl Server {
    /// Starts the instances of every site, then listens (`L-03`). Blocks until every instance has answered its start-up;
    /// [`begin`](Self::begin) does not.
    ///
    /// # Errors
    /// When two sites have one route, an instance does not start (`L-05`, `L-08`), or the system gives no thread or socket.
    pub fn start(
        listeners: Listeners,
        sites: impl IntoIterator<Item = Site>,
        settings: Settings,
    ) -> Result<Self> {
        Self::begin(listeners, sites, settings)?.blocking_ready()
    }

    /// Starts the instances of every site and does not wait for them. Dropping what it returns stops them. A server
    /// that is to listen although one of its apps does not start begins without sites, and has each one
    /// [deployed](Self::deploy) before it is [ready](Starting::ready).
    ///
    /// # Errors
    /// When two sites have one route, or the system gives no thread.
    pub fn begin(
        listeners: Listeners,
        sites: impl IntoIterator<Item = Site>,
        settings: Settings,
    ) -> Result<Starting> {
        let mut all = Sites::default();
        for site in sites {
            all.put(site);
        }
        Starting::new(listeners, all, settings)
    }

    /// A server without an app: it answers every request with a notice, until one is [deployed](Self::deploy),
    /// which may be before it listens.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn with_notice(
        listeners: Listeners,
        notice: Notice,
        settings: Settings,
    ) -> Result<Starting> {
        let mut none = Sites::default();
        none.notice = Some(Arc::new(notice));
        Starting::new(listeners, none, settings)
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

    /// How many threads it has: what a pool for [`deploy`](Self::deploy) is made for.
    pub fn threads(&self) -> usize {
        self.threads.len()
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

impl Drop for Server {
    fn drop(&mut self) {
        self.force();
        self.join_threads();
    }
}
