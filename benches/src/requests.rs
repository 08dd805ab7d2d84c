//! Hello at 64 connections and at one: bare hyper, the raw app, the raw app with its access log, the axum app.
//!
//! All answer the same bytes, which is checked. Each server runs alone; they take turns round by round, so that
//! whatever else this machine does falls on all of them.

use anyhow::ensure;

use crate::args::Effort;
use crate::load::{self, Sample};
use crate::report::{RequestRow, median};
use crate::server::{Program, Server};
use crate::tools::{Guests, Tools};
use crate::wire::Exchange;

/// What every server answers.
pub(crate) const BODY: &[u8] = b"Hello, world!";

/// What is compared.
pub(crate) struct Contender {
    pub(crate) program: Program,
    /// How many times hyper's CPU it may need, at 64 connections and at one.
    at_most: Option<(f64, f64)>,
    pub(crate) samples: Vec<Sample>,
}

impl Contender {
    pub(crate) fn new(program: Program, at_most: Option<(f64, f64)>) -> Self {
        Self {
            program,
            at_most,
            samples: Vec::new(),
        }
    }
}

/// Runs the scenario.
pub(crate) async fn measure(
    tools: &Tools,
    guests: &Guests,
    effort: &Effort,
) -> anyhow::Result<Vec<RequestRow>> {
    let hello = Exchange::get("/", BODY);
    let mut rows = Vec::new();
    for connections in [64, 1] {
        let mut contenders = contenders(tools, guests);
        for round in 1..=effort.rounds {
            for contender in &mut contenders {
                let name = &contender.program.name;
                eprintln!("connections: {connections}, round {round}: {name}");
                let server = Server::start(&contender.program, &tools.logs).await?;
                let sample = load::measure(&server, connections, &hello, effort).await?;
                contender.samples.push(sample);
            }
            same_answers(&contenders)?;
        }
        rows.extend(table(connections, &contenders));
    }
    Ok(rows)
}

fn contenders(tools: &Tools, guests: &Guests) -> Vec<Contender> {
    let silent = ["--no-access-log"];
    let hello = |name, more| tools.serve(name, &guests.hello, more);
    vec![
        Contender::new(tools.peer(), None),
        Contender::new(hello("hello", &silent), Some((1.7, 2.2))),
        Contender::new(hello("hello, access log", &[]), None),
        Contender::new(
            tools.serve("axum hello", &guests.axum, &silent),
            Some((2.2, 2.2)),
        ),
    ]
}

/// A server that says less, or more, than hyper does would not be compared but favoured.
fn same_answers(contenders: &[Contender]) -> anyhow::Result<()> {
    let heads = contenders
        .iter()
        .filter_map(|one| Some(&one.samples.last()?.head.lines));
    let mut pairs = heads.clone().zip(heads.skip(1));
    let differ = pairs.find(|(one, other)| one != other);
    ensure!(
        differ.is_none(),
        "two servers answer different heads: {differ:#?}"
    );
    Ok(())
}

/// The rows of contenders, of which the first is the measure of all.
pub(crate) fn table(connections: usize, contenders: &[Contender]) -> Vec<RequestRow> {
    let peer = contenders.first().map_or(&[][..], |peer| &peer.samples);
    let row = |one: &Contender| {
        let of = |figure: fn(&Sample) -> f64| median(one.samples.iter().map(figure));
        // Against hyper in the same round: both met the same neighbours.
        let ratios: Vec<_> = one
            .samples
            .iter()
            .zip(peer)
            .map(|(one, peer)| one.cpu_us / peer.cpu_us)
            .collect();
        RequestRow {
            connections,
            server: one.program.name.clone(),
            cpu_us: of(|sample| sample.cpu_us),
            ratio: median(ratios.iter().copied()),
            ratio_min: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            ratio_max: ratios.iter().copied().fold(0.0, f64::max),
            at_most: one
                .at_most
                .map(|(many, single)| if connections > 1 { many } else { single }),
            rate: of(|sample| sample.rate),
            p50_us: of(|sample| sample.p50_us),
            p99_us: of(|sample| sample.p99_us),
        }
    };
    contenders.iter().map(row).collect()
}
