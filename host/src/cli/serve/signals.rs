//! SIGINT and SIGTERM of a server: the first drains, a second one forces.
//!
//! `serve` and `serve --reload` wait for everything through it. Before it is installed a signal ends the process, as it
//! does by itself.

use std::future::pending;

use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
};
use wasgi::{
    error::{Error, Result},
    server::Server,
};

use crate::cli::report;

/// The two signals, and the runtime of the thread that waits for them.
pub(super) struct Signals {
    runtime: Runtime,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn install() -> Result<Self> {
        let failed = |error| Error::internal("cannot listen for signals").because(error);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let entered = runtime.enter();
        let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let terminate = signal(SignalKind::terminate()).map_err(failed)?;
        drop(entered);
        Ok(Self {
            runtime,
            interrupt,
            terminate,
        })
    }

    /// Waits for `future`; none when a signal comes first.
    pub(super) fn or<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        self.runtime.block_on(async {
            tokio::select! {
                done = future => Some(done),
                _ = self.interrupt.recv() => None,
                _ = self.terminate.recv() => None,
            }
        })
    }

    /// The first signal drains, a second one forces. Returns when the server can be joined.
    pub(super) fn stop(mut self, server: &Server) {
        self.or(pending::<()>());
        self.drain(server);
    }

    /// A signal has come: drains, and forces at a second one. What still builds is not waited for.
    pub(super) fn drain(mut self, server: &Server) {
        report::say("stopping: no new connections, calls in flight may finish; again to stop now");
        server.drain();
        if self.or(server.stopped()).is_none() {
            server.force();
        }
        self.abandon();
    }

    /// Gives up what still runs on other threads for it.
    pub(super) fn abandon(self) {
        self.runtime.shutdown_background();
    }
}
