//! An HTTP/2 client of single frames, which may be as hostile as it likes.

use crate::Client;

/// One connection.
#[derive(Debug)]
pub struct Frames {
    /// What is below.
    pub client: Client,
    streams: u32,
}

/// A frame from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// 0 DATA, 1 HEADERS, 3 `RST_STREAM`, 4 SETTINGS, 6 PING, 7 GOAWAY, 8 `WINDOW_UPDATE`.
    pub kind: u8,
    /// 1 `END_STREAM` or ACK, 4 `END_HEADERS`.
    pub flags: u8,
    /// The stream, 0 for the connection.
    pub stream: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The error code of a GOAWAY or `RST_STREAM`.
    ///
    /// # Panics
    /// When it is neither.
    pub fn code(&self) -> u32 {
        let at = match self.kind {
            3 => 0,
            7 => 4,
            other => panic!("frame {other} has no code"),
        };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }

    /// The settings of a SETTINGS frame.
    pub fn settings(&self) -> Vec<(u16, u32)> {
        let pairs = self.payload.chunks_exact(6);
        let pairs = pairs.map(|pair| {
            (
                u16::from_be_bytes(pair[..2].try_into().unwrap()),
                u32::from_be_bytes(pair[2..].try_into().unwrap()),
            )
        });
        pairs.collect()
    }
}

/// A frame as bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A header field as HPACK has it when it remembers nothing.
pub fn field(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        length(&mut bytes, text.len());
        bytes.extend(text.as_bytes());
    }
    bytes
}

/// A number with a prefix of seven bits.
fn length(bytes: &mut Vec<u8>, mut number: usize) {
    if number < 127 {
        bytes.push(u8::try_from(number).unwrap());
        return;
    }
    bytes.push(127);
    number -= 127;
    while number >= 128 {
        bytes.push(u8::try_from(number % 128).unwrap() | 128);
        number /= 128;
    }
    bytes.push(u8::try_from(number).unwrap());
}

/// The head of a GET as one block.
pub fn get(target: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x86];
    block.extend(field(":path", target));
    block.extend(field(":authority", "test"));
    block
}

impl Frames {
    /// Says the preface and its settings, and reads the server's.
    #[track_caller]
    pub fn begin(client: Client) -> (Self, Frame) {
        let mut frames = Self { client, streams: 0 };
        frames.client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        // No table: heads of responses are then readable each by itself.
        frames.send(4, 0, 0, &[0, 1, 0, 0, 0, 0]);
        let settings = frames.next(4);
        frames.send(4, 1, 0, &[]);
        (frames, settings)
    }

    /// Sends a frame.
    pub fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.client.send(frame(kind, flags, stream, payload));
    }

    /// The number of the next stream.
    pub fn stream(&mut self) -> u32 {
        self.streams += 1;
        self.streams * 2 - 1
    }

    /// Sends a GET without a body; gives its stream.
    pub fn get(&mut self, target: &str) -> u32 {
        let stream = self.stream();
        self.send(1, 5, stream, &get(target));
        stream
    }

    /// The next frame; none at the end of the connection.
    pub fn frame(&mut self) -> Option<Frame> {
        let head = self.client.read_some(9);
        let head: [u8; 9] = head.try_into().ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        let payload = self.client.read_some(length);
        (payload.len() == length).then(|| Frame {
            kind,
            flags,
            stream: u32::from_be_bytes(stream),
            payload,
        })
    }

    /// The next frame of this kind; acknowledgements of settings are passed over.
    ///
    /// # Panics
    /// When the connection ends before.
    #[track_caller]
    pub fn next(&mut self, kind: u8) -> Frame {
        let mut passed = Vec::new();
        while let Some(frame) = self.frame() {
            let acknowledges = frame.kind == 4 && frame.flags & 1 == 1;
            if frame.kind == kind && !acknowledges {
                return frame;
            }
            passed.push((frame.kind, frame.flags, frame.stream));
        }
        panic!("no frame {kind}, but {passed:?}");
    }

    /// The code of the GOAWAY that ends the connection.
    #[track_caller]
    pub fn goes_away(&mut self) -> u32 {
        let code = self.next(7).code();
        while let Some(frame) = self.frame() {
            assert_ne!((frame.kind, frame.flags & 4), (1, 4), "a response after it");
        }
        code
    }

    /// Whether it still serves: a GET of `/ok` gets "ok".
    #[track_caller]
    pub fn assert_serves(&mut self) {
        let stream = self.get("/ok");
        loop {
            let frame = self.next(0);
            if frame.stream == stream {
                assert_eq!(frame.payload, b"ok");
                return;
            }
        }
    }
}
