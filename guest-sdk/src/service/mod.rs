//! Mounts a tower service, an unmodified `axum::Router` for example, as an ASGI app.
//!
//! The service is built at `lifespan.startup` and dropped at `lifespan.shutdown`; each request gets a clone. Bodies
//! stream both ways. A request carries its [`HttpScope`] among its extensions, and with it the
//! peer, the request id and the [`State`](crate::State). A handler that takes [`WebSocketUpgrade`] serves WebSockets.
//!
//! What is *not* here: a runtime. Layers that need tokio's timers (`tower::timeout`, `tower_http::timeout`) compile and
//! then trap; use [`task::timeout`](crate::task::timeout).

mod build;
mod upgrade;

use std::borrow::Cow;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use bytes::{Buf, Bytes};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRAILER};
use http::{HeaderMap, Request, Response};
use http_body::{Body as _, Frame};
use tower_service::Service;
use wasgi_sdk_core::target;

use crate::error::describe;
use crate::scope::HttpScope;
use crate::{App, Error, Event, Receive, Scope, Send, SendError, WebSocket, WebSocketScope};

pub use self::build::{Build, kind};
use self::upgrade::Upgrade;
pub use self::upgrade::{NotAWebSocket, Served, WebSocketUpgrade};
pub use crate::body::Body;

/// Makes the crate a component that serves a tower service. The argument builds it, once per instance, when the host
/// starts it: `fn() -> S`, `async fn() -> S` or `async fn() -> Result<S, E>`.
///
/// ```ignore
/// use axum::{Router, routing::get};
///
/// async fn build() -> Result<Router, std::io::Error> {
///     let config = std::fs::read_to_string("/config.toml")?; // an error fails the deployment (`L-05`)
///     Ok(Router::new().route("/", get(async || "hello")).with_state(config))
/// }
///
/// wasgi_sdk::service!(build);
/// ```
#[macro_export]
macro_rules! service {
    ($build:expr) => {
        $crate::app!($crate::service::mount($build));
    };
}

/// The app that [`service!`](crate::service!) exports, for tests and for wrapping.
///
/// ```
/// use std::convert::Infallible;
///
/// # #[derive(Clone)] struct Hello;
/// # impl tower_service::Service<http::Request<wasgi_sdk::service::Body>> for Hello {
/// #     type Response = http::Response<String>;
/// #     type Error = Infallible;
/// #     type Future = std::future::Ready<Result<Self::Response, Infallible>>;
/// #     fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
/// #         std::task::Poll::Ready(Ok(()))
/// #     }
/// #     fn call(&mut self, _: http::Request<wasgi_sdk::service::Body>) -> Self::Future {
/// #         std::future::ready(Ok(http::Response::new("hello".to_owned())))
/// #     }
/// # }
/// let app = wasgi_sdk::service::mount(|| Hello);
/// let mut client = wasgi_sdk::testing::TestClient::start(app);
/// assert_eq!(client.get("/").send().text(), "hello");
/// ```
pub fn mount<Kind, B: Build<Kind>>(build: B) -> Mounted<B::Service> {
    let builder = move || -> Building<B::Service> { Box::pin(build.build()) };
    Mounted {
        build: Box::new(builder),
        service: Rc::default(),
        cancel_on_disconnect: false,
    }
}

type Building<S> = Pin<Box<dyn Future<Output = Result<S, Error>>>>;

/// A tower service as an [`App`], see [`mount`].
pub struct Mounted<S> {
    build: Box<dyn Fn() -> Building<S>>,
    /// There from start-up to shutdown.
    service: Rc<RefCell<Option<S>>>,
    cancel_on_disconnect: bool,
}

impl<S> Mounted<S> {
    /// Drops a handler that still works on its answer when the client leaves (`G-10`), as hyper does. Without this it
    /// runs to its end (`D-04`). The body of a response is dropped in any case. What serves a WebSocket is never dropped: it
    /// receives the end.
    #[must_use]
    pub fn cancel_on_disconnect(mut self) -> Self {
        self.cancel_on_disconnect = true;
        self
    }
}

impl<S> std::fmt::Debug for Mounted<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mounted")
            .field("built", &self.service.borrow().is_some())
            .finish_non_exhaustive()
    }
}

impl<S: HttpService> App for Mounted<S> {
    fn call(
        &self,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> impl Future<Output = Result<(), Error>> + 'static {
        let slot = self.service.clone();
        let cancel = self.cancel_on_disconnect;
        let building = match scope {
            Scope::Lifespan(_) => Some((self.build)()),
            Scope::Http(_) | Scope::WebSocket(_) => None,
        };
        async move {
            if let Some(building) = building {
                return live(building, &slot, &receive, &send).await;
            }
            let service = slot
                .borrow()
                .clone()
                .ok_or("a request outside the life of the service")?;
            let scope = match scope {
                Scope::WebSocket(scope) => {
                    return service.serve_websocket(scope, receive, send).await;
                }
                other => other.into_http()?,
            };
            if cancel {
                let mut serving = pin!(service.serve(scope, receive, send.clone()));
                let mut gone = pin!(send.disconnected());
                poll_fn(|cx| match serving.as_mut().poll(cx) {
                    Poll::Pending => gone.as_mut().poll(cx).map(Ok),
                    ready => ready,
                })
                .await
            } else {
                service.serve(scope, receive, send).await
            }
        }
    }
}

/// The lifespan: build, wait, drop.
async fn live<S>(
    building: Building<S>,
    slot: &RefCell<Option<S>>,
    receive: &Receive,
    send: &Send,
) -> Result<(), Error> {
    let Event::LifespanStartup = receive.next().await else {
        return Err("the lifespan did not begin with lifespan.startup".into());
    };
    match building.await {
        Ok(service) => *slot.borrow_mut() = Some(service),
        Err(error) => return Ok(send.startup_failed(describe(&*error)).await?),
    }
    send.startup_complete().await?;
    receive.next().await;
    let service = slot.borrow_mut().take();
    drop(service);
    Ok(send.shutdown_complete().await?)
}

/// Every `tower::Service<http::Request<Body>>` that answers with some `http::Response`. Not to be implemented by hand.
pub trait HttpService: Clone + 'static {
    /// Serves one request.
    fn serve(
        self,
        scope: HttpScope,
        receive: Receive,
        send: Send,
    ) -> impl Future<Output = Result<(), Error>> + 'static;

    /// Answers one handshake of a WebSocket, and serves it when it is accepted.
    fn serve_websocket(
        self,
        scope: WebSocketScope,
        receive: Receive,
        send: Send,
    ) -> impl Future<Output = Result<(), Error>> + 'static;
}

impl<S, B> HttpService for S
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + 'static,
    S::Error: Into<Error>,
    B: http_body::Body + 'static,
    B::Error: Into<Error>,
{
    async fn serve(mut self, scope: HttpScope, receive: Receive, send: Send) -> Result<(), Error> {
        let trailers = scope.offers_trailers();
        let request = match request(&scope, |length| Body::new(receive, length)) {
            Ok(mut request) => {
                request.extensions_mut().insert(scope);
                request
            }
            Err(_) => return Ok(send.respond(400, NO_HEADERS, Bytes::new()).await?),
        };
        poll_fn(|cx| self.poll_ready(cx))
            .await
            .map_err(Into::into)?;
        let response = self.call(request).await.map_err(Into::into)?;
        match respond(response, trailers, &send).await {
            Err(error) if crate::error::is_disconnect(&*error) => Ok(()),
            result => result,
        }
    }

    async fn serve_websocket(
        mut self,
        scope: WebSocketScope,
        receive: Receive,
        send: Send,
    ) -> Result<(), Error> {
        let offers_denial = scope.offers_denial();
        let Ok(mut request) = request(scope.request(), |_| Body::empty()) else {
            return Ok(send.close(1000, "").await?);
        };
        // Over HTTP/2 it is a CONNECT, which no router has a route for.
        *request.method_mut() = http::Method::GET;
        request.extensions_mut().insert(scope.request().clone());
        request.extensions_mut().insert(scope);
        poll_fn(|cx| self.poll_ready(cx))
            .await
            .map_err(Into::into)?;
        let mut response = self.call(request).await.map_err(Into::into)?;
        let upgrade = response.extensions_mut().remove::<Upgrade>();
        let serve = upgrade
            .as_ref()
            .filter(|_| response.status() == http::StatusCode::SWITCHING_PROTOCOLS)
            .and_then(Upgrade::take);
        if let (Some(upgrade), Some(serve)) = (upgrade, serve) {
            let headers = upgrade::accepted(response.headers());
            send.accept(upgrade.protocol.as_deref(), headers).await?;
            drop(response);
            return serve(WebSocket::accepted(receive, send, upgrade.protocol)).await;
        }
        let status = response.status();
        if !offers_denial || status.is_success() || status.is_informational() {
            return Ok(send.close(1000, "").await?);
        }
        respond(response, false, &send).await
    }
}

const NO_HEADERS: [(&str, &str); 0] = [];

/// The scope as a request. Its path is what is left of the mount prefix (`H-09`).
fn request(
    scope: &HttpScope,
    body: impl FnOnce(Option<u64>) -> Body,
) -> Result<Request<Body>, http::Error> {
    let mut headers = HeaderMap::with_capacity(scope.headers().len());
    for (name, value) in scope.headers().shared() {
        headers.append(
            http::HeaderName::from_bytes(name)?,
            http::HeaderValue::from_maybe_shared(value)?,
        );
    }
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());

    let mut request = Request::new(body(length));
    *request.method_mut() = http::Method::from_bytes(scope.method().as_bytes())?;
    *request.uri_mut() = http::Uri::from_maybe_shared(local_target(scope))?;
    *request.version_mut() = match scope.http_version() {
        "1.0" => http::Version::HTTP_10,
        "2" => http::Version::HTTP_2,
        "3" => http::Version::HTTP_3,
        _ => http::Version::HTTP_11,
    };
    *request.headers_mut() = headers;
    if !scope.state().is_empty() {
        request.extensions_mut().insert(scope.state().clone());
    }
    Ok(request)
}

fn local_target(scope: &HttpScope) -> Bytes {
    let target = scope.target();
    match target::below(target, scope.root_path()) {
        Some(Cow::Borrowed(local)) => Bytes::copy_from_slice(local),
        Some(Cow::Owned(local)) => local.into(),
        // `*`, which is below nothing.
        None => Bytes::copy_from_slice(target),
    }
}

/// The response as events: one when the whole body is at hand, else streamed.
async fn respond<B>(response: Response<B>, offers_trailers: bool, send: &Send) -> Result<(), Error>
where
    B: http_body::Body,
    B::Error: Into<Error>,
{
    let (head, body) = response.into_parts();
    let status = head.status.as_u16();
    let mut body = pin!(body);

    let trailers = offers_trailers && announces_trailers(&head.headers);
    let first = poll_fn(|cx| Poll::Ready(body.as_mut().poll_frame(cx))).await;
    let first = match first {
        Poll::Ready(None) if !trailers => {
            return Ok(send.respond(status, &head.headers, Bytes::new()).await?);
        }
        Poll::Ready(Some(Err(error))) => return Err(error.into()),
        Poll::Ready(Some(Ok(frame))) if !trailers && frame.is_data() && body.is_end_stream() => {
            return Ok(send.respond(status, &head.headers, data(frame)).await?);
        }
        Poll::Ready(frame) => Some(frame.and_then(Result::ok)),
        Poll::Pending => None,
    };

    if trailers {
        send.start_with_trailers(status, &head.headers).await?;
    } else {
        send.start(status, &head.headers).await?;
    }
    let mut next = first;
    loop {
        let frame = match next.take() {
            Some(frame) => frame,
            None => next_frame(body.as_mut(), send).await?,
        };
        match frame {
            Some(frame) if frame.is_data() => {
                let last = !trailers && body.is_end_stream();
                send.body(data(frame), !last).await?;
                if last {
                    return Ok(());
                }
            }
            Some(frame) if trailers => {
                send.body(Bytes::new(), false).await?;
                let fields = frame.into_trailers().unwrap_or_default();
                return Ok(send.trailers(&fields, false).await?);
            }
            // Trailers that were not announced, or that nobody wants (`E-06`).
            Some(_) => {}
            None => {
                send.body(Bytes::new(), false).await?;
                if trailers {
                    send.trailers(NO_HEADERS, false).await?;
                }
                return Ok(());
            }
        }
    }
}

/// The next frame, or that the client is gone: then the body is dropped without having to say something first.
async fn next_frame<B>(mut body: Pin<&mut B>, send: &Send) -> Result<Option<Frame<B::Data>>, Error>
where
    B: http_body::Body,
    B::Error: Into<Error>,
{
    let mut gone = pin!(send.disconnected());
    poll_fn(|cx| match body.as_mut().poll_frame(cx) {
        Poll::Ready(frame) => Poll::Ready(frame.transpose().map_err(Into::into)),
        Poll::Pending => gone
            .as_mut()
            .poll(cx)
            .map(|()| Err(SendError::Disconnected.into())),
    })
    .await
}

fn data<D: Buf>(frame: Frame<D>) -> Bytes {
    match frame.into_data() {
        Ok(mut data) => data.copy_to_bytes(data.remaining()),
        Err(_) => Bytes::new(),
    }
}

/// Whether the handler says that trailers will come. They must be announced before the body (`R-01`).
fn announces_trailers(headers: &HeaderMap) -> bool {
    let is_grpc = |value: &http::HeaderValue| value.as_bytes().starts_with(b"application/grpc");
    headers.contains_key(TRAILER) || headers.get(CONTENT_TYPE).is_some_and(is_grpc)
}
