//! A file as the body of a response (`E-02`): opened before the head goes out, read as fast as the client takes it.
//!
//! `request.rs` opens it when the app has said `pathsend`, and `body.rs` when it said so after its head had gone out;
//! `body.rs` polls the rest of it. Everything that blocks is
//! on the pool for files. At most two pieces of one response are in memory: one that is being written and the next.

use std::fs::File;
use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::asgi::send::Path;
use crate::wasm::Pool;
use crate::wasm::link::RequestId;

/// Read at once. Each piece is a change of threads; larger ones hardly save CPU and cost memory for each client.
const PIECE_BYTES: u64 = 128 * 1024;

/// A file that is there and long enough.
pub(super) struct Opened {
    /// The length of the body: what the app has announced, or all of it.
    pub(super) length: u64,
    /// The first piece; empty if no body is wanted.
    pub(super) first: Bytes,
    /// What follows the first piece.
    pub(super) rest: Option<Rest>,
}

/// It cannot be the body. The app's log has heard why.
pub(super) struct Unfit;

/// Opens the file of `path` and reads the first piece, unless only the length is wanted (HEAD, `M-04`). What a file has
/// beyond the announced length has grown meanwhile and is not sent.
///
/// # Errors
/// When there is no such file, or it is too short. Nothing of the body has been sent by then.
pub(super) async fn open(
    pool: Arc<Pool>,
    path: Path,
    is_head: bool,
    request_id: u64,
) -> Result<Opened, Unfit> {
    let name = Name {
        app: pool.app.name.clone(),
        request_id,
        path: path.path.clone(),
    };
    let work = spawn_blocking(move || {
        let (file, length) = find(&pool, &path)?;
        let first = read(&file, if is_head { 0 } else { length })?;
        Ok((file, length, first))
    });
    match work
        .await
        .unwrap_or_else(|stopped| Err(std::io::Error::other(stopped)))
    {
        Ok((file, length, first)) => {
            let left = length - first.len() as u64;
            let rest = (left > 0 && !is_head).then(|| Rest {
                file: Arc::new(file),
                left,
                reading: None,
                name,
            });
            Ok(Opened {
                length,
                first,
                rest,
            })
        }
        Err(error) => {
            name.report(&error);
            Err(Unfit)
        }
    }
}

/// The file and how much of it is sent.
fn find(pool: &Pool, path: &Path) -> std::io::Result<(File, u64)> {
    let (file, size) = pool.app.open_file(&path.path)?;
    match path.announced {
        Some(announced) if announced > size => Err(std::io::Error::other(format!(
            "`content-length` announced {announced} bytes and the file has {size}"
        ))),
        announced => Ok((file, announced.unwrap_or(size))),
    }
}

/// The part of a file that has not been sent. Dropping it closes the file, at the latest when a read that is under way
/// is done.
pub(super) struct Rest {
    file: Arc<File>,
    /// Bytes still to be given out.
    left: u64,
    reading: Option<Reading>,
    name: Name,
}

type Reading = JoinHandle<std::io::Result<Bytes>>;

/// The file is shorter than it was, or cannot be read any more. The app's log has heard of it.
pub(super) struct Short;

impl Rest {
    /// The next piece; none at the end.
    ///
    /// # Errors
    /// When there is less than the head has announced: the response is cut (`M-03`).
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Short>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let mut reading = self.reading.take().unwrap_or_else(|| self.read_on());
        let Poll::Ready(read) = Pin::new(&mut reading).poll(cx) else {
            self.reading = Some(reading);
            return Poll::Pending;
        };
        let read = read.unwrap_or_else(|stopped| Err(std::io::Error::other(stopped)));
        let why = match read {
            Ok(piece) if !piece.is_empty() => {
                self.left = self.left.saturating_sub(piece.len() as u64);
                if self.left > 0 {
                    // While the client is sent this one.
                    self.reading = Some(self.read_on());
                }
                return Poll::Ready(Some(Ok(piece)));
            }
            Ok(_) => std::io::Error::other(format!(
                "it became shorter while it was sent, by {} bytes",
                self.left
            )),
            Err(error) => error,
        };
        self.name.report(&why);
        Poll::Ready(Some(Err(Short)))
    }

    /// Whether all has been given out.
    pub(super) fn is_done(&self) -> bool {
        self.left == 0
    }

    fn read_on(&self) -> Reading {
        let (file, left) = (self.file.clone(), self.left);
        spawn_blocking(move || read(&file, left))
    }
}

/// What a file is called in the log.
struct Name {
    app: Arc<str>,
    request_id: u64,
    path: String,
}

impl Name {
    fn report(&self, why: &std::io::Error) {
        let request = RequestId(self.request_id);
        // The system's own text of an error names no path of the host.
        tracing::error!(app = &*self.app, %request, "pathsend of {:?}: {why}", self.path);
    }
}

/// Up to a piece of `left` bytes from where the last read has ended; fewer only at the end of the file.
fn read(mut file: &File, left: u64) -> std::io::Result<Bytes> {
    let length = left.min(PIECE_BYTES);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    file.by_ref().take(length).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}
