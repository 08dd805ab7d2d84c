//! `receive`: the app's end of what the host says.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};

use crate::call::{Call, ReceiveTicket, WebSocketCall};
use crate::event::Event;
use crate::lifespan::Lifespan;

/// The second argument of an app: `await receive()` is [`receive.next().await`](Receive::next).
///
/// Clones share one queue: an event goes to one of them. Several may wait at once and are served in the
/// order in which they began to (`A-16`).
#[derive(Clone)]
pub struct Receive(Source);

#[derive(Clone)]
enum Source {
    Call(Arc<Call>),
    WebSocket(Arc<WebSocketCall>),
    Lifespan(Arc<Lifespan>),
}

impl Receive {
    pub(crate) fn call(call: Arc<Call>) -> Receive {
        Receive(Source::Call(call))
    }

    pub(crate) fn websocket(call: Arc<WebSocketCall>) -> Receive {
        Receive(Source::WebSocket(call))
    }

    pub(crate) fn lifespan(lifespan: Arc<Lifespan>) -> Receive {
        Receive(Source::Lifespan(lifespan))
    }

    /// The next event. The first one asks the host for the body, and sends `100 Continue` where a client
    /// waits for that (`Q-07`).
    ///
    /// After the end of the request body it waits until the client is gone or the response is complete (`Q-10`),
    /// and yields [`Event::Disconnect`] from then on (`Q-09`, `Q-11`). Dropping the future loses no event
    /// (`G-09`), so it may stand in any `select!`.
    ///
    /// In a WebSocket scope it yields [`Event::WebSocketConnect`], after the accept messages, and at the end
    /// [`Event::WebSocketDisconnect`] for ever. [`WebSocket`](crate::WebSocket) wraps that up.
    ///
    /// ```
    /// use wasgi_sdk::{Event, Receive};
    ///
    /// async fn length(receive: &Receive) -> Option<usize> {
    ///     let mut length = 0;
    ///     loop {
    ///         match receive.next().await {
    ///             Event::Request { body, more_body } => {
    ///                 length += body.len();
    ///                 if !more_body {
    ///                     return Some(length);
    ///                 }
    ///             }
    ///             _ => return None, // the client is gone
    ///         }
    ///     }
    /// }
    /// ```
    pub fn next(&self) -> Next<'_> {
        Next {
            receive: self,
            ticket: None,
        }
    }

    /// The whole request body, which must not be longer than `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`BodyError::TooLarge`] as soon as there is more, [`BodyError::Disconnected`] when the client left before
    /// the end. What was read until then is gone.
    ///
    /// ```
    /// # async fn show(receive: wasgi_sdk::Receive) -> Result<(), wasgi_sdk::Error> {
    /// let body = receive.body(64 * 1024).await?;
    /// # let _ = body; Ok(())
    /// # }
    /// ```
    pub async fn body(&self, limit: usize) -> Result<Bytes, BodyError> {
        let mut whole = BytesMut::new();
        loop {
            let Event::Request { body, more_body } = self.next().await else {
                return Err(BodyError::Disconnected);
            };
            if whole.len() + body.len() > limit {
                return Err(BodyError::TooLarge { limit });
            }
            if whole.is_empty() && !more_body {
                return Ok(body);
            }
            whole.extend_from_slice(&body);
            if !more_body {
                return Ok(whole.freeze());
            }
        }
    }

    /// The request body as a stream of pieces.
    pub fn stream(self) -> BodyStream {
        BodyStream {
            receive: self,
            ticket: None,
            done: false,
        }
    }

    pub(crate) fn poll_next(
        &self,
        ticket: &mut ReceiveTicket,
        cx: &mut Context<'_>,
    ) -> Poll<Event> {
        match &self.0 {
            Source::Call(call) => call.poll_receive(ticket, cx),
            Source::WebSocket(call) => call.poll_receive(ticket, cx),
            Source::Lifespan(lifespan) => lifespan.poll_receive(cx),
        }
    }

    pub(crate) fn cancel(&self, ticket: &mut ReceiveTicket) {
        match &self.0 {
            Source::Call(call) => call.cancel_receive(ticket),
            Source::WebSocket(call) => call.cancel_receive(ticket),
            Source::Lifespan(_) => {}
        }
    }

    /// Whether it is known that no body byte will come.
    #[cfg(feature = "tower")]
    pub(crate) fn is_empty(&self) -> bool {
        match &self.0 {
            Source::Call(call) => call.body_is_empty(),
            Source::WebSocket(_) | Source::Lifespan(_) => true,
        }
    }
}

impl std::fmt::Debug for Receive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Source::Call(call) => f.debug_tuple("Receive").field(&call.id).finish(),
            Source::WebSocket(call) => f.debug_tuple("Receive").field(&call.id).finish(),
            Source::Lifespan(_) => f.write_str("Receive(lifespan)"),
        }
    }
}

/// One pending [`Receive::next`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Next<'a> {
    receive: &'a Receive,
    ticket: ReceiveTicket,
}

impl Future for Next<'_> {
    type Output = Event;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Event> {
        let receive = self.receive;
        receive.poll_next(&mut self.ticket, cx)
    }
}

impl Drop for Next<'_> {
    fn drop(&mut self) {
        if self.ticket.is_some() {
            self.receive.cancel(&mut self.ticket);
        }
    }
}

/// Why a request body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyError {
    /// The client left before the end of the body.
    Disconnected,
    /// More than the limit that the reader gave.
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
}

impl std::fmt::Display for BodyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BodyError::Disconnected => {
                f.write_str("the client left before the end of the request body")
            }
            BodyError::TooLarge { limit } => {
                write!(f, "the request body has more than {limit} bytes")
            }
        }
    }
}

impl std::error::Error for BodyError {
    /// A body that ended because the client left is a disconnect wherever it surfaces (`A-09`).
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BodyError::Disconnected => Some(&crate::SendError::Disconnected),
            BodyError::TooLarge { .. } => None,
        }
    }
}

/// The request body, piece by piece, see [`Receive::stream`]. Empty pieces are left out.
#[derive(Debug)]
pub struct BodyStream {
    receive: Receive,
    ticket: ReceiveTicket,
    done: bool,
}

impl BodyStream {
    /// The next piece without a `Stream` trait at hand; `None` after the last.
    pub async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        std::future::poll_fn(|cx| self.poll_piece(cx)).await
    }

    #[cfg(feature = "tower")]
    pub(crate) fn is_end(&self) -> bool {
        self.done || self.receive.is_empty()
    }

    pub(crate) fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        while !self.done {
            match self.receive.poll_next(&mut self.ticket, cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Event::Request { body, more_body }) => {
                    self.done = !more_body;
                    if !body.is_empty() {
                        return Poll::Ready(Some(Ok(body)));
                    }
                }
                Poll::Ready(_) => {
                    self.done = true;
                    return Poll::Ready(Some(Err(BodyError::Disconnected)));
                }
            }
        }
        Poll::Ready(None)
    }
}

impl futures_core::Stream for BodyStream {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_piece(cx)
    }
}

impl Drop for BodyStream {
    fn drop(&mut self) {
        self.receive.cancel(&mut self.ticket);
    }
}
