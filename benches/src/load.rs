//! The load: keep-alive connections on this one thread, each with one request on its way at any time.
//!
//! A closed loop, as `wrk` makes it: the rate is what the server takes. Latency is from the first byte of a request to
//! the last of its response, with this client's own work in it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::args::Effort;
use crate::histogram::Histogram;
use crate::server::Server;
use crate::wire::{Head, Responses, request};

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

/// Asks `server` for `/` on `connections`, and measures after the warm-up.
pub(crate) async fn measure(
    server: &Server,
    connections: usize,
    body: &'static [u8],
    effort: &Effort,
) -> anyhow::Result<Sample> {
    let tally = Arc::new(Mutex::new(Tally::default()));
    let mut tasks = JoinSet::new();
    for number in 0..connections {
        tasks.spawn(connection(server.address, number, body, tally.clone()));
    }
    hold(&mut tasks, effort.warm_up).await?;
    let began = Instant::now();
    let cpu_before = server.cpu()?;
    reset(&mut lock(&tally), connections);
    hold(&mut tasks, effort.measured).await?;
    let cpu = server.cpu()?.saturating_sub(cpu_before);
    let took = began.elapsed();
    let mut tally = std::mem::take(&mut *lock(&tally));
    tasks.abort_all();

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

fn reset(tally: &mut Tally, connections: usize) {
    tally.latencies = Histogram::default();
    tally.each = vec![0; connections];
}

/// Lets the connections work for a while. None of them may end.
async fn hold(tasks: &mut JoinSet<anyhow::Result<()>>, long: Duration) -> anyhow::Result<()> {
    match tokio::time::timeout(long, tasks.join_next()).await {
        Err(_) => Ok(()),
        Ok(Some(ended)) => ended?,
        Ok(None) => bail!("there are no connections"),
    }
}

async fn connection(
    address: SocketAddr,
    number: usize,
    body: &'static [u8],
    tally: Arc<Mutex<Tally>>,
) -> anyhow::Result<()> {
    let mut socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let request = request("GET", "/", address, "");
    let mut responses = Responses::with_body(body);
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
