//! The load: keep-alive connections on this one thread, each with one request on its way at any time.
//!
//! A closed loop, as `wrk` makes it: the rate is what the server takes. Latency is from the first byte of a request to
//! the last of its response, with this client's own work in it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::args::Effort;
use crate::histogram::Histogram;
use crate::server::Server;
use crate::wire::{Exchange, Head, Responses};

/// How often it is looked whether enough has been asked.
const LOOK: Duration = Duration::from_millis(1);

/// What one round has shown.
pub(crate) struct Sample {
    pub(crate) cpu_us: f64,
    pub(crate) rate: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// As the server answered the first time.
    pub(crate) head: Head,
}

/// Counted by all connections.
#[derive(Default)]
struct Tally {
    latencies: Histogram,
    /// Responses of each connection.
    each: Vec<u64>,
    head: Option<Head>,
}

/// Asks `server` for the same again and again on `connections`, and measures after the warm-up.
pub(crate) async fn measure(
    server: &Server,
    connections: usize,
    exchange: &Exchange,
    effort: &Effort,
) -> anyhow::Result<Sample> {
    let mut load = Load::start(server, connections, exchange);
    load.hold(effort.warm_up).await?;
    let began = Instant::now();
    let cpu_before = server.cpu()?;
    load.reset();
    load.hold(effort.measured).await?;
    let cpu = server.cpu()?.saturating_sub(cpu_before);
    let took = began.elapsed();
    let mut tally = std::mem::take(&mut *lock(&load.tally));

    let requests = tally.latencies.count();
    ensure!(
        requests > 0 && tally.each.iter().all(|count| *count > 0),
        "a connection got no response in {took:?}"
    );
    Ok(Sample {
        cpu_us: cpu.as_secs_f64() * 1e6 / requests as f64,
        rate: requests as f64 / took.as_secs_f64(),
        p50_us: tally.latencies.quantile_us(0.5),
        p99_us: tally.latencies.quantile_us(0.99),
        head: tally.head.take().context("no response")?,
    })
}

/// Connections at work, until it is dropped.
pub(crate) struct Load {
    tally: Arc<Mutex<Tally>>,
    tasks: JoinSet<anyhow::Result<()>>,
    connections: usize,
}

impl Load {
    /// Opens the connections.
    pub(crate) fn start(server: &Server, connections: usize, exchange: &Exchange) -> Self {
        let tally = Arc::new(Mutex::new(Tally::default()));
        let request = Bytes::from(exchange.request(server.address));
        let mut tasks = JoinSet::new();
        for number in 0..connections {
            let responses = Responses::new(exchange.expected.clone());
            let (request, tally) = (request.clone(), tally.clone());
            tasks.spawn(connection(
                server.address,
                number,
                request,
                responses,
                tally,
            ));
        }
        Self {
            tally,
            tasks,
            connections,
        }
    }

    /// Counts from zero again.
    fn reset(&self) {
        let mut tally = lock(&self.tally);
        tally.latencies = Histogram::default();
        tally.each = vec![0; self.connections];
    }

    /// Lets the connections work for a while. None of them may end.
    async fn hold(&mut self, long: Duration) -> anyhow::Result<()> {
        match tokio::time::timeout(long, self.tasks.join_next()).await {
            Err(_) => Ok(()),
            Ok(Some(ended)) => ended?,
            Ok(None) => bail!("there are no connections"),
        }
    }

    /// Lets them work until so many responses have come since the beginning.
    pub(crate) async fn until(&mut self, responses: u64) -> anyhow::Result<()> {
        while lock(&self.tally).latencies.count() < responses {
            self.hold(LOOK).await?;
        }
        Ok(())
    }
}

async fn connection(
    address: SocketAddr,
    number: usize,
    request: Bytes,
    mut responses: Responses,
    tally: Arc<Mutex<Tally>>,
) -> anyhow::Result<()> {
    let mut socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    loop {
        let began = Instant::now();
        socket.write_all(&request).await?;
        responses.read(&mut socket).await?;
        let mut tally = lock(&tally);
        tally.latencies.record(began.elapsed());
        if let Some(count) = tally.each.get_mut(number) {
            *count += 1;
        }
        if tally.head.is_none() {
            tally.head = responses.head.clone();
        }
    }
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}
