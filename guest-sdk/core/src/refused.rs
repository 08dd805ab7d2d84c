//! Why a `send` fails (`G-08`): each reason once, without words. Everything is checked before anything changes (`A-06`).

/// `wit`'s `send-error`, as exactly as an SDK needs it to tell an author what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The client is gone, which is nobody's fault (`D-01`).
    Disconnected,
    /// Not the event's turn (`R-07`).
    Misplaced(Misplaced),
    /// A status outside [`Start::STATUS`](crate::Start::STATUS) (`R-10`).
    Status(u16),
    /// A header that no response can have (`F-05`, `F-08`).
    Header {
        /// The name as it was given.
        name: Vec<u8>,
        /// What is wrong with it.
        fault: HeaderFault,
    },
    /// More than [`MAX_HEADER_BYTES`](crate::MAX_HEADER_BYTES) of headers.
    HeaderBytes,
    /// A link with a line break or a NUL in it.
    Link,
    /// More than [`MAX_HEADER_BYTES`](crate::MAX_HEADER_BYTES) of links.
    LinkBytes,
    /// A path that is not absolute, has a NUL in it or more than 4,096 bytes.
    Path,
    /// More body than `content-length` announced (`M-02`), or less at the end (`M-03`).
    ContentLength {
        /// Bytes that `content-length` announced.
        announced: u64,
        /// Bytes that the body would have had.
        got: u64,
    },
    /// A subprotocol that the client did not offer (`W-06`).
    Subprotocol(String),
    /// A close code that no app may send (`W-12`).
    CloseCode(u16),
    /// A close reason of more than [`MAX_CLOSE_REASON`](crate::MAX_CLOSE_REASON) bytes: of so many.
    CloseReason(usize),
    /// An extension that the scope did not offer (`A-14`), by the type of its event.
    NotOffered(&'static str),
}

/// An event that is not the call's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misplaced {
    /// A second start.
    SecondStart,
    /// A body before the start.
    BodyBeforeStart,
    /// A body after the last one, where trailers are expected.
    BodyAfterLast,
    /// Trailers before the end of the body.
    TrailersBeforeEnd,
    /// Trailers that the start did not announce.
    TrailersUnannounced,
    /// An early hint after the start.
    HintAfterStart,
    /// A file anywhere but right after the start, in place of any body.
    Pathsend,
    /// A message of a WebSocket that is not accepted (`W-11`).
    MessageBeforeAccept,
    /// A second answer to a WebSocket's handshake: after `accept`, or after the start of a denial (`W-11`).
    SecondAnswer,
    /// An event of a WebSocket where a denial has begun (`E-01`).
    AfterDenial,
    /// An event after the app's own close of a WebSocket, or after a complete denial.
    AfterClose,
}

/// What is wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderFault {
    /// The name is no token of RFC 9110, section 5.6.2.
    Name,
    /// The value has a control character in it: a line break, a NUL.
    Value,
    /// The value of `content-length` is no number of bytes.
    Length,
    /// A second `content-length` says something else.
    SecondLength,
    /// It has to stand in front of the body, and was among the trailers (`E-06`).
    Trailer,
    /// It belongs to the server's part of a WebSocket handshake (`W-05`).
    Handshake,
}
