//! HTTP/1.1 as the client speaks it: one request as bytes, and responses that have to be what is expected.
//!
//! The first response of a connection is parsed. All later ones have to have the same length, status and body, which
//! costs a comparison and no parsing: the client must not be what is measured.

use std::fmt::Display;
use std::net::SocketAddr;

use anyhow::{bail, ensure};
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::chunks::Chunks;

/// What a browser sends besides `host`.
pub(crate) const HEADERS: [(&str, &str); 11] = [
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    ),
    (
        "accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    ),
    ("accept-language", "en-US,en;q=0.5"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("dnt", "1"),
    ("cookie", "session=abcdef0123456789; theme=dark"),
    ("upgrade-insecure-requests", "1"),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-site", "none"),
    ("priority", "u=0, i"),
];

/// The status line that every response has to begin with.
const OK: &[u8] = b"HTTP/1.1 200 OK\r\n";

/// The longest head.
const HEAD_MAX: usize = 4096;

/// What is read of a stream at once.
const PIECE: usize = 65_536;

/// The head of a request; `more` are further lines.
pub(crate) fn request(method: &str, path: &str, host: impl Display, more: &str) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n");
    for (name, value) in HEADERS {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{head}{more}\r\n").into_bytes()
}

/// The head of a response that is 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// Its bytes, with the empty line.
    pub(crate) bytes: usize,
    /// What follows it, if that is announced.
    pub(crate) content_length: Option<usize>,
    /// Its lines but for `date`, sorted: two servers say the same if these are equal.
    pub(crate) lines: Vec<String>,
}

impl Head {
    /// Parses what stands at the beginning of `received`; none while it is not whole.
    pub(crate) fn parse(received: &[u8]) -> anyhow::Result<Option<Self>> {
        let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else {
            ensure!(
                received.len() < HEAD_MAX,
                "a head of more than {HEAD_MAX} bytes"
            );
            return Ok(None);
        };
        let text = std::str::from_utf8(received.get(..end).unwrap_or_default())?;
        ensure!(received.starts_with(OK), "not 200 but:\n{text}");
        let mut lines: Vec<_> = text.lines().map(str::to_lowercase).collect();
        lines.retain(|line| !line.starts_with("date:"));
        lines.sort();
        let length = lines
            .iter()
            .find_map(|line| line.strip_prefix("content-length:"));
        Ok(Some(Self {
            bytes: end + 4,
            content_length: length.map(|text| text.trim().parse()).transpose()?,
            lines,
        }))
    }
}

/// One request that is made again and again, and what has to come back.
pub(crate) struct Exchange {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// What the request carries: its type and its bytes.
    pub(crate) upload: Option<(&'static str, Bytes)>,
    pub(crate) expected: Expected,
}

/// The body of a response.
#[derive(Clone)]
pub(crate) enum Expected {
    /// These bytes, of an announced length.
    Whole(Bytes),
    /// This many dots, in chunks of any size.
    Chunks(usize),
}

impl Exchange {
    /// A `GET` that is answered with these bytes.
    pub(crate) fn get(path: &'static str, body: &'static [u8]) -> Self {
        Self {
            method: "GET",
            path,
            upload: None,
            expected: Expected::Whole(Bytes::from_static(body)),
        }
    }

    /// The request, as it goes out.
    pub(crate) fn request(&self, address: SocketAddr) -> Vec<u8> {
        let Some((kind, body)) = &self.upload else {
            return request(self.method, self.path, address, "");
        };
        let more = format!("content-type: {kind}\r\ncontent-length: {}\r\n", body.len());
        let mut bytes = request(self.method, self.path, address, &more);
        bytes.extend_from_slice(body);
        bytes
    }
}

/// Reads the responses of one connection.
pub(crate) struct Responses {
    buffer: Vec<u8>,
    expected: Expected,
    /// The first head.
    pub(crate) head: Option<Head>,
}

impl Responses {
    /// Every response has to have this body.
    pub(crate) fn new(expected: Expected) -> Self {
        let room = match &expected {
            Expected::Whole(body) => HEAD_MAX + body.len(),
            Expected::Chunks(_) => PIECE,
        };
        Self {
            buffer: vec![0; room],
            expected,
            head: None,
        }
    }

    /// Reads one, which has to be right.
    pub(crate) async fn read(&mut self, from: &mut (impl AsyncRead + Unpin)) -> anyhow::Result<()> {
        match self.expected.clone() {
            Expected::Whole(body) => self.read_whole(from, &body).await,
            Expected::Chunks(bytes) => self.read_chunks(from, bytes).await,
        }
    }

    async fn read_whole(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        body: &[u8],
    ) -> anyhow::Result<()> {
        let mut filled = 0;
        loop {
            filled += self.more(from, filled).await?;
            let received = self.buffer.get(..filled).unwrap_or_default();
            if let Some(head) = &self.head
                && is_whole(head, received, body)?
            {
                return Ok(());
            }
        }
    }

    async fn read_chunks(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        bytes: usize,
    ) -> anyhow::Result<()> {
        let mut filled = 0;
        let mut chunks = Chunks::new();
        let mut whole = loop {
            filled += self.more(from, filled).await?;
            let received = self.buffer.get(..filled).unwrap_or_default();
            let Some((head, rest)) = self
                .head
                .as_ref()
                .and_then(|head| received.split_at_checked(head.bytes))
            else {
                continue;
            };
            ensure!(
                head.starts_with(OK) && head.ends_with(b"\r\n\r\n"),
                "a wrong head:\n{}",
                head.escape_ascii()
            );
            break chunks.feed(rest)?;
        };
        while !whole {
            let read = self.more(from, 0).await?;
            whole = chunks.feed(self.buffer.get(..read).unwrap_or_default())?;
        }
        ensure!(
            chunks.bytes == bytes,
            "{} bytes came, {bytes} expected",
            chunks.bytes
        );
        Ok(())
    }

    /// Reads what there is behind the bytes that have come already, and parses the first head of the connection.
    async fn more(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        filled: usize,
    ) -> anyhow::Result<usize> {
        let free = self.buffer.get_mut(filled..).unwrap_or_default();
        let read = from.read(free).await?;
        ensure!(
            read > 0,
            "the server closed the connection, or sent too much"
        );
        if self.head.is_none() {
            let received = self.buffer.get(..filled + read).unwrap_or_default();
            self.head = Head::parse(received)?;
        }
        Ok(read)
    }
}

fn is_whole(head: &Head, received: &[u8], body: &[u8]) -> anyhow::Result<bool> {
    let begins = received.iter().zip(OK).all(|(got, wanted)| got == wanted);
    if received.len() < head.bytes + body.len() && begins {
        return Ok(false);
    }
    let (first, rest) = received.split_at_checked(head.bytes).unwrap_or_default();
    if !begins || !first.ends_with(b"\r\n\r\n") || rest != body {
        bail!("a wrong response:\n{}", received.escape_ascii());
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\ndate: today\r\n\r\nhi";

    async fn read(wire: &[u8], times: usize) -> anyhow::Result<Responses> {
        let mut responses = Responses::new(Expected::Whole(Bytes::from_static(b"hi")));
        // In two pieces, as the network may do it; each response comes after its request.
        for response in wire.chunks(wire.len() / times) {
            let (first, second) = response.split_at(7);
            responses.read(&mut first.chain(second)).await?;
        }
        Ok(responses)
    }

    #[tokio::test]
    async fn right_responses() {
        let responses = read(&GOOD.repeat(3), 3).await.unwrap();
        let head = responses.head.unwrap();
        assert_eq!((head.bytes, head.content_length), (GOOD.len() - 2, Some(2)));
        assert_eq!(head.lines, ["content-length: 2", "http/1.1 200 ok"]);
    }

    #[tokio::test]
    async fn wrong_responses() {
        let replaced = |from: &str, to: &str| {
            let wrong = String::from_utf8(GOOD.to_vec()).unwrap().replace(from, to);
            [GOOD, wrong.as_bytes()].concat()
        };
        for (from, to) in [("200 OK", "500 No"), ("hi", "ho"), ("\r\nhi", "hi\r\n")] {
            assert!(
                read(&replaced(from, to), 2).await.is_err(),
                "{from} -> {to}"
            );
        }
        assert!(read(b"HTTP/1.1 404 Not Found\r\n\r\n", 1).await.is_err());
        assert!(
            read(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi, you", 1)
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn streams() {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let wire = format!("{head}2\r\n..\r\n1\r\n.\r\n0\r\n\r\n");
        for (bytes, right) in [(3, true), (4, false)] {
            let mut responses = Responses::new(Expected::Chunks(bytes));
            for _ in 0..2 {
                let (first, second) = wire.as_bytes().split_at(head.len() + 4);
                let mut pieces = first.chain(second);
                assert_eq!(responses.read(&mut pieces).await.is_ok(), right);
            }
        }
    }

    #[test]
    fn uploads() {
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let exchange = Exchange {
            method: "POST",
            path: "/up",
            upload: Some(("text/plain", Bytes::from_static(b"hi"))),
            expected: Expected::Chunks(0),
        };
        let text = String::from_utf8(exchange.request(address)).unwrap();
        assert!(text.starts_with("POST /up HTTP/1.1\r\nhost: 127.0.0.1:80\r\n"));
        assert!(text.ends_with("content-type: text/plain\r\ncontent-length: 2\r\n\r\nhi"));
    }
}
