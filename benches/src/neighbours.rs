//! Neighbours: what a hundred quiet apps in one process feel of one that attacks, and of eight.
//!
//! The same moderate load on the quiet ones, with and without an attack, in turns on one server. What counts is the ratio
//! of the slow tail, p99: an attacker may have what nobody else needs, and no more.

use std::convert::Infallible;
use std::ffi::OsString;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::args::Effort;
use crate::attack::provoke;
use crate::histogram::Histogram;
use crate::report::{AttackRow, HogRow, Neighbours, median};
use crate::requests::BODY;
use crate::server::Server;
use crate::tools::{Guest, Guests, Tools};
use crate::wire::{Expected, Responses, request};

/// Quiet apps.
const APPS: usize = 100;

/// Attacking apps.
const ATTACKERS: usize = 8;

/// Connections to the quiet apps, each to another one.
const CONNECTIONS: u32 = 50;

/// Requests per second to all of them together.
const RATE: u32 = 1000;

/// Not measured, after an attack has begun.
const WARM_UP: Duration = Duration::from_millis(500);

/// After an attack: its budget of CPU runs out, and its instances are replaced.
const SETTLE: Duration = Duration::from_secs(1);

/// How often the memory of the server is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What the manifest of the attacks says.
const CPU: Duration = Duration::from_millis(500);
/// See [`CPU`].
const MEMORY_KIB: f64 = 64.0 * 1024.0;

/// The attacks: their paths, and how many attackers at a time.
const ATTACKS: [(&str, usize); 8] = [
    ("/spin", 1),
    ("/spin", ATTACKERS),
    ("/grow", 1),
    ("/grow", ATTACKERS),
    ("/flood", 1),
    ("/flood", ATTACKERS),
    ("/trap", 1),
    ("/trap", ATTACKERS),
];

/// No attack: as many processes as there are cores compute beside the server, at the lowest priority. What it costs the
/// quiet apps is the machine's doing: an attacker that computes cannot cost them less.
const ELSEWHERE: &str = "none; cores busy elsewhere";

/// The fewest rounds: one in which the machine was busy with others is to be an outlier.
const ROUNDS_MIN: u32 = 5;

/// Without an attack and with one, right after each other: p50 and p99, in µs.
struct Pair {
    quiet: (f64, f64),
    attacked: (f64, f64),
}

/// What one kind of attack has shown, over all rounds.
#[derive(Default)]
struct Felt {
    pairs: Vec<Pair>,
    /// The most that the server had more than before it, in KiB.
    grown: u64,
}

/// Runs the scenario, with all attacks or `only` this one.
pub(crate) async fn measure(
    tools: &Tools,
    guests: &Guests,
    effort: &Effort,
    only: Option<&str>,
) -> anyhow::Result<Neighbours> {
    let mut attacks = vec![(ELSEWHERE, std::thread::available_parallelism()?.get())];
    attacks.extend(
        ATTACKS
            .iter()
            .filter(|(path, _)| only.is_none_or(|only| only == *path)),
    );
    ensure!(attacks.len() > 1, "there is no such attack");
    let evil = tools.build(tools.benches.join("guests/attacks"), &["--locked"])?;
    let program = tools.many(args(&guests.hello, &evil));
    let server = Server::start(&program, &tools.logs).await?;
    let hog = hog(&server).await?;
    let measured = effort.measured.max(Duration::from_secs(2));
    let mut felt: Vec<Felt> = attacks.iter().map(|_| Felt::default()).collect();
    for round in 1..=effort.rounds.max(ROUNDS_MIN) {
        for ((path, attackers), felt) in attacks.iter().zip(&mut felt) {
            eprintln!("neighbours, round {round}: {path} by {attackers}");
            let quiet = ask(&server, measured).await?;
            let before = server.memory()?.rss;
            let mut attack = Attack::start(tools, &server, path, *attackers)?;
            tokio::time::sleep(WARM_UP).await;
            let watched = grown(&server, before);
            let attacked = tokio::select! {
                asked = ask(&server, measured) => asked?,
                failed = watched.run(&mut felt.grown) => match failed? {},
            };
            attack.goes_on()?;
            felt.pairs.push(Pair { quiet, attacked });
            drop(attack);
            tokio::time::sleep(SETTLE).await;
        }
    }
    let all = || felt.iter().flat_map(|felt| &felt.pairs);
    let rows = attacks.iter().zip(&felt).map(|((path, attackers), felt)| {
        let is_attack = *path != ELSEWHERE;
        let of = |value: fn(&Pair) -> f64| median(felt.pairs.iter().map(value));
        AttackRow {
            attack: path,
            attackers: if is_attack { *attackers } else { 0 },
            p50_us: of(|pair| pair.attacked.0),
            p99_us: of(|pair| pair.attacked.1),
            ratio: of(|pair| pair.attacked.1 / pair.quiet.1),
            at_most: is_attack.then_some(if *attackers == 1 { 1.5 } else { 2.0 }),
            grown_share: felt.grown as f64 / MEMORY_KIB / *attackers as f64,
        }
    });
    Ok(Neighbours {
        apps: APPS,
        rate: RATE,
        p50_us: median(all().map(|pair| pair.quiet.0)),
        p99_us: median(all().map(|pair| pair.quiet.1)),
        attacks: rows.collect(),
        hog,
    })
}

/// The moderate load, for so long: p50 and p99 in µs. Each connection asks at its own times, whatever the others do.
async fn ask(server: &Server, long: Duration) -> anyhow::Result<(f64, f64)> {
    let mut latencies = Histogram::default();
    let each = Duration::from_secs(1) * CONNECTIONS / RATE;
    let mut tasks = JoinSet::new();
    let began = tokio::time::Instant::now();
    for number in 0..CONNECTIONS {
        let address = server.address;
        let first = began + each * number / CONNECTIONS;
        tasks.spawn(async move {
            let mut socket = TcpStream::connect(address).await?;
            socket.set_nodelay(true)?;
            let request = request("GET", "/", format_args!("t{number}.test"), "");
            let mut responses = Responses::new(Expected::Whole(Bytes::from_static(BODY)));
            let mut took = Vec::new();
            let mut turns = tokio::time::interval_at(first, each);
            while began.elapsed() < long {
                turns.tick().await;
                let asked = Instant::now();
                socket.write_all(&request).await?;
                responses.read(&mut socket).await?;
                took.push(asked.elapsed());
            }
            anyhow::Ok(took)
        });
    }
    while let Some(asked) = tasks.join_next().await {
        for took in asked?? {
            latencies.record(took);
        }
    }
    Ok((latencies.quantile_us(0.5), latencies.quantile_us(0.99)))
}

/// Attackers at work, until it is dropped.
struct Attack(Child);

impl Attack {
    /// See `src/bin/attack.rs`.
    fn start(tools: &Tools, server: &Server, path: &str, attackers: usize) -> anyhow::Result<Self> {
        let count = attackers.to_string();
        let args = match path {
            ELSEWHERE => vec![count],
            _ => vec![count, path.to_owned(), server.address.to_string()],
        };
        let child = Command::new(&tools.attack)
            .args(args)
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", tools.attack.display()))?;
        Ok(Self(child))
    }

    /// Still at work: else nothing was measured.
    fn goes_on(&mut self) -> anyhow::Result<()> {
        match self.0.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the attack ended: {status}"),
        }
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        // It has ended by itself, or does now.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Looks at the server's memory, for as long as it is polled.
struct Watched<'a> {
    server: &'a Server,
    before: u64,
}

fn grown(server: &Server, before: u64) -> Watched<'_> {
    Watched { server, before }
}

impl Watched<'_> {
    async fn run(self, most: &mut u64) -> anyhow::Result<Infallible> {
        loop {
            let now = self.server.memory()?.rss;
            *most = (*most).max(now.saturating_sub(self.before));
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// How long after its budget a hog has been stopped, and answered for. Each of them once: one that has crashed before waits for
/// its replacement.
async fn hog(server: &Server) -> anyhow::Result<HogRow> {
    let mut late = Histogram::default();
    for number in 0..ATTACKERS {
        let began = Instant::now();
        let answer = provoke(server.address, number, "/spin", f64::INFINITY).await?;
        let took = began.elapsed();
        let line = answer.split(|byte| *byte == b'\r').next();
        let line = line.context("no answer")?;
        ensure!(
            line == b"HTTP/1.1 500 Internal Server Error",
            "a hog got: {}",
            line.escape_ascii()
        );
        late.record(took.saturating_sub(CPU));
    }
    Ok(HogRow {
        budget_ms: CPU.as_secs_f64() * 1e3,
        late_ms: late.quantile_us(0.5) / 1e3,
        late_max_ms: late.quantile_us(1.0) / 1e3,
    })
}

/// The arguments of `src/bin/many.rs`.
fn args(hello: &Guest, attacks: &Guest) -> Vec<OsString> {
    let mut args = vec![APPS.to_string().into(), ATTACKERS.to_string().into()];
    for guest in [hello, attacks] {
        args.push(guest.wasm.clone().into());
        args.push(guest.folder.join("wasgi.toml").into());
    }
    args
}
