//! The server's end of a fuzzed call: the pump of its body, and what goes to the client.

use http::header;

use super::*;

impl Both {
    /// The pump reads only what was asked for, and nothing after the end.
    pub(super) fn pump(&mut self, choices: &mut Choices<'_>) {
        if self.pump_done {
            return;
        }
        match self.pump.poll(false, |cx| self.call.poll_demand(cx)) {
            Poll::Pending => {
                let wanted = self.granted > self.pushed && self.end.is_none();
                assert!(
                    !wanted || self.complete,
                    "the guest waits for a body that nobody reads"
                );
            }
            Poll::Ready(Demand::Stop) => {
                assert!(self.end.is_some() || self.complete);
                self.pump_done = true;
            }
            Poll::Ready(Demand::Read) if choices.one_in(6) => {
                self.call.finish_body();
                self.pump_done = true;
            }
            Poll::Ready(Demand::Read) => {
                assert!(
                    self.granted > self.pushed,
                    "more is buffered than was asked for"
                );
                let bytes = pattern(self.pushed, choices.size());
                self.pushed += bytes.len();
                self.call.push_body(Bytes::from_static(bytes));
            }
        }
    }

    pub(super) fn disconnect(&mut self) {
        let taken = self.call.is_taken();
        self.call.disconnect();
        // It is the server that says so, and needs nobody to wake it.
        self.server.waits = false;
        if !taken && self.end.is_none() {
            self.end = Some(Outcome::Disconnected);
        }
        self.check_end();
    }

    /// Takes what the server would write, at most so many parts; 0 is all.
    pub(super) fn write(&mut self, force: bool, parts_max: usize) {
        if !self.head && !self.cut {
            // A head that has waited is taken without being told.
            match self
                .server
                .poll(force, |cx| self.call.poll_answer(cx, force))
            {
                Poll::Ready(Ok(answer)) => self.answered(answer),
                Poll::Ready(Err(failure)) => {
                    assert!(failure.status().as_u16() >= 400);
                    self.cut_by(&failure);
                }
                Poll::Pending => return,
            }
        }
        let mut parts = 0;
        while !self.whole && !self.cut && (parts_max == 0 || parts < parts_max) {
            parts += 1;
            match self.server.poll(false, |cx| self.call.poll_body(cx)) {
                Poll::Ready(Some(Ok(Part::Data(bytes)))) => self.take(&bytes),
                Poll::Ready(Some(Ok(Part::Trailers(map)))) => {
                    assert!(
                        self.asked.trailers && self.trailing && self.complete && !map.is_empty()
                    );
                    assert_eq!(self.sent, self.said, "trailers before the end");
                    self.whole();
                }
                Poll::Ready(Some(Ok(Part::File(_)))) => {
                    assert!(self.path && self.complete && self.sent == 0, "`E-02`");
                    self.file = true;
                    self.whole();
                }
                Poll::Ready(Some(Err(failure))) => self.cut_by(&failure),
                Poll::Ready(None) => self.whole(),
                Poll::Pending => break,
            }
            if self.call.is_taken() && !self.whole && !self.cut {
                self.whole();
            }
        }
    }

    fn answered(&mut self, answer: Answer) {
        self.head = true;
        let Head {
            status,
            headers,
            trailers,
        } = answer.head;
        assert_eq!(Some(status.as_u16()), self.status);
        assert!((200..=999).contains(&status.as_u16()));
        for name in [header::TRANSFER_ENCODING, header::UPGRADE, header::TE] {
            assert!(!headers.contains_key(name), "{headers:?}");
        }
        assert!(!headers.contains_key("x-hop") && !headers.contains_key("keep-alive"));
        let lengths: Vec<_> = headers.get_all(header::CONTENT_LENGTH).iter().collect();
        assert!(
            lengths.len() <= 1 && (lengths.is_empty() || status != 204),
            "{headers:?}"
        );
        self.length = lengths
            .first()
            .map(|value| value.to_str().unwrap().parse().unwrap());
        assert!(!trailers || self.trailing && self.asked.trailers && !self.is_bodiless());
        match answer.body {
            AnswerBody::Whole(body) => {
                if !body.is_empty() {
                    self.take(&body);
                }
                assert!(self.call.is_taken());
                self.whole();
            }
            AnswerBody::File(path) => {
                assert!(self.path && path.path == "/data/file");
                self.file = true;
                self.whole();
            }
            AnswerBody::Stream => assert!(!self.is_bodiless()),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        assert!(!self.is_bodiless() && !bytes.is_empty());
        assert!(
            bytes == pattern(self.sent, bytes.len()),
            "bytes lost, doubled or in disorder"
        );
        self.sent += bytes.len();
        assert!(self.sent <= self.said, "bytes that nobody said");
        assert!(
            self.length.is_none_or(|length| self.sent <= length),
            "`M-02`"
        );
    }

    /// The client is told that it has everything.
    fn whole(&mut self) {
        self.whole = true;
        let over = self.complete || self.is_bodiless() || self.trailing && !self.asked.trailers;
        assert!(over, "`M-06`: it is cut and looks whole");
        let named = self.file || !self.path || self.is_bodiless();
        assert!(named, "`E-02`: the file is forgotten");
        if !self.is_bodiless() && !self.file {
            assert_eq!(self.sent, self.said, "whole, and not all of it");
            assert!(
                self.length.is_none_or(|length| length == self.sent),
                "`M-03`"
            );
        }
    }

    fn cut_by(&mut self, failure: &Failure) {
        self.cut = true;
        match &self.end {
            Some(Outcome::Failed(end)) => assert_eq!(end, failure),
            Some(Outcome::Disconnected) => {}
            other => panic!("{other:?} and cut by {failure:?}"),
        }
    }

    pub(super) fn is_bodiless(&self) -> bool {
        self.is_head || matches!(self.status, Some(204 | 304))
    }
}
