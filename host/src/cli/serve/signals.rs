//! The signals of a server: SIGINT and SIGTERM (the first drains, a second one forces), and SIGHUP (loads the certificates
//! again, and puts new instances in the place of those that serve).
//!
//! `serve` and `serve --reload` wait for everything through it. Before it is installed a signal ends the process, as it
//! does by itself.

use std::convert::Infallible;
use std::future::pending;
use std::io::{IsTerminal as _, stderr};
use std::pin::pin;
use std::time::Instant;

use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::Notify,
};
use wasgi::{
    error::{Error, Result},
    server::Server,
};

use crate::cli::report;

/// The signals, and the runtime of the thread that waits for them.
pub(super) struct Signals {
    runtime: Runtime,
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    /// Whether somebody sits in front of it.
    terminal: bool,
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
        let hang_up = signal(SignalKind::hangup()).map_err(failed)?;
        drop(entered);
        Ok(Self {
            runtime,
            interrupt,
            terminate,
            hang_up,
            terminal: stderr().is_terminal(),
        })
    }

    /// Waits for `future`; none when a signal to stop comes first.
    pub(super) fn or<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        let Self {
            runtime,
            interrupt,
            terminate,
            hang_up,
            terminal,
        } = self;
        runtime.block_on(async {
            let mut future = pin!(future);
            loop {
                tokio::select! {
                    done = future.as_mut() => return Some(done),
                    _ = interrupt.recv() => return None,
                    _ = terminate.recv() => return None,
                    // There is nothing yet, or nothing any more, to load again.
                    _ = hang_up.recv() => if is_gone(*terminal) { return None },
                }
            }
        })
    }

    /// Lets `work` go on, and looks after the server, until a signal to stop comes.
    pub(super) fn beside(&mut self, server: &Server, work: impl Future<Output = Infallible>) {
        let Self {
            runtime,
            interrupt,
            terminate,
            hang_up,
            terminal,
        } = self;
        runtime.block_on(async {
            let mut work = pin!(work);
            let mut certificates = pin!(server.keep_certificates_fresh());
            // Any number of signals that come meanwhile are one.
            let hung_up = Notify::new();
            let mut renewing = pin!(async {
                loop {
                    hung_up.notified().await;
                    renew(server).await;
                }
            });
            loop {
                tokio::select! {
                    never = work.as_mut() => match never {},
                    never = certificates.as_mut() => match never {},
                    never = renewing.as_mut() => match never {},
                    _ = interrupt.recv() => return,
                    _ = terminate.recv() => return,
                    _ = hang_up.recv() => {
                        if is_gone(*terminal) {
                            return;
                        }
                        hung_up.notify_one();
                    }
                }
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
    match server.recycle().await {
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

/// SIGHUP also says that the terminal has been closed. A server that was started from one ends with it.
fn is_gone(terminal: bool) -> bool {
    terminal && !stderr().is_terminal()
}
