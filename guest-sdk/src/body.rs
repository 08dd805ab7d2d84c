//! The request body as tower services know it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::receive::{BodyError, BodyStream, Receive};

/// The body of a request that a [mounted](crate::service::mount) service gets: streamed, `Send + 'static`, and asked from
/// the host only when it is polled for the first time (`Q-07`).
#[derive(Debug)]
pub struct Body {
    /// None where there is no body to come: the request opens a WebSocket.
    stream: Option<BodyStream>,
    /// What `content-length` leaves to come.
    remaining: Option<u64>,
}

impl Body {
    pub(crate) fn new(receive: Receive, content_length: Option<u64>) -> Body {
        Body {
            stream: Some(receive.stream()),
            remaining: content_length,
        }
    }

    pub(crate) fn empty() -> Body {
        Body {
            stream: None,
            remaining: None,
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(None);
        };
        let piece = std::task::ready!(stream.poll_piece(cx));
        if let (Some(Ok(bytes)), Some(remaining)) = (&piece, &mut self.remaining) {
            *remaining = remaining.saturating_sub(bytes.len() as u64);
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.stream.as_ref().is_none_or(BodyStream::is_end)
    }

    fn size_hint(&self) -> SizeHint {
        match self.remaining {
            _ if self.is_end_stream() => SizeHint::with_exact(0),
            Some(remaining) => SizeHint::with_exact(remaining),
            None => SizeHint::default(),
        }
    }
}
