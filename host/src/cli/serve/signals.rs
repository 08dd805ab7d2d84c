//! The signals of a server: SIGINT and SIGTERM (the first drains, a second one forces), and SIGHUP (loads the certificates
//! again, and puts new instances in the place of those that serve).
//!
//! `serve` and `serve --reload` wait for everything through it. Before it is installed a signal ends the process, as it
//! does by itself.

use std::convert::Infallible;
use std::future::pending;
use std::io::{IsTerminal as _, stderr};
use std::time::Instant;

use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::Notify,
};
use wasgi::{
    error::{Error, Result},
    hosting::AppId,
    server::Server,
};

use crate::cli::report;

/// The signals, and the runtime of the thread that waits for them.
pub(super) struct Signals {
    runtime: Runtime,
    heard: Heard,
}

struct Heard {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    /// Whether somebody sits in front of it.
    terminal: bool,
}

impl Heard {
    /// Waits for a signal to stop, and tells of each SIGHUP that is none.
    async fn stop(&mut self, mut hung_up: impl FnMut()) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                _ = self.hang_up.recv() => {
                    // SIGHUP also says that the terminal has been closed. A server that was started from one ends with it.
                    if self.terminal && !stderr().is_terminal() {
                        return;
                    }
                    hung_up();
                }
            }
        }
    }
}

impl Signals {
    pub(super) fn install() -> Result<Self> {
        let failed = |error| Error::internal("cannot listen for signals").because(error);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let entered = runtime.enter();
        let heard = Heard {
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            hang_up: signal(SignalKind::hangup()).map_err(failed)?,
            terminal: stderr().is_terminal(),
        };
        drop(entered);
        Ok(Self { runtime, heard })
    }

    /// Waits for `future`; none when a signal to stop comes first.
    pub(super) fn or<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        // There is nothing yet, or nothing any more, to load again.
        let stop = self.heard.stop(|| {});
        self.runtime.block_on(async {
            tokio::select! {
                done = future => Some(done),
                () = stop => None,
            }
        })
    }

    /// Lets `work` go on, and looks after the server, until a signal to stop comes.
    pub(super) fn beside(&mut self, server: &Server, work: impl Future<Output = Infallible>) {
        // Any number of signals that come meanwhile are one.
        let hung_up = Notify::new();
        let stop = self.heard.stop(|| hung_up.notify_one());
        let renewing = async {
            loop {
                hung_up.notified().await;
                renew(server).await;
            }
        };
        self.runtime.block_on(async {
            tokio::select! {
                never = work => match never {},
                never = server.keep_certificates_fresh() => match never {},
                never = renewing => match never {},
                () = stop => {}
            }
        });
    }

    /// The first signal drains, a second one forces. Returns when the server can be joined.
    pub(super) fn stop(mut self, server: &Server) {
        self.beside(server, pending());
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

/// SIGHUP to a server that runs by itself: take up what has changed, without a dropped request.
async fn renew(server: &Server) {
    let began = Instant::now();
    server.refresh_certificates().await;
    match server.recycle(&AppId::only()).await {
        Ok(true) => report::say(&format!(
            "SIGHUP: new instances serve, after {:.0?}",
            began.elapsed()
        )),
        Ok(false) => {}
        Err(error) => tracing::error!(
            "SIGHUP: the instances before it go on serving: {:#}",
            anyhow::Error::new(error)
        ),
    }
}
