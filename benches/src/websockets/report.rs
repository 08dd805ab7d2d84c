//! What was found about WebSockets, as tables.

use std::fmt::{Display, Formatter, Result};

use serde::Serialize;

use crate::report::{Table, head};

/// Everything about them.
#[derive(Default, Serialize)]
pub(crate) struct Report {
    pub(crate) talks: Vec<Row>,
    pub(crate) idle: Vec<IdleRow>,
}

/// One talk on one server; medians over the rounds. Ratios are to the peer in the same round.
#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) talk: &'static str,
    pub(crate) connections: usize,
    pub(crate) server: String,
    /// Messages that have come from the server, in a second.
    pub(crate) rate: f64,
    pub(crate) to_uvicorn: f64,
    pub(crate) to_granian: f64,
    /// The ratio of rates that we hold ourselves to.
    pub(crate) at_least: Option<&'static str>,
    pub(crate) cpu_us: f64,
    pub(crate) cpu_to_uvicorn: f64,
    pub(crate) cpu_to_granian: f64,
}

/// What an idle connection occupies in the server, KiB.
#[derive(Serialize)]
pub(crate) struct IdleRow {
    pub(crate) server: String,
    pub(crate) rss_kib: f64,
    /// With page tables.
    pub(crate) pss_kib: f64,
}

const TALKS: Table = Table(
    "WebSockets: messages from the server",
    &[
        "talk",
        "connections",
        "server",
        "messages/s",
        "× uvicorn",
        "× granian",
        "at least",
        "CPU µs/message",
        "× uvicorn",
        "× granian",
    ],
    3,
);
const IDLE: Table = Table(
    "WebSockets: KiB for each idle connection",
    &["server", "RSS", "PSS and page tables"],
    1,
);

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if !self.talks.is_empty() {
            head(f, TALKS)?;
        }
        for row in &self.talks {
            writeln!(
                f,
                "| {} | {} | {} | {:.0} | {:.2} | {:.2} | {} | {:.2} | {:.2} | {:.2} |",
                row.talk,
                row.connections,
                row.server,
                row.rate,
                row.to_uvicorn,
                row.to_granian,
                row.at_least.unwrap_or_default(),
                row.cpu_us,
                row.cpu_to_uvicorn,
                row.cpu_to_granian,
            )?;
        }
        if !self.idle.is_empty() {
            head(f, IDLE)?;
        }
        for row in &self.idle {
            writeln!(
                f,
                "| {} | {:.1} | {:.1} |",
                row.server, row.rss_kib, row.pss_kib
            )?;
        }
        Ok(())
    }
}
