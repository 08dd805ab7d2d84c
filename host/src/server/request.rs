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
use http::{Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;

use super::access::Access;
use super::body::{ResponseBody, ServerEnd, pump};
use super::connection::Connection;
use super::notice::{Notice, wants_html};
use super::route::Target;
use crate::asgi::Call;
use crate::asgi::call::{Answer, Failure};
use crate::asgi::scope;
use crate::bindings::types::HttpScope;
use crate::config::limits::{HEAD_HOLD, TARGET_BYTES_MAX};
use crate::wasm::Pool;
use crate::wasm::pool::Unavailable;

/// Serves one request. Never fails: what goes wrong is a response.
pub(super) async fn respond(
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    connection.seen();
    let started = Instant::now();
    let server = &connection.server;
    let request_id = server.next_request_id();
    let version = request.version();
    let (parts, body) = request.into_parts();
    let target = connection.route.target();
    let log = server.settings.access_log;
    let line = log.then(|| (&parts, target.name()));
    let mut access = Access::begin(request_id, started, line);
    let pool = match target {
        Target::App(pool) => pool,
        Target::Notice(notice) => return Ok(noticed(&notice, &parts.headers, access)),
    };
    match call(&connection, pool, parts, body, request_id, started).await {
        Ok((call, answer)) => Ok(accepted(call, answer, access, version)),
        Err(refused) => {
            access.outcome(refused.word);
            Ok(refusal(refused.status, access))
        }
    }
}

/// A request that ends without an app's response.
struct Refused {
    status: StatusCode,
    /// For the access line.
    word: &'static str,
}

async fn call(
    connection: &Connection,
    pool: Arc<Pool>,
    parts: Parts,
    body: Incoming,
    request_id: u64,
    started: Instant,
) -> Result<(ServerEnd, Answer), Refused> {
    check_sizes(&parts, &body, pool.app.limits.request_body_bytes_max)?;
    check_connection(connection, &parts)?;
    let scope = scope::http(
        &parts,
        &connection.ends,
        &connection.server.settings.root_path,
        request_id,
    )?;
    let more_body = !body.is_end_stream();
    let (call, pool) = open(connection, pool, scope, more_body, started).await?;
    let call = ServerEnd(call);
    if more_body {
        let continues = parts.headers.contains_key(header::EXPECT);
        let limits = pool.app.limits.clone();
        tokio::spawn(pump(call.0.clone(), body, limits, continues));
    }
    let answer = answer(&call.0).await?;
    Ok((call, answer))
}

/// Opens a call in an instance of `pool`, or of the one that has taken its place meanwhile.
async fn open(
    connection: &Connection,
    mut pool: Arc<Pool>,
    mut scope: HttpScope,
    more_body: bool,
    started: Instant,
) -> Result<(Arc<Call>, Arc<Pool>), Refused> {
    loop {
        let opened = pool.open(connection.thread, scope, more_body, started);
        let refused = match opened.await {
            Ok(call) => return Ok((call, pool)),
            Err(refused) => refused,
        };
        match connection.route.target() {
            Target::App(next)
                if refused.why == Unavailable::Stopping && !Arc::ptr_eq(&next, &pool) =>
            {
                pool = next;
                scope = *refused.scope;
            }
            _ => {
                tracing::debug!(app = &*pool.app.name, "503: {}", refused.why);
                return Err(refused.why.into());
            }
        }
    }
}

fn check_sizes(parts: &Parts, body: &Incoming, body_bytes_max: u64) -> Result<(), Refused> {
    let target = parts
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target > TARGET_BYTES_MAX {
        return Err(Refused {
            status: StatusCode::URI_TOO_LONG,
            word: "target-too-long",
        });
    }
    if body.size_hint().lower() > body_bytes_max {
        return Err(Failure::BodyTooLarge.into());
    }
    Ok(())
}

/// On TLS, a request for a host whose certificate this client has not seen belongs on another connection (RFC 9110,
/// 15.5.20): HTTP/2 clients share connections more widely than we have promised.
fn check_connection(connection: &Connection, parts: &Parts) -> Result<(), Refused> {
    let Some(secured) = &connection.secured else {
        return Ok(());
    };
    let host = || parts.headers.get(header::HOST)?.to_str().ok();
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    match authority.or_else(host) {
        Some(authority) if secured.misdirects(authority) => Err(Refused {
            status: StatusCode::MISDIRECTED_REQUEST,
            word: "misdirected",
        }),
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
    call: ServerEnd,
    answer: Answer,
    mut access: Access,
    version: Version,
) -> Response<ResponseBody> {
    access.status(answer.head.status);
    access.outcome("ok");
    let body = match answer.whole {
        Some(_) if answer.head.status == StatusCode::NOT_MODIFIED && version < Version::HTTP_2 => {
            ResponseBody::announced(access)
        }
        Some(bytes) => ResponseBody::whole(bytes, access),
        None => ResponseBody::stream(call, access),
    };
    let mut response = Response::new(body);
    *response.status_mut() = answer.head.status;
    *response.headers_mut() = answer.head.headers;
    name_server(&mut response);
    response
}

fn refusal(status: StatusCode, mut access: Access) -> Response<ResponseBody> {
    access.status(status);
    let reason = status.canonical_reason().unwrap_or("Error");
    let mut response = Response::new(ResponseBody::whole(
        Bytes::from_static(reason.as_bytes()),
        access,
    ));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    name_server(&mut response);
    response
}

/// What stands in the place of an app.
fn noticed(notice: &Notice, headers: &HeaderMap, access: Access) -> Response<ResponseBody> {
    let mut response = notice.respond(wants_html(headers), access);
    name_server(&mut response);
    response
}

/// `server` unless the app has its own (`F-10`); hyper adds `date` in the same way.
fn name_server(response: &mut Response<ResponseBody>) {
    if let header::Entry::Vacant(entry) = response.headers_mut().entry(header::SERVER) {
        entry.insert(HeaderValue::from_static("wasgi"));
    }
}

impl From<scope::Refusal> for Refused {
    fn from(refusal: scope::Refusal) -> Self {
        tracing::debug!("refused: {}", refusal.why);
        Self {
            status: refusal.status,
            word: "refused",
        }
    }
}

impl From<Unavailable> for Refused {
    fn from(_: Unavailable) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            word: "unavailable",
        }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self {
            status: failure.status(),
            word: failure.word(),
        }
    }
}
