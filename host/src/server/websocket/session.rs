//! One open WebSocket: messages between its stream and its call, pings, and the closing handshake (RFC 6455 7, `W-12`–`W-24`).
//!
//! `connection.rs` runs it on the socket behind the wire guard, over HTTP/1, and a task of its own on a stream of HTTP/2. One task
//! reads and writes. Both pass through buffers of the thread, so that an idle session holds none. It reads on while the app has
//! room (`W-28`), and takes from the app while the client takes from it.

mod input;
mod output;

use std::future::poll_fn;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Duration, Instant};
use tungstenite::protocol::frame::coding::Control;

use super::end::SocketEnd;
use super::frame::write_control;
use super::keep_alive::{Due, KeepAlive};
use super::read::Reader;
use super::write::Writer;
use super::{Fault, Settings};
use crate::asgi::MARK;
use crate::asgi::websocket::{Close, LOST};
use crate::config::limits::WEBSOCKET_CLOSE;
use crate::server::access::Access;
use crate::server::wire::Alarm;

/// What is read at a time: many messages if they are small.
const READ_BYTES: usize = 64 * 1024;

/// What is written at a time: all that the credit of one exchange lets through (`G-20`), which is [`MARK`] and the message that
/// crosses it. With less, the last bytes of every four messages of 16 KiB were a write of their own and a client that woke up for
/// them, a fifth of what those messages cost. Of larger messages a part, which is large as well.
const WRITE_BYTES: usize = 2 * MARK;

/// A WebSocket from its accept to its end.
pub(in crate::server) struct Session<S> {
    stream: S,
    socket: SocketEnd,
    access: Access,
    reader: Reader,
    writer: Writer,
    /// Read, and not looked at: the app had no room.
    unread: Rest,
    /// Written, and not taken by the client.
    unsent: Rest,
    /// Control frames that stand before the next message.
    control: Vec<u8>,
    /// Our close frame, behind everything else.
    close: Option<Close>,
    stage: Stage,
    needs_flush: bool,
    keep_alive: KeepAlive,
    is_paused: bool,
    /// When the client must have taken something of what there is to write (`T-05`).
    write_deadline: Option<Instant>,
    stalled_write: Duration,
    alarm: Alarm,
}

/// Bytes of which the first have been dealt with.
#[derive(Debug, Default)]
struct Rest {
    bytes: Vec<u8>,
    done: usize,
}

/// How far it is with its end.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    Open,
    /// The app has closed it: until then the client may say that it has heard.
    Closing {
        until: Instant,
        close: Close,
    },
    /// Nothing more is read: what is queued goes out, the close frame last.
    Parting {
        until: Instant,
        linger: Duration,
    },
    /// Our side is shut: what the client still sends is thrown away, since closing over unread bytes would take back
    /// what it has not read yet.
    Leaving {
        until: Instant,
    },
    Done,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    pub(in crate::server) fn new(
        stream: S,
        accepted: Accepted,
        settings: &Settings,
        stalled_write: Duration,
    ) -> Self {
        let Accepted {
            socket,
            access,
            window_bits,
        } = accepted;
        let now = Instant::now();
        let keep_alive = KeepAlive::new(settings.ping_interval, settings.ping_timeout, now);
        let first = keep_alive.deadline();
        Self {
            stream,
            reader: Reader::new(socket.message_bytes_max(), window_bits.is_some()),
            writer: Writer::new(window_bits),
            socket,
            access,
            unread: Rest::default(),
            unsent: Rest::default(),
            control: Vec::new(),
            close: None,
            stage: Stage::Open,
            needs_flush: false,
            keep_alive,
            is_paused: false,
            write_deadline: None,
            stalled_write,
            alarm: Alarm::at(first.unwrap_or(now + WEBSOCKET_CLOSE)),
        }
    }

    /// Runs it to its end, the stream's included.
    pub(in crate::server) async fn run(mut self) {
        poll_fn(|cx| self.poll(cx)).await;
        let (code, failure) = self.socket.outcome();
        let word = match (failure, code) {
            (Some(failure), _) => failure.word(),
            (None, Some(LOST) | None) => "lost",
            (None, Some(_)) => "closed",
        };
        self.access.closed(word, code);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let read = self.poll_read(cx);
            let written = self.poll_write(cx);
            if self.stage == Stage::Done {
                return Poll::Ready(());
            }
            if self.is_late(cx) || read.is_ready() || written.is_ready() {
                continue;
            }
            return Poll::Pending;
        }
    }

    // ------------------------------------------------------------ ends

    /// The client has done what no client may.
    fn fail(&mut self, fault: Fault) {
        self.socket.closed(fault.code, fault.reason);
        // Where the app has closed it already, the client has our close frame.
        if self.stage == Stage::Open {
            self.close = Some(Close {
                code: fault.code,
                reason: fault.reason.to_owned(),
            });
        }
        // It may still be sending, and has to get there to read why.
        self.part(WEBSOCKET_CLOSE);
    }

    /// Nothing more is read.
    fn part(&mut self, linger: Duration) {
        let until = Instant::now() + WEBSOCKET_CLOSE;
        self.unread = Rest::default();
        self.stage = Stage::Parting { until, linger };
    }

    /// The stream is gone.
    fn lose(&mut self) {
        self.socket.closed(LOST, "");
        self.stage = Stage::Done;
    }

    // ------------------------------------------------------------ time

    /// The client takes nothing.
    fn stalls(&mut self) {
        let patience = self.stalled_write;
        self.write_deadline
            .get_or_insert_with(|| Instant::now() + patience);
    }

    /// Whether it is time for something, which has been done.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let deadline = match self.stage {
            Stage::Open => [self.keep_alive.deadline(), self.write_deadline]
                .into_iter()
                .flatten()
                .min(),
            Stage::Closing { until, .. }
            | Stage::Parting { until, .. }
            | Stage::Leaving { until } => Some(until),
            Stage::Done => None,
        };
        let Some(deadline) = deadline else {
            return false;
        };
        if !self.alarm.has_passed(deadline, cx) {
            return false;
        }
        let now = Instant::now();
        if self.stage != Stage::Open || self.write_deadline.is_some_and(|at| now >= at) {
            tracing::debug!("a WebSocket's client does not go on: it is dropped");
            self.lose();
            return true;
        }
        if self.is_paused {
            self.keep_alive.paused(now);
        }
        match self.keep_alive.due(now) {
            Due::Nothing => {}
            Due::Ping(payload) => write_control(&mut self.control, Control::Ping, &payload),
            Due::Gone => self.fail(Fault::NO_PONG),
        }
        true
    }
}

impl Rest {
    fn of(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            done: 0,
        }
    }

    fn left(&self) -> &[u8] {
        self.bytes.get(self.done..).unwrap_or_default()
    }

    fn is_empty(&self) -> bool {
        self.done >= self.bytes.len()
    }

    fn advance(&mut self, bytes: usize) {
        self.done += bytes;
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

/// A handshake that has been accepted, on its way to its session.
pub(in crate::server) struct Accepted {
    pub(in crate::server) socket: SocketEnd,
    pub(in crate::server) access: Access,
    /// If messages are compressed.
    pub(in crate::server) window_bits: Option<u8>,
}
