//! One server thread: a runtime, the instances placed on it, and the connections that it accepts.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_rustls::server::TlsStream;

use super::connection::{Accepted, Http};
use super::listen::{Address, Listener};
use super::route::Route;
use super::tls::Tls;
use super::wire::Transport;
use super::{Shared, Stage, proxy};
use crate::asgi::scope::{Ends, Server};
use crate::bindings::types::Scheme;
use crate::config::limits::CONNECTIONS_MAX;
use crate::error::{Error, Result};
use crate::wasm::Pool;
use crate::wasm::instance::End;

/// The system has no descriptor or memory for a connection: wait this long before the next try.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Threads beside this one that read files for guests. A guest waits for its own reads; those of others wait
/// behind them when the disk is slow, and connections do not.
const FILE_THREADS: usize = 8;

/// What a thread starts with.
pub(super) struct Main {
    pub(super) shared: Arc<Shared>,
    pub(super) number: usize,
    pub(super) stage: watch::Receiver<Stage>,
    /// Where its requests go.
    pub(super) route: Arc<Route>,
    /// Comes when every instance has started.
    pub(super) listener: oneshot::Receiver<Listener>,
    /// The instances that it is to run: those that it starts with, and their successors.
    pub(super) crews: mpsc::UnboundedReceiver<Crew>,
}

/// Instances for a server thread: those of a pool that are placed on it.
#[derive(Clone)]
pub(super) struct Crew {
    pub(super) pool: Arc<Pool>,
    /// Hears of the first start of each.
    pub(super) started: mpsc::UnboundedSender<Started>,
}

/// How the first start of an instance went.
pub(super) type Started = Result<()>;

pub(super) fn not_started(pool: &Pool, end: &End) -> Error {
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

impl Main {
    /// Starts the thread.
    pub(super) fn spawn(self) -> io::Result<JoinHandle<()>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(FILE_THREADS)
            .build()?;
        std::thread::Builder::new()
            .name(format!("wasgi-{}", self.number))
            .spawn(move || {
                runtime.block_on(self.run());
                // A read that hangs, on a pipe or a dead network disk, is nothing to wait for.
                runtime.shutdown_background();
            })
    }

    async fn run(mut self) {
        let connections = Connections::new(&self);
        // Said when the connections are gone or have had their time.
        let (quiet, _) = watch::channel(false);
        let mut crews = JoinSet::new();
        {
            let mut accepting = pin!(accept(self.listener, &connections));
            let mut stopping = self.stage.clone();
            let mut stopping = pin!(stopping.wait_for(|stage| *stage >= Stage::Draining));
            loop {
                tokio::select! {
                    never = accepting.as_mut() => match never {},
                    _ = stopping.as_mut() => break,
                    Some(crew) = self.crews.recv() => {
                        crews.spawn(crew.work(self.number, self.stage.clone(), quiet.subscribe()));
                    }
                    // Those whose pool has been replaced are done at some time.
                    Some(_) = crews.join_next() => {}
                }
            }
        }
        // Whoever sends one now hears at once that it has not started.
        drop(self.crews);
        // The longest of all: each crew keeps to its own.
        tokio::select! {
            () = connections.done() => {}
            () = all(&mut crews) => {}
            () = forced(self.stage.clone()) => {}
        }
        quiet.send_replace(true);
        all(&mut crews).await;
    }
}

async fn forced(mut stage: watch::Receiver<Stage>) {
    // An error means that the server is gone.
    let _ = stage.wait_for(|stage| *stage >= Stage::Forced).await;
}

async fn all(crews: &mut JoinSet<()>) {
    while crews.join_next().await.is_some() {}
}

impl Crew {
    /// Runs the instances until the pool has been replaced, or the server stops and its connections are gone; then lets
    /// them finish.
    async fn work(
        self,
        thread: usize,
        mut stage: watch::Receiver<Stage>,
        mut quiet: watch::Receiver<bool>,
    ) {
        let Self { pool, started } = self;
        let mut instances = JoinSet::new();
        let of = pool.clone();
        let first = Arc::new(move |start: Result<(), End>| {
            // Nobody listens any more when another instance has failed already.
            let _ = started.send(start.map_err(|end| not_started(&of, &end)));
        });
        instances.spawn(pool.clone().keep(thread, first));

        let stopping = tokio::select! {
            () = pool.stopped() => false,
            _ = stage.wait_for(|stage| *stage >= Stage::Draining) => true,
        };
        let deadline = tokio::time::Instant::now() + pool.app.limits.drain;
        if stopping {
            pool.wind_down();
            tokio::select! {
                _ = quiet.wait_for(|quiet| *quiet) => {}
                () = tokio::time::sleep_until(deadline) => {}
                () = forced(stage.clone()) => {}
            }
        }
        let ended = async { while instances.join_next().await.is_some() {} };
        tokio::select! {
            () = ended => {}
            never = pool.drain(thread, deadline, forced(stage)) => match never {},
        }
    }
}

/// The connections of one thread.
struct Connections {
    shared: Arc<Shared>,
    thread: usize,
    route: Arc<Route>,
    stage: watch::Receiver<Stage>,
    http: Arc<Http>,
    open: Arc<AtomicUsize>,
    /// Each connection holds a sender; when the last is gone, the receiver ends.
    alive: mpsc::Sender<()>,
    done: mpsc::Receiver<()>,
}

impl Connections {
    fn new(main: &Main) -> Self {
        let (alive, done) = mpsc::channel(1);
        Self {
            shared: main.shared.clone(),
            thread: main.number,
            route: main.route.clone(),
            stage: main.stage.clone(),
            http: Arc::new(Http::new(&main.shared.settings)),
            open: Arc::default(),
            alive,
            done,
        }
    }

    /// Serves a connection in a task of its own: what stands before HTTP first.
    fn spawn(&self, socket: impl Transport, ends: Ends) {
        if self.open.load(Ordering::Relaxed) >= CONNECTIONS_MAX {
            // Shed, do not stall: a client that is turned away can go elsewhere.
            return;
        }
        let place = Place {
            http: self.http.clone(),
            server: self.shared.clone(),
            thread: self.thread,
            route: self.route.clone(),
            stage: self.stage.clone(),
            _open: (Open::new(self.open.clone()), self.alive.clone()),
        };
        let server = self.shared.clone();
        match self.shared.settings.tls.clone() {
            None => tokio::spawn(place.serve(arrive(server, socket, ends))),
            Some(tls) => tokio::spawn(place.serve(arrive_secured(server, tls, socket, ends))),
        };
    }

    async fn done(mut self) {
        drop(self.alive);
        // Nothing is ever sent: this waits for the last connection.
        let _ = self.done.recv().await;
    }
}

/// Where a connection is served.
struct Place {
    http: Arc<Http>,
    server: Arc<Shared>,
    thread: usize,
    route: Arc<Route>,
    stage: watch::Receiver<Stage>,
    /// It counts for as long as it is served.
    _open: (Open, mpsc::Sender<()>),
}

impl Place {
    /// Serves what arrives, unless the server stops first: nobody has asked for anything yet.
    async fn serve<S: Transport>(mut self, arriving: impl Future<Output = Option<Accepted<S>>>) {
        let arrived = tokio::select! {
            biased;
            arrived = arriving => arrived,
            _ = self.stage.wait_for(|stage| *stage >= Stage::Draining) => None,
        };
        if let Some(accepted) = arrived {
            let (server, route) = (self.server, self.route);
            self.http
                .serve(accepted, server, self.thread, route, self.stage)
                .await;
        }
    }
}

/// What stands before HTTP on a plain socket.
async fn arrive<S: Transport>(
    server: Arc<Shared>,
    mut socket: S,
    ends: Ends,
) -> Option<Accepted<S>> {
    let arrival = proxy::arrive(&server.settings.proxy, &mut socket, ends).await?;
    Some(Accepted {
        socket,
        arrival,
        secured: None,
        protocol: None,
    })
}

/// What stands before HTTP on one that speaks TLS.
async fn arrive_secured<S: Transport>(
    server: Arc<Shared>,
    tls: Arc<Tls>,
    socket: S,
    ends: Ends,
) -> Option<Accepted<TlsStream<S>>> {
    let Accepted {
        socket,
        mut arrival,
        ..
    } = arrive(server, socket, ends).await?;
    let accepted = tls.accept(socket).await?;
    arrival.ends.scheme = Scheme::Https;
    arrival.ends.tls = Some(accepted.facts);
    Some(Accepted {
        socket: accepted.stream,
        arrival,
        secured: Some(accepted.secured),
        protocol: Some(accepted.protocol),
    })
}

/// Counts a connection for as long as it is open.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn new(count: Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Waits for the listener, then accepts for ever.
async fn accept(listener: oneshot::Receiver<Listener>, connections: &Connections) -> Infallible {
    let Ok(listener) = listener.await else {
        // The server gave up before it listened; the stage says so.
        return std::future::pending().await;
    };
    let served = match listener {
        Listener::Tcp(listener) => accept_tcp(listener, connections).await,
        Listener::Unix(listener) => accept_unix(listener, connections).await,
    };
    if let Err(error) = served {
        tracing::error!("this thread cannot accept connections: {error}");
    }
    // Its instances go on all the same: other threads send them calls.
    std::future::pending().await
}

async fn accept_tcp(listener: std::net::TcpListener, connections: &Connections) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let server = listener.local_addr()?;
    loop {
        match listener.accept().await {
            Ok((socket, client)) => {
                // Small responses leave at once; without it some would wait 40 ms for an acknowledgement.
                let _ = socket.set_nodelay(true);
                // The address that the client used, where the server listens on all of them.
                let server = socket.local_addr().unwrap_or(server);
                let ends = Ends {
                    client: Some(client),
                    server: Server::Tcp(server),
                    tls: None,
                    scheme: Scheme::Http,
                };
                connections.spawn(socket, ends);
            }
            Err(error) => pause(&error).await,
        }
    }
}

async fn accept_unix(
    listener: std::os::unix::net::UnixListener,
    connections: &Connections,
) -> io::Result<()> {
    let listener = UnixListener::from_std(listener)?;
    let path = match &connections.shared.address {
        Address::Unix(path) => path.display().to_string(),
        Address::Tcp(_) => String::new(),
    };
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                let ends = Ends {
                    client: None,
                    server: Server::Unix(path.clone()),
                    tls: None,
                    scheme: Scheme::Http,
                };
                connections.spawn(socket, ends);
            }
            Err(error) => pause(&error).await,
        }
    }
}

/// A client that was gone before it was accepted is nobody's concern; a system without descriptors needs a pause.
async fn pause(error: &io::Error) {
    if !matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    ) {
        tracing::warn!("cannot accept a connection: {error}");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}
