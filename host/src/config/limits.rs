//! Every limit of the host: its name, its unit, its default and the reason for it.
//!
//! `wasgi.toml` overrides some of them per app ([`Limits::of`]). `wasm/` and `server/` take plain values from
//! here; nothing else in the host has a number of its own that bounds an app or a client.

use std::time::Duration;

use super::instances::Instances;
use super::manifest::{Build, LimitOverrides, Manifest};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// What an app, and a client, may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of one instance, in bytes. 128 MiB: a Rust app needs a few, a leak shows early. 256 MiB for
    /// Python, whose interpreter and libraries take 40 before the app does anything.
    pub memory_bytes_max: usize,
    /// Calls at the same time in one instance. 1,000: a call costs the host a few KiB, an idle stream nothing else.
    pub calls_max: usize,
    /// Requests that wait for a place in an instance, of all clients together; one client has at most as many places as are
    /// still free. 503 over it. 1,024: an instance's worth, and some MiB of heads.
    pub queued_calls_max: usize,
    /// How long each of them waits (`G-13`); 503 after it. 10 s: people wait no longer, and a new instance is there by then.
    pub queued: Duration,
    /// Request body, in bytes; more is answered with 413. 16 MiB, as nginx-like proxies have it.
    pub request_body_bytes_max: u64,
    /// Computing without a pause: what an instance may burn before it comes back to `exchange`. 10 s: far above
    /// what a request should take, and its siblings wait for it.
    pub cpu: Duration,
    /// From `lifespan.startup` to the answer (`L-08`). 30 s: migrations and warm caches fit.
    pub startup: Duration,
    /// From `lifespan.shutdown` to the answer (`L-12`). 10 s, as process supervisors give.
    pub shutdown: Duration,
    /// From the call to `http.response.start` (`G-12`); 504 after it. 60 s, as proxies have it.
    pub first_response: Duration,
    /// The whole request, if it is asked for. Streams are legal, so there is no default.
    pub request: Option<Duration>,
    /// The client sends nothing although the app waits for its body (`T-04`). 30 s.
    pub stalled_read: Duration,
    /// From the client's leaving until the app is done with the call (`G-10`); the instance is replaced after it. 5 s: an app
    /// hears of it at once, and whatever else it does holds a place and memory for nobody.
    pub disconnect_grace: Duration,
    /// Work after the complete response (`G-11`); the instance is replaced after it. 60 s, as for a first response.
    pub background: Duration,
    /// What calls in flight get when the server, or their instance, stops (`G-14`). 30 s.
    pub drain: Duration,
    /// WebSockets that one instance has accepted and that are open; they do not count as `calls_max` does, because they
    /// are idle for most of their time. 10,000: as many as connections of a thread.
    pub websockets_max: usize,
    /// One WebSocket message, either way, assembled and decompressed, in bytes (`W-23`); 1009 over it. 16 MiB, as a request
    /// body.
    pub websocket_message_bytes_max: usize,
    /// From a WebSocket's handshake to the app's answer (`T-08`); 504 after it. 10 s: there is no page to be made.
    pub websocket_accept: Duration,
    /// How its instances are used, how many there are, and when one has had its time.
    pub instances: Instances,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 128 * MIB,
            calls_max: 1000,
            queued_calls_max: 1024,
            queued: Duration::from_secs(10),
            request_body_bytes_max: 16 * MIB as u64,
            cpu: Duration::from_secs(10),
            startup: Duration::from_secs(30),
            shutdown: Duration::from_secs(10),
            first_response: Duration::from_secs(60),
            request: None,
            stalled_read: Duration::from_secs(30),
            disconnect_grace: Duration::from_secs(5),
            background: Duration::from_secs(60),
            drain: Duration::from_secs(30),
            websockets_max: CONNECTIONS_MAX,
            websocket_message_bytes_max: 16 * MIB,
            websocket_accept: Duration::from_secs(10),
            instances: Instances::default(),
        }
    }
}

impl Limits {
    /// The defaults of the app's language with what its manifest changes.
    #[must_use]
    pub fn of(manifest: &Manifest) -> Self {
        let overrides = &manifest.limits;
        let default = Self::default();
        Self {
            memory_bytes_max: Self::memory(&manifest.build, overrides),
            calls_max: overrides
                .max_concurrent_calls
                .map_or(default.calls_max, |calls| calls as usize),
            queued_calls_max: overrides
                .max_queued_calls
                .map_or(default.queued_calls_max, |calls| calls as usize),
            queued: overrides.queued.unwrap_or(default.queued),
            request_body_bytes_max: overrides
                .request_body
                .unwrap_or(default.request_body_bytes_max),
            cpu: overrides.cpu.unwrap_or(default.cpu),
            startup: overrides.startup.unwrap_or(default.startup),
            shutdown: overrides.shutdown.unwrap_or(default.shutdown),
            first_response: overrides.first_response.unwrap_or(default.first_response),
            request: overrides.request.or(default.request),
            stalled_read: overrides.stalled_read.unwrap_or(default.stalled_read),
            disconnect_grace: overrides
                .disconnect_grace
                .unwrap_or(default.disconnect_grace),
            background: overrides.background.unwrap_or(default.background),
            drain: overrides.drain.unwrap_or(default.drain),
            websockets_max: overrides
                .max_websockets
                .map_or(default.websockets_max, |calls| calls as usize),
            websocket_message_bytes_max: overrides
                .websocket_message
                .map_or(default.websocket_message_bytes_max, |bytes| {
                    usize::try_from(bytes).unwrap_or(usize::MAX)
                }),
            websocket_accept: overrides
                .websocket_accept
                .unwrap_or(default.websocket_accept),
            instances: Instances::of(&manifest.instances),
        }
    }

    /// Linear memory of one instance, in bytes.
    pub(super) fn memory(build: &Build, overrides: &LimitOverrides) -> usize {
        let default = match build {
            Build::Python(_) => 256 * MIB,
            Build::Rust(_) => Self::default().memory_bytes_max,
        };
        let said = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
        overrides.memory.map_or(default, said)
    }
}

/// A deadline that has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// Its name in the manifest.
    pub name: &'static str,
    /// What it is set to.
    pub time: Duration,
}

impl std::fmt::Display for Deadline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, time } = self;
        write!(
            f,
            "the deadline `{name}` passed: it had {time:?}; `{name}` below [limits] in wasgi.toml gives it longer"
        )
    }
}

// Bounds of the front door, the same for every app: a client meets them before any app is chosen.

/// Request head, in bytes: what browsers and proxies stay below. 431 over it (`P-12`). `--limit-head-bytes`.
pub const HEAD_BYTES_MAX: usize = 64 * KIB;
/// Request header fields. 431 over it (`P-13`). `--limit-headers`. The most for which hyper needs no memory of its own:
/// above, it asks for 8 KiB for each request, however few fields that has.
pub const HEADERS_MAX: usize = 100;
/// Request target, in bytes. 414 over it (`P-14`). `--limit-target-bytes`.
pub const TARGET_BYTES_MAX: usize = 16 * KIB;
/// Chunk extensions and trailers of one request body together, in bytes: nobody reads them. 400 over it (`P-11`).
pub const CHUNK_EXTRA_BYTES_MAX: usize = 8 * KIB;
/// From the connection to its first byte (`T-01`), and from the first byte of a head to its end (`T-02`).
/// `--timeout-head`. A header of the PROXY protocol has the default before that.
pub const HEAD_READ: Duration = Duration::from_secs(10);
/// From the connection to the end of its TLS handshake (`T-07`), unless `--timeout-tls-handshake` says otherwise.
pub const TLS_HANDSHAKE: Duration = Duration::from_secs(10);
/// What a header of the PROXY protocol, version 2, may have behind its first 16 bytes: addresses, names, perhaps a
/// certificate. From trusted peers only; the connection is closed over it.
pub const PROXY_HEADER_BYTES_MAX: usize = 16 * KIB;
/// A connection that is kept without a request (`T-03`), as nginx has it. `--timeout-keep-alive`.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// The client takes nothing of what there is to write (`T-05`). `--timeout-stalled-write`.
pub const STALLED_WRITE: Duration = Duration::from_secs(60);
/// A connection that ends after an answer is read for this long, or so many bytes, so that the client can read the
/// answer before it hears that nobody listens any more (RFC 9112 9.6).
pub const LINGER: Duration = Duration::from_secs(2);
/// See [`LINGER`].
pub const LINGER_BYTES_MAX: usize = MIB;
/// A held `http.response.start` goes out after this (`R-04`).
pub const HEAD_HOLD: Duration = Duration::from_millis(50);
/// A ping of ours to a WebSocket's client each so often (`W-22`), so that a dead one is found in less than a minute. 20 s, as
/// uvicorn has it. `--ws-ping-interval`.
pub const WEBSOCKET_PING_INTERVAL: Duration = Duration::from_secs(20);
/// A client that has not answered a ping for so long is gone. `--ws-ping-timeout`.
pub const WEBSOCKET_PING_TIMEOUT: Duration = Duration::from_secs(20);
/// What a client has to answer our close frame, and to take what stands before it. 10 s: as the library `websockets` has it.
pub const WEBSOCKET_CLOSE: Duration = Duration::from_secs(10);
/// What an eager client may send behind its handshake before that has been answered, in bytes (`W-27`); no more is read until
/// then.
pub const EAGER_BYTES_MAX: usize = 64 * KIB;
/// Streams of one HTTP/2 connection: RFC 9113 recommends no fewer than 100.
pub const STREAMS_MAX: u32 = 100;
/// Calls of one HTTP/2 connection that go on after their client has reset their streams; 503 over it.
pub const ABANDONED_MAX: usize = STREAMS_MAX as usize;
/// Streams that an HTTP/2 client resets before anybody has looked at them (rapid reset); GOAWAY over it.
pub const UNSEEN_RESETS_MAX: usize = 20;
/// Streams of one HTTP/2 connection that the server has to reset for the client's faults; GOAWAY over it.
pub const FAULTY_STREAMS_MAX: usize = 256;
/// What is read and thrown away of a body that the app did not want, so that the connection can be kept (`Q-08`).
pub const UNREAD_BODY_BYTES_MAX: usize = 256 * KIB;
/// Connections of one server thread at the same time; the next one is closed at once (shed, not stall).
pub const CONNECTIONS_MAX: usize = 10_000;
