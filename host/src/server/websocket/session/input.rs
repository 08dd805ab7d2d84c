//! The reading half of a session: bytes of the client, and what they say.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use tungstenite::protocol::frame::coding::Control;

use super::super::Fault;
use super::super::frame::write_control;
use super::super::read::Said;
use super::{READ_BYTES, Rest, Session, Stage};
use crate::asgi::websocket::Close;
use crate::config::limits::LINGER;

/// Pongs that wait for the client to take something. Over it only the last ping is answered (RFC 6455 5.5.3).
const PONGS_BYTES_MAX: usize = 4096;

thread_local! {
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Reads once. Ready when there may be more.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.stage {
            Stage::Open if self.socket.poll_room(cx).is_pending() => {
                self.is_paused = true;
                return Poll::Pending;
            }
            Stage::Open | Stage::Closing { .. } | Stage::Leaving { .. } => {}
            Stage::Parting { .. } | Stage::Done => return Poll::Pending,
        }
        if std::mem::take(&mut self.is_paused) {
            self.keep_alive.paused(Instant::now());
        }
        if !self.unread.is_empty() {
            let mut rest = std::mem::take(&mut self.unread);
            rest.done += self.take(cx, rest.bytes.get_mut(rest.done..).unwrap_or_default());
            if !rest.is_empty() {
                self.unread = rest;
            }
            return Poll::Ready(());
        }
        READ.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            let read = Pin::new(&mut self.stream).poll_read(cx, &mut buffer);
            match read {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                // A client that closes its side without a close frame is lost as well (`W-14`).
                Poll::Ready(_) => self.lose(),
            }
            let bytes = buffer.filled_mut();
            let taken = self.take(cx, bytes);
            self.unread = Rest::of(bytes.get(taken..).unwrap_or_default());
            Poll::Ready(())
        })
    }

    /// Takes what came, as far as there is room for it: so many bytes.
    fn take(&mut self, cx: &mut Context<'_>, bytes: &mut [u8]) -> usize {
        let mut taken = 0;
        while taken < bytes.len() {
            match self.stage {
                Stage::Open if self.socket.poll_room(cx).is_pending() => return taken,
                Stage::Open | Stage::Closing { .. } => {}
                Stage::Parting { .. } | Stage::Leaving { .. } | Stage::Done => return bytes.len(),
            }
            match self.reader.read(bytes.get_mut(taken..).unwrap_or_default()) {
                Ok(step) => {
                    taken += step.read;
                    if let Some(said) = step.said {
                        self.heed(said);
                    }
                }
                Err(fault) => self.fail(fault),
            }
        }
        if self.stage == Stage::Open && !self.socket.assembles(self.reader.held()) {
            self.fail(Fault::TOO_BIG);
        }
        taken
    }

    fn heed(&mut self, said: Said) {
        match said {
            Said::Message(message) if self.stage == Stage::Open => self.socket.push(message),
            // The app has closed it, and reads no more (`W-15`).
            Said::Message(_) => {}
            Said::Ping(payload) => {
                if self.control.len() > PONGS_BYTES_MAX {
                    self.control.clear();
                }
                write_control(&mut self.control, Control::Pong, &payload);
            }
            Said::Pong(payload) => self.keep_alive.pong(&payload),
            Said::Close { code, reason } => {
                match &self.stage {
                    // It is the answer to ours, and need not say anything.
                    Stage::Closing { close, .. } if code == 1005 => {
                        self.socket.closed(close.code, &close.reason);
                    }
                    _ => self.socket.closed(code, &reason),
                }
                if self.stage == Stage::Open {
                    self.close = Some(Close {
                        code,
                        reason: String::new(),
                    });
                }
                self.part(LINGER);
            }
        }
    }
}
