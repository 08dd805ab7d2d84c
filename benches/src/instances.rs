//! Starting instances, in this process: how long until one is ready, and what one for each request costs.
//!
//! It uses the library as the pool does, without the pool and without sockets: what is left is the engine, the guest's
//! own start and the contract.

use std::time::Instant;

use anyhow::anyhow;
use wasgi::wasm::instance;
use wasgi::wasm::{App, Engine};

use crate::args::Effort;
use crate::histogram::Histogram;
use crate::instance::Instance;
use crate::report::InstanceRow;
use crate::requests::BODY;
use crate::tools::Guests;

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
        fresh(app).await?;
    }
    let mut instantiated = Histogram::default();
    let (mut started, mut dropped) = (Histogram::default(), Histogram::default());
    for number in 0..effort.starts {
        let began = Instant::now();
        instance::probe(app)
            .await
            .map_err(|end| anyhow!("it cannot be instantiated: {end}"))?;
        instantiated.record(began.elapsed());
        let began = Instant::now();
        let instance = Instance::start(app, u64::from(number)).await?;
        started.record(began.elapsed());
        let began = Instant::now();
        drop(instance);
        dropped.record(began.elapsed());
    }
    let mut requests = Histogram::default();
    let began = Instant::now();
    while began.elapsed() < effort.measured {
        let one = Instant::now();
        fresh(app).await?;
        requests.record(one.elapsed());
    }
    Ok(InstanceRow {
        guest: name,
        instantiate_us: instantiated.quantile_us(0.5),
        start_us: started.quantile_us(0.5),
        start_p99_us: started.quantile_us(0.99),
        drop_us: dropped.quantile_us(0.5),
        request_us: requests.quantile_us(0.5),
        request_p99_us: requests.quantile_us(0.99),
        requests_per_s: requests.count() as f64 / began.elapsed().as_secs_f64(),
    })
}

/// Starts an instance, lets it answer one request, and drops it.
async fn fresh(app: &App) -> anyhow::Result<()> {
    Instance::start(app, 0).await?.request("/", BODY).await
}
