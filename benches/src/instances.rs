//! Starting instances, in this process: how long until one is ready, and what one for each request costs.
//!
//! It uses the library as the pool does, without the pool and without sockets: what is left is the engine, the guest's
//! own start and the contract.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail, ensure};
use wasgi::asgi::lifespan::Phase;
use wasgi::asgi::scope::{self, Ends};
use wasgi::bindings::types::HttpScope;
use wasgi::config::Manifest;
use wasgi::wasm::instance::{self, End};
use wasgi::wasm::link::Link;
use wasgi::wasm::{App, Cache, Engine};

use crate::args::Effort;
use crate::histogram::Histogram;
use crate::report::InstanceRow;
use crate::requests::BODY;
use crate::tools::{Guest, Tools};
use crate::wire::HEADERS;

/// Not measured: caches and the allocator settle.
const WARM_UP: u32 = 50;

/// Runs the scenario.
pub(crate) async fn measure(tools: &Tools, effort: &Effort) -> anyhow::Result<Vec<InstanceRow>> {
    let engine = Engine::new()?;
    let mut rows = Vec::new();
    for (name, guest) in [("hello", &tools.hello), ("axum hello", &tools.axum)] {
        eprintln!("starting instances of {name}");
        rows.push(row(name, &load(&engine, guest)?, effort).await?);
    }
    Ok(rows)
}

fn load(engine: &Engine, guest: &Guest) -> anyhow::Result<App> {
    let manifest = Manifest::load(&guest.folder)?;
    Ok(App::load(
        engine,
        &guest.wasm,
        &manifest,
        Cache::of_user().as_ref(),
    )?)
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
    Instance::start(app, 0).await?.request().await
}

/// One that runs while its methods are awaited.
struct Instance<F> {
    link: Arc<Link>,
    life: Pin<Box<F>>,
}

impl Instance<()> {
    /// Instantiates, calls `run`, and comes back when the guest has answered `lifespan.startup`.
    async fn start(
        app: &App,
        number: u64,
    ) -> anyhow::Result<Instance<impl Future<Output = End> + use<'_>>> {
        let link = Link::new(app.name.clone(), number, &app.limits);
        let life = Box::pin(instance::run(app, link.clone()));
        let mut instance = Instance { link, life };
        // Nobody but the guest itself changes the phase, so it is enough to look after each of its turns.
        instance
            .until(|link, _| match link.phase() {
                Phase::Ready => Poll::Ready(()),
                _ => Poll::Pending,
            })
            .await?;
        Ok(instance)
    }
}

impl<F: Future<Output = End>> Instance<F> {
    async fn request(mut self) -> anyhow::Result<()> {
        let call = self
            .link
            .open(scope()?, false, Instant::now())
            .map_err(|_| anyhow!("a fresh instance takes no call"))?;
        let answer = self.until(|_, cx| call.poll_answer(cx, false)).await?;
        let answer = answer.map_err(|failure| anyhow!("{failure}"))?;
        ensure!(
            answer.head.status == 200 && answer.whole.as_deref() == Some(BODY),
            "a wrong answer"
        );
        Ok(())
    }

    /// Runs it until `done`.
    async fn until<T>(
        &mut self,
        mut done: impl FnMut(&Link, &mut Context<'_>) -> Poll<T>,
    ) -> anyhow::Result<T> {
        let turns = poll_fn(|cx| {
            if let Poll::Ready(end) = self.life.as_mut().poll(cx) {
                return Poll::Ready(Err(end));
            }
            done(&self.link, cx).map(Ok)
        });
        match tokio::time::timeout(Duration::from_secs(10), turns).await? {
            Ok(value) => Ok(value),
            Err(end) => bail!("the instance ended: {end}"),
        }
    }
}

/// The scope of a browser's request, made as the server makes it.
fn scope() -> anyhow::Result<HttpScope> {
    let mut request = http::Request::get("/").header("host", "127.0.0.1:8000");
    for (name, value) in HEADERS {
        request = request.header(name, value);
    }
    let (parts, ()) = request.body(())?.into_parts();
    let address = SocketAddr::from(([127, 0, 0, 1], 8000));
    let ends = Ends {
        client: Some(address),
        server: scope::Server::Tcp(address),
    };
    scope::http(&parts, &ends, "", 1).map_err(|refused| anyhow!("{refused:?}"))
}
