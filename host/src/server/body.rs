//! Bodies: request frames to a call (the pump), a call's bytes to hyper (the response body).
//!
//! The pump reads the client only as far as the app has asked (`Q-06`); the response body is polled by hyper as
//! fast as the client reads (`R-09`). Dropping the response body is how a disconnect becomes known (`D-03`).

use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::abandoned::Leave;
use super::access::Access;
use super::file::{self, Opened, Rest, Unfit};
use super::streams;
use crate::asgi::Call;
use crate::asgi::call::{Demand, Failure, Outcome, Part};
use crate::config::limits::UNREAD_BODY_BYTES_MAX;
use crate::wasm::{App, Pool};

/// One frame of HTTP/2, unless the client takes larger ones.
const H2_PIECE_BYTES: usize = 16 * 1024;

/// The server's end of a call: the client's side is gone when it is dropped before the last byte was taken.
pub(super) struct ServerEnd {
    pub(super) call: Arc<Call>,
    /// Whose files it may send, and for which request.
    pub(super) pool: Arc<Pool>,
    pub(super) request_id: u64,
    /// Where to leave a call that goes on without a client, on a connection that goes on without it.
    pub(super) abandoned: Option<Leave>,
}

impl Drop for ServerEnd {
    fn drop(&mut self) {
        self.call.disconnect();
        if let Some(abandoned) = &self.abandoned
            && self.call.outcome() == Outcome::Disconnected
        {
            abandoned.add(&self.call);
        }
    }
}

/// What hyper writes to the client.
pub(super) struct ResponseBody {
    payload: Payload,
    /// None behind a head that makes the connection a WebSocket: the session has it.
    access: Option<Access>,
    /// The call has failed, and hyper has had a turn to write what came before that.
    cutting: bool,
    /// No more than so many bytes at a time.
    piece_bytes_max: usize,
    /// What is left of a longer piece.
    rest: Bytes,
}

/// Where the bytes come from.
pub(super) enum Payload {
    /// All of it, not taken yet.
    Whole(Bytes),
    /// Nothing, or nothing any more.
    Taken,
    /// No body where the headers may announce one all the same: over HTTP/1 hyper drops a `content-length` that stands
    /// beside a body that it knows to be empty (`M-05`).
    Announced,
    /// What the app sends.
    Stream(ServerEnd),
    /// A file of the app (`E-02`) that is being opened, since the app named it when its head had gone out already.
    Opening(Pin<Box<dyn Future<Output = Result<Opened, Unfit>> + Send>>),
    /// A file of the app (`E-02`): the piece that has been read, and the rest.
    File(Bytes, Rest),
    /// A file that was not there, or not long enough.
    NoFile,
}

impl ResponseBody {
    pub(super) fn new(payload: Payload, access: Access) -> Self {
        Self {
            payload,
            access: Some(access),
            cutting: false,
            piece_bytes_max: usize::MAX,
            rest: Bytes::new(),
        }
    }

    /// What stands behind the head of a WebSocket.
    pub(super) fn none() -> Self {
        Self {
            payload: Payload::Taken,
            access: None,
            cutting: false,
            piece_bytes_max: usize::MAX,
            rest: Bytes::new(),
        }
    }

    /// In small pieces: over HTTP/2 a client has made progress when it has taken one (`streams.rs`).
    #[must_use]
    pub(super) fn in_pieces(mut self) -> Self {
        self.piece_bytes_max = H2_PIECE_BYTES;
        self
    }

    pub(super) fn whole(bytes: Bytes, access: Access) -> Self {
        Self::new(Payload::whole(bytes), access)
    }

    /// The next frame, or that the response has to be cut here.
    fn poll_payload(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ()>>> {
        if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            return Poll::Ready(Some(Ok(Frame::data(self.piece(rest)))));
        }
        let next = ready!(self.poll_next(cx));
        Poll::Ready(match next {
            Some(Ok(frame))
                if frame
                    .data_ref()
                    .is_some_and(|data| data.len() > self.piece_bytes_max) =>
            {
                let data = frame.into_data().unwrap_or_default();
                Some(Ok(Frame::data(self.piece(data))))
            }
            next => next,
        })
    }

    /// Its first piece; keeps the others.
    fn piece(&mut self, mut data: Bytes) -> Bytes {
        let piece = data.split_to(self.piece_bytes_max.min(data.len()));
        self.rest = data;
        piece
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ()>>> {
        loop {
            let next = match &mut self.payload {
                Payload::Stream(call) => match ready!(call.call.poll_body(cx)) {
                    None => None,
                    Some(Ok(Part::Data(bytes))) => Some(Ok(Frame::data(bytes))),
                    Some(Ok(Part::Trailers(trailers))) => Some(Ok(Frame::trailers(trailers))),
                    Some(Ok(Part::File(path))) => {
                        let opening = file::open(call.pool.clone(), path, false, call.request_id);
                        self.payload = Payload::Opening(Box::pin(opening));
                        continue;
                    }
                    Some(Err(_)) => Some(Err(())),
                },
                Payload::Opening(opening) => {
                    self.payload = match ready!(opening.as_mut().poll(cx)) {
                        Ok(opened) => Payload::file(opened),
                        Err(Unfit) => Payload::NoFile,
                    };
                    continue;
                }
                Payload::File(first, rest) if first.is_empty() => {
                    let piece = ready!(rest.poll(cx));
                    piece.map(|piece| piece.map(Frame::data).map_err(drop))
                }
                Payload::File(first, _) => Some(Ok(Frame::data(std::mem::take(first)))),
                Payload::NoFile => Some(Err(())),
                Payload::Whole(bytes) => {
                    let bytes = std::mem::take(bytes);
                    self.payload = Payload::Taken;
                    Some(Ok(Frame::data(bytes)))
                }
                Payload::Taken | Payload::Announced => None,
            };
            return Poll::Ready(next);
        }
    }
}

impl Payload {
    /// All of it.
    pub(super) fn whole(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            Self::Taken
        } else {
            Self::Whole(bytes)
        }
    }

    /// A file that is there.
    pub(super) fn file(opened: Opened) -> Self {
        match opened.rest {
            Some(rest) => Self::File(opened.first, rest),
            None => Self::whole(opened.first),
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = self.get_mut();
        let Poll::Ready(next) = this.poll_payload(cx) else {
            streams::waits();
            return Poll::Pending;
        };
        streams::gave();
        Poll::Ready(match next {
            None => None,
            Some(Ok(frame)) => {
                if let Some(access) = &mut this.access {
                    access.sent(frame.data_ref().map_or(0, Bytes::len));
                }
                Some(Ok(frame))
            }
            Some(Err(())) if this.cutting => Some(Err(Cut)),
            // hyper throws away what it has not written yet when a body fails. A turn later it has written what
            // the client takes, so that the client gets what the app had sent (`X-03`).
            Some(Err(())) => {
                this.cutting = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        if !self.rest.is_empty() {
            return false;
        }
        match &self.payload {
            Payload::Whole(_) | Payload::Announced | Payload::Opening(_) | Payload::NoFile => false,
            Payload::Taken => true,
            Payload::Stream(call) => call.call.is_taken(),
            Payload::File(first, rest) => first.is_empty() && rest.is_done(),
        }
    }

    /// Exact only where the host itself has counted: hyper trusts a `content-length` that stands beside a body of
    /// known size, and enforces it beside one of unknown size.
    fn size_hint(&self) -> SizeHint {
        match &self.payload {
            Payload::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Payload::Taken => SizeHint::with_exact(0),
            Payload::Stream(_)
            | Payload::Opening(_)
            | Payload::File(..)
            | Payload::NoFile
            | Payload::Announced => SizeHint::default(),
        }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        let outcome = match &self.payload {
            // Before the call hears of the drop: what the client had got by now is the outcome.
            Payload::Stream(call) => call.call.outcome().word(),
            Payload::File(..) | Payload::NoFile if self.cutting => "file-cut",
            Payload::File(..) | Payload::Opening(_) if !self.is_end_stream() => "disconnected",
            _ => return,
        };
        if let Some(access) = &mut self.access {
            access.outcome(outcome);
        }
    }
}

/// The response is cut here, so that the client can see that it is not whole (`M-06`). hyper closes the connection,
/// or resets the stream; the text goes nowhere.
#[derive(Debug)]
pub(super) struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the response was cut")
    }
}

impl Error for Cut {}

/// Moves body bytes from the client to the call, as far as the app asks; then throws a small rest away.
pub(super) async fn pump(call: Arc<Call>, mut body: Incoming, app: Arc<App>, continues: bool) {
    let limits = &app.limits;
    let mut asked = false;
    let mut read = 0_u64;
    while poll_fn(|cx| call.poll_demand(cx)).await == Demand::Read {
        asked = true;
        match tokio::time::timeout(limits.stalled_read, next(&mut body)).await {
            Err(_) => return fail(&call, Failure::BodyStalled),
            Ok(Next::Data(bytes)) => {
                read = read.saturating_add(bytes.len() as u64);
                if read > limits.request_body_bytes_max {
                    return fail(&call, Failure::BodyTooLarge);
                }
                call.push_body(bytes);
            }
            Ok(Next::End) => return call.finish_body(),
            Ok(Next::Gone) => return call.disconnect(),
            Ok(Next::Broken) => return fail(&call, Failure::BodyBroken),
        }
        if body.is_end_stream() {
            return call.finish_body();
        }
    }
    if continues && !asked {
        // Reading on would send `100 Continue` after the final response (`Q-07`): the connection closes instead.
        return;
    }
    throw_away(body, limits.stalled_read).await;
}

/// Reads a small rest that nobody wants, so that the connection can be used again (`Q-08`).
pub(super) async fn throw_away(mut body: Incoming, stalled_read: Duration) {
    let mut unread = 0;
    let drain = async {
        while unread <= UNREAD_BODY_BYTES_MAX
            && let Next::Data(bytes) = next(&mut body).await
        {
            unread += bytes.len();
        }
    };
    // A client that trickles what nobody wants does not hold the connection for longer than one stall.
    let _ = tokio::time::timeout(stalled_read, drain).await;
}

/// The client's own fault: nothing for the app's log.
fn fail(call: &Call, failure: Failure) {
    let _ = call.fail(failure);
}

enum Next {
    Data(Bytes),
    End,
    /// The client is gone.
    Gone,
    /// The body is not what HTTP allows (`Q-13`).
    Broken,
}

async fn next(body: &mut Incoming) -> Next {
    loop {
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
        match frame {
            None => return Next::End,
            Some(Ok(frame)) => match frame.into_data() {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Next::Data(bytes),
                // Request trailers are dropped (`Q-03`).
                Err(_) => {}
            },
            Some(Err(error)) if is_broken(&error) => return Next::Broken,
            Some(Err(_)) => return Next::Gone,
        }
    }
}

/// Not what HTTP/1 allows, or cut short; anything else is a connection or a stream that was lost.
fn is_broken(error: &hyper::Error) -> bool {
    use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    let io = error
        .source()
        .and_then(|source| source.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| matches!(io.kind(), InvalidData | InvalidInput | UnexpectedEof))
}
