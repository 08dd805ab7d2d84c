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

/// How often its log is looked at until then.
const LOOK: Duration = Duration::from_millis(20);

/// How to start a server.
#[derive(Clone)]
pub(crate) struct Program {
    /// Its name in tables.
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) args: Vec<OsString>,
}

/// One that runs, until it is dropped.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts it with port 0 and waits for its start line. What it says goes to a file: nobody has to read along
    /// while it is measured.
    pub(crate) async fn start(program: &Program, logs: &Path) -> anyhow::Result<Self> {
        let log = logs.join(format!("{}.log", program.name.replace([' ', ','], "-")));
        let child = Command::new(&program.path)
            .args(&program.args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("cannot start {}", program.path.display()))?;
        // From here on it is killed, whatever happens.
        let unset = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self {
            child,
            log,
            address: unset,
        };
        server.address = server.wait_for_start_line().await?;
        ensure!(
            proc::listens(server.child.id(), server.address.port())?,
            "another process listens at {}: it would be measured instead of {}",
            server.address,
            program.name
        );
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

    async fn wait_for_start_line(&mut self) -> anyhow::Result<SocketAddr> {
        let began = Instant::now();
        loop {
            let said = std::fs::read_to_string(&self.log)?;
            if let Some(address) = said.lines().find_map(start_line) {
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
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `NAME serves APP at http://ADDRESS (…)`.
fn start_line(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(" serves ")?;
    let (_, address) = rest.split_once("at http://")?;
    address.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_lines_of_both() {
        let address = |port| Some(SocketAddr::from(([127, 0, 0, 1], port)));
        let wasgi = "wasgi serves hello at http://127.0.0.1:4711 (1 instance; code cached in 2ms)";
        assert_eq!(start_line(wasgi), address(4711));
        assert_eq!(
            start_line("bare hyper serves at http://127.0.0.1:80"),
            address(80)
        );
        assert_eq!(start_line("INFO ready"), None);
    }
}
