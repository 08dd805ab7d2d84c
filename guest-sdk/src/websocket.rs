//! A WebSocket with its events wrapped up: the handshake as a value, then messages.
//!
//! Nothing here that the raw layer ([`Receive`], [`Send`]) could not do.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;

use crate::call::ReceiveTicket;
use crate::send::Sending;
use crate::{Closed, Event, Message, Receive, Send, SendError, WebSocketScope};

/// The handshake of a WebSocket, waiting for the app's answer (`W-04`): [`accept`](Handshake::accept) it,
/// [`refuse`](Handshake::refuse) it, or [`deny`](Handshake::deny) it with a response. Dropped without an answer it is a 500
/// once the app returns (`W-19`).
///
/// ```
/// use wasgi_sdk::{Error, Handshake, Receive, Scope, Send};
///
/// async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
///     let scope = scope.into_websocket()?;
///     if scope.path() != "/echo" {
///         return Ok(Handshake::new(scope, receive, send).deny(404, [("x", "y")], "no such room").await?);
///     }
///     let mut socket = Handshake::new(scope, receive, send).protocols(["echo"]).accept().await?;
///     while let Some(message) = socket.recv().await {
///         socket.send(message).await?;
///     }
///     Ok(()) // closes with 1000 where nobody has closed it (`W-20`)
/// }
/// # wasgi_sdk::app!(app);
/// ```
#[derive(Debug)]
#[must_use = "a handshake without an answer is a 500"]
pub struct Handshake {
    scope: WebSocketScope,
    receive: Receive,
    send: Send,
    protocol: Option<String>,
    headers: Vec<(Bytes, Bytes)>,
}

impl Handshake {
    /// The handshake of this scope.
    pub fn new(scope: WebSocketScope, receive: Receive, send: Send) -> Handshake {
        Handshake {
            scope,
            receive,
            send,
            protocol: None,
            headers: Vec::new(),
        }
    }

    /// What the client asks for.
    pub fn scope(&self) -> &WebSocketScope {
        &self.scope
    }

    /// Chooses the first of the client's subprotocols that is among these. None of them is no error: the client decides
    /// whether it goes on without.
    pub fn protocols<P: AsRef<str>>(mut self, known: impl IntoIterator<Item = P>) -> Handshake {
        self.protocol = choose(self.scope.subprotocols(), known);
        self
    }

    /// The subprotocol that [`protocols`](Handshake::protocols) has chosen.
    pub fn selected_protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// Adds a header to the answer of [`accept`](Handshake::accept): a cookie, for example.
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Handshake {
        self.headers.push((
            Bytes::copy_from_slice(name.as_ref()),
            Bytes::copy_from_slice(value.as_ref()),
        ));
        self
    }

    /// `websocket.accept` (`W-05`).
    ///
    /// # Errors
    ///
    /// Those of [`Send::accept`].
    pub async fn accept(self) -> Result<WebSocket, SendError> {
        let Handshake {
            receive,
            send,
            protocol,
            headers,
            ..
        } = self;
        send.accept(protocol.as_deref(), headers).await?;
        Ok(WebSocket::accepted(receive, send, protocol))
    }

    /// Refuses it: the client sees 403 (`W-07`).
    ///
    /// # Errors
    ///
    /// Those of [`Send::close`].
    pub async fn refuse(self) -> Result<(), SendError> {
        self.send.close(1000, "").await
    }

    /// Answers with a response instead (`E-01`), or with 403 where the scope does not offer that.
    ///
    /// # Errors
    ///
    /// Those of [`Send::respond`].
    pub async fn deny<I, N, V>(
        self,
        status: u16,
        headers: I,
        body: impl Into<Bytes>,
    ) -> Result<(), SendError>
    where
        I: IntoIterator<Item = (N, V)>,
        N: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        if !self.scope.offers_denial() {
            return self.refuse().await;
        }
        self.send.respond(status, headers, body).await
    }
}

/// The first of the client's subprotocols that the app knows.
pub(crate) fn choose<P: AsRef<str>>(
    offered: &[String],
    known: impl IntoIterator<Item = P>,
) -> Option<String> {
    let known: Vec<P> = known.into_iter().collect();
    offered
        .iter()
        .find(|offered| known.iter().any(|known| known.as_ref() == offered.as_str()))
        .cloned()
}

/// An accepted WebSocket. It stays open until the app returns (close code 1000, `W-20`) or fails (1011, `W-21`), or somebody
/// closes it; dropping this value closes nothing.
///
/// A panic is a trap: it ends the instance and every call in it, and their clients see 1011 (`G-04`).
///
/// ```
/// # use wasgi_sdk::{Error, WebSocket, task};
/// # use std::time::Duration;
/// async fn talk(socket: WebSocket) -> Result<(), Error> {
///     let (sender, mut receiver) = socket.split();
///     let ticker = sender.clone();
///     task::spawn(async move {
///         // Ends when the client has gone: `send` fails then.
///         while ticker.send("tick").await.is_ok() {
///             task::sleep(Duration::from_secs(1)).await;
///         }
///     });
///     while let Some(message) = receiver.recv().await {
///         if message.as_text() == Some("bye") {
///             sender.close(1000, "you said so").await?;
///         }
///     }
///     println!("closed: {:?}", receiver.closed());
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct WebSocket {
    sender: Sender,
    receiver: Receiver,
}

impl WebSocket {
    /// One that has been accepted.
    pub(crate) fn accepted(receive: Receive, send: Send, protocol: Option<String>) -> WebSocket {
        WebSocket {
            sender: Sender {
                send,
                protocol: protocol.map(Into::into),
            },
            receiver: Receiver {
                receive,
                ticket: None,
                closed: None,
            },
        }
    }

    /// The next message; `None` when it has ended. Dropping the future loses no message (`G-09`), so it may stand in any
    /// `select!`.
    pub async fn recv(&mut self) -> Option<Message> {
        self.receiver.recv().await
    }

    /// How it ended, once [`recv`](WebSocket::recv) has said `None`.
    pub fn closed(&self) -> Option<&Closed> {
        self.receiver.closed()
    }

    /// Sends a message. It is on its way when this is *called*; awaiting is the back-pressure (`A-11`).
    ///
    /// # Errors
    ///
    /// Those of [`Send::message`].
    pub fn send(&self, message: impl Into<Message>) -> Sending<'_> {
        self.sender.send(message)
    }

    /// Closes it, behind what has been sent.
    ///
    /// # Errors
    ///
    /// Those of [`Send::close`].
    pub fn close(&self, code: u16, reason: impl Into<String>) -> Sending<'_> {
        self.sender.close(code, reason)
    }

    /// The subprotocol that was agreed on.
    pub fn protocol(&self) -> Option<&str> {
        self.sender.protocol()
    }

    /// Another handle to send with.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// The two halves, for two tasks.
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }
}

impl Stream for WebSocket {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.receiver.poll_message(cx)
    }
}

/// The half of a [`WebSocket`] that sends. Clones send on the same one, and may be kept anywhere in the instance: a chat room
/// is a list of them. Whoever tells a whole room should not wait for its slowest: see [`has_room`](Sender::has_room).
#[derive(Debug, Clone)]
pub struct Sender {
    send: Send,
    protocol: Option<std::sync::Arc<str>>,
}

impl Sender {
    /// As [`WebSocket::send`].
    ///
    /// # Errors
    ///
    /// Those of [`Send::message`].
    pub fn send(&self, message: impl Into<Message>) -> Sending<'_> {
        self.send.message(message)
    }

    /// Whether a message would be sent without waiting: at most 64 KiB are unsent, counting 512 bytes for each message beside
    /// its own. What to do for a client that is behind (leave something out, close it) is the app's choice.
    pub fn has_room(&self) -> bool {
        self.send.has_room()
    }

    /// As [`WebSocket::close`].
    ///
    /// # Errors
    ///
    /// Those of [`Send::close`].
    pub fn close(&self, code: u16, reason: impl Into<String>) -> Sending<'_> {
        self.send.close(code, reason)
    }

    /// The subprotocol that was agreed on.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// Waits until the client is gone, without taking a message. See [`Send::disconnected`].
    pub async fn disconnected(&self) {
        self.send.disconnected().await;
    }
}

/// The half of a [`WebSocket`] that receives; also a `Stream` of messages.
#[derive(Debug)]
pub struct Receiver {
    receive: Receive,
    ticket: ReceiveTicket,
    closed: Option<Closed>,
}

impl Receiver {
    /// As [`WebSocket::recv`].
    pub async fn recv(&mut self) -> Option<Message> {
        std::future::poll_fn(|cx| self.poll_message(cx)).await
    }

    /// As [`WebSocket::closed`].
    pub fn closed(&self) -> Option<&Closed> {
        self.closed.as_ref()
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        if self.closed.is_some() {
            return Poll::Ready(None);
        }
        loop {
            match std::task::ready!(self.receive.poll_next(&mut self.ticket, cx)) {
                Event::WebSocketReceive(message) => return Poll::Ready(Some(message)),
                Event::WebSocketConnect => {} // not received before the accept (`W-03`)
                Event::WebSocketDisconnect(closed) => {
                    self.closed = Some(closed);
                    return Poll::Ready(None);
                }
                _ => return Poll::Ready(None),
            }
        }
    }
}

impl Stream for Receiver {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.poll_message(cx)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.receive.cancel(&mut self.ticket);
    }
}
