//! A server under measurement: started here, proven to be the one that answers, and killed at the end.

use std::ffi::OsString;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::proc;

/// From the start of a process to its start line: eight hundred instances have to be ready by then.
const START: Duration = Duration::from_secs(60);

/// How often its log is looked at until then: how long the start took is known as exactly as this.
const LOOK: Duration = Duration::from_millis(1);

/// How to start a server.
#[derive(Clone)]
pub(crate) struct Program {
    /// Its name in tables.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) args: Vec<OsString>,
}

/// One that runs, until it is dropped.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From the start of the process to its start line.
    pub(crate) started_in: Duration,
}

impl Server {
    /// Starts it and waits for its start line. What it says goes to a file: nobody has to read along
    /// while it is measured.
    pub(crate) async fn start(program: &Program, logs: &Path) -> anyhow::Result<Self> {
        let log = logs.join(format!(
            "{}.log",
            program.name.replace([' ', ',', '/'], "-")
        ));
        // Some servers say it on stdout, some on stderr.
        let said = File::create(&log)?;
        let began = Instant::now();
        let child = Command::new(&program.path)
            .args(&program.args)
            // A run leaves nothing behind in the folders of the apps.
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            .spawn()
            .with_context(|| format!("cannot start {}", program.path.display()))?;
        // From here on it is killed, whatever happens.
        let unset = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self {
            child,
            log,
            address: unset,
            started_in: Duration::ZERO,
        };
        server.address = server.wait_until_it_listens().await?;
        server.started_in = began.elapsed();
        Ok(server)
    }

    /// Processor time that its threads have used so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        proc::cpu(self.child.id())
    }

    /// What it occupies.
    pub(crate) fn memory(&self) -> anyhow::Result<proc::Memory> {
        proc::memory(self.child.id())
    }

    async fn wait_until_it_listens(&mut self) -> anyhow::Result<SocketAddr> {
        let began = Instant::now();
        loop {
            let said = std::fs::read_to_string(&self.log)?;
            // Some say it before they do.
            if let Some(address) = start_line(&said)
                && let Some(ours) = proc::listens(self.child.id(), address.port())?
            {
                ensure!(
                    ours,
                    "another process listens at {address}: it would be measured"
                );
                return Ok(address);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended at once ({status}) and said:\n{said}");
            }
            ensure!(
                began.elapsed() < START,
                "no start line after {START:?}; it said:\n{said}"
            );
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // If it has ended by itself there is nothing to kill; the log tells why.
        let tree = proc::tree(self.child.id());
        let _ = self.child.kill();
        // Its children would be left behind.
        if let Some((_, children)) = tree.split_first()
            && !children.is_empty()
        {
            let pids = children.iter().map(u32::to_string);
            let _ = Command::new("kill").arg("-KILL").args(pids).status();
        }
        let _ = self.child.wait();
    }
}

/// Where a server says that it serves: `NAME serves APP at http://ADDRESS (…)` of wasgi and of the peer, `Uvicorn running
/// on http://ADDRESS (…)`, granian's `Listening at: http://ADDRESS`, wasmtime's `Serving HTTP on http://ADDRESS/`.
fn start_line(said: &str) -> Option<SocketAddr> {
    let serves = |line: &str| {
        let said = [" serves ", "running on", "Listening at", "Serving HTTP on"];
        said.iter().any(|word| line.contains(word))
    };
    said.lines().filter(|line| serves(line)).find_map(|line| {
        let (_, address) = line
            .split_once(" http://")
            .or_else(|| line.split_once(" https://"))?;
        let address = address.split_whitespace().next()?;
        address.trim_end_matches('/').parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_lines() {
        let address = |port| Some(SocketAddr::from(([127, 0, 0, 1], port)));
        let wasgi = "wasgi serves hello at http://127.0.0.1:4711 (1 instance; code cached in 2ms)";
        assert_eq!(start_line(wasgi), address(4711));
        assert_eq!(
            start_line("bare hyper serves at http://127.0.0.1:80"),
            address(80)
        );
        assert_eq!(
            start_line("INFO: up\nINFO:     Uvicorn running on http://127.0.0.1:81 (Press CTRL+C)"),
            address(81)
        );
        let granian = "[INFO] Listening at: http://127.0.0.1:82\n[INFO] Spawning worker-1";
        assert_eq!(start_line(granian), address(82));
        let wasmtime = "Serving HTTP on http://127.0.0.1:83/";
        assert_eq!(start_line(wasmtime), address(83));
        assert_eq!(start_line("INFO ready"), None);
    }
}
