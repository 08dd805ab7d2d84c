//! What was found about Python, as tables.

use std::fmt::{Display, Formatter, Result};

use serde::Serialize;

use super::peers::{Environment, Peers};
use crate::report::{Table, head, median};

/// Everything that was measured. What was not asked for is empty.
#[derive(Serialize)]
pub(crate) struct Report {
    /// What the peers run on.
    peers: Vec<String>,
    pub(crate) requests: Vec<RequestRow>,
    pub(crate) starts: Vec<StartRow>,
    pub(crate) processes: Vec<ProcessRow>,
    pub(crate) memory: Vec<MemoryRow>,
    pub(crate) growth: Vec<GrowthRow>,
}

/// A workload on one server; medians over the rounds.
#[derive(Serialize)]
pub(crate) struct RequestRow {
    pub(crate) workload: &'static str,
    pub(crate) connections: usize,
    pub(crate) server: String,
    pub(crate) rate: f64,
    pub(crate) rate_ratio: Ratio,
    pub(crate) at_least: Option<f64>,
    pub(crate) cpu_us: f64,
    pub(crate) cpu_ratio: Ratio,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// To uvicorn on the first interpreter, in the same rounds.
#[derive(Serialize)]
pub(crate) struct Ratio {
    median: f64,
    from: f64,
    to: f64,
}

/// The start of instances, from the cached artefact.
#[derive(Serialize)]
pub(crate) struct StartRow {
    pub(crate) app: &'static str,
    pub(crate) starts: u64,
    /// Instantiating and dropping, without `run`.
    pub(crate) instantiate_ms: f64,
    /// Until `lifespan.startup` is answered.
    pub(crate) start_ms: f64,
    pub(crate) start_p99_ms: f64,
    /// The same and the answer to a first request.
    pub(crate) first_ms: f64,
    pub(crate) first_p99_ms: f64,
    pub(crate) second_us: f64,
    /// A whole life: start, one request, drop.
    pub(crate) fresh_ms: f64,
    pub(crate) fresh_per_s: f64,
}

/// The start of a server.
#[derive(Serialize)]
pub(crate) struct ProcessRow {
    pub(crate) app: &'static str,
    pub(crate) server: String,
    pub(crate) starts: usize,
    pub(crate) ready_ms: f64,
    pub(crate) longest_ms: f64,
}

/// MiB for each further instance.
#[derive(Serialize)]
pub(crate) struct MemoryRow {
    pub(crate) app: &'static str,
    pub(crate) when: &'static str,
    pub(crate) written_mib: f64,
    pub(crate) pss_mib: f64,
    pub(crate) rss_mib: f64,
    pub(crate) tables_mib: f64,
    pub(crate) process_mib: f64,
}

/// RSS of a server with one instance after so many requests.
#[derive(Serialize)]
pub(crate) struct GrowthRow {
    pub(crate) app: &'static str,
    pub(crate) early: u64,
    pub(crate) early_mib: f64,
    pub(crate) late: u64,
    pub(crate) late_mib: f64,
    pub(crate) bytes_per_request: f64,
}

impl Report {
    pub(crate) fn new(peers: &Peers) -> Self {
        let first = about(&peers.first);
        let others = peers.others.iter().map(about);
        Self {
            peers: std::iter::once(first).chain(others).collect(),
            requests: Vec::new(),
            starts: Vec::new(),
            processes: Vec::new(),
            memory: Vec::new(),
            growth: Vec::new(),
        }
    }
}

fn about(environment: &Environment) -> String {
    let Environment {
        interpreter,
        packages,
        ..
    } = environment;
    format!(
        "CPython {} ({:.0} ms for the probe's loop) with {}",
        interpreter.version,
        interpreter.loop_ms,
        packages.join(", ")
    )
}

impl Ratio {
    pub(crate) fn of(ratios: impl Iterator<Item = f64>) -> Self {
        let ratios: Vec<_> = ratios.collect();
        Self {
            median: median(ratios.iter().copied()),
            from: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            to: ratios.iter().copied().fold(0.0, f64::max),
        }
    }
}

const REQUESTS: Table = Table(
    "Python requests: one worker, one instance",
    &[
        "workload",
        "connections",
        "server",
        "requests/s",
        "× uvicorn",
        "from–to",
        "at least",
        "CPU µs/request",
        "× uvicorn",
        "from–to",
        "p50 µs",
        "p99 µs",
    ],
    3,
);
const STARTS: Table = Table(
    "Python instances: in one process, on one thread, without sockets, from the cached artefact",
    &[
        "app",
        "starts",
        "instantiate and drop ms",
        "start to lifespan ms",
        "p99 ms",
        "with the first request ms",
        "p99 ms",
        "second request µs",
        "fresh instance per request ms",
        "per second",
    ],
    1,
);
const PROCESSES: Table = Table(
    "Python servers: from the start of the process to a ready app",
    &["app", "server", "starts", "ready ms", "longest ms"],
    2,
);
const MEMORY: Table = Table(
    "Python memory: MiB for each instance beyond the first",
    &[
        "app",
        "when",
        "written",
        "PSS",
        "RSS",
        "page tables",
        "in a GiB",
        "PSS of the process with one",
    ],
    2,
);
const GROWTH: Table = Table(
    "Python growth: RSS of a server with one instance",
    &[
        "app",
        "requests",
        "MiB",
        "requests",
        "MiB",
        "bytes per request between",
    ],
    1,
);

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "\nThe peers run on:\n")?;
        self.peers
            .iter()
            .try_for_each(|peer| writeln!(f, "- {peer}"))?;
        rows(f, REQUESTS, &self.requests)?;
        rows(f, STARTS, &self.starts)?;
        rows(f, PROCESSES, &self.processes)?;
        rows(f, MEMORY, &self.memory)?;
        rows(f, GROWTH, &self.growth)
    }
}

fn rows(f: &mut Formatter<'_>, table: Table, rows: &[impl Display]) -> Result {
    if rows.is_empty() {
        return Ok(());
    }
    head(f, table)?;
    rows.iter().try_for_each(|row| writeln!(f, "{row}"))
}

impl Display for Ratio {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { median, from, to } = self;
        write!(f, "{median:.2} | {from:.2}–{to:.2}")
    }
}

impl Display for RequestRow {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let at_least = self
            .at_least
            .map_or_else(String::new, |least| format!("{least:.2}"));
        write!(
            f,
            "| {} | {} | {} | {:.0} | {} | {at_least} | {:.1} | {} | {:.0} | {:.0} |",
            self.workload,
            self.connections,
            self.server,
            self.rate,
            self.rate_ratio,
            self.cpu_us,
            self.cpu_ratio,
            self.p50_us,
            self.p99_us,
        )
    }
}

impl Display for StartRow {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(
            f,
            "| {} | {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.0} | {:.2} | {:.0} |",
            self.app,
            self.starts,
            self.instantiate_ms,
            self.start_ms,
            self.start_p99_ms,
            self.first_ms,
            self.first_p99_ms,
            self.second_us,
            self.fresh_ms,
            self.fresh_per_s,
        )
    }
}

impl Display for ProcessRow {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(
            f,
            "| {} | {} | {} | {:.0} | {:.0} |",
            self.app, self.server, self.starts, self.ready_ms, self.longest_ms,
        )
    }
}

impl Display for MemoryRow {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(
            f,
            "| {} | {} | {:.2} | {:.2} | {:.2} | {:.3} | {:.0} | {:.0} |",
            self.app,
            self.when,
            self.written_mib,
            self.pss_mib,
            self.rss_mib,
            self.tables_mib,
            1024.0 / (self.pss_mib + self.tables_mib),
            self.process_mib,
        )
    }
}

impl Display for GrowthRow {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(
            f,
            "| {} | {} | {:.1} | {} | {:.1} | {:.1} |",
            self.app, self.early, self.early_mib, self.late, self.late_mib, self.bytes_per_request,
        )
    }
}
