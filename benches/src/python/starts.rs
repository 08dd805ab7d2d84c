//! Cold starts: of instances in this process, from the artefact in the cache, and of whole servers.

use std::time::{Duration, Instant};

use wasgi::wasm::{App, Engine};

use crate::args::Effort;
use crate::histogram::Histogram;
use crate::instance::Instance;
use crate::instances;
use crate::report::median;
use crate::server::{Program, Server};
use crate::tools::Tools;

use super::apps::{Apps, Kind};
use super::peers::Peers;
use super::report::{ProcessRow, StartRow};

/// Not measured: the file is read and the allocator settles.
const WARM_UP: u32 = 5;

/// How long instances take. Each is started, asked twice, and dropped; then each is asked once.
pub(crate) async fn instances(apps: &Apps, effort: &Effort) -> anyhow::Result<Vec<StartRow>> {
    let engine = Engine::new()?;
    let mut rows = Vec::new();
    for kind in Kind::ALL {
        eprintln!("starting instances of {}", kind.name());
        let app = apps.of(kind).load(&engine)?;
        rows.push(row(kind, &app, effort).await?);
    }
    Ok(rows)
}

async fn row(kind: Kind, app: &App, effort: &Effort) -> anyhow::Result<StartRow> {
    let (path, body) = kind.visit();
    let (mut instantiated, mut started) = (Histogram::default(), Histogram::default());
    let (mut first, mut second) = (Histogram::default(), Histogram::default());
    for number in 0..WARM_UP + effort.python_starts {
        let instantiating = instances::instantiate(app).await?;
        let began = Instant::now();
        let mut instance = Instance::start(app, u64::from(number)).await?;
        let start = began.elapsed();
        instance.request(path, body).await?;
        let with_first = began.elapsed();
        let again = Instant::now();
        instance.request(path, body).await?;
        if number >= WARM_UP {
            instantiated.record(instantiating);
            started.record(start);
            first.record(with_first);
            second.record(again.elapsed());
        }
    }
    let mut fresh = Histogram::default();
    let took = instances::requests(app, kind.visit(), effort.python, &mut fresh).await?;
    let ms = |histogram: &Histogram, share| histogram.quantile_us(share) / 1000.0;
    Ok(StartRow {
        app: kind.name(),
        starts: started.count(),
        instantiate_ms: ms(&instantiated, 0.5),
        start_ms: ms(&started, 0.5),
        start_p99_ms: ms(&started, 0.99),
        first_ms: ms(&first, 0.5),
        first_p99_ms: ms(&first, 0.99),
        second_us: second.quantile_us(0.5),
        fresh_ms: ms(&fresh, 0.5),
        fresh_per_s: fresh.count() as f64 / took.as_secs_f64(),
    })
}

/// How long servers take from the start of their process until they listen with an app that is ready.
pub(crate) async fn processes(
    tools: &Tools,
    apps: &Apps,
    peers: &Peers,
    effort: &Effort,
) -> anyhow::Result<Vec<ProcessRow>> {
    let mut rows = Vec::new();
    for kind in Kind::ALL {
        let app = apps.of(kind);
        let programs = [
            tools.serve("wasgi", app, &["--no-access-log"]),
            peers.first.uvicorn(app),
        ];
        let mut took = programs.each_ref().map(|_| Vec::new());
        // One that is not counted, then turns.
        for round in 0..=effort.processes {
            for (program, took) in programs.iter().zip(&mut took) {
                eprintln!("starting {} with {}", program.name, kind.name());
                let server = Server::start(program, &tools.logs).await?;
                if round > 0 {
                    took.push(server.started_in);
                }
            }
        }
        let row = |(program, took): (&Program, &Vec<Duration>)| {
            let ms = || took.iter().map(|one| one.as_secs_f64() * 1000.0);
            ProcessRow {
                app: kind.name(),
                server: program.name.clone(),
                starts: took.len(),
                ready_ms: median(ms()),
                longest_ms: ms().fold(0.0, f64::max),
            }
        };
        rows.extend(programs.iter().zip(&took).map(row));
    }
    Ok(rows)
}
