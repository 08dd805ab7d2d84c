//! Logs: one subscriber, on stderr, written by a thread of its own.
//!
//! `cli` starts it once. Lines of guests have the target `wasgi::guest`, access lines `wasgi::access`, everything else
//! is the host's own. It never blocks a server thread: when stderr is slower than the lines that come, lines are lost.

use std::io::IsTerminal;

use tracing::Level;
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;

/// Writes what is left when it is dropped.
#[must_use = "lines are lost when it is dropped"]
pub struct Telemetry(#[expect(dead_code, reason = "it works by being dropped")] WorkerGuard);

/// Starts to log lines of `level` and above; of libraries, warnings only. Later calls in the same process log
/// through the first.
pub fn start(level: Level) -> Telemetry {
    let (writer, guard) = NonBlocking::new(std::io::stderr());
    let own = Directive::from(level.min(Level::TRACE));
    let filter =
        EnvFilter::new("warn").add_directive(format!("wasgi={level}").parse().unwrap_or(own));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .with_writer(writer)
        .finish();
    // Somebody else's subscriber, in a test or an embedding program, stays.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Telemetry(guard)
}
