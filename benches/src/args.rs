//! The command line, and how much measuring each choice means.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use serde::Serialize;

/// Measures what wasgi costs beside bare hyper.
#[derive(Parser)]
#[command(name = "wasgi-bench")]
pub(crate) struct Args {
    /// What to measure [default: everything]
    #[arg(value_enum)]
    scenarios: Vec<Scenario>,

    /// A short run: shows that everything works, and numbers to a tenth or so
    #[arg(long)]
    quick: bool,

    /// How often the servers take turns
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,

    /// How long a server is measured in each round, after its warm-up
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: Option<u64>,

    /// A Python that the compared servers run on; the first is the one of the ratios [default: the best on the path]
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Vec<PathBuf>,

    /// Only what this Python workload is named, for example `fastapi item` [default: all]
    #[arg(long, value_name = "NAME")]
    pub(crate) workload: Vec<String>,

    /// The `wasmtime` that `isolated` compares with [default: built when it is first needed]
    #[arg(long, value_name = "PATH")]
    pub(crate) wasmtime: Option<PathBuf>,

    /// Only this attack on neighbours, for example `/spin` [default: all]
    #[arg(long, value_name = "PATH")]
    pub(crate) attack: Option<String>,

    /// Print one JSON object instead of tables
    #[arg(long)]
    pub(crate) json: bool,
}

/// A part of the benchmark.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// CPU, rate and latency of hello, at 64 connections and at one
    Requests,
    /// Hello with all limits on, beside none
    Limits,
    /// Hello over TLS and over HTTP/2
    Encrypted,
    /// Download and upload of 100 MiB
    Transfers,
    /// Time to start an instance, and one for every request
    Instances,
    /// Memory per idle instance
    Memory,
    /// What a hundred apps in one process feel of those that attack
    Neighbours,
    /// Everything of Python: the three that follow
    Python,
    /// Rate and CPU of Python apps beside uvicorn and granian
    PythonRequests,
    /// Time to start instances of Python apps
    PythonStarts,
    /// Memory of Python apps: each further instance, and growth under load
    PythonMemory,
    /// A fresh instance for each request beside `wasmtime serve`, Rust and Python
    Isolated,
    /// WebSockets beside uvicorn and granian: messages, CPU, memory of an idle connection
    #[value(name = "websockets")]
    WebSockets,
}

/// The parts of [`Scenario::Python`].
const PYTHON: [Scenario; 3] = [
    Scenario::PythonRequests,
    Scenario::PythonStarts,
    Scenario::PythonMemory,
];

/// How much is measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Effort {
    /// How often the servers take turns.
    pub(crate) rounds: u32,
    /// Not measured, in each round.
    pub(crate) warm_up: Duration,
    /// Measured, in each round.
    pub(crate) measured: Duration,
    /// Measured transfers in each round, after one that is not.
    pub(crate) transfers: u32,
    /// Instances that are started.
    pub(crate) starts: u32,
    /// Measured, in each round, of a Python app.
    pub(crate) python: Duration,
    /// Instances of a Python app that are started.
    pub(crate) python_starts: u32,
    /// Servers that are started.
    pub(crate) processes: u32,
    /// Requests to one instance before its memory is looked at, and before it is looked at again.
    pub(crate) growth: (u64, u64),
}

impl Args {
    pub(crate) fn wants(&self, scenario: Scenario) -> bool {
        let whole = PYTHON.contains(&scenario) && self.scenarios.contains(&Scenario::Python);
        self.scenarios.is_empty() || self.scenarios.contains(&scenario) || whole
    }

    /// Whether any part of Python is wanted.
    pub(crate) fn wants_python(&self) -> bool {
        PYTHON.iter().any(|part| self.wants(*part))
    }

    /// Whether anything else is.
    pub(crate) fn wants_rust(&self) -> bool {
        let other = |one: &Scenario| {
            matches!(
                one,
                Scenario::Python | Scenario::Isolated | Scenario::WebSockets
            ) || PYTHON.contains(one)
        };
        self.scenarios.is_empty() || !self.scenarios.iter().all(other)
    }

    pub(crate) fn effort(&self) -> Effort {
        let quick = |quick, usual| if self.quick { quick } else { usual };
        Effort {
            rounds: self.rounds.unwrap_or(quick(2, 5)),
            warm_up: Duration::from_secs(1),
            measured: Duration::from_secs(self.seconds.unwrap_or(u64::from(quick(1, 4)))),
            transfers: quick(3, 10),
            starts: quick(100, 500),
            python: Duration::from_secs(self.seconds.unwrap_or(u64::from(quick(1, 2)))),
            python_starts: quick(50, 300),
            processes: quick(3, 10),
            growth: if self.quick {
                (2_000, 20_000)
            } else {
                (20_000, 200_000)
            },
        }
    }
}
