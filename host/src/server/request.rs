//! The spine: one request from its head to its response. Read this file first.
//!
//! head → scope → call in an instance → head of the response → body. What goes wrong on the way is answered from one
//! table, and the client learns a status and its name, nothing of the host and nothing of the app (`G-24`).

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use super::abandoned::Leave;
use super::access::Access;
use super::body::{Payload, ResponseBody, ServerEnd, pump, throw_away};
use super::client;
use super::connection::{Connection, Exchange};
use super::file;
use super::notice::wants_html;
use super::refused::Refused;
use super::route::{Mount, Target, asked_host};
use super::websocket;
use super::wire::{Sizes, Verdict};
use crate::asgi::call::{Answer, AnswerBody, Asked, Failure};
use crate::asgi::send::Head;
use crate::asgi::{Call, fields, scope};
use crate::bindings::types::Extensions;
use crate::config::limits::{HEAD_HOLD, Limits};
use crate::wasm::link::Opening;
use crate::wasm::opened::{Opened, Scope};
use crate::wasm::pool::Unavailable;
use crate::wasm::queue::Client;
use crate::wasm::{App, Pool};

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
        let Entered {
            mount,
            client,
            scope,
            asks,
        } = entered;
        let opened = open(access.connection(), mount, client, scope, started);
        let answered = match (opened.await, asks) {
            (Ok((Opened::Http(call), mount)), Asks::Http(rest)) => {
                let abandoned = access.abandoned(version, mount.app);
                rest.call(call, mount.pool, &access, abandoned).await
            }
            (Ok((Opened::WebSocket(socket), mount)), Asks::WebSocket(asked)) => {
                return Ok(websocket::serve(socket, mount, asked, access, version).await);
            }
            (Err(refused), asks) => {
                asks.turn_away();
                Err(refused)
            }
            // What is opened is what was asked for.
            (Ok(_), _) => Err(Failure::InstanceLost.into()),
        };
        Ok(match answered {
            Ok((head, payload)) => accepted(head, payload, access, version),
            Err(refused) => refused.respond(access, version),
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
    let asks_for_websocket = exchange.asks_for_websocket;
    let (mut parts, body) = request.into_parts();
    let target = exchange.route.target(&parts);
    let log = server.settings.access_log;
    let line = log.then(|| (&parts, target.name()));
    let access = Access::begin(exchange, request_id, started, line);
    if let Some(verdict) = verdict {
        return Err(Refused::from(verdict).respond(access, version));
    }
    let mount = match target {
        Target::App(mount) => mount,
        Target::Notice(notice) => {
            unwanted(&parts, body);
            let server = access.connection().server.clone();
            let mut response = notice.respond(wants_html(&parts.headers), access);
            server.settings.headers.add_to(response.headers_mut());
            return Err(response);
        }
        Target::Nobody => {
            unwanted(&parts, body);
            let refused = match check_host(access.connection(), &parts) {
                Ok(()) => Refused::new(StatusCode::NOT_FOUND, "no-route"),
                Err(refused) => refused,
            };
            return Err(refused.respond(access, version));
        }
    };
    let upgrade = asks_for_websocket.then(|| parts.extensions.remove());
    match Entered::new(&access, mount, &parts, body, upgrade) {
        Ok(entered) => Ok((entered, access)),
        Err(refused) => Err(refused.respond(access, version)),
    }
}

/// A request that may become a call. Nothing in it is a part of the head.
struct Entered {
    mount: Mount,
    /// Whose turn it is to be when requests have to wait.
    client: Client,
    scope: Scope,
    asks: Asks,
}

/// What is asked for.
enum Asks {
    Http(Rest),
    WebSocket(websocket::Asked),
}

/// What there is of a request besides its head.
struct Rest {
    body: Incoming,
    /// Whose limits hold, where a body follows.
    app: Option<Arc<App>>,
    /// The client waits for `100 Continue`.
    continues: bool,
    is_head: bool,
}

impl Entered {
    /// `upgrade`: it asks for a WebSocket, with what hyper has for one.
    fn new(
        access: &Access,
        mount: Mount,
        parts: &Parts,
        body: Incoming,
        upgrade: Option<Option<OnUpgrade>>,
    ) -> Result<Self, Refused> {
        let connection = access.connection();
        let settings = &connection.server.settings;
        check_sizes(
            parts,
            &body,
            &settings.wire.sizes,
            mount.pool.app.limits.request_body_bytes_max,
        )?;
        if connection.abandoned.is_full(mount.app) {
            // A client that has taken many back, and left their calls at work, waits for them.
            return Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, "abandoned"));
        }
        check_host(connection, parts)?;
        let ends = settings.proxy.ends(&connection.arrival, &parts.headers);
        let root = scope::Root {
            before: &settings.root_path,
            path: mount.root_path.as_deref().unwrap_or_default(),
        };
        let request_id = access.request_id();
        let (scope, asks) = if let Some(upgrade) = upgrade {
            let has_body = !body.is_end_stream();
            let offer = websocket::read(parts, has_body, settings.websocket.deflate)?;
            let subprotocols = offer.subprotocols.clone();
            let scope = scope::websocket(parts, &ends, root, request_id, subprotocols)?;
            let asked = websocket::Asked { offer, upgrade };
            (Scope::WebSocket(scope), Asks::WebSocket(asked))
        } else {
            let takes_trailers = fields::takes_trailers(&parts.headers);
            let asked = Asked {
                more_body: !body.is_end_stream(),
                trailers: parts.version >= Version::HTTP_11 && takes_trailers,
            };
            let scope = scope::http(parts, &ends, root, request_id)?;
            let rest = Rest {
                body,
                app: asked.more_body.then(|| mount.pool.app.clone()),
                continues: parts.headers.contains_key(header::EXPECT),
                is_head: parts.method == Method::HEAD,
            };
            (Scope::Http(scope, asked), Asks::Http(rest))
        };
        Ok(Self {
            mount,
            client: client::at(ends.client),
            scope,
            asks,
        })
    }
}

impl Asks {
    /// Nobody will read the body.
    fn turn_away(self) {
        if let Self::Http(Rest {
            body,
            app: Some(app),
            continues: false,
            ..
        }) = self
        {
            tokio::spawn(throw_away(body, app.limits.stalled_read));
        }
    }
}

/// Nobody will read the body of a request that is no app's (`Q-08`).
fn unwanted(request: &Parts, body: Incoming) {
    if !body.is_end_stream() && !request.headers.contains_key(header::EXPECT) {
        tokio::spawn(throw_away(body, Limits::default().stalled_read));
    }
}

impl Rest {
    /// The call of a request, from its opening to its answer.
    async fn call(
        self,
        call: Arc<Call>,
        pool: Arc<Pool>,
        access: &Access,
        abandoned: Option<Leave>,
    ) -> Result<(Head, Payload), Refused> {
        let call = ServerEnd {
            call,
            pool,
            request_id: access.request_id(),
            abandoned,
        };
        if let Some(app) = self.app {
            tokio::spawn(pump(call.call.clone(), self.body, app, self.continues));
        }
        answered(call, self.is_head).await
    }
}

/// Waits for the head of a response, and makes what follows it of it.
pub(super) async fn answered(call: ServerEnd, is_head: bool) -> Result<(Head, Payload), Refused> {
    let Answer { mut head, body } = answer(&call.call).await?;
    let payload = match body {
        AnswerBody::Whole(bytes) => Payload::whole(bytes),
        AnswerBody::Stream => Payload::Stream(call),
        AnswerBody::File(path) => {
            let opened = file::open(call.pool.clone(), path, is_head, call.request_id).await?;
            // The app's own, or the one that it has left to us.
            head.headers
                .insert(header::CONTENT_LENGTH, HeaderValue::from(opened.length));
            Payload::file(opened)
        }
    };
    Ok((head, payload))
}

/// Opens a call in an instance of the app, of the pool that it was routed to or of the one that has taken its place
/// meanwhile.
async fn open(
    connection: &Connection,
    mut mount: Mount,
    client: Client,
    scope: Scope,
    started: Instant,
) -> Result<(Opened, Mount), Refused> {
    let mut opening = Opening {
        scope,
        permit: connection.server.settings.concurrency.take()?,
    };
    loop {
        let pool = &mount.pool;
        match &mut opening.scope {
            Scope::Http(scope, _) => {
                scope.extensions = scope::extensions(scope.version, pool.app.has_files());
            }
            Scope::WebSocket(scope) => scope.http.extensions = Extensions::WEBSOCKET_DENIAL,
        }
        let opened = pool.open(connection.thread, client, opening, started);
        let why = match opened.await {
            Ok(call) => return Ok((call, mount)),
            Err(why) => why,
        };
        match (why, connection.route.pool(mount.app)) {
            (Unavailable::Stopping(back), Some(next)) if !Arc::ptr_eq(&next, pool) => {
                mount.pool = next;
                opening = *back;
            }
            (why, _) => {
                tracing::debug!(app = &*pool.app.name, "503: {why}");
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

/// On TLS, a request for a host whose certificate this client has not seen belongs on another
/// connection (RFC 9110, 15.5.20): HTTP/2 clients share connections more widely than we have promised.
fn check_host(connection: &Connection, parts: &Parts) -> Result<(), Refused> {
    match (&connection.secured, asked_host(parts)) {
        (Some(secured), Some(host)) if secured.misdirects(host) => {
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

/// The app's response.
pub(super) fn accepted(
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
