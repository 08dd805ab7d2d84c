//! One server thread: a runtime, the instances placed on it, and the connections that it accepts.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::connection::{self, Connection};
use super::listen::{Address, Listener};
use super::{Shared, Stage};
use crate::asgi::scope::{Ends, Server};
use crate::config::limits::CONNECTIONS_MAX;
use crate::wasm::instance::End;

/// The system has no descriptor or memory for a connection: wait this long before the next try.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a thread starts with.
pub(super) struct Main {
    pub(super) shared: Arc<Shared>,
    pub(super) number: usize,
    pub(super) stage: watch::Receiver<Stage>,
    /// Comes when every instance has started.
    pub(super) listener: oneshot::Receiver<Listener>,
    /// Hears of the first start of each instance.
    pub(super) started: mpsc::UnboundedSender<Result<(), End>>,
}

impl Main {
    /// Starts the thread.
    pub(super) fn spawn(self) -> io::Result<JoinHandle<()>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        std::thread::Builder::new()
            .name(format!("wasgi-{}", self.number))
            .spawn(move || runtime.block_on(self.run()))
    }

    async fn run(mut self) {
        let pool = self.shared.pool.clone();
        let mut instances = JoinSet::new();
        for slot in pool.slots_of(self.number) {
            let started = self.started.clone();
            let first = move |start| {
                // Nobody listens any more when another instance has failed already.
                let _ = started.send(start);
            };
            instances.spawn(pool.clone().supervise(slot, first));
        }
        drop(self.started);

        let connections = Connections::new(self.shared.clone(), self.number, self.stage.clone());
        let mut stopping = self.stage.clone();
        tokio::select! {
            () = accept(&mut self.listener, &connections) => {}
            _ = stopping.wait_for(|stage| *stage >= Stage::Draining) => {}
        }
        drop(self.listener);

        let deadline = tokio::time::Instant::now() + pool.app.limits.drain;
        let mut forced = self.stage.clone();
        pool.stop();
        tokio::select! {
            () = connections.done() => {}
            () = tokio::time::sleep_until(deadline) => {}
            _ = forced.wait_for(|stage| *stage >= Stage::Forced) => {}
        }
        let forced = async {
            let _ = forced.wait_for(|stage| *stage >= Stage::Forced).await;
        };
        let ended = async { while instances.join_next().await.is_some() {} };
        tokio::select! {
            () = ended => {}
            never = pool.drain(self.number, deadline, forced) => match never {},
        }
    }
}

/// The connections of one thread.
struct Connections {
    shared: Arc<Shared>,
    thread: usize,
    stage: watch::Receiver<Stage>,
    builder: Arc<auto::Builder<TokioExecutor>>,
    open: Arc<AtomicUsize>,
    /// Each connection holds a sender; when the last is gone, the receiver ends.
    alive: mpsc::Sender<()>,
    done: mpsc::Receiver<()>,
}

impl Connections {
    fn new(shared: Arc<Shared>, thread: usize, stage: watch::Receiver<Stage>) -> Self {
        let (alive, done) = mpsc::channel(1);
        Self {
            shared,
            thread,
            stage,
            builder: Arc::new(connection::builder()),
            open: Arc::default(),
            alive,
            done,
        }
    }

    fn spawn<S>(&self, socket: S, ends: Ends)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        if self.open.load(Ordering::Relaxed) >= CONNECTIONS_MAX {
            // Shed, do not stall: a client that is turned away can go elsewhere.
            return;
        }
        let open = Open::new(self.open.clone());
        let connection = Connection::new(self.shared.clone(), self.thread, ends);
        let (builder, stage, alive) =
            (self.builder.clone(), self.stage.clone(), self.alive.clone());
        tokio::spawn(async move {
            connection::serve(&builder, socket, connection, stage).await;
            drop((open, alive));
        });
    }

    async fn done(mut self) {
        drop(self.alive);
        // Nothing is ever sent: this waits for the last connection.
        let _ = self.done.recv().await;
    }
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
async fn accept(listener: &mut oneshot::Receiver<Listener>, connections: &Connections) {
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
