//! A call in an instance, of either protocol: what `link.rs` and `exchange.rs` ask of both alike.

use std::sync::Arc;

use crate::asgi::call::{After, Asked, Effect, Failure, Inbox};
use crate::asgi::{Call, Violation, WebSocket, websocket};
use crate::bindings::types::{
    CallId, Event, Finished, HttpCall, HttpScope, WebsocketCall, WebsocketScope,
};
use crate::config::limits::{Deadline, Limits};

/// What a call is opened with.
pub enum Scope {
    /// A request.
    Http(HttpScope, Asked),
    /// The handshake of a WebSocket.
    WebSocket(WebsocketScope),
}

/// A call that has been opened.
#[derive(Clone)]
pub enum Opened {
    /// A request.
    Http(Arc<Call>),
    /// A WebSocket.
    WebSocket(Arc<WebSocket>),
}

impl Scope {
    /// The host's name for it.
    pub(super) fn request_id(&self) -> u64 {
        self.http().request_id
    }

    /// What every scope has.
    pub fn http(&self) -> &HttpScope {
        match self {
            Self::Http(scope, _) => scope,
            Self::WebSocket(scope) => &scope.http,
        }
    }

    /// As [`http`](Self::http).
    pub fn http_mut(&mut self) -> &mut HttpScope {
        match self {
            Self::Http(scope, _) => scope,
            Self::WebSocket(scope) => &mut scope.http,
        }
    }

    /// The call, and the event that opens it for the guest.
    pub(super) fn open(
        self,
        call: CallId,
        inbox: Arc<dyn Inbox>,
        limits: &Limits,
    ) -> (Opened, Event) {
        match self {
            Self::Http(scope, asked) => {
                let opened = Opened::Http(Arc::new(Call::new(call, inbox, &scope, asked)));
                let event = Event::Http(HttpCall {
                    call,
                    scope,
                    body: Vec::new(),
                    more_body: asked.more_body,
                });
                (opened, event)
            }
            Self::WebSocket(scope) => {
                let bytes_max = limits.websocket_message_bytes_max;
                let socket = WebSocket::new(call, inbox, &scope, bytes_max);
                let event = Event::Websocket(WebsocketCall { call, scope });
                (Opened::WebSocket(Arc::new(socket)), event)
            }
        }
    }
}

impl Opened {
    pub(super) fn id(&self) -> CallId {
        match self {
            Self::Http(call) => call.id(),
            Self::WebSocket(socket) => socket.id(),
        }
    }

    /// Collects the events for the guest, at most `room`, which is 3 or more; true if there are more than fitted.
    pub(super) fn events(&self, out: &mut Vec<Event>, room: usize) -> bool {
        match self {
            Self::Http(call) => call.events(out),
            Self::WebSocket(socket) => socket.events(out, room),
        }
    }

    pub(super) fn read(&self, credit: u32) -> Effect {
        match self {
            Self::Http(call) => call.read(credit),
            Self::WebSocket(socket) => socket.read(credit),
        }
    }

    pub(super) fn finished(&self, action: Finished) -> Effect {
        match self {
            Self::Http(call) => call.finished(action),
            Self::WebSocket(socket) => socket.finished(action),
        }
    }

    pub(super) fn fail(&self, failure: Failure) -> Effect {
        match self {
            Self::Http(call) => call.fail(failure),
            Self::WebSocket(socket) => socket.fail(failure),
        }
    }

    pub(super) fn refuse(&self, violation: Violation) -> Effect {
        match self {
            Self::Http(call) => call.refuse(violation),
            Self::WebSocket(socket) => socket.refuse(violation),
        }
    }

    /// Whether the client gets nothing more, although the app has not `finished`.
    pub(super) fn after(&self) -> Option<After> {
        match self {
            Self::Http(call) => call.after(),
            Self::WebSocket(socket) => socket.after(),
        }
    }

    /// Tells an app that goes on for nobody, and cannot know it ([`After::Bodiless`]).
    pub(super) fn let_go(&self) {
        match self {
            Self::Http(call) => call.let_go(),
            Self::WebSocket(_) => {}
        }
    }

    /// The client has gone before it was served.
    pub(super) fn disconnect(&self) {
        match self {
            Self::Http(call) => call.disconnect(),
            Self::WebSocket(socket) => socket.closed(websocket::LOST, ""),
        }
    }

    /// A WebSocket that the app has accepted stays with its instance for as long as it lives.
    pub(super) fn is_pinned(&self) -> bool {
        match self {
            Self::Http(_) => false,
            Self::WebSocket(socket) => socket.is_pinned(),
        }
    }

    /// The deadline of `limits` that a call has passed after `waited`.
    pub(super) fn passed(&self, limits: &Limits, waited: std::time::Duration) -> Option<Deadline> {
        let over = |name, time| (waited > time).then_some(Deadline { name, time });
        match self {
            Self::Http(call) => {
                let first = over("first_response", limits.first_response);
                let request = limits.request.and_then(|time| over("request", time));
                first.filter(|_| !call.is_started()).or(request)
            }
            Self::WebSocket(socket) => {
                let accept = over("websocket_accept", limits.websocket_accept);
                accept.filter(|_| !socket.is_answered())
            }
        }
    }
}
