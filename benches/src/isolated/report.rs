//! What was found about fresh instances, as tables.

use std::fmt::{Display, Formatter, Result};

use serde::Serialize;

use crate::report::{RequestRow, Table, head};

/// Everything about them. Ratios are to `wasmtime serve` as it is quickest, in the same round.
#[derive(Serialize)]
pub(crate) struct Report {
    /// What the other program says of itself.
    pub(crate) wasmtime: String,
    pub(crate) rust: Vec<RequestRow>,
    pub(crate) python: Vec<RequestRow>,
}

const COLUMNS: &[&str] = &[
    "connections",
    "server",
    "CPU µs/request",
    "× wasmtime serve",
    "from–to",
    "at most",
    "requests/s",
    "p50 µs",
    "p99 µs",
];

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (title, rows) in [
            ("A fresh instance for each request, Rust", &self.rust),
            ("A fresh instance for each request, Python", &self.python),
        ] {
            head(f, Table(title, COLUMNS, 2))?;
            rows.iter().try_for_each(|row| writeln!(f, "{row}"))?;
        }
        writeln!(f, "\nBeside {}.", self.wasmtime)
    }
}
