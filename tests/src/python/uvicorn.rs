//! An app under uvicorn, natively: a process of its own, killed when dropped.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use super::copy_of;
use super::environment::native_python;
use crate::{Client, eventually};

/// uvicorn with uvloop and httptools.
#[derive(Debug)]
pub struct Uvicorn {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    address: SocketAddr,
}

impl Uvicorn {
    /// Serves an app of `tests/python`, on a port that the system chooses.
    ///
    /// # Panics
    /// When it does not start.
    #[track_caller]
    pub fn start(app: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(native_python())
            .args([
                "-m",
                "uvicorn",
                "main:app",
                "--host",
                "127.0.0.1",
                "--port",
                "0",
            ])
            .args([
                "--loop",
                "uvloop",
                "--http",
                "httptools",
                "--lifespan",
                "on",
            ])
            .args(["--no-access-log", "--no-use-colors"])
            .args(arguments)
            .current_dir(copy_of(app))
            .env_remove("VIRTUAL_ENV")
            .env_remove("PYTHONPATH")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("uvicorn");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let stderr = BufReader::new(child.stderr.take().expect("its stderr"));
        std::thread::spawn({
            let lines = lines.clone();
            move || {
                for line in stderr.lines().map_while(Result::ok) {
                    lines
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(line);
                }
            }
        });
        // It says itself where it listens: nobody else can have taken that port.
        let mut address = None;
        eventually("uvicorn serves", || {
            let said = lines.lock().unwrap_or_else(PoisonError::into_inner);
            address = said.iter().find_map(|line| {
                let (_, after) = line.split_once("Uvicorn running on http://")?;
                after.split_whitespace().next()?.parse().ok()
            });
            let ended = child.try_wait().expect("its status");
            assert!(
                ended.is_none(),
                "uvicorn ended with {ended:?}:\n{}",
                said.join("\n")
            );
            address.is_some()
        });
        Self {
            child,
            lines,
            address: address.expect("an address"),
        }
    }

    /// A new connection.
    pub fn client(&self) -> Client {
        Client::tcp(self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has said so far.
    pub fn stderr(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Uvicorn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
