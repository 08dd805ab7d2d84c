//! The spine: one request from its head to its response. Read this file first.
//!
//! head → scope → call in an instance → head of the response → body. What goes wrong on the way is answered from one
//! table, and the client learns a status and its name, nothing of the host and nothing of the app (`G-24`).

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;

use super::access::Access;
use super::body::{Payload, ResponseBody, ServerEnd, pump, throw_away};
use super::client;
use super::concurrency::Full;
use super::connection::{Connection, Exchange};
use super::file::{self, Unfit};
use super::notice::wants_html;
use super::route::Target;
use super::wire::{Sizes, Verdict};
use crate::asgi::call::{Answer, AnswerBody, Asked, Failure};
use crate::asgi::send::Head;
use crate::asgi::{Call, fields, scope};
use crate::bindings::types::{Extensions, HttpScope, HttpVersion};
use crate::config::limits::HEAD_HOLD;
use crate::wasm::Pool;
use crate::wasm::link::Opening;
use crate::wasm::opened::{Opened, Scope};
use crate::wasm::pool::Unavailable;
use crate::wasm::queue::Client;

/// Serves one request. Never fails: what goes wrong is a response.
///
/// The head is read and let go before the future is returned, because hyper reads from the connection again before it
/// polls that: into the same buffer if nothing of the head holds it any more, and into a new one if something does.
pub(super) fn respond(
    exchange: Exchange,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<ResponseBody>, Infallible>> {
    let started = Instant::now();
    let version = request.version();
    let entered = enter(exchange, request, started);
    async move {
        let (entered, access) = match entered {
            Ok(entered) => entered,
            Err(response) => return Ok(response),
        };
        Ok(match call(access.connection(), entered, started).await {
            Ok((head, payload)) => accepted(head, payload, access, version),
            Err(refused) => refusal(refused, access, version),
        })
    }
}

/// What a head has come to: a request that may become a call, or the response at once.
#[expect(
    clippy::result_large_err,
    reason = "it is the response, which the caller sends on"
)]
fn enter(
    exchange: Exchange,
    request: Request<Incoming>,
    started: Instant,
) -> Result<(Entered, Access), Response<ResponseBody>> {
    let server = &exchange.server;
    let request_id = server.next_request_id();
    let verdict = exchange.wire.verdict(&request);
    let version = request.version();
    let (parts, body) = request.into_parts();
    let target = exchange.route.target();
    let log = server.settings.access_log;
    let line = log.then(|| (&parts, target.name()));
    let access = Access::begin(exchange, request_id, started, line);
    if let Some(verdict) = verdict {
        return Err(refusal(verdict.into(), access, version));
    }
    let pool = match target {
        Target::App(pool) => pool,
        Target::Notice(notice) => {
            let server = access.connection().server.clone();
            let mut response = notice.respond(wants_html(&parts.headers), access);
            server.settings.headers.add_to(response.headers_mut());
            return Err(response);
        }
    };
    match Entered::new(access.connection(), pool, &parts, body, request_id) {
        Ok(entered) => Ok((entered, access)),
        Err(refused) => Err(refusal(refused, access, version)),
    }
}

/// A request that ends without an app's response.
struct Refused {
    status: StatusCode,
    /// For the access line.
    word: &'static str,
    /// What the client sends further on is not read: the connection closes.
    closes: bool,
}

impl Refused {
    /// The connection goes on.
    fn new(status: StatusCode, word: &'static str) -> Self {
        Self {
            status,
            word,
            closes: false,
        }
    }
}

/// A request that may become a call. Nothing in it is a part of the head.
struct Entered {
    pool: Arc<Pool>,
    /// Whose turn it is to be when requests have to wait.
    client: Client,
    scope: HttpScope,
    asked: Asked,
    body: Incoming,
    /// The client waits for `100 Continue`.
    continues: bool,
    is_head: bool,
}

impl Entered {
    fn new(
        connection: &Connection,
        pool: Arc<Pool>,
        parts: &Parts,
        body: Incoming,
        request_id: u64,
    ) -> Result<Self, Refused> {
        let settings = &connection.server.settings;
        check_sizes(
            parts,
            &body,
            &settings.wire.sizes,
            pool.app.limits.request_body_bytes_max,
        )?;
        check_connection(connection, parts)?;
        let ends = settings.proxy.ends(&connection.arrival, &parts.headers);
        let scope = scope::http(parts, &ends, &settings.root_path, request_id)?;
        let takes_trailers = fields::takes_trailers(&parts.headers);
        let asked = Asked {
            more_body: !body.is_end_stream(),
            trailers: parts.version >= Version::HTTP_11 && takes_trailers,
        };
        Ok(Self {
            pool,
            client: client::at(ends.client),
            scope,
            asked,
            body,
            continues: parts.headers.contains_key(header::EXPECT),
            is_head: parts.method == Method::HEAD,
        })
    }
}

async fn call(
    connection: &Connection,
    entered: Entered,
    started: Instant,
) -> Result<(Head, Payload), Refused> {
    let Entered {
        pool,
        client,
        scope,
        asked,
        body,
        continues,
        is_head,
    } = entered;
    let request_id = scope.request_id;
    let over_http2 = matches!(scope.version, HttpVersion::Http2);
    let limits = asked.more_body.then(|| pool.app.limits.clone());
    let opened = async {
        let opening = Opening {
            scope: Scope::Http(scope, asked),
            permit: connection.server.settings.concurrency.take()?,
        };
        match open(connection, pool, client, opening, started).await? {
            (Opened::Http(call), pool) => Ok((call, pool)),
            _ => Err(Refused::new(StatusCode::NOT_IMPLEMENTED, "websocket")),
        }
    };
    let (call, pool) = match opened.await {
        Ok(opened) => opened,
        Err(refused) => {
            if let Some(limits) = limits
                && !continues
            {
                tokio::spawn(async move { throw_away(body, &limits).await });
            }
            return Err(refused);
        }
    };
    let call = ServerEnd {
        call,
        pool,
        request_id,
        abandoned: over_http2.then(|| connection.abandoned.clone()),
    };
    if let Some(limits) = limits {
        tokio::spawn(pump(call.call.clone(), body, limits, continues));
    }
    let Answer { mut head, body } = answer(&call.call).await?;
    let payload = match body {
        AnswerBody::Whole(bytes) => Payload::whole(bytes),
        AnswerBody::Stream => Payload::Stream(call),
        AnswerBody::File(path) => {
            let opened = file::open(call.pool.clone(), path, is_head, request_id).await?;
            // The app's own, or the one that it has left to us.
            head.headers
                .insert(header::CONTENT_LENGTH, HeaderValue::from(opened.length));
            Payload::file(opened)
        }
    };
    Ok((head, payload))
}

/// Opens a call in an instance of `pool`, or of the one that has taken its place meanwhile.
async fn open(
    connection: &Connection,
    mut pool: Arc<Pool>,
    client: Client,
    mut opening: Opening,
    started: Instant,
) -> Result<(Opened, Arc<Pool>), Refused> {
    loop {
        match &mut opening.scope {
            Scope::Http(scope, _) => {
                scope.extensions = scope::extensions(scope.version, pool.app.has_files());
            }
            Scope::WebSocket(scope) => scope.http.extensions = Extensions::WEBSOCKET_DENIAL,
        }
        let opened = pool.open(connection.thread, client, opening, started);
        let why = match opened.await {
            Ok(call) => return Ok((call, pool)),
            Err(why) => why,
        };
        let app = pool.app.name.clone();
        match (why, connection.route.target()) {
            (Unavailable::Stopping(back), Target::App(next)) if !Arc::ptr_eq(&next, &pool) => {
                pool = next;
                opening = *back;
            }
            (why, _) => {
                tracing::debug!(app = &*app, "503: {why}");
                return Err(why.into());
            }
        }
    }
}

/// Over HTTP/1 the guard has seen target and fields; over HTTP/2 nobody has counted them. The crumbs of a cookie are one
/// field (`F-06`), which they are in the scope, too.
fn check_sizes(
    parts: &Parts,
    body: &Incoming,
    sizes: &Sizes,
    body_bytes_max: u64,
) -> Result<(), Refused> {
    let headers = &parts.headers;
    if headers.len() > sizes.headers_max {
        let crumbs = headers.get_all(header::COOKIE).iter().count();
        if headers.len() - crumbs.saturating_sub(1) > sizes.headers_max {
            return Err(Verdict::TOO_MANY_FIELDS.into());
        }
    }
    let target = parts
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target > sizes.target_bytes_max {
        return Err(Verdict::TARGET_TOO_LONG.into());
    }
    if body.size_hint().lower() > body_bytes_max {
        return Err(Failure::BodyTooLarge.into());
    }
    Ok(())
}

/// What the connection itself says against a further request. A client that has taken many back, and left their calls
/// at work, waits for them. On TLS, a request for a host whose certificate this client has not seen belongs on another
/// connection (RFC 9110, 15.5.20): HTTP/2 clients share connections more widely than we have promised.
fn check_connection(connection: &Connection, parts: &Parts) -> Result<(), Refused> {
    if connection.abandoned.is_full() {
        return Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, "abandoned"));
    }
    let Some(secured) = &connection.secured else {
        return Ok(());
    };
    let host = || parts.headers.get(header::HOST)?.to_str().ok();
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    match authority.or_else(host) {
        Some(authority) if secured.misdirects(authority) => {
            Err(Refused::new(StatusCode::MISDIRECTED_REQUEST, "misdirected"))
        }
        _ => Ok(()),
    }
}

/// Waits for the head. One without a body behind it is held for [`HEAD_HOLD`], so that an app which fails right
/// after its start still gets a 500 (`R-04`, `X-02`).
async fn answer(call: &Call) -> Result<Answer, Failure> {
    let first = poll_fn(|cx| match call.poll_answer(cx, false) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending if call.holds_head() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    });
    if let Some(answer) = first.await {
        return answer;
    }
    let body = poll_fn(|cx| call.poll_answer(cx, false));
    match tokio::time::timeout(HEAD_HOLD, body).await {
        Ok(answer) => answer,
        Err(_) => poll_fn(|cx| call.poll_answer(cx, true)).await,
    }
}

fn accepted(
    mut head: Head,
    mut payload: Payload,
    mut access: Access,
    version: Version,
) -> Response<ResponseBody> {
    access.status(head.status);
    access.outcome("ok");
    if version < Version::HTTP_2 {
        if head.status == StatusCode::NOT_MODIFIED {
            payload = Payload::Announced;
        } else if head.trailers {
            // Trailers stand behind chunks. The length that the app has announced has been kept all the same.
            head.headers.remove(header::CONTENT_LENGTH);
        }
    }
    let own = &access.connection().server.settings.headers;
    own.add_to(&mut head.headers);
    let mut body = ResponseBody::new(payload, access);
    if version >= Version::HTTP_2 {
        body = body.in_pieces();
    }
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    response
}

fn refusal(refused: Refused, mut access: Access, version: Version) -> Response<ResponseBody> {
    let status = refused.status;
    access.status(status);
    access.outcome(refused.word);
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    if refused.closes && version < Version::HTTP_2 {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    let own = &access.connection().server.settings.headers;
    own.add_to(&mut headers);
    let reason = status.canonical_reason().unwrap_or("Error");
    let reason = Bytes::from_static(reason.as_bytes());
    let mut response = Response::new(ResponseBody::whole(reason, access));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

impl From<Verdict> for Refused {
    fn from(verdict: Verdict) -> Self {
        tracing::debug!("refused: {}", verdict.why);
        Self {
            status: verdict.status,
            word: verdict.word,
            closes: true,
        }
    }
}

impl From<scope::Refusal> for Refused {
    fn from(refusal: scope::Refusal) -> Self {
        tracing::debug!("refused: {}", refusal.why);
        Self::new(refusal.status, "refused")
    }
}

impl From<Unavailable> for Refused {
    fn from(_: Unavailable) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable")
    }
}

impl From<Full> for Refused {
    fn from(_: Full) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "over-limit")
    }
}

/// A file that cannot be sent is the app's fault, found out before anything was (`E-02`).
impl From<Unfit> for Refused {
    fn from(_: Unfit) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "violation")
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self {
            status: failure.status(),
            word: failure.word(),
            closes: matches!(
                failure,
                Failure::BodyStalled | Failure::BodyTooLarge | Failure::BodyBroken
            ),
        }
    }
}
