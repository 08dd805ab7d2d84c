//! One connection: HTTP/1.1 behind the [wire guard](super::wire), or HTTP/2, and its end.
//!
//! `thread.rs` hands over what it has accepted. What stands before HTTP (PROXY protocol, TLS) does its work first and
//! makes an [`Accepted`] of it. hyper does the parsing; each of its limits is set here and nowhere else.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::time::Instant;

use super::abandoned::Abandoned;
use super::proxy::Arrival;
use super::request::respond;
use super::route::Route;
use super::streams::Streams;
use super::tls::{Protocol, Secured};
use super::websocket::{self, Session};
use super::wire::{self, Alarm, Guard, Transport};
use super::{Settings, Shared, Stage};
use crate::config::limits::{FAULTY_STREAMS_MAX, STREAMS_MAX, UNSEEN_RESETS_MAX};

/// One stream's window, and what is buffered of one response: the mark of a call (`G-20`).
const H2_STREAM_BYTES: u32 = 64 * 1024;

/// All streams of a connection together.
const H2_CONNECTION_BYTES: u32 = 1024 * 1024;

/// One frame: with the head's limit it also bounds how many CONTINUATIONs a head may take.
const H2_FRAME_BYTES: u32 = 16 * 1024;

/// An HTTP/2 client that does not answer a ping for this long is gone.
const H2_PING: Duration = Duration::from_secs(20);

/// hyper's smallest read buffer, and the one that it gets unless heads may be larger.
const H1_BUFFER_BYTES: usize = 64 * 1024;

/// A connection that is ready for HTTP.
pub(super) struct Accepted<S> {
    pub(super) socket: S,
    pub(super) arrival: Arrival,
    /// On a TLS connection.
    pub(super) secured: Option<Secured>,
    /// What the two have agreed on; else the first bytes tell (`P-17`).
    pub(super) protocol: Option<Protocol>,
}

/// What the requests of one connection share.
pub(super) struct Connection {
    pub(super) server: Arc<Shared>,
    /// The server thread that it lives on.
    pub(super) thread: usize,
    /// Where requests of that thread go.
    pub(super) route: Arc<Route>,
    pub(super) arrival: Arrival,
    pub(super) abandoned: Arc<Abandoned>,
    /// On a TLS connection.
    pub(super) secured: Option<Secured>,
    pub(super) wire: Arc<wire::Shared>,
    /// What it is to be when hyper has written its last head.
    websocket: Mutex<Option<websocket::Accepted>>,
}

impl Connection {
    /// It is a WebSocket when hyper has written the answer.
    pub(super) fn become_websocket(&self, accepted: websocket::Accepted) {
        *self.websocket() = Some(accepted);
    }

    fn websocket(&self) -> MutexGuard<'_, Option<websocket::Accepted>> {
        self.websocket
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a WebSocket that was accepted and never got its stream, because the connection's task was dropped before that: it
/// holds its connection, which holds it.
struct Ungiven(Arc<Connection>);

impl Drop for Ungiven {
    fn drop(&mut self) {
        let websocket = self.0.websocket().take();
        drop(websocket);
    }
}

/// A request of a connection, from its head until its response has ended, or the WebSocket that it has become.
pub(super) struct Exchange {
    connection: Arc<Connection>,
    pub(super) asks_for_websocket: bool,
}

impl Exchange {
    fn begin<B>(connection: Arc<Connection>, request: &Request<B>) -> Self {
        let asks_for_websocket = websocket::asks(request);
        connection.wire.begin(request, asks_for_websocket);
        Self {
            connection,
            asks_for_websocket,
        }
    }
}

impl std::ops::Deref for Exchange {
    type Target = Arc<Connection>;

    fn deref(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.wire.end(self.asks_for_websocket);
    }
}

/// hyper's settings, the same for all connections. Heads, their sizes and their deadlines are the guard's concern over
/// HTTP/1; what hyper has of it stays as a second wall.
pub(super) struct Http {
    http_1: http1::Builder,
    http_2: http2::Builder<Streams>,
}

impl Http {
    pub(super) fn new(settings: &Settings) -> Self {
        let sizes = &settings.wire.sizes;
        let date = settings.headers.date;
        let mut http_1 = http1::Builder::new();
        http_1
            .header_read_timeout(None)
            .half_close(settings.wire.half_close)
            .auto_date_header(date)
            .max_headers(sizes.headers_max)
            .max_buf_size(sizes.head_bytes_max.max(H1_BUFFER_BYTES))
            // Off: while a pipelined request waits it would hold back what a stream before it sends (`R-05`).
            .pipeline_flush(false);
        let mut http_2 = http2::Builder::new(Streams {
            patience: settings.wire.stalled_write,
        });
        http_2
            .timer(TokioTimer::new())
            .auto_date_header(date)
            .max_concurrent_streams(STREAMS_MAX)
            .enable_connect_protocol()
            .max_header_list_size(u32::try_from(sizes.head_bytes_max).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(UNSEEN_RESETS_MAX)
            .max_local_error_reset_streams(FAULTY_STREAMS_MAX)
            .max_frame_size(H2_FRAME_BYTES)
            .initial_stream_window_size(H2_STREAM_BYTES)
            .initial_connection_window_size(H2_CONNECTION_BYTES)
            .max_send_buf_size(H2_STREAM_BYTES as usize)
            .keep_alive_interval(H2_PING)
            .keep_alive_timeout(H2_PING);
        Self { http_1, http_2 }
    }

    /// Serves one connection until it ends, is idle for too long, or is idle and the server drains.
    pub(super) async fn serve<S: Transport>(
        &self,
        accepted: Accepted<S>,
        server: Arc<Shared>,
        thread: usize,
        route: Arc<Route>,
        stage: watch::Receiver<Stage>,
    ) {
        let wire = Arc::new(wire::Shared::new());
        let settings = &server.settings.wire;
        let times = Times {
            idle: settings.keep_alive,
            rest: settings.stalled_write,
        };
        let mut guard = Guard::new(accepted.socket, settings, wire.clone());
        let is_http_2 = match accepted.protocol {
            Some(protocol) => Some(protocol == Protocol::Http2),
            None => tokio::select! {
                is_http_2 = guard.is_http_2() => is_http_2,
                () = draining(stage.clone()) => None,
            },
        };
        let Some(is_http_2) = is_http_2 else {
            return;
        };
        let connection = Arc::new(Connection {
            server,
            thread,
            route,
            arrival: accepted.arrival,
            abandoned: Arc::default(),
            secured: accepted.secured,
            wire: wire.clone(),
            websocket: Mutex::default(),
        });
        let _unless_given = Ungiven(connection.clone());
        let service = service_fn(|request: Request<Incoming>| {
            respond(Exchange::begin(connection.clone(), &request), request)
        });
        if is_http_2 {
            guard.pass_all();
            wire.begin_idle();
            let http = self.http_2.serve_connection(TokioIo::new(guard), service);
            let finish = |http: Pin<&mut _>| http2::Connection::graceful_shutdown(http);
            drive(pin!(http), finish, &wire, times, stage).await;
        } else {
            let mut http = self.http_1.serve_connection(TokioIo::new(guard), service);
            let finish = |http: Pin<&mut _>| http1::Connection::graceful_shutdown(http);
            let ended = drive(Pin::new(&mut http), finish, &wire, times, stage).await;
            let mut guard = http.into_parts().io.into_inner();
            let websocket = connection.websocket().take();
            if let Some(accepted) = websocket {
                // hyper has had its head and nothing else.
                guard.pass_all();
                let settings = &connection.server.settings;
                let stalled = settings.wire.stalled_write;
                Session::new(guard, accepted, &settings.websocket, stalled)
                    .run()
                    .await;
            } else if ended == Ended::AfterAnAnswer {
                guard.close().await;
            }
        }
    }
}

async fn draining(mut stage: watch::Receiver<Stage>) {
    // An error means that the server is gone.
    let _ = stage.wait_for(|stage| *stage >= Stage::Draining).await;
}

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// It was idle: nobody waits for anything.
    Idle,
    /// The client may still be reading, or sending.
    AfterAnAnswer,
}

/// How long a connection may go on.
struct Times {
    /// Without a request (`T-03`).
    idle: Duration,
    /// After that, with what the client has not taken of the last responses: HTTP/2 keeps a piece of each (`T-05`).
    rest: Duration,
}

/// Polls hyper until the connection has ended. `finish` ends it after what is in flight.
async fn drive<F: Future<Output = hyper::Result<()>>>(
    mut http: Pin<&mut F>,
    finish: fn(Pin<&mut F>),
    wire: &wire::Shared,
    times: Times,
    stage: watch::Receiver<Stage>,
) -> Ended {
    let mut wanted = Wanted::new(wire, times.idle, &stage);
    let mut draining = pin!(draining(stage));
    let mut ended = Ended::AfterAnAnswer;
    let mut finishing = false;
    // When it ends, finished or not.
    let mut last: Option<(Instant, Alarm)> = None;
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(result) = http.as_mut().poll(cx) {
                if let Err(error) = result {
                    tracing::debug!("connection: {error}");
                }
                return Poll::Ready(());
            }
            if let Some((deadline, alarm)) = &mut last
                && alarm.has_passed(*deadline, cx)
            {
                return Poll::Ready(());
            }
            if finishing || wanted.poll(draining.as_mut(), cx).is_pending() {
                return Poll::Pending;
            }
            finishing = true;
            if !wire.is_busy() {
                ended = Ended::Idle;
                let deadline = Instant::now() + times.rest;
                last = Some((deadline, Alarm::at(deadline)));
            }
            finish(http.as_mut());
        }
    })
    .await;
    ended
}

/// Whether a connection is still wanted. It is looked at each time that something comes or goes, so it asks for little.
struct Wanted<'a> {
    wire: &'a wire::Shared,
    keep_alive: Duration,
    /// Rings when the connection may have been idle for too long, or before.
    idle: Alarm,
    /// Tells cheaply whether the stage is another.
    stage: watch::Receiver<Stage>,
    /// Whom the stage wakes when it is.
    waker: Option<Waker>,
}

impl<'a> Wanted<'a> {
    fn new(wire: &'a wire::Shared, keep_alive: Duration, stage: &watch::Receiver<Stage>) -> Self {
        let mut stage = stage.clone();
        stage.mark_unchanged();
        Self {
            wire,
            keep_alive,
            idle: Alarm::at(Instant::now() + keep_alive),
            stage,
            waker: None,
        }
    }

    /// Ready when it is wanted no longer.
    fn poll(
        &mut self,
        draining: Pin<&mut impl Future<Output = ()>>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let known = self.waker.as_ref();
        if !known.is_some_and(|waker| waker.will_wake(cx.waker()))
            || self.stage.has_changed().unwrap_or(true)
        {
            self.waker = Some(cx.waker().clone());
            if draining.poll(cx).is_ready() {
                return Poll::Ready(());
            }
        }
        while self.idle.rings(cx) {
            let now = Instant::now();
            let end = self.wire.idle_since().unwrap_or(now) + self.keep_alive;
            if now >= end {
                return Poll::Ready(());
            }
            self.idle.set(end);
        }
        Poll::Pending
    }
}
