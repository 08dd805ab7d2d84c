//! One connection: HTTP/1.1 or HTTP/2 by prior knowledge (`P-17`), its limits, and its end.
//!
//! hyper does the parsing; each of its limits is set here and nowhere else.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::proxy::Arrival;
use super::request::respond;
use super::route::Route;
use super::tls::{Protocol, Secured};
use super::{Settings, Shared, Stage};
use crate::config::limits::{HEAD_BYTES_MAX, HEAD_READ, HEADERS_MAX, STREAMS_MAX};

/// One stream's window, and what is buffered of one response: the mark of a call (`G-20`).
const H2_STREAM_BYTES: u32 = 64 * 1024;

/// All streams of a connection together.
const H2_CONNECTION_BYTES: u32 = 1024 * 1024;

/// An HTTP/2 client that does not answer a ping for this long is gone.
const H2_PING: Duration = Duration::from_secs(20);

/// What the requests of one connection share.
pub(super) struct Connection {
    pub(super) server: Arc<Shared>,
    /// The server thread that it lives on.
    pub(super) thread: usize,
    /// Where requests of that thread go.
    pub(super) route: Arc<Route>,
    pub(super) arrival: Arrival,
    /// On a TLS connection.
    pub(super) secured: Option<Secured>,
    seen: AtomicBool,
}

impl Connection {
    pub(super) fn new(
        server: Arc<Shared>,
        thread: usize,
        route: Arc<Route>,
        arrival: Arrival,
        secured: Option<Secured>,
    ) -> Arc<Self> {
        Arc::new(Self {
            server,
            thread,
            route,
            arrival,
            secured,
            seen: AtomicBool::new(false),
        })
    }

    /// A request has come.
    pub(super) fn seen(&self) {
        self.seen.store(true, Ordering::Relaxed);
    }
}

/// hyper's settings, the same for all connections: for clients of whom nothing is known, and for those who have said
/// what they speak (ALPN).
pub(super) struct Builders {
    any: auto::Builder<TokioExecutor>,
    http1: auto::Builder<TokioExecutor>,
    http2: auto::Builder<TokioExecutor>,
}

impl Builders {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            any: builder(settings),
            http1: builder(settings).http1_only(),
            http2: builder(settings).http2_only(),
        }
    }

    fn of(&self, protocol: Option<Protocol>) -> &auto::Builder<TokioExecutor> {
        match protocol {
            None => &self.any,
            Some(Protocol::Http1) => &self.http1,
            Some(Protocol::Http2) => &self.http2,
        }
    }
}

fn builder(settings: &Settings) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_READ)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX as usize)
        .auto_date_header(settings.headers.date)
        // Off: while a pipelined request waits it would hold back what a stream before it sends (`R-05`).
        .pipeline_flush(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .auto_date_header(settings.headers.date)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX)
        .initial_stream_window_size(H2_STREAM_BYTES)
        .initial_connection_window_size(H2_CONNECTION_BYTES)
        .max_send_buf_size(H2_STREAM_BYTES as usize)
        .keep_alive_interval(H2_PING)
        .keep_alive_timeout(H2_PING);
    builder
}

/// Serves one connection until it ends, or the server drains and it is idle.
pub(super) async fn serve(
    builders: &Builders,
    protocol: Option<Protocol>,
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    connection: Arc<Connection>,
    mut stage: watch::Receiver<Stage>,
) {
    let service = service_fn({
        let connection = connection.clone();
        move |request| respond(connection.clone(), request)
    });
    let mut http = pin!(
        builders
            .of(protocol)
            .serve_connection(TokioIo::new(io), service)
    );
    // Until its first head is complete hyper's own timeout may not have begun (`T-01`).
    let silent = async {
        tokio::time::sleep(HEAD_READ).await;
        if connection.seen.load(Ordering::Relaxed) {
            pending::<()>().await;
        }
    };
    let mut silent = pin!(silent);
    let draining = async {
        // An error means that the server is gone.
        let _ = stage.wait_for(|stage| *stage >= Stage::Draining).await;
    };
    let mut draining = pin!(draining);
    let mut asked = false;
    loop {
        tokio::select! {
            ended = http.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!("connection: {error}");
                }
                return;
            }
            () = silent.as_mut() => return,
            () = draining.as_mut(), if !asked => {
                asked = true;
                http.as_mut().graceful_shutdown();
            }
        }
    }
}
