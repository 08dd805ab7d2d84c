//! A guest's stdout and stderr as lines of the app's log (`G-24`).
//!
//! Each line says which app and instance wrote it, and for which request if the guest has said so (`enter` of the
//! contract). Lines are cut and rated, so that a flood costs its author the lines and nobody else anything.

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::link::{Link, RequestId};
use crate::telemetry::is_control;

/// A longer line is cut into several.
const LINE_BYTES_MAX: usize = 8 * 1024;

/// What one stream of one instance may write in [`WINDOW`]; the rest is counted and dropped.
const WINDOW_BYTES_MAX: usize = 256 * 1024;

/// See [`WINDOW_BYTES_MAX`].
const WINDOW_LINES_MAX: usize = 1000;

const WINDOW: Duration = Duration::from_secs(1);

/// One of the two streams of an instance.
#[derive(Clone)]
pub(super) struct GuestLog {
    link: Arc<Link>,
    stream: &'static str,
    lines: Arc<Mutex<Lines>>,
}

struct Lines {
    /// The line that has begun.
    open: Vec<u8>,
    since: Instant,
    bytes: usize,
    count: usize,
    dropped: usize,
}

impl GuestLog {
    pub(super) fn new(link: Arc<Link>, stream: &'static str) -> Self {
        Self {
            link,
            stream,
            lines: Arc::new(Mutex::new(Lines {
                open: Vec::new(),
                since: Instant::now(),
                bytes: 0,
                count: 0,
                dropped: 0,
            })),
        }
    }

    fn write_bytes(&self, bytes: &[u8]) {
        self.link
            .printed_bytes
            .fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let mut rest = part;
            while !rest.is_empty() {
                let room = LINE_BYTES_MAX.saturating_sub(lines.open.len()).max(1);
                let (piece, later) = rest.split_at(rest.len().min(room));
                lines.open.extend_from_slice(piece);
                let whole = lines.open.last() == Some(&b'\n');
                if whole || lines.open.len() >= LINE_BYTES_MAX {
                    self.emit(&mut lines);
                }
                rest = later;
            }
        }
    }

    fn emit(&self, lines: &mut Lines) {
        let line = std::mem::take(&mut lines.open);
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        if line.is_empty() {
            return;
        }
        let now = Instant::now();
        if now.saturating_duration_since(lines.since) >= WINDOW {
            self.confess(lines);
            (lines.since, lines.bytes, lines.count) = (now, 0, 0);
        }
        if lines.count >= WINDOW_LINES_MAX || lines.bytes + line.len() > WINDOW_BYTES_MAX {
            lines.dropped += 1;
            return;
        }
        lines.count += 1;
        lines.bytes += line.len();
        let (app, instance, stream) = (&*self.link.app, self.link.number, self.stream);
        // Control characters of a guest must not reach an operator's terminal.
        let text = String::from_utf8_lossy(line).replace(is_control, "\u{fffd}");
        match self.link.current_request() {
            Some(id) => {
                tracing::info!(target: "wasgi::guest", app, instance, stream, request = %RequestId(id), "{text}");
            }
            None => tracing::info!(target: "wasgi::guest", app, instance, stream, "{text}"),
        }
    }

    fn confess(&self, lines: &mut Lines) {
        let dropped = std::mem::take(&mut lines.dropped);
        if dropped > 0 {
            let (app, instance, stream) = (&*self.link.app, self.link.number, self.stream);
            tracing::warn!(target: "wasgi::guest", app, instance, stream, "{dropped} lines dropped: more than {WINDOW_LINES_MAX} lines or 256 KiB in a second");
        }
    }
}

impl Drop for GuestLog {
    fn drop(&mut self) {
        // The last of the clones writes what has begun: a panic message need not end with a newline.
        if Arc::strong_count(&self.lines) == 1 {
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            if !lines.open.is_empty() {
                self.emit(&mut lines);
            }
            self.confess(&mut lines);
        }
    }
}

impl IsTerminal for GuestLog {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestLog {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for GuestLog {
    async fn ready(&mut self) {}
}

impl OutputStream for GuestLog {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.write_bytes(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(LINE_BYTES_MAX)
    }
}

impl AsyncWrite for GuestLog {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.write_bytes(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
