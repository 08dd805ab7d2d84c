//! From what a call says ([`Said`]) to the records of the contract.

use std::ops::Range;

use bytes::{Buf as _, Bytes};
use wasgi_sdk_core::Said;

use crate::bindings::types::{
    Accept, Action, BodyChunk, Close, Credit, EarlyHint, FieldLength, Fields, Finished, Message,
    Outcome, Pathsend, Payload, Response, ResponseStart, Shutdown, Startup, Trailers,
};

/// A body that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body(Bytes);

impl Body {
    pub(crate) fn new(bytes: Bytes) -> Option<Body> {
        (!bytes.is_empty()).then_some(Body(bytes))
    }

    pub(crate) fn into_bytes(body: Option<Body>) -> Bytes {
        body.map_or_else(Bytes::new, |body| body.0)
    }

    /// This part as a list of its own; nothing is copied if it is all of it and nobody else has it.
    fn into_part(self, part: &Range<usize>) -> Vec<u8> {
        let mut bytes = self.0;
        bytes.truncate(part.end);
        bytes.advance(part.start.min(bytes.len()));
        Vec::from(bytes)
    }
}

impl wasgi_sdk_core::Body for Body {
    type Text = Text;

    #[inline]
    fn len(&self) -> usize {
        self.0.len()
    }
}

/// The text of a WebSocket's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) String);

impl wasgi_sdk_core::Text for Text {
    #[inline]
    fn len(&self) -> usize {
        self.0.len()
    }
}

impl From<Said<Body>> for Action {
    #[inline(always)]
    fn from(said: Said<Body>) -> Action {
        match said {
            Said::Respond {
                call,
                status,
                headers,
                body,
            } => Action::Respond(Response {
                call,
                status,
                headers: headers.into(),
                body: body.map_or_else(Vec::new, |body| Vec::from(body.0)),
            }),
            Said::Start { call, start } => Action::Start(ResponseStart {
                call,
                status: start.status,
                headers: start.headers.into(),
                trailers: start.trailers,
            }),
            Said::Body {
                call,
                body,
                part,
                more,
            } => Action::Body(BodyChunk {
                call,
                body: body.map_or_else(Vec::new, |body| body.into_part(&part)),
                more_body: more,
            }),
            Said::Trailers {
                call,
                headers,
                more,
            } => Action::Trailers(Trailers {
                call,
                headers: headers.into(),
                more_trailers: more,
            }),
            Said::EarlyHint { call, links } => Action::EarlyHint(EarlyHint { call, links }),
            Said::Pathsend { call, path } => Action::Pathsend(Pathsend { call, path }),
            Said::Accept {
                call,
                subprotocol,
                headers,
            } => Action::Accept(Accept {
                call,
                subprotocol,
                headers: headers.into(),
            }),
            Said::Message { call, payload } => Action::Message(Message {
                call,
                payload: match payload {
                    wasgi_sdk_core::Payload::Text(text) => Payload::Text(text.0),
                    wasgi_sdk_core::Payload::Bytes(bytes) => {
                        Payload::Bytes(Body::into_bytes(bytes).into())
                    }
                },
            }),
            Said::Close { call, code, reason } => Action::Close(Close { call, code, reason }),
            Said::Read { call, bytes } => Action::Read(Credit { call, bytes }),
            Said::Finished { call, outcome } => Action::Finished(Finished {
                call,
                outcome: match outcome {
                    wasgi_sdk_core::Outcome::Returned => Outcome::Returned,
                    wasgi_sdk_core::Outcome::Raised(text) => Outcome::Raised(text),
                },
            }),
            Said::Startup(startup) => Action::Startup(match startup {
                wasgi_sdk_core::Startup::Complete => Startup::Complete,
                wasgi_sdk_core::Startup::Unsupported(text) => Startup::Unsupported(text),
                wasgi_sdk_core::Startup::Failed(text) => Startup::Failed(text),
            }),
            Said::Shutdown(result) => Action::Shutdown(match result {
                Ok(()) => Shutdown::Complete,
                Err(text) => Shutdown::Failed(text),
            }),
        }
    }
}

/// Of the same size and alignment, so the list stays where it is.
impl From<wasgi_sdk_core::Fields> for Fields {
    #[inline]
    fn from(fields: wasgi_sdk_core::Fields) -> Fields {
        let lengths = fields.lengths.into_iter();
        Fields {
            text: fields.text,
            lengths: lengths
                .map(|length| FieldLength {
                    name: length.name,
                    value: length.value,
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_body_is_not_copied_and_a_part_is_the_right_one() {
        let bytes = vec![7; 100];
        let place = bytes.as_ptr();
        let body = Body::new(bytes.into()).unwrap();
        let whole = body.into_part(&(0..100));
        assert_eq!(whole.as_ptr(), place);

        let body = Body::new(Bytes::from_static(b"abcdef")).unwrap();
        assert_eq!(body.clone().into_part(&(0..2)), b"ab");
        assert_eq!(body.clone().into_part(&(2..5)), b"cde");
        assert_eq!(body.into_part(&(5..6)), b"f");
    }

    #[test]
    fn the_list_of_lengths_stays_where_it_is() {
        let mut fields = wasgi_sdk_core::Fields::with_capacity(2);
        fields.push(b"a", b"b").unwrap();
        let place = fields.lengths.as_ptr().cast::<u8>();
        let fields = Fields::from(fields);
        assert_eq!(fields.lengths.as_ptr().cast::<u8>(), place);
    }
}
