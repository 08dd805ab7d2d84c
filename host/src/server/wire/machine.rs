//! HTTP/1 requests on one connection, framed: which bytes may go on to hyper, and which are the first that may not.
//!
//! No sockets and no clock: `guard.rs` feeds it what comes in, tests and fuzzers feed it anything. What it says of a
//! sequence of bytes does not depend on how they are cut into reads.

use super::Sizes;
use super::chunks::{self, Chunks};
use super::head::{self, Framing, Head};
use super::verdict::Verdict;

/// Where in its requests a connection is.
#[derive(Debug)]
pub struct Machine {
    sizes: Sizes,
    at: At,
}

#[derive(Debug)]
enum At {
    Head(Head),
    /// This many bytes of a body are left.
    Body(u64),
    Chunks(Chunks),
    /// Behind a head that asks for an upgrade, until [`Machine::go_on`] says that HTTP goes on.
    Asked,
    /// Nothing is read any more.
    Refused,
}

/// What came of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Fed {
    /// How many of them may go on to hyper.
    pub pass: usize,
    /// What to do about the others.
    pub then: Then,
}

/// What to do about bytes that may not go on.
#[derive(Debug, PartialEq, Eq)]
pub enum Then {
    /// There are none.
    More,
    /// They are kept and come first when the machine is fed again: a head that is not whole yet. `begun` unless it is
    /// nothing but a stray empty line.
    Hold {
        /// Whether a byte of a request is among them.
        begun: bool,
    },
    /// They are kept until it is known whether HTTP goes on behind a head that asks for an upgrade.
    Asked,
    /// They are thrown away and `stand_in` goes on to hyper instead: a head that a good request never has, to be
    /// answered in its turn.
    Refuse {
        /// What it is answered.
        verdict: Verdict,
        /// A head without a `Host`, which hyper takes.
        stand_in: Vec<u8>,
    },
    /// They are thrown away, and reading on is an error: a body that is no HTTP (`Q-13`).
    Break(&'static str),
}

impl Machine {
    /// For the first byte of a connection.
    #[must_use]
    pub fn new(sizes: Sizes) -> Self {
        Self {
            sizes,
            at: At::Head(Head::default()),
        }
    }

    /// Looks at bytes: first those that it did not let pass before, then further ones.
    pub fn feed(&mut self, bytes: &[u8]) -> Fed {
        let mut pass = 0;
        loop {
            let rest = bytes.get(pass..).unwrap_or_default();
            let asked = matches!(self.at, At::Asked);
            if rest.is_empty() || asked {
                let then = if asked { Then::Asked } else { Then::More };
                return Fed { pass, then };
            }
            match self.step(rest) {
                Ok(passed) => pass += passed,
                Err((passed, then)) => {
                    pass += passed;
                    return Fed { pass, then };
                }
            }
        }
    }

    /// Whether it waits to be told how it goes on.
    pub fn has_asked(&self) -> bool {
        matches!(self.at, At::Asked)
    }

    /// HTTP goes on behind the head that asked for an upgrade.
    pub fn go_on(&mut self) {
        if matches!(self.at, At::Asked) {
            self.at = At::Head(Head::default());
        }
    }

    /// The head that is held did not come in time. `held` are its bytes.
    pub fn give_up(&mut self, held: &[u8]) -> Then {
        let at = std::mem::replace(&mut self.at, At::Refused);
        let stand_in = match at {
            At::Head(head) => stand_in(&head, held),
            _ => Vec::new(),
        };
        let verdict = Verdict::HEAD_TOO_SLOW;
        Then::Refuse { verdict, stand_in }
    }

    /// How many bytes of the next thing may pass; the error is where it stops, and why.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, (usize, Then)> {
        match &mut self.at {
            At::Head(head) => match head.read(bytes, &self.sizes) {
                head::Progress::Partial => {
                    let begun = head.has_begun(bytes);
                    Err((0, Then::Hold { begun }))
                }
                head::Progress::Whole(whole) => {
                    self.at = match whole.framing {
                        Framing::Length(length) => At::Body(length),
                        Framing::Chunked => At::Chunks(Chunks::default()),
                        Framing::None if whole.asks_for_upgrade => At::Asked,
                        Framing::None => At::Head(Head::default()),
                    };
                    Ok(whole.bytes)
                }
                head::Progress::Bad(verdict) => {
                    let stand_in = stand_in(head, bytes);
                    self.at = At::Refused;
                    Err((0, Then::Refuse { verdict, stand_in }))
                }
            },
            At::Body(left) => {
                let passed = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                *left -= passed as u64;
                if *left == 0 {
                    self.at = At::Head(Head::default());
                }
                Ok(passed)
            }
            At::Chunks(chunks) => match chunks.read(bytes, self.sizes.headers_max) {
                chunks::Progress::More => Ok(bytes.len()),
                chunks::Progress::End(passed) => {
                    self.at = At::Head(Head::default());
                    Ok(passed)
                }
                chunks::Progress::Broken(passed, why) => {
                    self.at = At::Refused;
                    Err((passed, Then::Break(why)))
                }
            },
            At::Asked => Err((0, Then::Asked)),
            At::Refused => Err((0, Then::Break("bytes behind the last request"))),
        }
    }
}

/// A head in the place of a bad one: with its method and target where they are good, for the access line and so that
/// HEAD is answered as HEAD, and without a `Host`.
fn stand_in(head: &Head, bytes: &[u8]) -> Vec<u8> {
    let request = head.request();
    let part = |range: &std::ops::Range<usize>| {
        let part = bytes.get(range.clone()).unwrap_or_default();
        (!part.is_empty()).then_some(part)
    };
    // hyper has rules of its own for CONNECT.
    let method = part(&request.method).filter(|method| *method != b"CONNECT");
    [
        method.unwrap_or(b"-"),
        b" ",
        part(&request.target).unwrap_or(b"*"),
        b" HTTP/1.1\r\n\r\n",
    ]
    .concat()
}
