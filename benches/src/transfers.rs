//! 100 MiB down and 100 MiB up, on one connection: what a byte costs.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::args::Effort;
use crate::report::{TransferRow, median};
use crate::server::{Program, Server};
use crate::tools::{Guests, Tools};
use crate::wire::{Head, request};

/// What is moved.
const BYTES: usize = 100 * 1024 * 1024;

/// What the client reads or writes at once.
const PIECE: usize = 65_536;

/// A hundred megabytes take a tenth of a second; more than this is a transfer that hangs.
const LONGEST: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Download,
    Upload,
}

/// What one round has shown: MB/s, and CPU seconds of the server for a GB.
type Sample = (f64, f64);

/// Runs the scenario.
pub(crate) async fn measure(
    tools: &Tools,
    guests: &Guests,
    effort: &Effort,
) -> anyhow::Result<Vec<TransferRow>> {
    let mut rows = Vec::new();
    let streams = tools.serve("streams", &guests.streams, &["--no-access-log"]);
    for direction in [Direction::Download, Direction::Upload] {
        let mut contenders = [(tools.peer(), Vec::new()), (streams.clone(), Vec::new())];
        for round in 1..=effort.rounds {
            for (program, samples) in &mut contenders {
                eprintln!(
                    "{} of 100 MiB, round {round}: {}",
                    direction.word(),
                    program.name
                );
                samples.push(sample(program, tools, direction, effort).await?);
            }
        }
        rows.extend(table(direction, &contenders));
    }
    Ok(rows)
}

async fn sample(
    program: &Program,
    tools: &Tools,
    direction: Direction,
    effort: &Effort,
) -> anyhow::Result<Sample> {
    let server = Server::start(program, &tools.logs).await?;
    let mut socket = TcpStream::connect(server.address).await?;
    socket.set_nodelay(true)?;
    transfer(&mut socket, direction).await?;
    let began = Instant::now();
    let cpu = server.cpu()?;
    for _ in 0..effort.transfers {
        transfer(&mut socket, direction).await?;
    }
    let cpu = server.cpu()?.saturating_sub(cpu).as_secs_f64();
    let took = began.elapsed().as_secs_f64();
    let bytes = BYTES as f64 * f64::from(effort.transfers);
    Ok((bytes / 1e6 / took, cpu / (bytes / 1e9)))
}

async fn transfer(socket: &mut TcpStream, direction: Direction) -> anyhow::Result<()> {
    let once = async {
        match direction {
            Direction::Download => download(socket).await,
            Direction::Upload => upload(socket).await,
        }
    };
    tokio::time::timeout(LONGEST, once)
        .await
        .context("a transfer hangs")?
}

async fn download(socket: &mut TcpStream) -> anyhow::Result<()> {
    let request = request("GET", "/download", socket.peer_addr()?, "");
    socket.write_all(&request).await?;
    let (length, first) = answer(socket).await?;
    ensure!(
        length == BYTES,
        "{length} bytes were announced, {BYTES} expected"
    );
    let mut received = first.len();
    let mut piece = vec![0; 4 * PIECE];
    while received < BYTES {
        let read = socket.read(&mut piece).await?;
        ensure!(read > 0, "the download ended after {received} bytes");
        let dots = piece.get(..read).unwrap_or_default();
        ensure!(
            dots.first() == Some(&b'.') && dots.last() == Some(&b'.'),
            "wrong bytes"
        );
        received += read;
    }
    ensure!(received == BYTES, "{received} bytes came, {BYTES} expected");
    Ok(())
}

async fn upload(socket: &mut TcpStream) -> anyhow::Result<()> {
    let length = format!("content-length: {BYTES}\r\n");
    let request = request("POST", "/upload", socket.peer_addr()?, &length);
    socket.write_all(&request).await?;
    let piece = vec![b'.'; PIECE];
    for _ in 0..BYTES / PIECE {
        socket.write_all(&piece).await?;
    }
    let (length, mut body) = answer(socket).await?;
    while body.len() < length {
        ensure!(socket.read_buf(&mut body).await? > 0, "the answer is cut");
    }
    ensure!(
        body == BYTES.to_string().as_bytes(),
        "the server read other bytes than we sent"
    );
    Ok(())
}

/// Reads a head: how many bytes follow, and those of them that came with it.
async fn answer(socket: &mut TcpStream) -> anyhow::Result<(usize, Vec<u8>)> {
    let mut received = Vec::with_capacity(PIECE);
    loop {
        ensure!(
            socket.read_buf(&mut received).await? > 0,
            "the server closed the connection"
        );
        let whole = received.windows(4).any(|four| four == b"\r\n\r\n");
        if whole && let Some(head) = Head::parse(&received)? {
            received.drain(..head.bytes);
            let length = head.content_length.context("no content-length")?;
            return Ok((length, received));
        }
    }
}

fn table(direction: Direction, contenders: &[(Program, Vec<Sample>)]) -> Vec<TransferRow> {
    let peer = contenders.first().map_or(&[][..], |(_, samples)| samples);
    let row = |(program, samples): &(Program, Vec<Sample>)| {
        let pairs = || samples.iter().zip(peer);
        TransferRow {
            direction: direction.word(),
            server: program.name.clone(),
            mb_per_s: median(samples.iter().map(|sample| sample.0)),
            cpu_s_per_gb: median(samples.iter().map(|sample| sample.1)),
            rate_ratio: median(pairs().map(|(one, peer)| one.0 / peer.0)),
            cpu_ratio: median(pairs().map(|(one, peer)| one.1 / peer.1)),
        }
    };
    contenders.iter().map(row).collect()
}

impl Direction {
    fn word(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Upload => "upload",
        }
    }
}
