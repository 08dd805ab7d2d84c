//! The guard itself: a stream around a stream, which hyper reads and writes instead of the socket.
//!
//! A head that comes whole in one read stays where it was read to and is looked at once. One that does not is held here
//! until it is whole. A body passes untouched.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::coop;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;

use super::{Alarm, Machine, Settings, Shared, Then};
use crate::config::limits::{EAGER_BYTES_MAX, LINGER, LINGER_BYTES_MAX};

/// How HTTP/2 begins where nothing else has said so (`P-17`, RFC 9113 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The first read of a connection: most heads fit.
const FIRST_READ_BYTES: usize = 2048;

/// What counts like one further read or write.
const TURN_BYTES: usize = 1024;

/// What carries a connection: a socket, or TLS on one.
pub(in crate::server) trait Transport:
    AsyncRead + AsyncWrite + Unpin + Send + 'static
{
    /// Dropping it from now on throws away what the client has not taken, and says so to it (RST).
    fn abort(&self);
}

impl Transport for TcpStream {
    fn abort(&self) {
        // Where it fails there is nothing left to abort.
        let _ = socket2::SockRef::from(self).set_linger(Some(Duration::ZERO));
    }
}

impl Transport for UnixStream {
    fn abort(&self) {}
}

impl<S: Transport> Transport for TlsStream<S> {
    fn abort(&self) {
        self.get_ref().0.abort();
    }
}

/// What stands between a socket and hyper.
pub(in crate::server) struct Guard<S> {
    socket: S,
    /// None: bytes pass as they are (HTTP/2).
    machine: Option<Machine>,
    shared: Arc<Shared>,
    stalled_write: Duration,
    head: Duration,
    /// Read, and not given to hyper yet.
    held: BytesMut,
    /// So many of them, from the first, are hyper's.
    cleared: usize,
    /// The machine has not looked at the others.
    unseen: bool,
    reading: Reading,
    /// When the first byte must have come, or all of a head that has begun.
    head_deadline: Option<Instant>,
    /// When the socket must have taken something of what there is to write.
    write_deadline: Option<Instant>,
    alarm: Alarm,
}

/// What there is to read from now on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// What the client sends.
    Open,
    /// Nothing: the last request has been refused, and is being answered.
    Refused,
    /// An error: the body is no HTTP.
    Broken,
    /// The end.
    Ended,
}

impl<S: Transport> Guard<S> {
    /// Guards a connection from its first byte.
    pub(in crate::server) fn new(socket: S, settings: &Settings, shared: Arc<Shared>) -> Self {
        let deadline = Instant::now() + settings.head;
        Self {
            socket,
            machine: Some(Machine::new(settings.sizes.clone())),
            shared,
            stalled_write: settings.stalled_write,
            head: settings.head,
            held: BytesMut::new(),
            cleared: 0,
            unseen: false,
            reading: Reading::Open,
            head_deadline: Some(deadline),
            write_deadline: None,
            alarm: Alarm::at(deadline),
        }
    }

    /// From now on bytes pass as they are.
    pub(in crate::server) fn pass_all(&mut self) {
        self.machine = None;
        self.cleared = self.held.len();
        self.unseen = false;
        self.head_deadline = None;
    }

    /// Reads as far as it takes to see whether it is HTTP/2; none when nothing came (`T-01`).
    pub(in crate::server) async fn is_http_2(&mut self) -> Option<bool> {
        std::future::poll_fn(|cx| self.poll_is_http_2(cx)).await
    }

    fn poll_is_http_2(&mut self, cx: &mut Context<'_>) -> Poll<Option<bool>> {
        loop {
            if self.held.len() >= PREFACE.len() {
                return Poll::Ready(Some(self.held.starts_with(PREFACE)));
            }
            if !PREFACE.starts_with(&self.held) {
                return Poll::Ready(Some(false));
            }
            let mut bytes = [0; FIRST_READ_BYTES];
            let mut read = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.socket).poll_read(cx, &mut read) {
                Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                    if self.held.is_empty() {
                        self.head_deadline = Some(Instant::now() + self.head);
                    }
                    self.held.extend_from_slice(read.filled());
                    self.unseen = true;
                }
                Poll::Ready(_) => return Poll::Ready(None),
                Poll::Pending => {
                    let deadline = self.head_deadline;
                    if deadline.is_some_and(|at| self.alarm.has_passed(at, cx)) {
                        // What has come is the beginning of a head, and it will be found late.
                        return Poll::Ready((!self.held.is_empty()).then_some(false));
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    /// Ends the connection in stages (RFC 9112 9.6): what the client still sends is thrown away for a while, since
    /// closing over unread bytes would take back what it has not read yet.
    pub(in crate::server) async fn close(mut self) {
        if self.reading == Reading::Ended {
            return;
        }
        self.held = BytesMut::with_capacity(FIRST_READ_BYTES);
        let drain = async {
            self.socket.shutdown().await?;
            let mut read = 0;
            while read < LINGER_BYTES_MAX {
                self.held.clear();
                match self.socket.read_buf(&mut self.held).await? {
                    0 => break,
                    more => read += more,
                }
            }
            Ok::<_, io::Error>(())
        };
        // A client that is gone, or that does not stop in time, has had its answer.
        let _ = tokio::time::timeout(LINGER, drain).await;
    }

    /// Gives hyper what is its own of the held bytes.
    fn give(&mut self, buf: &mut ReadBuf<'_>) {
        let given = self.cleared.min(buf.remaining());
        buf.put_slice(self.held.get(..given).unwrap_or_default());
        self.held.advance(given);
        self.cleared -= given;
        if self.held.is_empty() {
            // Its memory is of use to nobody while the connection is idle.
            self.held = BytesMut::new();
        }
    }

    /// Looks at the held bytes.
    fn judge(&mut self) {
        self.unseen = false;
        if let Some(machine) = &mut self.machine {
            let fed = machine.feed(&self.held);
            self.cleared = fed.pass;
            self.heed(fed.then);
        }
    }

    /// Does what the machine says about the held bytes behind those that are hyper's.
    fn heed(&mut self, then: Then) {
        let begun = then == Then::Hold { begun: true };
        if begun {
            // From its first byte, or from the one that made the connection (`T-02`).
            let head = self.head;
            self.head_deadline
                .get_or_insert_with(|| Instant::now() + head);
        } else if !matches!(then, Then::Hold { .. }) {
            self.head_deadline = None;
        }
        self.shared.set_head_begun(begun);
        match then {
            Then::More | Then::Hold { .. } => {}
            Then::Asked => self.shared.ask(),
            Then::Refuse { verdict, stand_in } => {
                self.shared.refuse(verdict);
                self.held.truncate(self.cleared);
                self.held.extend_from_slice(&stand_in);
                self.cleared = self.held.len();
                self.reading = Reading::Refused;
            }
            Then::Break(why) => {
                tracing::debug!("request body: {why}");
                self.held.truncate(self.cleared);
                self.reading = Reading::Broken;
            }
        }
    }

    /// What has just been read to `buf` behind its first `before` bytes: keeps there what is hyper's.
    fn sort(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        let Some(machine) = &mut self.machine else {
            return;
        };
        let read = buf.filled().get(before..).unwrap_or_default();
        if self.held.is_empty() {
            let fed = machine.feed(read);
            if fed.then != Then::More {
                self.held
                    .extend_from_slice(read.get(fed.pass..).unwrap_or_default());
                buf.set_filled(before + fed.pass);
                self.heed(fed.then);
            } else if self.head_deadline.is_some() {
                self.heed(fed.then);
            }
        } else {
            self.held.extend_from_slice(read);
            buf.set_filled(before);
            self.judge();
        }
    }

    /// It is not known yet how it goes on: keeps what an eager client sends, for whom it will be for (`W-27`), and sees
    /// when the client goes (`W-18`).
    fn poll_eager(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; FIRST_READ_BYTES];
        while self.held.len() < EAGER_BYTES_MAX {
            let mut read = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.socket).poll_read(cx, &mut read) {
                Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                    self.held.extend_from_slice(read.filled());
                }
                Poll::Ready(read) => {
                    self.reading = Reading::Ended;
                    return Poll::Ready(read);
                }
                Poll::Pending => break,
            }
        }
        Poll::Pending
    }

    /// Nothing can be read now: whether it is too late, and something has been done about it.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(deadline) = self.head_deadline else {
            return false;
        };
        if !self.alarm.has_passed(deadline, cx) {
            return false;
        }
        self.head_deadline = None;
        match &mut self.machine {
            Some(machine) if !matches!(&*self.held, b"" | b"\r" | b"\r\n") => {
                let then = machine.give_up(&self.held);
                self.heed(then);
            }
            // Nothing has come: there is nobody to answer (`T-01`).
            _ => self.reading = Reading::Ended,
        }
        true
    }

    /// After a try to write bytes: as [`Guard::wrote`], and what went counts in the turn of its task.
    fn sent(
        &mut self,
        sent: Poll<io::Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = &sent {
            take_turn(*count, cx);
        }
        self.wrote(sent, cx)
    }

    /// After a try to write: what came of it, unless the client has taken nothing for too long (`T-05`).
    fn wrote<T>(
        &mut self,
        wrote: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            if self.write_deadline.is_some() {
                self.write_deadline = None;
            }
            return wrote;
        }
        let patience = self.stalled_write;
        let deadline = *self
            .write_deadline
            .get_or_insert_with(|| Instant::now() + patience);
        if !self.alarm.has_passed(deadline, cx) {
            return Poll::Pending;
        }
        self.reading = Reading::Ended;
        self.socket.abort();
        tracing::debug!("the client takes nothing: its connection is aborted");
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

/// So many bytes have passed: they count in the turn that a task has before others have theirs, and connections are looked at.
/// tokio counts reads and writes, 128 of which are a turn; here that is 128 KiB, or about 50 µs. Without it a connection
/// that carries large pieces would have a hundred times the share of its thread that one with small pieces has.
fn take_turn(bytes: usize, cx: &mut Context<'_>) {
    for _ in 0..bytes / TURN_BYTES {
        if !coop::has_budget_remaining() {
            return;
        }
        if let Poll::Ready(unit) = coop::poll_proceed(cx) {
            unit.made_progress();
        }
    }
}

impl<S: Transport> AsyncRead for Guard<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.cleared > 0 {
                this.give(buf);
                return Poll::Ready(Ok(()));
            }
            match this.reading {
                Reading::Open => {}
                // The answer ends it; nothing wakes this.
                Reading::Refused => return Poll::Pending,
                Reading::Broken => return Poll::Ready(Err(ErrorKind::InvalidData.into())),
                Reading::Ended => return Poll::Ready(Ok(())),
            }
            if let Some(machine) = &mut this.machine
                && machine.has_asked()
            {
                if !this.shared.goes_on(cx) {
                    return this.poll_eager(cx);
                }
                machine.go_on();
                this.unseen = !this.held.is_empty();
            }
            if this.unseen {
                this.judge();
                continue;
            }
            let before = buf.filled().len();
            match Pin::new(&mut this.socket).poll_read(cx, buf) {
                Poll::Ready(read) => read?,
                Poll::Pending if this.is_late(cx) => continue,
                Poll::Pending => return Poll::Pending,
            }
            if buf.filled().len() == before {
                this.reading = Reading::Ended;
                return Poll::Ready(Ok(()));
            }
            take_turn(buf.filled().len() - before, cx);
            this.sort(buf, before);
            if buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: Transport> AsyncWrite for Guard<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.socket).poll_write(cx, bytes);
        this.sent(wrote, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.socket).poll_write_vectored(cx, slices);
        this.sent(wrote, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.socket).poll_flush(cx);
        this.wrote(flushed, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.socket).poll_shutdown(cx);
        this.wrote(shut, cx)
    }
}

#[cfg(test)]
mod tests;
