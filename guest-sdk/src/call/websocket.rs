//! One WebSocket call as the app's handles have it: the state machine of `wasgi-sdk-core`, and who waits for which half of
//! it. Used as [`Call`](super::Call) is.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use wasgi_sdk_core::{Closed, Incoming, Outbox as Batches, Outcome, Refused, WebSocket};

use super::waiters::Waiters;
use super::{ReceiveTicket, register, wake};
use crate::SendError;
use crate::action::{Body, Text};
use crate::bindings::types::{Action, Close, Extensions, Payload, WebsocketScope};
use crate::event::Event;
use crate::hub::Hub;
use crate::sync::lock;

pub(crate) struct WebSocketCall {
    pub(crate) id: u64,
    hub: Arc<Hub>,
    state: Mutex<State>,
}

struct State {
    socket: WebSocket<Body>,
    receivers: Waiters,
    senders: Vec<Waker>,
    watchers: Vec<Waker>,
}

impl State {
    /// Who may take an event now: the first who waits, and at the end everyone.
    fn next_receivers(&self) -> Vec<Waker> {
        if self.socket.is_over() {
            self.receivers.all().collect()
        } else if self.socket.has_event() {
            self.receivers.front().into_iter().collect()
        } else {
            Vec::new()
        }
    }
}

impl WebSocketCall {
    pub(crate) fn new(id: u64, hub: Arc<Hub>, scope: &WebsocketScope) -> Arc<WebSocketCall> {
        let denial = scope.http.extensions.contains(Extensions::WEBSOCKET_DENIAL);
        Arc::new(WebSocketCall {
            id,
            hub,
            state: Mutex::new(State {
                socket: WebSocket::new(id, scope.subprotocols.clone(), denial),
                receivers: Waiters::default(),
                senders: Vec::new(),
                watchers: Vec::new(),
            }),
        })
    }

    // ------------------------------------------------------------ the host's side

    pub(crate) fn on_message(&self, payload: Payload) {
        let woken = {
            let mut state = lock(&self.state);
            state.socket.on_message(match payload {
                Payload::Text(text) => wasgi_sdk_core::Payload::Text(Text(text)),
                Payload::Bytes(bytes) => wasgi_sdk_core::Payload::Bytes(Body::new(bytes.into())),
            });
            state.next_receivers()
        };
        wake(woken);
    }

    /// It is closed. Answers whether the call has ended by that.
    pub(crate) fn on_closed(&self, close: Close) -> bool {
        let closed = Closed {
            code: close.code,
            reason: close.reason,
        };
        self.advance(|socket, outbox| socket.on_closed(closed, outbox))
    }

    /// `bytes` have left the host's buffer. Answers whether the call has ended by that.
    pub(crate) fn on_writable(&self, bytes: u32) -> bool {
        self.advance(|socket, outbox| socket.on_writable(bytes, outbox))
    }

    /// The app has ended. Answers whether the call has too; if not, its last messages still wait for credit.
    pub(crate) fn end(&self, outcome: Outcome) -> bool {
        self.advance(|socket, outbox| socket.end(outcome, outbox))
    }

    /// Takes a step that may end the call, then wakes who waited for it.
    fn advance(
        &self,
        step: impl FnOnce(&mut WebSocket<Body>, &mut Batches<Action>) -> bool,
    ) -> bool {
        let (woken, ended) = {
            let mut state = lock(&self.state);
            let ended = step(&mut state.socket, &mut lock(&self.hub.outbox).batches);
            let mut woken = state.next_receivers();
            if !state.socket.is_full() {
                woken.append(&mut state.senders);
            }
            if state.socket.is_gone() {
                woken.append(&mut state.watchers);
            }
            (woken, ended)
        };
        wake(woken);
        ended
    }

    /// Whether `finished` has been said.
    pub(crate) fn is_finished(&self) -> bool {
        lock(&self.state).socket.is_finished()
    }

    // ------------------------------------------------------------ receive

    /// One `receive`. `ticket` is the caller's and stays with it from poll to poll.
    pub(crate) fn poll_receive(
        &self,
        ticket: &mut ReceiveTicket,
        cx: &mut Context<'_>,
    ) -> Poll<Event> {
        let (event, next) = {
            let mut state = lock(&self.state);
            let state = &mut *state;
            let is_turn = state.socket.is_over() || state.receivers.is_turn(*ticket);
            let incoming = {
                let batches = &mut lock(&self.hub.outbox).batches;
                state.socket.ask(batches);
                if is_turn {
                    state.socket.take(batches)
                } else {
                    Incoming::Wait
                }
            };
            let event = match incoming {
                Incoming::Wait => {
                    state.receivers.wait(ticket, cx.waker());
                    return Poll::Pending;
                }
                Incoming::Connect => Event::WebSocketConnect,
                Incoming::Message(payload) => Event::WebSocketReceive(payload.into()),
                Incoming::Disconnect(closed) => Event::WebSocketDisconnect(closed),
            };
            state.receivers.leave(ticket);
            (event, state.next_receivers())
        };
        wake(next);
        Poll::Ready(event)
    }

    /// The `receive` with this ticket is dropped. It had consumed nothing (`G-09`).
    pub(crate) fn cancel_receive(&self, ticket: &mut ReceiveTicket) {
        if ticket.is_none() {
            return;
        }
        let next = {
            let mut state = lock(&self.state);
            state.receivers.leave(ticket);
            state.next_receivers()
        };
        wake(next);
    }

    // ------------------------------------------------------------ send

    /// Says something, wholly or not at all. What is said goes out even if nobody awaits (`G-22`).
    pub(crate) fn say(
        &self,
        event: impl FnOnce(&mut WebSocket<Body>, &mut Batches<Action>) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let woken = {
            let mut state = lock(&self.state);
            event(&mut state.socket, &mut lock(&self.hub.outbox).batches)?;
            // A refused handshake is over at once (`W-08`).
            state.next_receivers()
        };
        wake(woken);
        Ok(())
    }

    /// Whether a `send` would return at once.
    pub(crate) fn has_room(&self) -> bool {
        !lock(&self.state).socket.is_full()
    }

    /// Ready once what is unsent is within the mark (`A-11`).
    pub(crate) fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let mut state = lock(&self.state);
        match state.socket.must_wait() {
            Err(refused) => Poll::Ready(Err(refused.into())),
            Ok(false) => Poll::Ready(Ok(())),
            Ok(true) => {
                register(&mut state.senders, cx.waker());
                Poll::Pending
            }
        }
    }

    /// Ready once the client is gone, or the call is finished.
    pub(crate) fn poll_disconnected(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.socket.is_gone() {
            return Poll::Ready(());
        }
        register(&mut state.watchers, cx.waker());
        Poll::Pending
    }
}
