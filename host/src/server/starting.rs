//! A server before it listens: its threads run, and its first instances their start-up.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use tokio::sync::{mpsc, oneshot, watch};

use super::deploy::Turns;
use super::listen::{Listener, Listeners};
use super::route::{Route, Table};
use super::sites::Sites;
use super::thread::{self, Crew, Started};
use super::{Server, Settings, Shared, Stage, Thread};
use crate::error::{Error, Result};

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
            start?;
        }
        self.listen()
    }

    /// As [`ready`](Self::ready), outside a runtime.
    pub(super) fn blocking_ready(mut self) -> Result<Server> {
        while let Some(start) = self.starts.blocking_recv() {
            start?;
        }
        self.listen()
    }

    /// The server that does not listen yet.
    pub fn server(&self) -> &Server {
        &self.server
    }

    pub(super) fn new(listeners: Listeners, sites: Sites, settings: Settings) -> Result<Self> {
        let table = Arc::new(sites.table(&settings.root_path)?);
        let (stage, _) = watch::channel(Stage::Starting);
        let (started, starts) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            address: listeners.address.clone(),
            requests: AtomicU64::new(RandomState::new().hash_one("request id")),
            settings,
        });
        let crews = sites.all().map(|site| Crew {
            pool: site.pool.clone(),
            started: started.clone(),
        });
        let crews: Vec<_> = crews.collect();
        let mut starting = Self {
            server: Server {
                shared,
                stage,
                threads: Vec::new(),
                turns: Turns::default(),
                sites: Mutex::new(sites),
                listeners,
            },
            gates: Vec::new(),
            starts,
        };
        for number in 0..starting.server.listeners.threads() {
            starting.spawn(number, table.clone(), &crews)?;
        }
        Ok(starting)
    }

    fn spawn(&mut self, number: usize, table: Arc<Table>, first: &[Crew]) -> Result<()> {
        let (gate, listener) = oneshot::channel();
        let (crews, hired) = mpsc::unbounded_channel();
        for crew in first {
            // The receiver is here.
            let _ = crews.send(crew.clone());
        }
        let route = Arc::new(Route::by(table));
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
