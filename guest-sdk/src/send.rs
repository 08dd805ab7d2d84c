//! `send`: the app's end of what goes to the host.
//!
//! Each method is one ASGI event. The event is said when the method is *called*: a future that is dropped or
//! not awaited has said it all the same, in its place (`G-22`). Awaiting is the back-pressure: it takes until
//! at most 65,536 bytes of the response are unsent (`A-11`).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use wasgi_sdk_core::{Refused, Start};

use crate::SendError;
use crate::action::Body;
use crate::call::{Call, WebSocketCall};
use crate::headers;
use crate::lifespan::Lifespan;
use crate::message::Message;

/// The third argument of an app: `await send({"type": "http.response.start", …})` is
/// [`send.start(…).await`](Send::start).
///
/// ```
/// # async fn show(send: wasgi_sdk::Send) -> Result<(), wasgi_sdk::Error> {
/// send.start(200, [("content-type", "text/plain")]).await?;
/// send.body("Hello, ", true).await?;
/// send.body("world!", false).await?;
/// # Ok(())
/// # }
/// ```
///
/// Clones are handles to the same call. After the response is complete every further event is ignored and fine
/// (`R-06`).
#[derive(Clone)]
pub struct Send(Target);

#[derive(Clone)]
enum Target {
    Call(Arc<Call>),
    WebSocket(Arc<WebSocketCall>),
    Lifespan(Arc<Lifespan>),
}

impl Send {
    pub(crate) fn call(call: Arc<Call>) -> Send {
        Send(Target::Call(call))
    }

    pub(crate) fn websocket(call: Arc<WebSocketCall>) -> Send {
        Send(Target::WebSocket(call))
    }

    pub(crate) fn lifespan(lifespan: Arc<Lifespan>) -> Send {
        Send(Target::Lifespan(lifespan))
    }

    /// `http.response.start` (`R-01`): status and headers. The head goes out with the first body, or at
    /// the end of the turn (`R-04`).
    ///
    /// Headers are anything that yields pairs of bytes or text: an array, a `Vec`, an `&http::HeaderMap`,
    /// [`Headers::iter`](crate::Headers::iter). Names are lowered (`F-03`).
    ///
    /// In a WebSocket scope this is `websocket.http.response.start` (`E-01`): the handshake is answered with a response in
    /// place of an accept, where [`offers_denial`](crate::WebSocketScope::offers_denial) says so. The same goes for
    /// [`body`](Send::body) and [`respond`](Send::respond).
    ///
    /// # Errors
    ///
    /// [`SendError::InvalidEvent`] for a status outside 200..=999 (`R-10`) or a header that is no legal field
    /// (`F-08`), [`SendError::InvalidState`] for a second start (`R-07`), [`SendError::LimitExceeded`] for more than
    /// [`MAX_HEADER_BYTES`](crate::MAX_HEADER_BYTES).
    pub fn start<I, N, V>(&self, status: u16, headers: I) -> Sending<'_>
    where
        I: IntoIterator<Item = (N, V)>,
        N: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        self.start_event(status, headers, false)
    }

    /// As [`start`](Send::start), announcing that [`trailers`](Send::trailers) follow the body (`E-06`).
    ///
    /// # Errors
    ///
    /// Also [`SendError::Unsupported`] when the scope does not offer trailers (`A-14`).
    pub fn start_with_trailers<I, N, V>(&self, status: u16, headers: I) -> Sending<'_>
    where
        I: IntoIterator<Item = (N, V)>,
        N: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        self.start_event(status, headers, true)
    }

    /// `http.response.body` (`R-02`). `more_body` false completes the body. Bytes of any number: the SDK cuts them
    /// and waits in between.
    ///
    /// # Errors
    ///
    /// [`SendError::InvalidState`] before the start (`R-07`), [`SendError::ContentLengthMismatch`] when the bytes
    /// do not fit what the headers announced (`M-02`, `M-03`), [`SendError::Disconnected`] when the client is
    /// gone (`D-01`).
    pub fn body(&self, body: impl Into<Bytes>, more_body: bool) -> Sending<'_> {
        let body = Body::new(body.into());
        match &self.0 {
            Target::WebSocket(call) => {
                self.said(call.say(|socket, outbox| socket.deny_body(body, more_body, outbox)))
            }
            _ => self.on_call(|call| call.say(|call, outbox| call.body(body, more_body, outbox))),
        }
    }

    /// `http.response.start` and the only `http.response.body` in one: the shortest way to answer.
    ///
    /// # Errors
    ///
    /// Those of [`start`](Send::start) and [`body`](Send::body).
    ///
    /// ```
    /// # async fn show(send: wasgi_sdk::Send) -> Result<(), wasgi_sdk::Error> {
    /// send.respond(404, [("content-type", "text/plain")], "no such page").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn respond<I, N, V>(&self, status: u16, headers: I, body: impl Into<Bytes>) -> Sending<'_>
    where
        I: IntoIterator<Item = (N, V)>,
        N: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let body = Body::new(body.into());
        let headers = match headers::write(headers) {
            Ok(headers) => headers,
            Err(refused) => return self.said(Err(refused)),
        };
        match &self.0 {
            Target::WebSocket(call) => {
                self.said(call.say(|socket, outbox| socket.deny(status, headers, body, outbox)))
            }
            _ => self.on_call(|call| {
                call.say(|call, outbox| call.respond(status, headers, body, outbox))
            }),
        }
    }

    /// `http.response.trailers` (`E-06`), after the last body.
    ///
    /// # Errors
    ///
    /// [`SendError::Unsupported`] when the scope does not offer them, [`SendError::InvalidState`] when
    /// [`start_with_trailers`](Send::start_with_trailers) did not announce them.
    pub fn trailers<I, N, V>(&self, headers: I, more_trailers: bool) -> Sending<'_>
    where
        I: IntoIterator<Item = (N, V)>,
        N: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        self.on_call(|call| {
            let headers = headers::write(headers)?;
            call.say(|call, outbox| call.trailers(headers, more_trailers, outbox))
        })
    }

    /// `http.response.early_hint` (`E-04`): values of `link` headers, before the start.
    ///
    /// # Errors
    ///
    /// [`SendError::Unsupported`] when the scope does not offer it.
    pub fn early_hint<L: AsRef<[u8]>>(&self, links: impl IntoIterator<Item = L>) -> Sending<'_> {
        let links = links
            .into_iter()
            .map(|link| link.as_ref().to_vec())
            .collect();
        self.on_call(|call| call.say(|call, outbox| call.early_hint(links, outbox)))
    }

    /// `http.response.pathsend` (`E-02`): one of the app's own files as the body, after the start.
    ///
    /// # Errors
    ///
    /// [`SendError::Unsupported`] when the scope does not offer it, [`SendError::InvalidEvent`] for a path
    /// that is not absolute.
    pub fn pathsend(&self, path: impl Into<String>) -> Sending<'_> {
        self.on_call(|call| {
            let path = path.into();
            call.say(|call, outbox| call.pathsend(path, outbox))
        })
    }

    /// `websocket.accept` (`W-05`): completes the handshake. `websocket.connect` need not have been received (`W-03`).
    ///
    /// # Errors
    ///
    /// [`SendError::InvalidEvent`] for a subprotocol that was not offered (`W-06`) and for headers `sec-websocket-*`,
    /// [`SendError::InvalidState`] for a second answer (`W-11`), [`SendError::Disconnected`] when the client has gone
    /// (`W-18`).
    pub fn accept<I, N, V>(&self, subprotocol: Option<&str>, headers: I) -> Sending<'_>
    where
        I: IntoIterator<Item = (N, V)>,
        N: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        self.on_websocket(|call| {
            let headers = headers::write(headers)?;
            let subprotocol = subprotocol.map(str::to_owned);
            call.say(|socket, outbox| socket.accept(subprotocol, headers, outbox))
        })
    }

    /// `websocket.send` (`W-09`): a message, whole.
    ///
    /// # Errors
    ///
    /// [`SendError::InvalidState`] before the accept and after the app's own close (`W-11`), [`SendError::Disconnected`]
    /// when the client has gone (`W-17`).
    pub fn message(&self, message: impl Into<Message>) -> Sending<'_> {
        self.on_websocket(|call| {
            let message = message.into().into();
            call.say(|socket, outbox| socket.send(message, outbox))
        })
    }

    /// `websocket.close` (`W-12`). In place of an accept it refuses the handshake with 403 (`W-07`).
    ///
    /// # Errors
    ///
    /// [`SendError::InvalidEvent`] for a code other than 1000, 1001, 1003, 1007–1014 and 3000–4999, and for a reason
    /// of more than 123 bytes, [`SendError::InvalidState`] for a second close (`W-11`), [`SendError::Disconnected`]
    /// when the client has gone (`W-17`).
    pub fn close(&self, code: u16, reason: impl Into<String>) -> Sending<'_> {
        self.on_websocket(|call| {
            let reason = reason.into();
            call.say(|socket, outbox| socket.close(code, reason, outbox))
        })
    }

    /// `lifespan.startup.complete` (`L-03`).
    ///
    /// # Errors
    ///
    /// [`SendError::InvalidState`] outside a lifespan scope and the second time; so do the other three.
    pub fn startup_complete(&self) -> Sending<'_> {
        self.on_lifespan(|lifespan| lifespan.startup(Ok(())))
    }

    /// `lifespan.startup.failed` (`L-05`): the deployment fails with this message in the app's log.
    pub fn startup_failed(&self, message: impl Into<String>) -> Sending<'_> {
        self.on_lifespan(|lifespan| lifespan.startup(Err(message.into())))
    }

    /// `lifespan.shutdown.complete` (`L-03`).
    pub fn shutdown_complete(&self) -> Sending<'_> {
        self.on_lifespan(|lifespan| lifespan.shutdown(Ok(())))
    }

    /// `lifespan.shutdown.failed` (`L-06`).
    pub fn shutdown_failed(&self, message: impl Into<String>) -> Sending<'_> {
        self.on_lifespan(|lifespan| lifespan.shutdown(Err(message.into())))
    }

    /// Waits until the client is gone, without taking an event from `receive`. For work that nobody would
    /// read: race it against this one (`G-10`). Never ready in a lifespan scope.
    pub async fn disconnected(&self) {
        std::future::poll_fn(|cx| match &self.0 {
            Target::Call(call) => call.poll_disconnected(cx),
            Target::WebSocket(call) => call.poll_disconnected(cx),
            Target::Lifespan(_) => Poll::Pending,
        })
        .await;
    }

    /// Whether a message would be sent without waiting.
    pub(crate) fn has_room(&self) -> bool {
        match &self.0 {
            Target::WebSocket(call) => call.has_room(),
            Target::Call(_) | Target::Lifespan(_) => true,
        }
    }

    fn start_event<I, N, V>(&self, status: u16, headers: I, trailers: bool) -> Sending<'_>
    where
        I: IntoIterator<Item = (N, V)>,
        N: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let start = match headers::write(headers) {
            Ok(headers) => Start {
                status,
                headers,
                trailers,
            },
            Err(refused) => return self.said(Err(refused)),
        };
        match &self.0 {
            Target::WebSocket(_) if trailers => {
                self.said(Err(Refused::NotOffered("http.response.trailers")))
            }
            Target::WebSocket(call) => {
                self.said(call.say(|socket, outbox| socket.deny_start(start, outbox)))
            }
            _ => self.on_call(|call| call.say(|call, _| call.start(start))),
        }
    }

    fn on_call(&self, say: impl FnOnce(&Arc<Call>) -> Result<(), Refused>) -> Sending<'_> {
        match &self.0 {
            Target::Call(call) => self.said(say(call)),
            Target::WebSocket(_) => {
                Sending::refused("this http event does not belong in a websocket scope")
            }
            Target::Lifespan(_) => {
                Sending::refused("http events do not belong in a lifespan scope")
            }
        }
    }

    fn on_websocket(&self, say: impl FnOnce(&WebSocketCall) -> Result<(), Refused>) -> Sending<'_> {
        match &self.0 {
            Target::WebSocket(call) => self.said(say(call)),
            Target::Call(_) | Target::Lifespan(_) => {
                Sending::refused("websocket events belong in a websocket scope")
            }
        }
    }

    fn said(&self, result: Result<(), Refused>) -> Sending<'_> {
        Sending {
            target: Some(&self.0),
            error: result.err().map(SendError::from),
        }
    }

    fn on_lifespan(&self, say: impl FnOnce(&Lifespan) -> Result<(), SendError>) -> Sending<'_> {
        match &self.0 {
            Target::Lifespan(lifespan) => Sending {
                target: None,
                error: say(lifespan).err(),
            },
            Target::Call(_) | Target::WebSocket(_) => {
                Sending::refused("lifespan events belong in a lifespan scope")
            }
        }
    }
}

impl std::fmt::Debug for Send {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Target::Call(call) => f.debug_tuple("Send").field(&call.id).finish(),
            Target::WebSocket(call) => f.debug_tuple("Send").field(&call.id).finish(),
            Target::Lifespan(_) => f.write_str("Send(lifespan)"),
        }
    }
}

/// An event that has been said, on its way. Await it for its error and for back-pressure.
#[must_use = "the event is said, but nobody looks whether it failed"]
pub struct Sending<'a> {
    /// Whose credit to wait for.
    target: Option<&'a Target>,
    error: Option<SendError>,
}

impl Sending<'_> {
    fn refused(why: &'static str) -> Self {
        Sending {
            target: None,
            error: Some(SendError::InvalidState(why.into())),
        }
    }
}

impl Future for Sending<'_> {
    type Output = Result<(), SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(error) = self.error.take() {
            self.target = None;
            return Poll::Ready(Err(error));
        }
        match self.target {
            Some(Target::Call(call)) => call.poll_sent(cx),
            Some(Target::WebSocket(call)) => call.poll_sent(cx),
            Some(Target::Lifespan(_)) | None => Poll::Ready(Ok(())),
        }
    }
}

impl std::fmt::Debug for Sending<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sending")
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
