//! Limits: hello with all of them on, beside the same app in an engine that has none.
//!
//! Both are `src/bin/limits.rs`, one app on one thread. They take turns, and who begins a round changes, so that a
//! machine that gets slower favours nobody. What is looked for is a few per cent: hence many rounds, and quartiles.

use std::ffi::OsString;
use std::fmt::{Display, Formatter, Result};

use serde::Serialize;

use crate::args::Effort;
use crate::load::{self, Sample};
use crate::report::{Quartiles, Table, head};
use crate::requests::BODY;
use crate::server::Server;
use crate::tools::{Guest, Tools};
use crate::wire::Exchange;

/// Concurrent requests.
const CONNECTIONS: usize = 64;

/// Pairs in each round of the others.
const PAIRS: u32 = 3;

/// How much of the rate has to be left.
const AT_LEAST: f64 = 0.95;

/// With limits, and without.
#[derive(Serialize)]
pub(crate) struct Limits {
    connections: usize,
    pairs: u32,
    cpu_us: [Quartiles; 2],
    rate: [Quartiles; 2],
    /// Of each pair: the first by the second.
    rate_ratio: Quartiles,
    cpu_ratio: Quartiles,
    at_least: f64,
}

/// Runs the scenario.
pub(crate) async fn measure(
    tools: &Tools,
    guest: &Guest,
    effort: &Effort,
) -> anyhow::Result<Limits> {
    let hello = Exchange::get("/", BODY);
    let pairs = effort.rounds * PAIRS;
    let mut samples: [Vec<Sample>; 2] = Default::default();
    for round in 1..=pairs {
        let mut turns: Vec<_> = ["on", "off"].into_iter().zip(&mut samples).collect();
        if round.is_multiple_of(2) {
            turns.reverse();
        }
        for (limits, samples) in turns {
            eprintln!("limits, pair {round} of {pairs}: {limits}");
            let program = tools.limits(limits, args(limits, guest));
            let server = Server::start(&program, &tools.logs).await?;
            samples.push(load::measure(&server, CONNECTIONS, &hello, effort).await?);
        }
    }
    let [on, off] = &samples;
    let of = |figure: fn(&Sample) -> f64| {
        [on, off].map(|samples| Quartiles::of(samples.iter().map(figure)))
    };
    let ratio = |figure: fn(&Sample) -> f64| {
        let pairs = on.iter().zip(off);
        Quartiles::of(pairs.map(|(on, off)| figure(on) / figure(off)))
    };
    Ok(Limits {
        connections: CONNECTIONS,
        pairs,
        cpu_us: of(|sample| sample.cpu_us),
        rate: of(|sample| sample.rate),
        rate_ratio: ratio(|sample| sample.rate),
        cpu_ratio: ratio(|sample| sample.cpu_us),
        at_least: AT_LEAST,
    })
}

/// The arguments of `src/bin/limits.rs`.
fn args(limits: &str, guest: &Guest) -> Vec<OsString> {
    let manifest = guest.folder.join("wasgi.toml");
    vec![limits.into(), guest.wasm.clone().into(), manifest.into()]
}

const LIMITS: Table = Table(
    "Limits: `Hello, world!` with all limits on, beside an engine without any",
    &[
        "limits",
        "requests/s",
        "× off",
        "quartiles",
        "at least",
        "CPU µs/request",
        "× off",
        "quartiles",
    ],
    1,
);

impl Display for Limits {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        head(f, LIMITS)?;
        let [[cpu_on, cpu_off], [rate_on, rate_off]] = [&self.cpu_us, &self.rate];
        let (rate, cpu) = (&self.rate_ratio, &self.cpu_ratio);
        writeln!(
            f,
            "| on | {:.0} | {:.3} | {:.3}–{:.3} | {:.2} | {:.2} | {:.3} | {:.3}–{:.3} |",
            rate_on.median,
            rate.median,
            rate.lower,
            rate.upper,
            self.at_least,
            cpu_on.median,
            cpu.median,
            cpu.lower,
            cpu.upper,
        )?;
        writeln!(
            f,
            "| off | {:.0} | 1.000 | | | {:.2} | 1.000 | |",
            rate_off.median, cpu_off.median
        )?;
        writeln!(
            f,
            "\n{} connections, {} pairs of rounds.",
            self.connections, self.pairs
        )
    }
}
