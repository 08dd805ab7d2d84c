//! Lines to stderr in batches, from a thread of their own.
//!
//! A server thread only copies its line. The writer is woken when there is a first line and collects for a moment, so
//! that a busy server pays for some hundred wake-ups and `write`s a second and not for one of each per request. The
//! buffer is bounded: lines that it has no room for are counted and owned up to.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// How long lines are collected before they are written.
const COLLECT: Duration = Duration::from_millis(10);

/// What is kept while stderr is slow, in bytes.
const BUFFER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Where lines go. Cheap to clone.
#[derive(Clone)]
pub(super) struct Lines(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// There is a first line, or no further one will come.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    buffer: Vec<u8>,
    lost: u64,
    closed: bool,
}

/// The thread that writes. When it is dropped, everything has been written.
pub(super) struct Writer {
    lines: Lines,
    thread: Option<JoinHandle<()>>,
}

impl Lines {
    /// Starts to write to `out`. Without a thread, lines are kept until the buffer is full and then lost.
    pub(super) fn to(out: impl Write + Send + 'static) -> (Self, Writer) {
        let lines = Self(Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
        }));
        let thread = std::thread::Builder::new().name("wasgi-log".into()).spawn({
            let lines = lines.clone();
            move || lines.write_all_to(out)
        });
        let writer = Writer {
            lines: lines.clone(),
            thread: thread.ok(),
        };
        (lines, writer)
    }

    fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.buffer.len() + line.len() > BUFFER_BYTES_MAX {
            state.lost += 1;
            return;
        }
        let first = state.buffer.is_empty();
        state.buffer.extend_from_slice(line);
        drop(state);
        if first {
            self.0.changed.notify_one();
        }
    }

    fn write_all_to(&self, mut out: impl Write) {
        let mut batch = Vec::new();
        loop {
            let waited = self.0.changed.wait_while(self.lock(), |state| {
                state.buffer.is_empty() && !state.closed
            });
            let state = waited.unwrap_or_else(PoisonError::into_inner);
            let collected = self
                .0
                .changed
                .wait_timeout_while(state, COLLECT, |state| !state.closed);
            let (mut state, _) = collected.unwrap_or_else(PoisonError::into_inner);
            batch.clear();
            std::mem::swap(&mut batch, &mut state.buffer);
            let (lost, closed) = (std::mem::take(&mut state.lost), state.closed);
            drop(state);
            // Nobody is left to be told when stderr is gone.
            let _ = out.write_all(&batch);
            if lost > 0 {
                let _ = writeln!(
                    out,
                    "{lost} lines of the log were lost: stderr was too slow for them"
                );
            }
            if closed {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes one formatted event, which comes in one `write`.
impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        self.clone()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.lines.lock().closed = true;
        self.lines.0.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Out(Arc<Mutex<Vec<u8>>>);

    impl Write for Out {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_is_written_before_the_writer_is_gone() {
        let out = Out::default();
        let (lines, writer) = Lines::to(out.clone());
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let mut lines = lines.clone();
                std::thread::spawn(move || {
                    for _ in 0..1000 {
                        lines.write_all(b"a line\n").unwrap();
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        drop(writer);
        let written = out.0.lock().unwrap().clone();
        assert_eq!(written, b"a line\n".repeat(4000));
    }

    #[test]
    fn what_does_not_fit_is_counted_and_owned_up_to() {
        let out = Out::default();
        let held = out.0.lock().unwrap();
        let (mut lines, writer) = Lines::to(out.clone());
        let line = vec![b'x'; 1024 * 1024];
        // The thread may have taken one batch before it waits for `out`.
        for _ in 0..16 {
            lines.write_all(&line).unwrap();
        }
        drop(held);
        drop(writer);
        let written = out.0.lock().unwrap();
        assert!(String::from_utf8_lossy(&written).contains("lines of the log were lost"));
    }
}
