//! The server's side of a call: what a client does, and what it has seen.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::asgi::call::{AnswerBody, Demand};
use crate::asgi::websocket::{Close, Handshake, Next};
use crate::asgi::{Call, WebSocket};
use crate::bindings::types::{CallId, Payload};
use crate::fuzzing::Choices;
use crate::wasm::opened::Opened;

/// The client of one call.
pub(super) enum Client {
    Http(Http),
    WebSocket(Socket),
}

pub(super) struct Http {
    call: Arc<Call>,
    headed: bool,
    over: bool,
}

pub(super) struct Socket {
    socket: Arc<WebSocket>,
    stage: Stage,
}

enum Stage {
    Connecting,
    Denied(Http),
    Open,
    Over,
}

impl Client {
    pub(super) fn new(opened: Opened) -> Self {
        match opened {
            Opened::Http(call) => Self::Http(Http::new(call)),
            Opened::WebSocket(socket) => Self::WebSocket(Socket {
                socket,
                stage: Stage::Connecting,
            }),
        }
    }

    pub(super) fn id(&self) -> CallId {
        match self {
            Self::Http(http) => http.call.id(),
            Self::WebSocket(socket) => socket.socket.id(),
        }
    }

    /// Something that a client does.
    pub(super) fn step(&mut self, choices: &mut Choices<'_>) {
        match self {
            Self::Http(http) => http.step(choices),
            Self::WebSocket(socket) => socket.step(choices),
        }
    }

    /// Takes what there is; true when nothing more can come.
    pub(super) fn read(&mut self, force: bool) -> bool {
        match self {
            Self::Http(http) => http.read(force),
            Self::WebSocket(socket) => socket.read(force),
        }
    }
}

impl Http {
    fn new(call: Arc<Call>) -> Self {
        Self {
            call,
            headed: false,
            over: false,
        }
    }

    fn step(&mut self, choices: &mut Choices<'_>) {
        let cx = &mut Context::from_waker(Waker::noop());
        match choices.below(8) {
            0 => self.call.disconnect(),
            1 | 2 => {
                if self.call.poll_demand(cx) == Poll::Ready(Demand::Read) {
                    self.call.push_body(Bytes::from(vec![7; choices.size()]));
                }
            }
            3 => self.call.finish_body(),
            _ => {
                self.read(choices.one_in(2));
            }
        }
    }

    fn read(&mut self, force: bool) -> bool {
        let cx = &mut Context::from_waker(Waker::noop());
        if !self.headed && !self.over {
            match self.call.poll_answer(cx, force) {
                Poll::Ready(Ok(answer)) => {
                    self.headed = true;
                    self.over = !matches!(answer.body, AnswerBody::Stream);
                }
                Poll::Ready(Err(_)) => self.over = true,
                Poll::Pending => return false,
            }
        }
        while !self.over {
            match self.call.poll_body(cx) {
                Poll::Ready(Some(Ok(_))) => self.over = self.call.is_taken(),
                Poll::Ready(_) => self.over = true,
                Poll::Pending => return false,
            }
        }
        true
    }
}

impl Socket {
    fn step(&mut self, choices: &mut Choices<'_>) {
        let cx = &mut Context::from_waker(Waker::noop());
        match choices.below(8) {
            0 if choices.one_in(2) => self.leave(choices.of(&[1000, 1005, 1006, 4000])),
            1..=3 if matches!(self.stage, Stage::Open) => {
                if self.socket.poll_room(cx).is_ready() {
                    self.socket.push(Payload::Bytes(vec![7; choices.size()]));
                }
            }
            _ => {
                self.read(choices.one_in(2));
            }
        }
    }

    fn leave(&mut self, code: u16) {
        match &self.stage {
            Stage::Denied(http) => http.call.disconnect(),
            Stage::Connecting | Stage::Open => self.socket.closed(code, ""),
            Stage::Over => return,
        }
        self.stage = Stage::Over;
    }

    fn read(&mut self, force: bool) -> bool {
        let cx = &mut Context::from_waker(Waker::noop());
        if matches!(self.stage, Stage::Connecting) {
            self.stage = match self.socket.poll_handshake(cx) {
                Poll::Ready(Ok(Handshake::Accepted { .. })) => Stage::Open,
                Poll::Ready(Ok(Handshake::Denied(call))) => Stage::Denied(Http::new(call)),
                Poll::Ready(Ok(Handshake::Refused) | Err(_)) => Stage::Over,
                Poll::Pending => return false,
            };
        }
        if let Stage::Denied(http) = &mut self.stage {
            return http.read(force);
        }
        while matches!(self.stage, Stage::Open) {
            match self.socket.poll_outgoing(cx) {
                Poll::Ready(Next::Message(_)) => {}
                Poll::Ready(Next::Close(close)) => {
                    let Close { code, reason } = close;
                    assert!((1000..5000).contains(&code) && ![1005, 1006].contains(&code));
                    assert!(reason.len() <= 123);
                    self.socket.closed(code, &reason);
                    self.stage = Stage::Over;
                }
                Poll::Pending => return false,
            }
        }
        true
    }
}
