//! Rate and CPU of every workload on every server, which take turns round by round.

use anyhow::ensure;

use crate::args::Effort;
use crate::load::{self, Sample};
use crate::report::median;
use crate::server::{Program, Server};
use crate::tools::Tools;

use super::apps::{Apps, Workload, workloads};
use super::peers::Peers;
use super::report::{Ratio, RequestRow};

/// Runs it: rows of one workload follow each other, uvicorn first.
pub(crate) async fn measure(
    tools: &Tools,
    apps: &Apps,
    peers: &Peers,
    wanted: &[String],
    effort: &Effort,
) -> anyhow::Result<Vec<RequestRow>> {
    let effort = &Effort {
        measured: effort.python,
        ..*effort
    };
    let mut rows = Vec::new();
    for workload in workloads(wanted)? {
        let mut contenders: Vec<(String, Vec<Sample>)> = Vec::new();
        for round in 1..=effort.rounds {
            for (number, program) in programs(tools, apps, peers, &workload)?.iter().enumerate() {
                eprintln!("{}, round {round}: {}", workload.name, program.name);
                let server = Server::start(program, &tools.logs).await?;
                let (connections, exchange) = (workload.connections, &workload.exchange);
                let sample = load::measure(&server, connections, exchange, effort).await?;
                match contenders.get_mut(number) {
                    Some((_, samples)) => samples.push(sample),
                    None => contenders.push((program.name.clone(), vec![sample])),
                }
            }
            same_answers(&contenders)?;
        }
        rows.extend(table(&workload, &contenders));
    }
    Ok(rows)
}

/// Fresh ones for each round: granian's has another port each time.
fn programs(
    tools: &Tools,
    apps: &Apps,
    peers: &Peers,
    workload: &Workload,
) -> anyhow::Result<Vec<Program>> {
    let app = apps.of(workload.app);
    let mut programs = vec![
        peers.first.uvicorn(app),
        tools.serve("wasgi", app, &["--no-access-log"]),
        peers.first.granian(app, false)?,
    ];
    programs.extend(peers.others.iter().map(|other| other.uvicorn(app)));
    Ok(programs)
}

/// Nobody may say less than the others. Each names itself, which is their only difference.
fn same_answers(contenders: &[(String, Vec<Sample>)]) -> anyhow::Result<()> {
    let heads: Vec<Vec<&String>> = contenders
        .iter()
        .filter_map(|(_, samples)| Some(&samples.last()?.head.lines))
        .map(|lines| {
            let compared = |line: &&String| !line.starts_with("server:");
            lines.iter().filter(compared).collect()
        })
        .collect();
    let mut pairs = heads.iter().zip(heads.iter().skip(1));
    let differ = pairs.find(|(one, other)| one != other);
    ensure!(
        differ.is_none(),
        "two servers answer different heads: {differ:#?}"
    );
    Ok(())
}

fn table(workload: &Workload, contenders: &[(String, Vec<Sample>)]) -> Vec<RequestRow> {
    let uvicorn = contenders.first().map_or(&[][..], |(_, samples)| samples);
    let row = |(server, samples): &(String, Vec<Sample>)| {
        let of = |figure: fn(&Sample) -> f64| median(samples.iter().map(figure));
        // In the same round: both met the same neighbours.
        let ratio = |figure: fn(&Sample) -> f64| {
            let pairs = samples.iter().zip(uvicorn);
            Ratio::of(pairs.map(|(one, other)| figure(one) / figure(other)))
        };
        RequestRow {
            workload: workload.name,
            connections: workload.connections,
            server: server.clone(),
            rate: of(|sample| sample.rate),
            rate_ratio: ratio(|sample| sample.rate),
            at_least: workload.at_least.filter(|_| server == "wasgi"),
            cpu_us: of(|sample| sample.cpu_us),
            cpu_ratio: ratio(|sample| sample.cpu_us),
            p50_us: of(|sample| sample.p50_us),
            p99_us: of(|sample| sample.p99_us),
        }
    };
    contenders.iter().map(row).collect()
}
