//! Starting instances, in this process: how long until one is ready, and what one for each request costs.
//!
//! It uses the library as the pool does, without the pool and without sockets: what is left is the engine, the guest's
//! own start and the contract.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use wasgi::wasm::instance;
use wasgi::wasm::{App, Engine};

use crate::args::Effort;
use crate::histogram::Histogram;
use crate::instance::Instance;
use crate::report::InstanceRow;
use crate::requests::BODY;
use crate::tools::Guests;

/// A request: its path, and what is answered.
type Visit = (&'static str, &'static [u8]);

const HELLO: Visit = ("/", BODY);

/// Not measured: caches and the allocator settle.
const WARM_UP: u32 = 50;

/// Runs the scenario.
pub(crate) async fn measure(guests: &Guests, effort: &Effort) -> anyhow::Result<Vec<InstanceRow>> {
    let engine = Engine::new()?;
    let mut rows = Vec::new();
    for (name, guest) in [("hello", &guests.hello), ("axum hello", &guests.axum)] {
        eprintln!("starting instances of {name}");
        rows.push(row(name, &guest.load(&engine)?, effort).await?);
    }
    Ok(rows)
}

async fn row(name: &'static str, app: &App, effort: &Effort) -> anyhow::Result<InstanceRow> {
    for _ in 0..WARM_UP {
        fresh(app, HELLO).await?;
    }
    let mut instantiated = Histogram::default();
    let (mut started, mut dropped) = (Histogram::default(), Histogram::default());
    for number in 0..effort.starts {
        instantiated.record(instantiate(app).await?);
        let began = Instant::now();
        let instance = Instance::start(app, u64::from(number)).await?;
        started.record(began.elapsed());
        let began = Instant::now();
        drop(instance);
        dropped.record(began.elapsed());
    }
    let mut lives = Histogram::default();
    let took = requests(app, HELLO, effort.measured, &mut lives).await?;
    Ok(InstanceRow {
        guest: name,
        instantiate_us: instantiated.quantile_us(0.5),
        start_us: started.quantile_us(0.5),
        start_p99_us: started.quantile_us(0.99),
        drop_us: dropped.quantile_us(0.5),
        request_us: lives.quantile_us(0.5),
        request_p99_us: lives.quantile_us(0.99),
        requests_per_s: lives.count() as f64 / took.as_secs_f64(),
    })
}

/// Instantiates and drops, without `run`: how long it took.
pub(crate) async fn instantiate(app: &App) -> anyhow::Result<Duration> {
    let began = Instant::now();
    instance::probe(app)
        .await
        .map_err(|end| anyhow!("it cannot be instantiated: {end}"))?;
    Ok(began.elapsed())
}

/// An instance for each request, for so long: how long each took, and all.
pub(crate) async fn requests(
    app: &App,
    visit: Visit,
    long: Duration,
    lives: &mut Histogram,
) -> anyhow::Result<Duration> {
    let began = Instant::now();
    while began.elapsed() < long {
        let one = Instant::now();
        fresh(app, visit).await?;
        lives.record(one.elapsed());
    }
    Ok(began.elapsed())
}

/// Starts an instance, lets it answer one request, and drops it.
async fn fresh(app: &App, (path, body): Visit) -> anyhow::Result<()> {
    Instance::start(app, 0).await?.request(path, body).await
}
