//! The instance's end of a WebSocket: events to the guest, its actions, and what the host does to both.

use super::*;
use crate::asgi::MARK;

/// Most bytes of a close frame's reason (RFC 6455 5.5).
const REASON_BYTES_MAX: usize = 123;

impl WebSocket {
    /// Collects the events that the call has for the guest, at most `room`, which is 3 or more; true if there are more than
    /// fitted.
    pub fn events(&self, out: &mut Vec<Event>, room: usize) -> bool {
        let end = out.len() + room.saturating_sub(1);
        let mut state = self.lock();
        state.queued = false;
        if let Some(call) = state.denial() {
            drop(state);
            return self.events_of_denial(&call, out);
        }
        let call = self.id;
        if state.end.is_none()
            && let Some(bytes) = state.outgoing.writable()
        {
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            out.push(Event::Writable(Credit { call, bytes }));
        }
        let mut bytes = 0;
        while bytes < MARK
            && out.len() < end
            && let Some(payload) = state.incoming.take()
        {
            bytes += price(&payload);
            out.push(Event::Message(Message { call, payload }));
        }
        if state.incoming.is_empty()
            && std::mem::take(&mut state.closed_due)
            && let Some(Close { code, reason }) = state.end.clone()
        {
            out.push(Event::Closed(types::Close { call, code, reason }));
        }
        let again = state.incoming.has_next();
        state.queued = again;
        state.settle();
        let reader = state
            .incoming
            .has_room()
            .then(|| state.reader.take())
            .flatten();
        drop(state);
        wake(reader);
        again
    }

    /// A response has no end of its own kind: a client that leaves it is a WebSocket that was lost.
    fn events_of_denial(&self, call: &Call, out: &mut Vec<Event>) -> bool {
        let start = out.len();
        let again = call.events(out);
        for event in out.iter_mut().skip(start) {
            if let Event::Disconnect(call) = *event {
                let Close { code, reason } = Close::of(LOST);
                *event = Event::Closed(types::Close { call, code, reason });
            }
        }
        again
    }

    /// Whether the app has accepted it, so that it is pinned to its instance.
    pub fn is_pinned(&self) -> bool {
        self.lock().is_accepted()
    }

    /// Whether the app has answered the handshake, or need not any more.
    pub fn is_answered(&self) -> bool {
        let state = self.lock();
        !matches!(state.stage, Stage::Connecting) || state.end.is_some()
    }

    /// Whether the client gets nothing more (`G-10`, `G-11`).
    pub fn after(&self) -> Option<After> {
        let state = self.lock();
        if let Some(call) = state.denial() {
            return call.after();
        }
        if state.said_close {
            return Some(After::Complete);
        }
        state.end.is_some().then_some(After::Disconnected)
    }

    /// `websocket.accept` (`W-03`, `W-05`, `W-06`, `W-11`).
    pub fn accept(&self, action: Accept) -> Effect {
        self.act(|state| {
            state.check_connecting("`websocket.accept` after an answer")?;
            let subprotocol = match action.subprotocol {
                None => None,
                Some(chosen) => Some(self.offered(&chosen)?),
            };
            let headers = fields::accept(action.headers)?;
            state.stage = Stage::Answered(Handshake::Accepted {
                subprotocol,
                headers,
            });
            Ok(())
        })
    }

    /// `websocket.send` (`W-09`, `W-11`).
    pub fn message(&self, action: Message) -> Effect {
        let mut state = self.lock();
        if state.end.is_none()
            && let Err(over) = state.reserve(&action.payload)
        {
            return self.fail_in(state, Failure::Memory(over));
        }
        self.act_in(state, |state| {
            state.check_open()?;
            state.outgoing.push(action.payload, self.message_bytes_max)
        })
    }

    /// `websocket.close`: 403 before an accept (`W-07`), a close frame after it (`W-12`).
    pub fn close(&self, action: types::Close) -> Effect {
        let types::Close { code, reason, .. } = action;
        let close = Close { code, reason };
        self.act(|state| {
            check_close(&close)?;
            if matches!(state.stage, Stage::Connecting) {
                state.said_close = true;
                state.stage = Stage::Answered(Handshake::Refused);
                // The app hears of it as of a connection that was lost (`W-08`).
                state.end = Some(Close::of(LOST));
                state.closed_due = true;
                return Ok(());
            }
            state.check_open()?;
            if !state.outgoing.close(close) {
                return Err(Violation::InvalidState("a second `websocket.close`"));
            }
            state.said_close = true;
            // What the client still says before it answers is nobody's (`W-15`).
            state.incoming.discard();
            Ok(())
        })
    }

    /// `websocket.http.response.start` and its only body (`E-01`).
    pub fn respond(&self, action: Response) -> Effect {
        self.deny(|call| call.respond(action))
    }

    /// `websocket.http.response.start` (`E-01`).
    pub fn start(&self, action: ResponseStart) -> Effect {
        self.deny(|call| call.start(action))
    }

    /// `websocket.http.response.body` (`E-01`).
    pub fn body(&self, action: BodyChunk) -> Effect {
        let denial = self.lock().denial();
        match denial {
            Some(call) => call.body(action),
            None => self.refuse(Violation::InvalidState(
                "the body of a denial before its start",
            )),
        }
    }

    /// An action that this call does not have.
    pub fn refuse(&self, violation: Violation) -> Effect {
        self.act(|_| Err(violation))
    }

    /// `read`.
    pub fn read(&self, credit: u32) -> Effect {
        let mut state = self.lock();
        if state.end.is_some() {
            return Effect::Done;
        }
        if let Err(violation) = state.incoming.grant(credit) {
            return self.fail_in(state, Failure::Violation(violation));
        }
        let due = state.incoming.has_next();
        self.announce(state, due);
        Effect::Done
    }

    /// `finished`: the app callable is done (`W-19`–`W-21`).
    pub fn finished(&self, action: Finished) -> Effect {
        let mut state = self.lock();
        if let Some(call) = state.denial() {
            drop(state);
            return call.finished(action);
        }
        let raised = match action.outcome {
            types::Outcome::Returned => None,
            types::Outcome::Raised(text) => Some(text),
        };
        match (raised, state.end.is_some() || state.outgoing.is_closing()) {
            (Some(text), true) => Effect::RaisedLate(text),
            (None, true) => Effect::Done,
            (Some(text), false) => self.fail_in(state, Failure::Raised(text)),
            (None, false) if matches!(state.stage, Stage::Connecting) => {
                self.fail_in(state, Failure::Returned)
            }
            (None, false) => {
                state.outgoing.close(Close::of(1000));
                state.incoming.discard();
                let server = state.server.take();
                drop(state);
                wake(server);
                Effect::Done
            }
        }
    }

    /// Ends the call from the host's side; nothing happens if it has ended.
    pub fn fail(&self, failure: Failure) -> Effect {
        let state = self.lock();
        if let Some(call) = state.denial() {
            drop(state);
            return call.fail(failure);
        }
        if state.end.is_some() || state.outgoing.is_closing() {
            return Effect::Done;
        }
        self.fail_in(state, failure)
    }

    /// The instance drains: the client is to come again, and finds another (`W-29`). A handshake may still be answered; it ends
    /// at once.
    pub fn go_away(&self) {
        let mut state = self.lock();
        state.going = true;
        if state.is_accepted() {
            self.part(state);
        }
    }
}

/// `W-12`: what a close frame can carry and an endpoint may say.
fn check_close(close: &Close) -> Result<(), Violation> {
    if !matches!(close.code, 1000 | 1001 | 1003 | 1007..=1014 | 3000..=4999) {
        return Err(Violation::InvalidEvent(format!(
            "close code {}: 1000, 1001, 1003, 1007-1014 and 3000-4999 are legal",
            close.code
        )));
    }
    if close.reason.len() > REASON_BYTES_MAX {
        return Err(Violation::InvalidEvent(
            "a close reason of more than 123 bytes".into(),
        ));
    }
    Ok(())
}
