//! HTTP/2 as the client speaks it: one stream after the other, with a browser's headers that are indexed after the first
//! request, and responses that have to be what is expected.

use anyhow::{bail, ensure};
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::wire::HEADERS;

const DATA: u8 = 0;
const HEAD: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;

/// `END_STREAM`, or ACK.
const END: u8 = 1;

/// One connection's side of the client.
pub(crate) struct Http2 {
    stream: u32,
    /// What every response has in its body.
    body: Bytes,
    secure: bool,
    payload: Vec<u8>,
}

impl Http2 {
    pub(crate) fn new(body: Bytes, secure: bool) -> Self {
        Self {
            stream: 1,
            body,
            secure,
            payload: Vec::new(),
        }
    }

    /// Asks once and reads the response.
    pub(crate) async fn ask(
        &mut self,
        socket: &mut (impl AsyncRead + AsyncWrite + Unpin),
    ) -> anyhow::Result<()> {
        let mut sent = Vec::new();
        if self.stream == 1 {
            sent.extend_from_slice(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
            frame(&mut sent, SETTINGS, 0, 0, &[]);
            // Room for every response that there will be.
            frame(
                &mut sent,
                WINDOW_UPDATE,
                0,
                0,
                &0x7fff_0000_u32.to_be_bytes(),
            );
        }
        frame(&mut sent, HEAD, 4 | END, self.stream, &self.head());
        socket.write_all(&sent).await?;
        let mut received = 0;
        loop {
            let mut head = [0; 9];
            socket.read_exact(&mut head).await?;
            let [a, b, c, kind, flags, d, e, f, g] = head;
            self.payload
                .resize(u32::from_be_bytes([0, a, b, c]) as usize, 0);
            socket.read_exact(&mut self.payload).await?;
            let stream = u32::from_be_bytes([d, e, f, g]);
            let mut answer = Vec::new();
            match kind {
                SETTINGS if flags & END == 0 => frame(&mut answer, SETTINGS, END, 0, &[]),
                PING if flags & END == 0 => frame(&mut answer, PING, END, 0, &self.payload),
                SETTINGS | PING | WINDOW_UPDATE => {}
                HEAD if stream == self.stream => {
                    // 200 has a number of its own; the first head may change the table's size before it.
                    let status = self.payload.iter().find(|byte| **byte & 0xe0 != 0x20);
                    ensure!(status == Some(&0x88), "not 200: {:x?}", self.payload);
                }
                DATA if stream == self.stream => {
                    let expected = self.body.get(received..received + self.payload.len());
                    ensure!(expected == Some(&*self.payload), "a wrong body");
                    received += self.payload.len();
                }
                _ => bail!("frame {kind} on stream {stream}: {:x?}", self.payload),
            }
            if !answer.is_empty() {
                socket.write_all(&answer).await?;
            }
            if matches!(kind, DATA | HEAD) && flags & END != 0 {
                break;
            }
        }
        ensure!(received == self.body.len(), "{received} bytes came");
        self.stream += 2;
        Ok(())
    }

    /// `GET /` with all headers, written out the first time, by their numbers in the table ever after.
    fn head(&self) -> Vec<u8> {
        let mut block = vec![0x82, if self.secure { 0x87 } else { 0x86 }, 0x84];
        let fields = std::iter::once((":authority", "localhost")).chain(HEADERS);
        // The newest is number 62.
        let oldest = 62 + HEADERS.len();
        for (number, (name, value)) in fields.enumerate() {
            if self.stream > 1 {
                block.push(0x80 | u8::try_from(oldest - number).unwrap_or(0x7f));
                continue;
            }
            block.push(0x40);
            for text in [name, value] {
                // None is longer than a byte can say.
                block.push(u8::try_from(text.len()).unwrap_or(0x7f));
                block.extend_from_slice(text.as_bytes());
            }
        }
        block
    }
}

fn frame(bytes: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let [_, a, b, c] = length.to_be_bytes();
    bytes.extend_from_slice(&[a, b, c, kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
}
