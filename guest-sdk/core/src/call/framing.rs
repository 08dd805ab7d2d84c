//! How long the body of a response may be: what `content-length` binds to, and who has no body at all.

use crate::refused::Refused;

#[derive(Debug)]
pub(crate) struct Framing {
    /// The request was HEAD: the body is counted by nobody and dropped (`M-04`).
    head: bool,
    /// 204 and 304 have no body whatever the app says (`M-05`); HEAD neither.
    bodiless: bool,
    /// The app gave a `content-length`.
    has_length: bool,
    /// `content-length`, where it binds.
    announced: Option<u64>,
    written: u64,
    begun: bool,
}

impl Framing {
    pub(crate) fn new(head: bool) -> Framing {
        Framing {
            head,
            bodiless: head,
            has_length: false,
            announced: None,
            written: 0,
            begun: false,
        }
    }

    /// The head of the response is known.
    pub(crate) fn start(&mut self, status: u16, content_length: Option<u64>) {
        self.bodiless = self.head || has_no_body(status);
        self.has_length = content_length.is_some();
        self.announced = if self.bodiless { None } else { content_length };
    }

    /// Counts bytes of body, or says why they do not fit the announcement (`M-02`, `M-03`) and counts nothing.
    pub(crate) fn count(&mut self, bytes: usize, more: bool) -> Result<(), Refused> {
        let got = self.written.saturating_add(bytes as u64);
        if let Some(announced) = self.announced
            && (got > announced || (got < announced && !more))
        {
            return Err(Refused::ContentLength { announced, got });
        }
        self.written = got;
        self.begun = true;
        Ok(())
    }

    /// Whether a response with this head and this whole body would be sound. Changes nothing.
    pub(crate) fn check_whole(
        &self,
        status: u16,
        content_length: Option<u64>,
        bytes: usize,
    ) -> Result<(), Refused> {
        let got = bytes as u64;
        match content_length {
            Some(announced) if announced != got && !self.head && !has_no_body(status) => {
                Err(Refused::ContentLength { announced, got })
            }
            _ => Ok(()),
        }
    }

    /// Whether the bytes of the body are dropped.
    pub(crate) fn is_bodiless(&self) -> bool {
        self.bodiless
    }

    /// The same for a response in one piece: a HEAD keeps the body up to the host when only that can tell the length
    /// that GET would have (`M-04`).
    pub(crate) fn drops_whole(&self, status: u16) -> bool {
        has_no_body(status) || (self.head && self.has_length)
    }

    /// Whether the app has sent any body, be it empty.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun
    }
}

/// `M-05`. 1xx cannot get here.
fn has_no_body(status: u16) -> bool {
    matches!(status, 204 | 304)
}
