//! The load: keep-alive connections on this one thread, each with one request on its way at any time.
//!
//! A closed loop, as `wrk` makes it: the rate is what the server takes. Latency is from the first byte of a request to
//! the last of its response, with this client's own work in it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::args::Effort;
use crate::frames::Http2;
use crate::histogram::Histogram;
use crate::layers::Layers;
use crate::server::Server;
use crate::wire::{Exchange, Expected, Head, Responses};

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
    measure_over(server, connections, exchange, effort, &Layers::default()).await
}

/// The same over other layers.
pub(crate) async fn measure_over(
    server: &Server,
    connections: usize,
    exchange: &Exchange,
    effort: &Effort,
    layers: &Layers,
) -> anyhow::Result<Sample> {
    let mut load = Load::start_over(server, connections, exchange, layers);
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
        Self::start_over(server, connections, exchange, &Layers::default())
    }

    fn start_over(
        server: &Server,
        connections: usize,
        exchange: &Exchange,
        layers: &Layers,
    ) -> Self {
        let tally = Arc::new(Mutex::new(Tally::default()));
        let request = Bytes::from(exchange.request(server.address));
        let mut tasks = JoinSet::new();
        for number in 0..connections {
            let mut speaker = match &exchange.expected {
                Expected::Whole(body) if layers.http2 => {
                    Speaker::Http2(Http2::new(body.clone(), layers.tls.is_some()))
                }
                expected => Speaker::Http1(Responses::new(expected.clone()), request.clone()),
            };
            let (tally, layers, address) = (tally.clone(), layers.clone(), server.address);
            tasks.spawn(async move {
                let mut socket = TcpStream::connect(address).await?;
                socket.set_nodelay(true)?;
                if layers.tls.is_none() {
                    return again(&mut socket, number, &mut speaker, &tally).await;
                }
                let mut stream = layers.over(socket).await?;
                again(&mut stream, number, &mut speaker, &tally).await
            });
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

/// How a connection asks.
enum Speaker {
    Http1(Responses, Bytes),
    Http2(Http2),
}

impl Speaker {
    async fn ask(
        &mut self,
        socket: &mut (impl AsyncRead + AsyncWrite + Unpin),
    ) -> anyhow::Result<()> {
        match self {
            Self::Http1(responses, request) => {
                socket.write_all(request).await?;
                responses.read(socket).await
            }
            Self::Http2(http2) => http2.ask(socket).await,
        }
    }

    /// The first head; over HTTP/2 nobody has looked at it.
    fn head(&self) -> Option<Head> {
        match self {
            Self::Http1(responses, _) => responses.head.clone(),
            Self::Http2(_) => Some(Head {
                bytes: 0,
                content_length: None,
                lines: Vec::new(),
            }),
        }
    }
}

/// Asks until somebody stops it.
async fn again(
    socket: &mut (impl AsyncRead + AsyncWrite + Unpin),
    number: usize,
    speaker: &mut Speaker,
    tally: &Mutex<Tally>,
) -> anyhow::Result<()> {
    loop {
        let began = Instant::now();
        speaker.ask(socket).await?;
        let mut tally = lock(tally);
        tally.latencies.record(began.elapsed());
        if let Some(count) = tally.each.get_mut(number) {
            *count += 1;
        }
        if tally.head.is_none() {
            tally.head = speaker.head();
        }
    }
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}
