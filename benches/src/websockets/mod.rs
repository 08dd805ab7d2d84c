//! WebSockets: an echo, and a hundred messages for each that comes, beside uvicorn (websockets) and granian.
//!
//! All servers run the same two apps, in Rust and in Python; [`client`] is what they talk to. No extension is offered, so
//! nobody compresses.

mod client;
pub(crate) mod report;

use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::args::{Args, Effort};
use crate::python::peers::Peers;
use crate::report::median;
use crate::server::{Program, Server};
use crate::tools::{Guest, Tools};

use client::{Load, Talk};
use report::{IdleRow, Report, Row};

/// Connections at the same time.
const CONNECTIONS: [usize; 3] = [1, 100, 1000];

/// Connections whose memory is looked at.
const IDLE: usize = 1000;

/// A process that has just worked still writes to pages here and there.
const SETTLE: Duration = Duration::from_secs(1);

/// What is said: the name, the path, bytes of a message, messages for each.
const TALKS: [Talk; 4] = [
    Talk::new("echo 64 B", "/echo", 64, 1),
    Talk::new("echo 16 KiB", "/echo", 16 * 1024, 1),
    Talk::new("push 64 B", "/push", 64, 100),
    Talk::new("push 16 KiB", "/push", 16 * 1024, 100),
];

struct Apps {
    rust: Guest,
    python: Guest,
}

/// One round of one server.
#[derive(Clone, Copy)]
struct Sample {
    rate: f64,
    cpu_us: f64,
}

/// Runs it.
pub(crate) async fn measure(args: &Args, tools: &Tools, effort: &Effort) -> anyhow::Result<Report> {
    let apps = Apps {
        rust: tools.build(tools.benches.join("guests/websockets"), &["--locked"])?,
        python: tools.build(tools.benches.join("python/websockets"), &[])?,
    };
    let peers = Peers::prepare(&args.python, tools)?;
    let mut report = Report::default();
    for talk in &TALKS {
        for connections in CONNECTIONS {
            let rows = compare(tools, &apps, &peers, talk, connections, effort).await?;
            report.talks.extend(rows);
        }
    }
    for program in programs(tools, &apps, &peers)? {
        report.idle.push(idle(tools, &program).await?);
    }
    Ok(report)
}

/// uvicorn and granian first: the others are compared with them.
fn programs(tools: &Tools, apps: &Apps, peers: &Peers) -> anyhow::Result<Vec<Program>> {
    Ok(vec![
        peers.first.uvicorn(&apps.python),
        peers.first.granian(&apps.python, true)?,
        tools.serve("wasgi, Rust", &apps.rust, &["--no-access-log"]),
        tools.serve("wasgi, Python", &apps.python, &["--no-access-log"]),
    ])
}

async fn compare(
    tools: &Tools,
    apps: &Apps,
    peers: &Peers,
    talk: &Talk,
    connections: usize,
    effort: &Effort,
) -> anyhow::Result<Vec<Row>> {
    let mut contenders: Vec<(String, Vec<Sample>)> = Vec::new();
    for round in 1..=effort.rounds {
        for (number, program) in programs(tools, apps, peers)?.iter().enumerate() {
            let name = talk.name;
            eprintln!(
                "{name}, {connections} connections, round {round}: {}",
                program.name
            );
            let server = Server::start(program, &tools.logs).await?;
            let sample = sample(&server, talk, connections, effort).await?;
            match contenders.get_mut(number) {
                Some((_, samples)) => samples.push(sample),
                None => contenders.push((program.name.clone(), vec![sample])),
            }
        }
    }
    let samples_of = |number: usize| contenders.get(number).map_or(&[][..], |(_, it)| it);
    let (uvicorn, granian) = (samples_of(0), samples_of(1));
    let row = |(server, samples): &(String, Vec<Sample>)| {
        // In the same round: both met the same neighbours.
        let ratio = |others: &[Sample], figure: fn(&Sample) -> f64| {
            let pairs = samples.iter().zip(others);
            median(pairs.map(|(one, other)| figure(one) / figure(other)))
        };
        let rate = |sample: &Sample| sample.rate;
        let cpu = |sample: &Sample| sample.cpu_us;
        Row {
            talk: talk.name,
            connections,
            server: server.clone(),
            rate: median(samples.iter().map(rate)),
            to_uvicorn: ratio(uvicorn, rate),
            to_granian: ratio(granian, rate),
            at_least: match server.as_str() {
                "wasgi, Rust" => Some("1.5 × granian"),
                "wasgi, Python" => Some("1.2 × uvicorn"),
                _ => None,
            },
            cpu_us: median(samples.iter().map(cpu)),
            cpu_to_uvicorn: ratio(uvicorn, cpu),
            cpu_to_granian: ratio(granian, cpu),
        }
    };
    Ok(contenders.iter().map(row).collect())
}

async fn sample(
    server: &Server,
    talk: &Talk,
    connections: usize,
    effort: &Effort,
) -> anyhow::Result<Sample> {
    let mut load = Load::open(server.address, talk, connections).await?;
    load.hold(effort.warm_up).await?;
    let began = Instant::now();
    let (before, cpu_before) = (load.messages(), server.cpu()?);
    load.hold(effort.python).await?;
    let cpu = server.cpu()?.saturating_sub(cpu_before);
    let (took, messages) = (began.elapsed(), load.messages() - before);
    ensure!(messages > 0, "no message came in {took:?}");
    Ok(Sample {
        rate: messages as f64 / took.as_secs_f64(),
        cpu_us: cpu.as_secs_f64() * 1e6 / messages as f64,
    })
}

/// What connections cost that say nothing, after one message each.
async fn idle(tools: &Tools, program: &Program) -> anyhow::Result<IdleRow> {
    eprintln!("{IDLE} idle connections: {}", program.name);
    let server = Server::start(program, &tools.logs).await?;
    let [talk, ..] = &TALKS;
    // What the first connections make grow once is not theirs.
    let few = Load::open(server.address, talk, 10).await?;
    let few = few.greet().await?;
    tokio::time::sleep(SETTLE).await;
    let before = server.memory()?;
    let many = Load::open(server.address, talk, IDLE).await?;
    let many = many.greet().await?;
    tokio::time::sleep(SETTLE).await;
    let after = server.memory()?;
    drop((few, many));
    let each = |few: u64, many: u64| many.saturating_sub(few) as f64 / IDLE as f64;
    Ok(IdleRow {
        server: program.name.clone(),
        rss_kib: each(before.rss, after.rss),
        pss_kib: each(before.pss + before.tables, after.pss + after.tables),
    })
}
