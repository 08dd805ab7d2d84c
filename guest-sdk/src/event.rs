//! What `receive` yields. The words are ASGI's.

use bytes::Bytes;

use crate::{Closed, Message};

/// One event of a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// `http.request` (`Q-01`): a piece of the request body. The first one comes even when there is no body
    /// (`Q-02`); how the body is cut means nothing (`Q-03`).
    Request {
        /// The bytes. May be empty, in the last event above all (`Q-04`).
        body: Bytes,
        /// Whether another `Request` follows.
        more_body: bool,
    },
    /// `http.disconnect` (`Q-09`): the client is gone or the response is complete. Comes again on every
    /// later `receive` (`Q-11`).
    Disconnect,
    /// `websocket.connect` (`W-02`): a client wants one. The first event of a WebSocket, and only once.
    WebSocketConnect,
    /// `websocket.receive` (`W-09`): a message.
    WebSocketReceive(Message),
    /// `websocket.disconnect` (`W-13`): it has ended, whoever has closed it. Comes again on every later `receive` (`W-16`).
    WebSocketDisconnect(Closed),
    /// `lifespan.startup` (`L-03`).
    LifespanStartup,
    /// `lifespan.shutdown` (`L-03`).
    LifespanShutdown,
}
