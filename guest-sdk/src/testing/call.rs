//! One call as the host of a test sees it: the credit of both directions, and the order of actions.

use std::collections::VecDeque;

use bytes::Bytes;
use wasgi_sdk_core::{MARK, MAX_PIECE};

use super::response::Response;
use super::websocket::Socket;
use crate::Headers;
use crate::bindings::types;

pub(super) struct CallModel {
    head: bool,
    /// Request body that the client has sent and the app has not got.
    pub(super) inbox: VecDeque<Bytes>,
    pub(super) ended: bool,
    end_delivered: bool,
    pub(super) credit: usize,
    /// Response bytes that the client has not read.
    unsent: usize,
    /// Read by the client, not reported.
    pub(super) unreported: usize,
    pub(super) paused: bool,
    pub(super) disconnected: bool,
    trailers_announced: bool,
    body_done: bool,
    pub(super) written: u64,
    pub(super) response: Response,
    /// It is a WebSocket; the rest is then its denial.
    pub(super) socket: Option<Socket>,
}

impl CallModel {
    /// A call whose client sends `body`, and nothing after it when `ended`.
    pub(super) fn new(head: bool, body: Vec<Bytes>, ended: bool) -> CallModel {
        CallModel {
            head,
            inbox: body.into(),
            ended,
            end_delivered: false,
            credit: MARK, // with the head, unasked
            unsent: 0,
            unreported: 0,
            paused: false,
            disconnected: false,
            trailers_announced: false,
            body_done: false,
            written: 0,
            response: Response::new(),
            socket: None,
        }
    }

    pub(super) fn websocket(socket: Socket) -> CallModel {
        CallModel {
            credit: 0,
            socket: Some(socket),
            ..CallModel::new(false, Vec::new(), false)
        }
    }

    pub(super) fn is_quiet(&self) -> bool {
        if let Some(socket) = &self.socket {
            return !self.reports() && (self.response.outcome.is_some() || socket.is_quiet());
        }
        let body = self.credit > 0 && !self.inbox.is_empty();
        let end = self.ended && self.inbox.is_empty() && !self.end_delivered;
        let listening = !self.disconnected && self.response.outcome.is_none();
        !self.reports() && !(listening && (body || end))
    }

    /// Credit that the app has given and that was not used.
    pub(super) fn credit(&self) -> usize {
        match &self.socket {
            Some(socket) => socket.credit(),
            None => self.credit,
        }
    }

    pub(super) fn reports(&self) -> bool {
        self.unreported >= MARK / 2 && self.response.outcome.is_none()
    }

    /// The next piece of request body that the credit allows.
    pub(super) fn take_body(&mut self) -> Option<(Bytes, bool)> {
        if self.end_delivered || self.disconnected || self.response.outcome.is_some() {
            return None;
        }
        let room = self.credit.min(MARK);
        let piece = match self.inbox.front_mut() {
            Some(front) if front.len() > room => {
                if room == 0 {
                    return None;
                }
                front.split_to(room)
            }
            Some(_) => self.inbox.pop_front()?,
            None if self.ended => Bytes::new(),
            None => return None,
        };
        self.credit -= piece.len();
        self.end_delivered = self.ended && self.inbox.is_empty();
        Some((piece, !self.end_delivered))
    }

    pub(super) fn read(&mut self, bytes: u32) {
        self.assert_open();
        if let Some(socket) = &mut self.socket {
            return socket.read(bytes);
        }
        self.credit += bytes as usize;
        assert!(
            self.credit <= MARK,
            "{} bytes of credit are more than the mark",
            self.credit
        );
    }

    pub(super) fn start(&mut self, status: u16, headers: &types::Fields, trailers: bool) {
        self.assert_open();
        if self.disconnected {
            return;
        }
        if let Some(socket) = &self.socket {
            assert!(socket.offers_denial(), "a denial that was not offered");
            assert!(socket.answer.is_none(), "a second answer");
        }
        assert!(self.response.status.is_none(), "a second start");
        assert!((200..=999).contains(&status), "status {status}");
        self.response.status = Some(status);
        self.response.headers = Headers::new(headers.clone());
        self.trailers_announced = trailers;
    }

    pub(super) fn body(&mut self, body: &[u8], more: bool) {
        self.assert_open();
        if self.disconnected {
            return;
        }
        assert!(self.response.status.is_some(), "a body before the start");
        assert!(!self.body_done, "a body after the last one");
        assert!(
            self.unsent <= MARK,
            "a body while {} bytes are unsent",
            self.unsent
        );
        assert!(body.len() <= MAX_PIECE, "a body of {} bytes", body.len());
        self.written += body.len() as u64;
        if !body.is_empty() && !self.head {
            self.response.chunks.push(Bytes::copy_from_slice(body));
        }
        self.unsent += body.len();
        if !self.paused {
            self.drain();
        }
        if !more {
            self.finish_body();
        }
    }

    pub(super) fn finish_body(&mut self) {
        self.body_done = true;
        self.response.complete = !self.trailers_announced;
        let announced = self
            .response
            .header("content-length")
            .and_then(|length| length.parse::<u64>().ok());
        let bodiless = self.head || matches!(self.response.status, Some(204 | 304));
        if let (Some(announced), false, None) = (announced, bodiless, &self.response.pathsend) {
            assert_eq!(self.written, announced, "content-length");
        }
    }

    pub(super) fn trailers(&mut self, trailers: &types::Trailers) {
        self.assert_open();
        if self.disconnected {
            return;
        }
        assert!(
            self.trailers_announced && self.body_done,
            "trailers out of order"
        );
        self.response.trailers = Some(Headers::new(trailers.headers.clone()));
        self.response.complete |= !trailers.more_trailers;
    }

    pub(super) fn message(&mut self, payload: &types::Payload) {
        self.assert_open();
        assert!(
            self.unsent <= MARK,
            "a message while {} bytes are unsent",
            self.unsent
        );
        let socket = self.socket.as_mut();
        let Some(price) = socket.and_then(|socket| socket.message(payload)) else {
            return;
        };
        self.unsent += price;
        if !self.paused {
            self.drain();
        }
    }

    pub(super) fn drain(&mut self) {
        self.unreported += std::mem::take(&mut self.unsent);
    }

    pub(super) fn assert_open(&self) {
        assert!(
            self.response.outcome.is_none(),
            "an action after `finished`"
        );
    }
}
