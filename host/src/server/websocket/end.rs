//! The server's end of a WebSocket call: however it goes, the app hears of its end.

use std::sync::Arc;

use crate::asgi::WebSocket;
use crate::asgi::websocket::LOST;
use crate::server::abandoned::Leave;

/// Held by whoever serves the call: the request until it is answered, then the session.
pub(in crate::server) struct SocketEnd {
    socket: Arc<WebSocket>,
    /// Where to leave a call that goes on without a client, on a connection that goes on without it.
    abandoned: Option<Leave>,
}

impl SocketEnd {
    pub(in crate::server) fn new(socket: Arc<WebSocket>, abandoned: Option<Leave>) -> Self {
        Self { socket, abandoned }
    }
}

impl std::ops::Deref for SocketEnd {
    type Target = WebSocket;

    fn deref(&self) -> &WebSocket {
        &self.socket
    }
}

impl Drop for SocketEnd {
    fn drop(&mut self) {
        // Only counts when nobody has said how it ended (`W-14`, `W-18`).
        self.socket.closed(LOST, "");
        if let Some(abandoned) = &self.abandoned {
            abandoned.add(&self.socket);
        }
    }
}
