//! A WebSocket on a [`Client`]: frames as they are on the wire, masked like a client's, and nothing answered by itself.
//!
//! No extension is offered unless a test's headers do, and then frames come as they are.

use crate::{Client, Response};

/// The key of RFC 6455's example, whose answer is known.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// One end of a WebSocket that has been accepted.
#[derive(Debug)]
pub struct WebSocket {
    /// The connection below, to write bytes that are no frames.
    pub client: Client,
    /// The 101.
    pub head: Response,
}

/// One frame, unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The first byte: the end of a message, reserved bits, opcode.
    pub first: u8,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// What the server has sent: a whole message, a control frame, or the end of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A message.
    Text(String),
    /// A message.
    Bytes(Vec<u8>),
    /// A ping, which is not answered by itself.
    Ping(Vec<u8>),
    /// A pong.
    Pong(Vec<u8>),
    /// A close frame: its code, if it has one, and its reason.
    Close(Option<u16>, String),
    /// The connection has ended.
    End,
}

impl Client {
    /// Asks for a WebSocket, with these headers besides those of the handshake. The response if it is anything but 101.
    ///
    /// # Errors
    /// The response to a handshake that is not accepted.
    ///
    /// # Panics
    /// When it is not HTTP, or a 101 that no browser would take.
    #[track_caller]
    pub fn websocket(
        mut self,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Result<WebSocket, Box<Response>> {
        self.send(handshake_at(&self.host.clone(), target, headers));
        let mut head = self.head();
        if head.status != 101 {
            self.body(&mut head, "GET");
            return Err(Box::new(head));
        }
        assert_eq!(head.header("sec-websocket-accept"), Some(ACCEPT));
        Ok(WebSocket { client: self, head })
    }
}

/// The bytes of a handshake.
pub fn handshake(target: &str, headers: &[(&str, &str)]) -> String {
    handshake_at("test", target, headers)
}

fn handshake_at(host: &str, target: &str, headers: &[(&str, &str)]) -> String {
    let mut head = format!(
        "GET {target} HTTP/1.1\r\nhost: {host}\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: {KEY}\r\n"
    );
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head + "\r\n"
}

/// The bytes of a client's frame, masked. `first` is its first byte: 0x81 is a whole text.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    let length = payload.len();
    match length {
        0..=125 => frame.push(0x80 | u8::try_from(length).unwrap()),
        126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        }
        _ => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    frame.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

impl WebSocket {
    /// Sends a message.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.frame(0x81, text.as_bytes())
    }

    /// Sends a message.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.frame(0x82, bytes)
    }

    /// Sends a ping.
    pub fn ping(&mut self, payload: &[u8]) -> &mut Self {
        self.frame(0x89, payload)
    }

    /// Sends a pong.
    pub fn pong(&mut self, payload: &[u8]) -> &mut Self {
        self.frame(0x8a, payload)
    }

    /// Sends a close frame.
    pub fn close(&mut self, code: u16, reason: &str) -> &mut Self {
        let payload = [&code.to_be_bytes(), reason.as_bytes()].concat();
        self.frame(0x88, &payload)
    }

    /// Sends a close frame without a code.
    pub fn close_empty(&mut self) -> &mut Self {
        self.frame(0x88, b"")
    }

    /// Sends any frame.
    pub fn frame(&mut self, first: u8, payload: &[u8]) -> &mut Self {
        self.client.send(masked(first, payload));
        self
    }

    /// The next frame, or none at the end of the connection.
    ///
    /// # Panics
    /// When it is masked, or the connection ends within it.
    #[track_caller]
    pub fn read_frame(&mut self) -> Option<Frame> {
        let head = self.client.read_some(2);
        let (&first, &length) = (head.first()?, head.get(1).expect("a whole frame"));
        assert!(length & 0x80 == 0, "a server masks nothing");
        let length = match length {
            126 => usize::from(u16::from_be_bytes(self.exactly(2).try_into().unwrap())),
            127 => {
                usize::try_from(u64::from_be_bytes(self.exactly(8).try_into().unwrap())).unwrap()
            }
            length => usize::from(length),
        };
        let payload = self.exactly(length);
        Some(Frame { first, payload })
    }

    #[track_caller]
    fn exactly(&mut self, bytes: usize) -> Vec<u8> {
        let read = self.client.read_some(bytes);
        assert_eq!(read.len(), bytes, "the connection ended within a frame");
        read
    }

    /// The next message or control frame.
    ///
    /// # Panics
    /// When what comes breaks RFC 6455.
    #[track_caller]
    pub fn see(&mut self) -> Seen {
        let mut message = Vec::new();
        let mut opcode = 0;
        loop {
            let Some(Frame { first, payload }) = self.read_frame() else {
                return Seen::End;
            };
            assert_eq!(first & 0x70, 0, "reserved bits");
            match first & 0x0f {
                0x8 => return close(&payload),
                0x9 => return Seen::Ping(payload),
                0xa => return Seen::Pong(payload),
                0x0 => assert_ne!(opcode, 0, "a continuation of nothing"),
                new @ (0x1 | 0x2) => {
                    assert_eq!(opcode, 0, "a message within a message");
                    opcode = new;
                }
                other => panic!("the opcode {other}"),
            }
            message.extend_from_slice(&payload);
            if first & 0x80 != 0 {
                break;
            }
        }
        match opcode {
            0x1 => Seen::Text(String::from_utf8(message).expect("UTF-8")),
            _ => Seen::Bytes(message),
        }
    }

    /// The next text.
    ///
    /// # Panics
    /// When something else comes.
    #[track_caller]
    pub fn see_text(&mut self) -> String {
        match self.see() {
            Seen::Text(text) => text,
            other => panic!("no text but {other:?}"),
        }
    }

    /// The close frame that comes next, which is answered, and the end of the connection behind it.
    ///
    /// # Panics
    /// When something else comes.
    #[track_caller]
    pub fn see_close(&mut self) -> (Option<u16>, String) {
        let Seen::Close(code, reason) = self.see() else {
            panic!("no close frame");
        };
        match code {
            Some(code) => self.close(code, ""),
            None => self.close_empty(),
        };
        assert!(self.client.is_closed(), "the server closes the connection");
        (code, reason)
    }
}

fn close(payload: &[u8]) -> Seen {
    match payload.split_first_chunk() {
        Some((code, reason)) => Seen::Close(
            Some(u16::from_be_bytes(*code)),
            std::str::from_utf8(reason).expect("UTF-8").to_owned(),
        ),
        None => {
            assert_eq!(payload, b"", "half a code");
            Seen::Close(None, String::new())
        }
    }
}
