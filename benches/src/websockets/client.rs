//! The client: connections on this one thread, each of which says something and reads all that is answered before it says it
//! again.
//!
//! Masks are zero, which RFC 6455 allows, so that the client does not work more than it must; a server has to unmask all the
//! same. Each answer is checked: kind, length, and its bytes where they end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// A binary message that is whole.
const BINARY: u8 = 0x82;

const READ_BYTES: usize = 64 * 1024;

/// What is said again and again.
#[derive(Clone, Copy)]
pub(crate) struct Talk {
    pub(crate) name: &'static str,
    path: &'static str,
    /// Of a message.
    bytes: usize,
    /// Messages that answer one.
    answers: usize,
}

impl Talk {
    pub(crate) const fn new(
        name: &'static str,
        path: &'static str,
        bytes: usize,
        answers: usize,
    ) -> Self {
        Self {
            name,
            path,
            bytes,
            answers,
        }
    }
}

/// Connections that are open.
pub(crate) struct Load {
    connections: Vec<Connection>,
    tasks: JoinSet<anyhow::Result<()>>,
    messages: Arc<AtomicU64>,
}

impl Load {
    /// Opens the connections, one after the other: a handshake is not what is measured.
    pub(crate) async fn open(
        server: SocketAddr,
        talk: &Talk,
        connections: usize,
    ) -> anyhow::Result<Self> {
        let mut opened = Vec::new();
        for _ in 0..connections {
            opened.push(Connection::open(server, talk).await?);
        }
        Ok(Self {
            connections: opened,
            tasks: JoinSet::new(),
            messages: Arc::default(),
        })
    }

    /// Lets them talk for a while. None of them may end.
    pub(crate) async fn hold(&mut self, long: Duration) -> anyhow::Result<()> {
        for mut connection in self.connections.drain(..) {
            let messages = self.messages.clone();
            self.tasks.spawn(async move {
                loop {
                    connection.talk(&messages).await?;
                }
            });
        }
        match tokio::time::timeout(long, self.tasks.join_next()).await {
            Err(_) => Ok(()),
            Ok(Some(ended)) => ended?,
            Ok(None) => bail!("there are no connections"),
        }
    }

    /// Messages that have come.
    pub(crate) fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }

    /// One exchange on each of them, after which they are idle.
    pub(crate) async fn greet(mut self) -> anyhow::Result<Self> {
        for connection in &mut self.connections {
            connection.talk(&self.messages).await?;
        }
        Ok(self)
    }
}

struct Connection {
    socket: TcpStream,
    said: Arc<[u8]>,
    talk: Talk,
    read: Vec<u8>,
}

impl Connection {
    async fn open(server: SocketAddr, talk: &Talk) -> anyhow::Result<Self> {
        let mut socket = TcpStream::connect(server).await?;
        socket.set_nodelay(true)?;
        let request = format!(
            "GET {} HTTP/1.1\r\nhost: {server}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            talk.path
        );
        socket.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head).to_lowercase();
        ensure!(
            head.starts_with("http/1.1 101 ")
                && head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="),
            "no WebSocket: {head}"
        );
        Ok(Self {
            socket,
            said: message(talk.bytes).into(),
            talk: *talk,
            read: Vec::new(),
        })
    }

    /// Says it and reads what is answered.
    async fn talk(&mut self, messages: &AtomicU64) -> anyhow::Result<()> {
        self.socket.write_all(&self.said).await?;
        let mut left = self.talk.answers;
        // Only while something is awaited, so that an idle connection costs the client nothing either.
        self.read.reserve(READ_BYTES);
        while left > 0 {
            ensure!(
                self.socket.read_buf(&mut self.read).await? > 0,
                "the server has gone"
            );
            let mut at = 0;
            while let Some(next) = self.read.get(at..)
                && let Some(length) = whole(next, self.talk.bytes)?
            {
                at += length;
                left = left.checked_sub(1).context("a message too many")?;
                messages.fetch_add(1, Ordering::Relaxed);
            }
            self.read.drain(..at);
            self.read.reserve(READ_BYTES);
        }
        ensure!(
            self.read.is_empty(),
            "more than what was to be answered came"
        );
        self.read = Vec::new();
        Ok(())
    }
}

/// A masked message of so many dots.
fn message(bytes: usize) -> Vec<u8> {
    let mut frame = head(bytes, 0x80);
    frame.extend_from_slice(&[0; 4]);
    frame.resize(frame.len() + bytes, b'.');
    frame
}

fn head(bytes: usize, mask: u8) -> Vec<u8> {
    let mut frame = vec![BINARY];
    match u8::try_from(bytes) {
        Ok(short @ 0..126) => frame.push(mask | short),
        _ => {
            frame.push(mask | 126);
            let long = u16::try_from(bytes).unwrap_or(u16::MAX);
            frame.extend_from_slice(&long.to_be_bytes());
        }
    }
    frame
}

/// The length of the message that stands at the beginning, if it is whole; it has to be one of so many bytes.
fn whole(read: &[u8], bytes: usize) -> anyhow::Result<Option<usize>> {
    let head = head(bytes, 0);
    let length = head.len() + bytes;
    let Some(message) = read.get(..length) else {
        return Ok(None);
    };
    ensure!(
        message.starts_with(&head) && message.ends_with(b"."),
        "another message than was said: {:x?}",
        message.get(..4)
    );
    Ok(Some(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_comes_back_unmasked() {
        for bytes in [64, 16 * 1024] {
            let said = message(bytes);
            let masked = head(bytes, 0x80).len() + 4;
            let answer = [&head(bytes, 0)[..], &said[masked..]].concat();
            assert_eq!(whole(&answer, bytes).unwrap(), Some(answer.len()));
            assert_eq!(whole(&answer[..answer.len() - 1], bytes).unwrap(), None);
            let mut other = answer;
            other[0] = 0x88;
            assert!(whole(&other, bytes).is_err());
        }
    }
}
