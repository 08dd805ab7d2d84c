//! The life of one instance: instantiate, `run`, and the deadlines around it.
//!
//! `pool.rs` drives [`run`] on the instance's thread. Deadlines stand outside the future that drives the store,
//! since a busy guest, and whatever waits inside its event loop, blocks in there.

use std::future::poll_fn;
use std::sync::Arc;

use wasmtime::Store;

use super::engine::Limiting;
use super::lane::Driving;
use super::ledger::Ledger;
use super::link::Link;
use super::store::{self, Data};
use super::waiting::Waiting;
use super::{App, crash};
use crate::asgi::lifespan::Phase;
use crate::bindings::AppPre;
use crate::config::limits::{Deadline, Limits};

/// How an instance ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It returned from `run` after it had answered `lifespan-shutdown`.
    Clean,
    /// `lifespan.startup.failed` (`L-05`), with the app's text.
    StartupFailed(String),
    /// It trapped, or broke the contract, or returned too early; for the log.
    Crashed(Crash, String),
    /// A deadline passed.
    Deadline(Deadline),
    /// The server stopped before it was ready (`G-28`).
    NotWanted,
}

/// What an instance has crashed of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// It computed for longer than `cpu` allows (`G-06`).
    Cpu,
    /// It aborted after it was refused memory (`G-07`).
    Memory,
    /// Its stack was used up.
    Stack,
    /// It aborted: a panic.
    Aborted,
    /// It broke the contract (`G-08`).
    Contract,
    /// Any other trap.
    Trapped,
    /// It passed a bound of the host that is the same for every app.
    Bound,
    /// It left, as a program does by `exit`.
    Exit,
    /// A function of the host failed.
    Host,
}

/// It broke the contract, where no call is to blame.
#[derive(Debug)]
pub(super) struct Broken(pub(super) String);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "contract broken: {}", self.0)
    }
}

impl std::error::Error for Broken {}

impl End {
    /// The host itself has failed under it.
    pub(super) fn host_failed(error: impl std::fmt::Display) -> Self {
        Self::Crashed(Crash::Host, format!("the host failed: {error}"))
    }

    /// A word for each kind of end, for metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::StartupFailed(_) => "startup-failed",
            Self::Deadline(passed) if passed.name == "startup" => "startup-deadline",
            Self::Deadline(_) => "shutdown-deadline",
            Self::NotWanted => "not-wanted",
            Self::Crashed(crash, _) => match crash {
                Crash::Cpu => "cpu",
                Crash::Memory => "memory",
                Crash::Stack => "stack",
                Crash::Aborted => "aborted",
                Crash::Contract => "contract",
                Crash::Trapped => "trapped",
                Crash::Bound => "bound",
                Crash::Exit => "exit",
                Crash::Host => "host",
            },
        }
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Clean => f.write_str("it stopped as asked"),
            Self::StartupFailed(text) if text.is_empty() => {
                f.write_str("lifespan.startup.failed, without a message")
            }
            Self::StartupFailed(text) => write!(f, "lifespan.startup.failed: {text}"),
            Self::Crashed(_, text) => f.write_str(text),
            Self::NotWanted => f.write_str("the server stopped before it was ready"),
            Self::Deadline(passed) => passed.fmt(f),
        }
    }
}

/// A store whose memory is larger than this is not dropped on a server thread: giving it back takes the system a
/// millisecond or more.
const HEAVY_BYTES: usize = 8 * 1024 * 1024;

/// Runs one instance from its first instruction to its end. Every call that is left in it has ended when this
/// returns, and its memory is gone.
pub async fn run(app: &App, link: Arc<Link>) -> End {
    let running = app.account.enter(link.clone());
    let store = store::new(app, link.clone());
    let (ledger, locks) = (link.ledger.clone(), store.data().opened.locks());
    let lane = &app.engine.lane;
    let driven = drive(app.pre.clone(), store);
    let mut driving = Driving::new(&app.neighbour, ledger.clone(), driven);
    if app.engine.limiting == Limiting::Off {
        driving = driving.unwatched();
    }
    let driven = tokio::select! {
        biased;
        driven = &mut driving => Ok(driven),
        end = deadlines(app, &link, &ledger) => Err(end),
    };
    // Drop the memory first: whoever is told that the instance has ended may count on it.
    let end = match driven {
        Ok(Ok((result, store))) => {
            if link.budget.guest() > HEAVY_BYTES {
                lane.drop_there(store).await;
            }
            ended(&link, result)
        }
        Ok(Err(error)) => End::host_failed(error),
        Err(end) => {
            driving.end().await;
            end
        }
    };
    let trap = match &end {
        End::Crashed(crash, text) => {
            if *crash != Crash::Host {
                app.neighbour.crashed();
            }
            // The guest's stack below it is written once: with the end of the instance.
            text.lines().next()
        }
        _ => None,
    };
    locks.release(&link).await;
    link.end(trap);
    running.ended(&end);
    end
}

/// Instantiates the app once and drops the instance again, without calling `run`: whether its own initialisation
/// gets through within the start-up deadline.
///
/// # Errors
/// How it ended instead.
pub async fn probe(app: &App) -> Result<(), End> {
    // Nobody waits for it: it takes no calls.
    let waiting = Arc::new(Waiting::new(&app.limits));
    let link = Link::new(app.name.clone(), 0, &app.limits, waiting);
    let (ledger, pre) = (link.ledger.clone(), app.pre.clone());
    let mut store = store::new(app, link.clone());
    let instantiate = async move { pre.instantiate_async(&mut store).await.map(drop) };
    let instantiated = Driving::new(&app.neighbour, ledger, instantiate);
    match tokio::time::timeout(app.limits.startup, instantiated).await {
        Err(_) => Err(End::Deadline(startup(&app.limits))),
        Ok(Err(error)) => Err(End::host_failed(error)),
        Ok(Ok(Err(error))) => Err(crash::end_of(&link, &error)),
        Ok(Ok(Ok(()))) => Ok(()),
    }
}

/// Gives the store back when the guest has ended.
async fn drive(pre: AppPre<Data>, mut store: Store<Data>) -> (wasmtime::Result<()>, Store<Data>) {
    let result = async {
        let guest = pre.instantiate_async(&mut store).await?;
        store
            .run_concurrent(async |accessor| guest.call_run(accessor).await)
            .await?
    };
    (result.await, store)
}

/// Returns only when one has passed, or when start-up has failed.
async fn deadlines(app: &App, link: &Link, ledger: &Ledger) -> End {
    let started = poll_fn(|cx| link.poll_phase(cx, |phase| *phase != Phase::Starting));
    match tokio::time::timeout(app.limits.startup, started).await {
        Err(_) => return End::Deadline(startup(&app.limits)),
        Ok(Phase::Failed(text)) => return End::StartupFailed(text),
        Ok(_) => ledger.has_started(),
    }
    poll_fn(|cx| {
        link.poll_phase(cx, |phase| {
            matches!(phase, Phase::Draining | Phase::Stopped)
        })
    })
    .await;
    tokio::time::sleep(app.limits.shutdown).await;
    End::Deadline(Deadline {
        name: "shutdown",
        time: app.limits.shutdown,
    })
}

fn startup(limits: &Limits) -> Deadline {
    Deadline {
        name: "startup",
        time: limits.startup,
    }
}

fn ended(link: &Link, result: wasmtime::Result<()>) -> End {
    match (result, link.phase()) {
        (Ok(()), Phase::Stopped) => End::Clean,
        (_, Phase::Failed(text)) => End::StartupFailed(text),
        (Ok(()), _) => {
            let broken = Broken("`run` returned before shutdown".into());
            End::Crashed(Crash::Contract, broken.to_string())
        }
        (Err(error), _) => crash::end_of(link, &error),
    }
}
