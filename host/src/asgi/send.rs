//! The response direction of an HTTP call: what the app's `send` said, on its way to the client.
//!
//! `call.rs` owns one of these per call. Each illegal order has its own sentence; the framing obligations
//! (`M-01`–`M-06`) are met here, so that nothing a guest says can put a malformed response on the wire.

use std::collections::VecDeque;

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};

use super::budget::PIECE_PRICE;
use super::fields::{self, ResponseHeaders};
use super::{ACTION_BYTES_MAX, MARK, Violation};
use crate::bindings::types::{Extensions, Fields};

/// Status and headers, ready for the wire.
#[derive(Debug)]
pub struct Head {
    /// 200–999 (`R-10`).
    pub status: StatusCode,
    /// With `content-length` as announced, without any other framing.
    pub headers: HeaderMap,
    /// Trailers will follow the body, and the client takes them (`E-06`).
    pub trailers: bool,
}

/// A file of the app that is the body (`E-02`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// As the app sees it.
    pub path: String,
    /// What `content-length` announced, in bytes.
    pub announced: Option<u64>,
}

/// Most bytes of a path of pathsend, as of any path of POSIX.
const PATH_BYTES_MAX: usize = 4096;

/// What the response may use of the extensions: what was offered, and what the client can take.
#[derive(Debug, Clone, Copy)]
pub struct Extras {
    /// What the scope says (`A-14`).
    pub offered: Extensions,
    /// Trailers are not only legal but sent: the client has asked for them (`E-06`).
    pub trailers: bool,
}

/// A response on its way to the client.
#[derive(Debug)]
pub struct Send {
    stage: Stage,
    head: Option<Head>,
    /// A body event has been said, so the head need not be held any more (`R-04`).
    body_said: bool,
    /// `M-04`.
    is_head_request: bool,
    /// The status has no body: 204, 304 (`M-05`).
    is_empty: bool,
    extras: Extras,
    /// `start` has announced trailers.
    trailing: bool,
    trailers: HeaderMap,
    path: Option<Path>,
    announced: Option<u64>,
    sent: u64,
    chunks: VecDeque<Bytes>,
    /// What `chunks` cost the host.
    held: usize,
    /// Unsent bytes as the guest counts them: said and not yet reported `writable`.
    unsent: usize,
    /// Bytes gone since the last report.
    unreported: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Idle,
    Started,
    /// The body is over, its trailers are not.
    Trailers,
    Complete,
}

impl Send {
    /// A response that has not begun. `is_head_request` is whether the method was HEAD (`M-04`).
    pub fn new(is_head_request: bool, extras: Extras) -> Self {
        Self {
            stage: Stage::Idle,
            head: None,
            body_said: false,
            is_head_request,
            is_empty: false,
            extras,
            trailing: false,
            trailers: HeaderMap::new(),
            path: None,
            announced: None,
            sent: 0,
            chunks: VecDeque::new(),
            held: 0,
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
            self.check_offered(Extensions::TRAILERS, "trailers")?;
        }
        let (status, headers) = checked(status, headers)?;
        self.trailing = trailers;
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
            Stage::Trailers => {
                return Err(Violation::InvalidState("a body after the last one"));
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
            self.stage = if self.trailing {
                Stage::Trailers
            } else {
                Stage::Complete
            };
        }
        self.queue(Bytes::from(body));
        Ok(())
    }

    /// `http.response.trailers` (`E-06`). After the end it is a no-op (`R-06`).
    ///
    /// # Errors
    /// `Unsupported` when they were not offered, `InvalidState` before the end of the body and when `start` did not
    /// announce them, those of [`fields::trailers`].
    pub fn trailers(&mut self, fields: Fields, more: bool) -> Result<(), Violation> {
        self.check_offered(Extensions::TRAILERS, "trailers")?;
        match self.stage {
            Stage::Complete => return Ok(()),
            Stage::Trailers => {}
            Stage::Idle | Stage::Started => {
                return Err(Violation::InvalidState(if self.trailing {
                    "trailers before the end of the body"
                } else {
                    "trailers that `start` did not announce"
                }));
            }
        }
        fields::trailers(fields, &mut self.trailers)?;
        if !more {
            self.stage = Stage::Complete;
        }
        Ok(())
    }

    /// `http.response.pathsend`, in place of any body (`E-02`). Whether there is such a file is for the caller to
    /// see, before it sends the head. After the end it is a no-op (`R-06`).
    ///
    /// # Errors
    /// `Unsupported` when it was not offered, `InvalidState` before the start, after a body, and when trailers were
    /// announced, `InvalidEvent` for a path that is not absolute.
    pub fn pathsend(&mut self, path: String) -> Result<(), Violation> {
        self.check_offered(Extensions::PATHSEND, "pathsend")?;
        let why = match self.stage {
            Stage::Complete => return Ok(()),
            Stage::Started if !self.body_said && !self.trailing => None,
            Stage::Started | Stage::Trailers => Some("pathsend beside a body or trailers"),
            Stage::Idle => Some("pathsend before the start of the response"),
        };
        if let Some(why) = why {
            return Err(Violation::InvalidState(why));
        }
        if !path.starts_with('/') || path.contains('\0') || path.len() > PATH_BYTES_MAX {
            let what = "the path of pathsend is absolute and has at most 4096 bytes";
            return Err(Violation::InvalidEvent(what.into()));
        }
        self.stage = Stage::Complete;
        self.body_said = true;
        if !self.is_empty {
            let announced = self.announced;
            self.path = Some(Path { path, announced });
        }
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

    /// Whether nothing more can come for the client: the app has ended the response, or all that it has not ended is
    /// trailers that this client does not take.
    pub fn is_over(&self) -> bool {
        match self.stage {
            Stage::Complete => true,
            Stage::Trailers => !self.extras.trailers,
            Stage::Idle | Stage::Started => false,
        }
    }

    /// The trailers, to stand behind the last chunk.
    pub fn take_trailers(&mut self) -> Option<HeaderMap> {
        if self.stage != Stage::Complete || !self.extras.trailers || self.trailers.is_empty() {
            return None;
        }
        Some(std::mem::take(&mut self.trailers))
    }

    /// Whether trailers may have to go behind the last chunk.
    pub fn has_trailers(&self) -> bool {
        self.trailing && self.extras.trailers && !self.is_bodiless()
    }

    /// The file that is the body.
    pub fn take_path(&mut self) -> Option<Path> {
        self.path.take()
    }

    /// Whether the client sees no body bytes, whatever the app sends.
    pub fn is_bodiless(&self) -> bool {
        self.is_head_request || self.is_empty
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
        self.held -= chunk.len() + PIECE_PRICE;
        self.unreported += chunk.len();
        Some(chunk)
    }

    /// How many chunks wait for the wire.
    pub fn pieces(&self) -> usize {
        self.chunks.len()
    }

    /// How many bytes to report as `writable`, if it is time: half the mark, so that the guest is woken well
    /// before the buffer runs dry and not for each frame; after the last body once it is within the mark, for the
    /// `send` that waits for no more than that (`A-11`).
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
        match self.stage {
            Stage::Idle | Stage::Started => self.unreported >= MARK / 2,
            Stage::Trailers | Stage::Complete => {
                self.unsent > MARK && self.unsent.saturating_sub(self.unreported) <= MARK
            }
        }
    }

    /// Forgets what is queued: nobody will read it. It counts as gone.
    pub fn discard(&mut self) {
        self.unreported += self
            .chunks
            .drain(..)
            .map(|chunk| chunk.len())
            .sum::<usize>();
        self.held = 0;
        self.head = None;
    }

    /// What the host holds of it, in bytes.
    pub fn held(&self) -> usize {
        self.held
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

    fn check_offered(&self, extension: Extensions, name: &'static str) -> Result<(), Violation> {
        if self.extras.offered.contains(extension) {
            Ok(())
        } else {
            Err(Violation::Unsupported(name))
        }
    }

    fn begin(&mut self, status: StatusCode, headers: ResponseHeaders) {
        let ResponseHeaders {
            map: mut headers,
            content_length,
        } = headers;
        self.is_empty = has_no_body(status);
        self.announced = content_length.filter(|_| !self.is_empty);
        if let Some(length) = content_length
            && status != StatusCode::NO_CONTENT
        {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        self.head = Some(Head {
            status,
            headers,
            trailers: self.has_trailers(),
        });
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
        if self.is_bodiless() {
            self.unreported += body.len();
        } else {
            self.held += body.len() + PIECE_PRICE;
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
mod tests;
