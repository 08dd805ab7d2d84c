//! The harness: whole servers in-process, the real binary, clients that speak bytes, and what the log said.
//!
//! A test builds a [`Serve`], starts it on port 0, talks to it through a [`Client`] (HTTP/1 as bytes) or [`H2`], and
//! reads the lines that its app has caused. Everything stops when it is dropped. Nothing here asserts: the tests in
//! `it/` do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a harness fails by panicking: its caller is a test"
)]

mod client;
mod dice;
pub mod frames;
mod h2client;
mod logs;
mod many;
mod neighbour;
mod node;
mod program;
mod python;
mod response;
mod serve;
mod tls;
pub mod websocket;

use std::path::Path;
use std::time::{Duration, Instant};

pub use client::Client;
pub use dice::{Dice, noise};
pub use h2client::{Body, Gone, H2, Reply};
pub use logs::Line;
pub use many::{Host, Hosted, Many};
pub use neighbour::Neighbour;
pub use node::Node;
pub use program::{Finished, Program, wasgi};
pub use python::{PythonFolder, Uvicorn, native_python, python_app};
pub use response::Response;
pub use serve::{Running, Serve, cache_folder, target_folder};
pub use tls::{Authority, Certificate, Secure};
pub use websocket::{Seen, WebSocket};

/// A component that `build.rs` has made.
#[derive(Clone, Copy, Debug)]
pub struct Guest {
    /// Its name: the file's in `guests/src/bin`, or the app's folder.
    pub name: &'static str,
    /// Where the component is.
    pub path: &'static str,
}

impl Guest {
    /// Where the component is.
    pub fn path(&self) -> &'static Path {
        Path::new(self.path)
    }
}

include!(concat!(env!("OUT_DIR"), "/guests.rs"));

/// How long anything may take that has to happen. Tests never assert that something is quick: this only ends a test
/// that would hang.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `condition` holds.
///
/// # Panics
/// When it does not hold in time.
#[track_caller]
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(
            started.elapsed() < PATIENCE,
            "it did not happen in time: {what}"
        );
        pause(Duration::from_millis(5));
    }
}

/// Lets time pass, where a test shows that something does *not* happen.
#[allow(
    clippy::disallowed_methods,
    reason = "a test's own thread; the server under test has threads of its own"
)]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Runs a future on a runtime of its own.
///
/// # Panics
/// When it takes longer than [`PATIENCE`].
pub fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, future)
            .await
            .expect("it takes too long")
    })
}

/// Resident memory of a process, in bytes.
///
/// # Panics
/// When there is no such process.
pub fn resident_bytes(pid: u32) -> u64 {
    status_bytes(pid, "VmRSS:")
}

/// The most that it has ever been.
///
/// # Panics
/// When there is no such process.
pub fn most_resident_bytes(pid: u32) -> u64 {
    status_bytes(pid, "VmHWM:")
}

fn status_bytes(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

/// A folder that is removed when it is dropped.
#[derive(Debug)]
pub struct Folder(std::path::PathBuf);

impl Folder {
    /// A new empty folder outside the repository.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn new(name: &str) -> Self {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("wasgi-{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.join(name)
    }

    /// Writes a file into it.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> std::path::PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
