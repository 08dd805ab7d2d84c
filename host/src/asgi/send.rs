//! The response direction of an HTTP call: what the app's `send` said, on its way to the client.
//!
//! `call.rs` owns one of these per call. Each illegal order has its own sentence; the framing obligations
//! (`M-01`–`M-06`) are met here, so that nothing a guest says can put a malformed response on the wire.

use std::collections::VecDeque;

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};

use super::fields::{self, ResponseHeaders};
use super::{ACTION_BYTES_MAX, MARK, Violation};
use crate::bindings::types::Fields;

/// Status and headers, ready for the wire.
#[derive(Debug)]
pub struct Head {
    /// 200–999 (`R-10`).
    pub status: StatusCode,
    /// With `content-length` as announced, without any other framing.
    pub headers: HeaderMap,
}

/// A response on its way to the client.
#[derive(Debug)]
pub struct Send {
    stage: Stage,
    head: Option<Head>,
    /// A body event has been said, so the head need not be held any more (`R-04`).
    body_said: bool,
    /// The client will see no body bytes: HEAD, 204, 304 (`M-04`, `M-05`).
    bodiless: bool,
    is_head_request: bool,
    announced: Option<u64>,
    sent: u64,
    chunks: VecDeque<Bytes>,
    /// Unsent bytes as the guest counts them: said and not yet reported `writable`.
    unsent: usize,
    /// Bytes gone since the last report.
    unreported: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Idle,
    Started,
    Complete,
}

impl Send {
    /// A response that has not begun. `is_head_request` is whether the method was HEAD (`M-04`).
    pub fn new(is_head_request: bool) -> Self {
        Self {
            stage: Stage::Idle,
            head: None,
            body_said: false,
            bodiless: is_head_request,
            is_head_request,
            announced: None,
            sent: 0,
            chunks: VecDeque::new(),
            unsent: 0,
            unreported: 0,
        }
    }

    /// `http.response.start` (`R-01`).
    ///
    /// # Errors
    /// `InvalidState` on a second one (`R-07`), `InvalidEvent` for a status outside 200–999 (`R-10`) and for
    /// headers that are no headers (`F-08`), `Unsupported` when `trailers` was not offered.
    pub fn start(&mut self, status: u16, headers: Fields, trailers: bool) -> Result<(), Violation> {
        self.check_idle()?;
        if trailers {
            return Err(Violation::Unsupported(
                "trailers were not offered for this request",
            ));
        }
        let (status, headers) = checked(status, headers)?;
        self.begin(status, headers);
        Ok(())
    }

    /// `http.response.body` (`R-02`). After the end it is a no-op (`R-06`).
    ///
    /// # Errors
    /// `InvalidState` before the start (`R-07`), `LimitExceeded` when the guest sends without having room
    /// (`G-20`), `ContentLengthMismatch` (`M-02`, `M-03`).
    pub fn body(&mut self, body: Vec<u8>, more: bool) -> Result<(), Violation> {
        match self.stage {
            Stage::Idle => {
                return Err(Violation::InvalidState(
                    "body before the start of the response",
                ));
            }
            Stage::Complete => return Ok(()),
            Stage::Started => {}
        }
        check_size(&body)?;
        if self.unsent > MARK {
            return Err(Violation::LimitExceeded(
                "more than 64 KiB of unsent body before `writable`",
            ));
        }
        let sent = self.sent.saturating_add(body.len() as u64);
        self.check_length(sent, more)?;
        self.sent = sent;
        if !more {
            self.stage = Stage::Complete;
        }
        self.queue(Bytes::from(body));
        Ok(())
    }

    /// Start and whole body as one action. After the end it is a no-op (`R-06`).
    ///
    /// # Errors
    /// As [`start`](Self::start) and [`body`](Self::body).
    pub fn respond(
        &mut self,
        status: u16,
        headers: Fields,
        body: Vec<u8>,
    ) -> Result<(), Violation> {
        if self.stage == Stage::Complete {
            return Ok(());
        }
        self.check_idle()?;
        check_size(&body)?;
        let (status, mut headers) = checked(status, headers)?;
        let sent = body.len() as u64;
        if self.is_head_request && !has_no_body(status) {
            // What GET would have been given (`M-04`).
            headers.content_length.get_or_insert(sent);
        }
        let bodiless = self.is_head_request || has_no_body(status);
        if let Some(announced) = headers.content_length
            && announced != sent
            && !bodiless
        {
            return Err(Violation::ContentLengthMismatch { announced, sent });
        }
        self.begin(status, headers);
        self.sent = sent;
        self.stage = Stage::Complete;
        self.queue(Bytes::from(body));
        Ok(())
    }

    /// Whether the app has ended the response.
    pub fn is_complete(&self) -> bool {
        self.stage == Stage::Complete
    }

    /// Whether the client sees no body bytes, whatever the app sends.
    pub fn is_bodiless(&self) -> bool {
        self.bodiless
    }

    /// Whether the app has started the response.
    pub fn is_started(&self) -> bool {
        self.stage != Stage::Idle
    }

    /// The head, once a body event stands behind it or `force` says that it has been held long enough (`R-04`).
    pub fn take_head(&mut self, force: bool) -> Option<Head> {
        if !(self.body_said || force) {
            return None;
        }
        self.head.take()
    }

    /// Whether a head waits for a body behind it.
    pub fn holds_head(&self) -> bool {
        self.head.is_some()
    }

    /// The next bytes for the wire.
    pub fn pop(&mut self) -> Option<Bytes> {
        let chunk = self.chunks.pop_front()?;
        self.unreported += chunk.len();
        Some(chunk)
    }

    /// How many chunks wait for the wire.
    pub fn pieces(&self) -> usize {
        self.chunks.len()
    }

    /// How many bytes to report as `writable`, if it is time: half the mark, so that the guest is woken well
    /// before the buffer runs dry and not for each frame.
    pub fn writable(&mut self) -> Option<usize> {
        if !self.is_writable_due() {
            return None;
        }
        let bytes = std::mem::take(&mut self.unreported);
        self.unsent = self.unsent.saturating_sub(bytes);
        Some(bytes)
    }

    /// Whether [`writable`](Self::writable) would report.
    pub fn is_writable_due(&self) -> bool {
        self.unreported >= MARK / 2 && self.stage != Stage::Complete
    }

    /// Forgets what is queued: nobody will read it.
    pub fn discard(&mut self) {
        self.chunks.clear();
        self.head = None;
    }

    /// Forgets a head that has been held back: the failure that has come takes its place (`X-02`). A response whose
    /// body has begun stays queued, to be cut where it ends (`X-03`).
    pub fn discard_held_head(&mut self) {
        if !self.body_said {
            self.head = None;
        }
    }

    fn check_idle(&self) -> Result<(), Violation> {
        match self.stage {
            Stage::Idle => Ok(()),
            _ => Err(Violation::InvalidState(
                "the response has been started before",
            )),
        }
    }

    fn begin(&mut self, status: StatusCode, headers: ResponseHeaders) {
        let ResponseHeaders {
            map: mut headers,
            content_length,
        } = headers;
        let empty = has_no_body(status);
        self.bodiless = self.is_head_request || empty;
        self.announced = if empty { None } else { content_length };
        if let Some(length) = content_length
            && status != StatusCode::NO_CONTENT
        {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        self.head = Some(Head { status, headers });
        self.stage = Stage::Started;
    }

    fn check_length(&self, sent: u64, more: bool) -> Result<(), Violation> {
        // A HEAD response may announce what GET would have sent and send nothing (`M-04`).
        match self.announced {
            Some(announced) if sent > announced => {
                Err(Violation::ContentLengthMismatch { announced, sent })
            }
            Some(announced) if !more && sent < announced && !self.is_head_request => {
                Err(Violation::ContentLengthMismatch { announced, sent })
            }
            _ => Ok(()),
        }
    }

    fn queue(&mut self, body: Bytes) {
        self.body_said = true;
        if body.is_empty() {
            return;
        }
        self.unsent += body.len();
        if self.bodiless {
            self.unreported += body.len();
        } else {
            self.chunks.push_back(body);
        }
    }
}

fn check_size(body: &[u8]) -> Result<(), Violation> {
    if body.len() > ACTION_BYTES_MAX {
        return Err(Violation::LimitExceeded(
            "more than 256 KiB of body in one action",
        ));
    }
    Ok(())
}

fn checked(status: u16, headers: Fields) -> Result<(StatusCode, ResponseHeaders), Violation> {
    let status = match status {
        200..=999 => StatusCode::from_u16(status).ok(),
        _ => None,
    }
    .ok_or_else(|| Violation::InvalidEvent(format!("status {status} is not within 200–999")))?;
    Ok((status, fields::response(headers)?))
}

/// RFC 9110 6.4.1.
fn has_no_body(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::types::FieldLength;

    fn none() -> Fields {
        Fields {
            text: vec![],
            lengths: vec![],
        }
    }

    fn length(value: &str) -> Fields {
        Fields {
            text: format!("content-length{value}").into_bytes(),
            lengths: vec![FieldLength {
                name: 14,
                value: u32::try_from(value.len()).unwrap(),
            }],
        }
    }

    #[test]
    fn r04_the_head_waits_for_a_body() {
        let mut send = Send::new(false);
        send.start(200, none(), false).unwrap();
        assert!(send.take_head(false).is_none() && send.holds_head());
        send.body(b"x".to_vec(), true).unwrap();
        assert!(send.take_head(false).is_some() && !send.holds_head());
    }

    #[test]
    fn r04_the_head_goes_when_it_has_been_held_long_enough() {
        let mut send = Send::new(false);
        send.start(200, none(), false).unwrap();
        assert!(send.take_head(true).is_some());
    }

    #[test]
    fn r06_after_the_end_nothing_is_wrong() {
        let mut send = Send::new(false);
        send.respond(200, none(), b"a".to_vec()).unwrap();
        send.body(b"b".to_vec(), true).unwrap();
        send.respond(200, none(), b"a".to_vec()).unwrap();
        assert_eq!(send.pop().unwrap(), "a");
        assert!(send.pop().is_none());
    }

    #[test]
    fn r07_order() {
        let mut send = Send::new(false);
        assert!(matches!(
            send.body(vec![], false),
            Err(Violation::InvalidState(_))
        ));
        send.start(200, none(), false).unwrap();
        assert!(matches!(
            send.start(200, none(), false),
            Err(Violation::InvalidState(_))
        ));
    }

    #[test]
    fn r10_statuses() {
        for status in [0, 100, 101, 103, 199, 1000, u16::MAX] {
            assert!(
                matches!(
                    Send::new(false).start(status, none(), false),
                    Err(Violation::InvalidEvent(_))
                ),
                "{status}"
            );
        }
        for status in [200, 299, 404, 599, 999] {
            Send::new(false).start(status, none(), false).unwrap();
        }
    }

    #[test]
    fn m02_m03_the_length_is_kept() {
        let mut over = Send::new(false);
        over.start(200, length("2"), false).unwrap();
        over.body(b"ab".to_vec(), true).unwrap();
        assert!(over.body(b"c".to_vec(), false).is_err());
        let mut under = Send::new(false);
        under.start(200, length("2"), false).unwrap();
        assert!(under.body(b"a".to_vec(), false).is_err());
        assert!(
            Send::new(false)
                .respond(200, length("2"), b"abc".to_vec())
                .is_err()
        );
    }

    #[test]
    fn m04_head_keeps_the_length_and_drops_the_body() {
        let mut send = Send::new(true);
        send.start(200, length("5"), false).unwrap();
        send.body(vec![], false).unwrap();
        assert_eq!(
            send.take_head(false).unwrap().headers[header::CONTENT_LENGTH],
            "5"
        );
        let mut send = Send::new(true);
        send.respond(200, length("5"), b"hello".to_vec()).unwrap();
        assert!(send.pop().is_none());
        let mut send = Send::new(true);
        send.respond(200, none(), b"hello".to_vec()).unwrap();
        let head = send.take_head(false).unwrap();
        assert_eq!(head.headers[header::CONTENT_LENGTH], "5");
    }

    #[test]
    fn m05_204_and_304_have_no_body() {
        for (status, kept) in [(204, false), (304, true)] {
            let mut send = Send::new(false);
            send.respond(status, length("5"), b"hello".to_vec())
                .unwrap();
            let head = send.take_head(false).unwrap();
            assert_eq!(head.headers.contains_key(header::CONTENT_LENGTH), kept);
            assert!(send.pop().is_none());
        }
    }

    #[test]
    fn g20_one_action_may_cross_the_mark_and_no_more() {
        let mut send = Send::new(false);
        send.start(200, none(), false).unwrap();
        send.body(vec![0; MARK], true).unwrap();
        send.body(vec![0; 1], true).unwrap();
        assert!(matches!(
            send.body(vec![0; 1], true),
            Err(Violation::LimitExceeded(_))
        ));
        while send.pop().is_some() {}
        assert_eq!(send.writable(), Some(MARK + 1));
        send.body(vec![0; 1], true).unwrap();
    }

    #[test]
    fn r08_empty_bodies_are_no_chunks() {
        let mut send = Send::new(false);
        send.start(200, none(), false).unwrap();
        send.body(vec![], true).unwrap();
        assert!(send.pop().is_none() && !send.is_complete());
    }
}
