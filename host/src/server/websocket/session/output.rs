//! The writing half of a session: what the app says, as many frames at a time as one write may have.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::super::frame::write_close;
use super::{Rest, Session, Stage, WRITE_BYTES};
use crate::asgi::websocket::{Close, Next};
use crate::config::limits::WEBSOCKET_CLOSE;

thread_local! {
    static WRITE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Writes what there is. Ready when something has gone.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if matches!(self.stage, Stage::Leaving { .. } | Stage::Done) {
            return Poll::Pending;
        }
        let wrote = if self.unsent.is_empty() {
            WRITE.with_borrow_mut(|out| {
                out.clear();
                self.fill(cx, out);
                if out.is_empty() {
                    return None;
                }
                let wrote = Pin::new(&mut self.stream).poll_write(cx, out);
                let taken = match wrote {
                    Poll::Ready(Ok(taken)) => taken,
                    _ => 0,
                };
                self.unsent = Rest::of(out.get(taken..).unwrap_or_default());
                Some(wrote)
            })
        } else {
            let left = self.unsent.left();
            let wrote = Pin::new(&mut self.stream).poll_write(cx, left);
            if let Poll::Ready(Ok(taken)) = wrote {
                self.unsent.advance(taken);
            }
            Some(wrote)
        };
        match wrote {
            Some(Poll::Ready(Ok(taken @ 1..))) => {
                self.access.sent(taken);
                self.needs_flush = true;
                self.write_deadline = None;
                Poll::Ready(())
            }
            Some(Poll::Ready(_)) => {
                self.lose();
                Poll::Ready(())
            }
            Some(Poll::Pending) => {
                self.stalls();
                Poll::Pending
            }
            None => self.poll_written(cx),
        }
    }

    /// Everything has been written: flushes, and shuts our side where nothing follows.
    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let stream = Pin::new(&mut self.stream);
        let done = match self.stage {
            Stage::Parting { .. } => stream.poll_shutdown(cx),
            _ if self.needs_flush => stream.poll_flush(cx),
            _ => return Poll::Pending,
        };
        match done {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => {
                self.lose();
                return Poll::Ready(());
            }
            Poll::Pending => {
                self.stalls();
                return Poll::Pending;
            }
        }
        self.needs_flush = false;
        self.write_deadline = None;
        if let Stage::Parting { linger, .. } = self.stage {
            let until = Instant::now() + linger;
            self.stage = Stage::Leaving { until };
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// What is to be sent, as far as one write may have it.
    fn fill(&mut self, cx: &mut Context<'_>, out: &mut Vec<u8>) {
        loop {
            if self.writer.is_between_frames() {
                out.append(&mut self.control);
                self.control = Vec::new();
            }
            self.writer.fill(out, WRITE_BYTES);
            if !self.writer.is_idle() || out.len() >= WRITE_BYTES {
                return;
            }
            if self.stage == Stage::Open {
                match self.socket.poll_outgoing(cx) {
                    Poll::Ready(Next::Message(payload)) => {
                        self.writer.begin(payload, out);
                        continue;
                    }
                    Poll::Ready(Next::Close(close)) => {
                        self.close = Some(close.clone());
                        let until = Instant::now() + WEBSOCKET_CLOSE;
                        self.stage = Stage::Closing { until, close };
                    }
                    Poll::Pending => {}
                }
            }
            if self.control.is_empty() {
                if let Some(Close { code, reason }) = self.close.take() {
                    write_close(out, code, &reason);
                }
                return;
            }
        }
    }
}
