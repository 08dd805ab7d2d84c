//! HTTP/1.1 as the client speaks it: one request as bytes, and responses that have to be what is expected.
//!
//! The first response of a connection is parsed. All later ones have to have the same length, status and body, which
//! costs a comparison and no parsing: the client must not be what is measured.

use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncRead, AsyncReadExt as _};

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

/// The head of a request; `more` are further lines.
pub(crate) fn request(method: &str, path: &str, address: SocketAddr, more: &str) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\n");
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
    /// What follows it.
    pub(crate) content_length: usize,
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
        let content_length = length.with_context(|| format!("no content-length:\n{text}"))?;
        Ok(Some(Self {
            bytes: end + 4,
            content_length: content_length.trim().parse()?,
            lines,
        }))
    }
}

/// Reads the responses of one connection.
pub(crate) struct Responses {
    buffer: [u8; HEAD_MAX],
    body: &'static [u8],
    /// The first head.
    pub(crate) head: Option<Head>,
}

impl Responses {
    /// Every response has to have this body.
    pub(crate) fn with_body(body: &'static [u8]) -> Self {
        Self {
            buffer: [0; HEAD_MAX],
            body,
            head: None,
        }
    }

    /// Reads one, which has to be right.
    pub(crate) async fn read(&mut self, from: &mut (impl AsyncRead + Unpin)) -> anyhow::Result<()> {
        let mut filled = 0;
        loop {
            let free = self.buffer.get_mut(filled..).unwrap_or_default();
            let read = from.read(free).await?;
            ensure!(
                read > 0,
                "the server closed the connection, or sent too much"
            );
            filled += read;
            let received = self.buffer.get(..filled).unwrap_or_default();
            if self.head.is_none() {
                self.head = Head::parse(received)?;
            }
            if let Some(head) = &self.head
                && is_whole(head, received, self.body)?
            {
                return Ok(());
            }
        }
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
        let mut responses = Responses::with_body(b"hi");
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
        assert_eq!((head.bytes, head.content_length), (GOOD.len() - 2, 2));
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
}
