//! The life of one instance: instantiate, `run`, and the deadlines around it.
//!
//! `pool.rs` drives [`run`] on the instance's thread. Deadlines stand outside the future that drives the store,
//! since a busy guest, and whatever waits inside its event loop, blocks in there.

use std::future::poll_fn;
use std::sync::Arc;

use wasmtime::Trap;

use super::App;
use super::descriptors;
use super::ledger::{Exhausted, Metered};
use super::link::Link;
use super::store::{self, Data};
use super::waiting::Waiting;
use crate::asgi::lifespan::Phase;
use crate::telemetry::clip;

/// How an instance ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It returned from `run` after it had answered `lifespan-shutdown`.
    Clean,
    /// `lifespan.startup.failed` (`L-05`), with the app's text.
    StartupFailed(String),
    /// It trapped, or broke the contract, or returned too early; for the log.
    Crashed(String),
    /// A deadline passed; its name in the manifest.
    Deadline(&'static str),
    /// The server stopped before it was ready (`G-28`).
    NotWanted,
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Clean => f.write_str("it stopped as asked"),
            Self::StartupFailed(text) if text.is_empty() => {
                f.write_str("lifespan.startup.failed, without a message")
            }
            Self::StartupFailed(text) => write!(f, "lifespan.startup.failed: {text}"),
            Self::Crashed(text) => f.write_str(text),
            Self::NotWanted => f.write_str("the server stopped before it was ready"),
            Self::Deadline(name) => write!(f, "the deadline `{name}` passed"),
        }
    }
}

/// Runs one instance from its first instruction to its end. Every call that is left in it has ended when this
/// returns, and its memory is gone.
pub async fn run(app: &App, link: Arc<Link>) -> End {
    let mut store = store::new(app, link.clone());
    let ledger = store.data().ledger.clone();
    let driving = Metered::new(ledger, drive(app, &mut store));
    let end = tokio::select! {
        biased;
        result = driving => ended(&link, result),
        end = deadlines(app, &link) => end,
    };
    let trap = match &end {
        End::Crashed(text) => Some(text.as_str()),
        _ => None,
    };
    descriptors::release_locks(store.data_mut()).await;
    // Drop the memory first: whoever is told that the instance has ended may count on it.
    drop(store);
    link.end(trap);
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
    let mut store = store::new(app, link);
    let ledger = store.data().ledger.clone();
    let instantiated = Metered::new(ledger, app.pre.instantiate_async(&mut store));
    match tokio::time::timeout(app.limits.startup, instantiated).await {
        Err(_) => Err(End::Deadline("startup")),
        Ok(Err(error)) => Err(End::Crashed(crash(&error))),
        Ok(Ok(_)) => Ok(()),
    }
}

async fn drive(app: &App, store: &mut wasmtime::Store<Data>) -> wasmtime::Result<()> {
    let guest = app.pre.instantiate_async(&mut *store).await?;
    store
        .run_concurrent(async |accessor| guest.call_run(accessor).await)
        .await?
}

/// Returns only when one has passed, or when start-up has failed.
async fn deadlines(app: &App, link: &Link) -> End {
    let started = poll_fn(|cx| link.poll_phase(cx, |phase| *phase != Phase::Starting));
    match tokio::time::timeout(app.limits.startup, started).await {
        Err(_) => return End::Deadline("startup"),
        Ok(Phase::Failed(text)) => return End::StartupFailed(text),
        Ok(_) => {}
    }
    poll_fn(|cx| {
        link.poll_phase(cx, |phase| {
            matches!(phase, Phase::Draining | Phase::Stopped)
        })
    })
    .await;
    tokio::time::sleep(app.limits.shutdown).await;
    End::Deadline("shutdown")
}

fn ended(link: &Link, result: wasmtime::Result<()>) -> End {
    match (result, link.phase()) {
        (Ok(()), Phase::Stopped) => End::Clean,
        (_, Phase::Failed(text)) => End::StartupFailed(text),
        (Ok(()), _) => End::Crashed("contract broken: `run` returned before shutdown".into()),
        (Err(error), _) => End::Crashed(crash(&error)),
    }
}

/// One line for the kind of the trap, then wasmtime's own words with the guest's stack.
fn crash(error: &wasmtime::Error) -> String {
    let kind = match error.downcast_ref::<Trap>() {
        _ if error.is::<Exhausted>() => "the CPU budget is used up",
        Some(Trap::StackOverflow) => "the stack is used up",
        Some(Trap::UnreachableCodeReached) => {
            "the app aborted (a panic, or an allocation that was refused)"
        }
        Some(_) => "the app trapped",
        None => "the instance failed",
    };
    let why = error.root_cause().to_string();
    // wasmtime's outermost context is the guest's stack.
    let stack = error.to_string();
    // Function names in it are the guest's.
    clip(if stack == why {
        format!("{kind}: {why}")
    } else {
        format!("{kind}: {why}\n{stack}")
    })
}
