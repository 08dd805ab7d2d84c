//! WebSockets of a test: the client's side, and what the host of a test knows of one.

use std::collections::VecDeque;

use wasgi_sdk_core::{Closed, MARK, MAX_CLOSE_REASON, MESSAGE_PRICE};

use super::{CallId, Response, TestClient};
use crate::bindings::types::{self, Payload, WebsocketScope};
use crate::testing::request::Request;
use crate::{App, Headers, Message};

/// A WebSocket that is about to be opened, see [`TestClient::websocket`].
#[must_use = "a handshake does nothing until `connect` or `open`"]
pub struct Connect<'a, A: App> {
    request: Request<'a, A>,
    subprotocols: Vec<String>,
}

impl<'a, A: App> Connect<'a, A> {
    pub(super) fn new(client: &'a mut TestClient<A>, target: &str) -> Self {
        Connect {
            request: Request::new(client, "GET", target),
            subprotocols: Vec::new(),
        }
    }

    /// Adds a header of the handshake.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Says where the app is mounted (`H-09`). The target has to begin with it.
    pub fn root_path(mut self, root_path: &str) -> Self {
        self.request = self.request.root_path(root_path);
        self
    }

    /// Offers subprotocols, the dearest first (`W-01`).
    pub fn subprotocols<P: Into<String>>(mut self, offered: impl IntoIterator<Item = P>) -> Self {
        self.subprotocols = offered.into_iter().map(Into::into).collect();
        self
    }

    /// Opens it and waits for the app's answer, which [`TestClient::answer`] has then.
    ///
    /// # Panics
    ///
    /// When no answer will ever come, and when the SDK breaks the contract.
    #[track_caller]
    pub fn connect(self) -> CallId {
        let (client, scope) = self.into_scope();
        let call = client.open_websocket(scope);
        client.run_until("the answer to the handshake", |client| {
            client.host.answer(call.0).is_some()
        });
        call
    }

    /// Opens it without waiting.
    pub fn open(self) -> CallId {
        let (client, scope) = self.into_scope();
        client.open_websocket(scope)
    }

    fn into_scope(self) -> (&'a mut TestClient<A>, WebsocketScope) {
        let (client, mut http, _) = self.request.into_scope();
        http.extensions |= client.host.websocket_extensions();
        let scope = WebsocketScope {
            http,
            subprotocols: self.subprotocols,
        };
        (client, scope)
    }
}

impl<A: App> std::fmt::Debug for Connect<'_, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connect")
            .field("request", &self.request)
            .field("subprotocols", &self.subprotocols)
            .finish()
    }
}

/// What a client gets for its handshake.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Answer {
    /// `websocket.accept` (`W-05`).
    Accepted {
        /// The subprotocol of the app's choice.
        subprotocol: Option<String>,
        /// The headers that the app sent.
        headers: Headers,
    },
    /// `websocket.close` in place of an accept: 403 (`W-07`).
    Refused,
    /// A response in place of an accept (`E-01`), as far as it has come.
    Denied(Response),
    /// The app has ended without an answer: 500 (`W-19`).
    Failed,
}

impl Answer {
    /// The status that the client sees.
    #[track_caller]
    pub fn status(&self) -> u16 {
        match self {
            Answer::Accepted { .. } => 101,
            Answer::Refused => 403,
            Answer::Denied(response) => response.status(),
            Answer::Failed => 500,
        }
    }
}

/// What the host of a test knows of a WebSocket beyond its call.
pub(super) struct Socket {
    offered: Vec<String>,
    offers_denial: bool,
    pub(super) answer: Option<Answer>,
    /// From the client, not handed over.
    inbox: VecDeque<Message>,
    /// What the app allows; below zero after a message that was larger.
    credit: i64,
    /// From the app, not looked at by the test.
    pub(super) received: VecDeque<Message>,
    /// How it has ended.
    pub(super) closed: Option<Closed>,
    /// `closed` has been handed over.
    told: bool,
}

impl Socket {
    pub(super) fn new(offered: Vec<String>, offers_denial: bool) -> Socket {
        Socket {
            offered,
            offers_denial,
            answer: None,
            inbox: VecDeque::new(),
            credit: 0,
            received: VecDeque::new(),
            closed: None,
            told: false,
        }
    }

    pub(super) fn is_accepted(&self) -> bool {
        matches!(self.answer, Some(Answer::Accepted { .. }))
    }

    pub(super) fn credit(&self) -> usize {
        usize::try_from(self.credit).unwrap_or(0)
    }

    pub(super) fn offers_denial(&self) -> bool {
        self.offers_denial
    }

    // ------------------------------------------------------------ the client

    #[track_caller]
    pub(super) fn push(&mut self, message: Message) {
        assert!(self.is_accepted(), "a message before the accept");
        assert!(self.closed.is_none(), "a message after the close");
        self.inbox.push_back(message);
    }

    /// The first reason counts.
    pub(super) fn close(&mut self, code: u16, reason: &str) {
        self.closed.get_or_insert_with(|| Closed {
            code,
            reason: reason.to_owned(),
        });
    }

    // ------------------------------------------------------------ events

    pub(super) fn is_quiet(&self) -> bool {
        let message = self.is_accepted() && !self.inbox.is_empty();
        !(message && (self.credit > 0 || self.closed.is_some()))
            && (self.told || self.closed.is_none())
    }

    pub(super) fn take_message(&mut self) -> Option<Payload> {
        if !self.is_accepted() || !(self.credit > 0 || self.closed.is_some()) {
            return None;
        }
        let message = self.inbox.pop_front()?;
        self.credit = self
            .credit
            .saturating_sub_unsigned((message.len() + MESSAGE_PRICE) as u64);
        Some(match message {
            Message::Text(text) => Payload::Text(text),
            Message::Binary(bytes) => Payload::Bytes(bytes.into()),
        })
    }

    /// How it ended, once and behind the messages.
    pub(super) fn take_closed(&mut self) -> Option<Closed> {
        if self.told || (self.is_accepted() && !self.inbox.is_empty()) {
            return None;
        }
        let closed = self.closed.clone()?;
        self.told = true;
        Some(closed)
    }

    // ------------------------------------------------------------ actions

    pub(super) fn read(&mut self, bytes: u32) {
        assert!(
            self.is_accepted() || self.closed.is_some(),
            "credit before the accept"
        );
        self.credit += i64::from(bytes);
        assert!(
            self.credit() <= MARK,
            "{} bytes of credit are more than the mark",
            self.credit
        );
    }

    pub(super) fn accept(&mut self, accept: &types::Accept) {
        if self.closed.is_some() {
            return;
        }
        assert!(self.answer.is_none(), "a second answer: {accept:?}");
        if let Some(chosen) = &accept.subprotocol {
            assert!(self.offered.contains(chosen), "{chosen} was not offered");
        }
        self.answer = Some(Answer::Accepted {
            subprotocol: accept.subprotocol.clone(),
            headers: Headers::new(accept.headers.clone()),
        });
    }

    /// What it costs of the unsent bytes, if anybody is there.
    pub(super) fn message(&mut self, payload: &Payload) -> Option<usize> {
        if self.closed.is_some() {
            return None;
        }
        assert!(self.is_accepted(), "a message before the accept");
        let message = match payload {
            Payload::Text(text) => Message::Text(text.clone()),
            Payload::Bytes(bytes) => Message::Binary(bytes.clone().into()),
        };
        let price = message.len() + MESSAGE_PRICE;
        self.received.push_back(message);
        Some(price)
    }

    pub(super) fn said_close(&mut self, close: &types::Close) {
        assert!(
            matches!(close.code, 1000 | 1001 | 1003 | 1007..=1014 | 3000..=4999),
            "close code {}",
            close.code
        );
        assert!(close.reason.len() <= MAX_CLOSE_REASON, "a long reason");
        if self.closed.is_some() {
            return;
        }
        if self.is_accepted() {
            self.inbox.clear();
            self.close(close.code, &close.reason);
        } else {
            assert!(self.answer.is_none(), "a second answer: {close:?}");
            self.answer = Some(Answer::Refused);
            self.told = true;
            self.close(1006, "");
        }
    }

    /// The app has ended.
    pub(super) fn finish(&mut self, raised: bool) {
        match self.answer {
            None => self.answer = Some(Answer::Failed),
            Some(Answer::Accepted { .. }) if raised => self.close(1011, ""),
            Some(Answer::Accepted { .. }) => self.close(1000, ""),
            Some(_) => {}
        }
        self.inbox.clear();
        self.close(1006, "");
        self.told = true;
    }
}

impl<A: App> TestClient<A> {
    /// A WebSocket; not opened yet. `target` is path and query as on the wire.
    ///
    /// ```
    /// use wasgi_sdk::testing::TestClient;
    /// # use wasgi_sdk::{Error, Handshake, Receive, Scope, Send};
    /// # async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    /// #     let mut socket = Handshake::new(scope.into_websocket()?, receive, send).accept().await?;
    /// #     while let Some(message) = socket.recv().await { socket.send(message).await?; }
    /// #     Ok(())
    /// # }
    ///
    /// let mut client = TestClient::start(app);
    /// let socket = client.websocket("/echo").connect();
    /// client.send_message(socket, "ping");
    /// assert_eq!(client.receive_message(socket).as_text(), Some("ping"));
    /// client.close(socket, 1000, "bye");
    /// assert_eq!(client.closed(socket).code, 1000);
    /// ```
    ///
    /// [`pause`](TestClient::pause), [`resume`](TestClient::resume) and [`wait_finished`](TestClient::wait_finished) work as for a
    /// request; [`disconnect`](TestClient::disconnect) loses the connection without a close frame (1006).
    pub fn websocket(&mut self, target: &str) -> Connect<'_, A> {
        Connect::new(self, target)
    }

    fn open_websocket(&mut self, scope: WebsocketScope) -> CallId {
        let id = self.host.open_websocket(scope);
        self.run();
        CallId(id)
    }

    /// The app's answer to the handshake.
    ///
    /// # Panics
    ///
    /// When there is none yet.
    #[track_caller]
    #[expect(clippy::panic, reason = "a test helper: a panic is how a test fails")]
    pub fn answer(&self, socket: CallId) -> Answer {
        match self.host.answer(socket.0) {
            Some(answer) => answer,
            None => panic!("the handshake has not been answered"),
        }
    }

    /// The client sends a message.
    #[track_caller]
    pub fn send_message(&mut self, socket: CallId, message: impl Into<Message>) {
        self.host.socket(socket.0).push(message.into());
        self.run();
    }

    /// The next message of the app, which is waited for.
    ///
    /// # Panics
    ///
    /// When it is closed instead, and when everybody waits for ever.
    #[track_caller]
    #[expect(clippy::panic, reason = "a test helper: a panic is how a test fails")]
    pub fn receive_message(&mut self, socket: CallId) -> Message {
        self.run_until("a message", |client| {
            let socket = client.host.look_at_socket(socket.0);
            !socket.received.is_empty() || socket.closed.is_some()
        });
        let socket = self.host.socket(socket.0);
        match socket.received.pop_front() {
            Some(message) => message,
            None => panic!("no message comes any more: {:?}", socket.closed),
        }
    }

    /// What the app has sent until now.
    #[track_caller]
    pub fn messages(&mut self, socket: CallId) -> Vec<Message> {
        self.host.socket(socket.0).received.drain(..).collect()
    }

    /// The client closes. Does nothing when it is closed already.
    #[track_caller]
    pub fn close(&mut self, socket: CallId, code: u16, reason: &str) {
        self.host.socket(socket.0).close(code, reason);
        self.run();
    }

    /// How it has ended, which is waited for.
    ///
    /// # Panics
    ///
    /// When everybody waits for ever.
    #[track_caller]
    pub fn closed(&mut self, socket: CallId) -> Closed {
        self.run_until("the close", |client| {
            client.host.look_at_socket(socket.0).closed.is_some()
        });
        let socket = self.host.look_at_socket(socket.0);
        socket.closed.clone().unwrap_or(Closed {
            code: 1006,
            reason: String::new(),
        })
    }
}
