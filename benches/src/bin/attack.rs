//! The attackers' clients of the scenario `neighbours`.
//!
//! `wasgi-bench-attack ATTACKERS PATH ADDRESS` asks each of so many attackers for the path, reads what comes, and asks again,
//! until it is killed; `wasgi-bench-attack THREADS` asks nobody, and computes on so many threads. It is a process of its own that takes only the processor time that nobody else wants: the
//! clients of an attacker are on machines of their own, and what they compute is not to be felt by those who are measured.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};

#[path = "../attack.rs"]
mod attack;

/// What all of them read together: the network of a server has an end, and 1 Gbit/s is much of it for eight apps. On this
/// machine's own network there is none, and what the kernel does for it would be felt on every core, as if it were the app's doing.
const BYTES_PER_S: f64 = 125e6;

/// What an attacker does when it is turned away.
const AGAIN: Duration = Duration::from_millis(10);

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    step_back().context("cannot have the lowest priority")?;
    match args.as_slice() {
        [threads] => spin(threads.parse()?),
        [attackers, path, address] => attack_for_ever(attackers.parse()?, path, address.parse()?),
        _ => anyhow::bail!("see the first lines of benches/src/bin/attack.rs"),
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "threads that compute are the point"
)]
fn spin(threads: usize) -> anyhow::Result<()> {
    let spinning = (0..threads).map(|_| {
        std::thread::spawn(|| {
            let mut turns = 0_u64;
            loop {
                turns = std::hint::black_box(turns.wrapping_add(1));
            }
        })
    });
    for thread in spinning.collect::<Vec<_>>() {
        ensure!(thread.join().is_ok(), "a thread that spins has stopped");
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn attack_for_ever(attackers: usize, path: &str, address: SocketAddr) -> anyhow::Result<()> {
    let pace = BYTES_PER_S / attackers as f64;
    let attacks = (0..attackers).map(|number| {
        let path = path.to_owned();
        tokio::spawn(async move {
            loop {
                // Whatever becomes of it: it is an attack.
                let _ = attack::provoke(address, number, &path, pace).await;
                tokio::time::sleep(AGAIN).await;
            }
        })
    });
    for attack in attacks.collect::<Vec<_>>() {
        attack.await?
    }
    Ok(())
}

/// Runs only when nobody else does.
#[allow(unsafe_code, reason = "there is no safe way to say it")]
fn step_back() -> std::io::Result<()> {
    let none = libc::sched_param { sched_priority: 0 };
    // SAFETY: it reads the one number behind the pointer.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const none) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}
