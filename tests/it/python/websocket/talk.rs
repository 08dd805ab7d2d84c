//! One conversation over a WebSocket, and what came of it: every line of it has to be the same from both servers.

use std::fmt::Write as _;

use wasgi_tests::{Client, Seen};

/// What a client does, in order. It ends with what the server does: everything up to the end is read.
#[derive(Clone, Debug)]
pub(super) struct Talk {
    target: String,
    headers: Vec<(&'static str, &'static str)>,
    steps: Vec<Step>,
    journal: usize,
}

#[derive(Clone, Debug)]
enum Step {
    /// Writes these bytes, which are frames.
    Write(Vec<u8>),
    /// Reads so many messages or control frames.
    See(usize),
    /// Goes away without a word.
    Leave,
}

/// A talk at this target.
pub(super) fn talk(target: &str) -> Talk {
    Talk {
        target: target.to_owned(),
        headers: Vec::new(),
        steps: Vec::new(),
        journal: 0,
    }
}

impl Talk {
    /// A further header of the handshake.
    pub(super) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Any frame: its first byte, and what it carries.
    pub(super) fn frame(mut self, first: u8, payload: impl AsRef<[u8]>) -> Self {
        let bytes = wasgi_tests::websocket::masked(first, payload.as_ref());
        self.steps.push(Step::Write(bytes));
        self
    }

    /// A text, and its answer.
    pub(super) fn text(self, text: &str) -> Self {
        self.frame(0x81, text).see(1)
    }

    /// Bytes, and their answer.
    pub(super) fn bytes(self, bytes: &[u8]) -> Self {
        self.frame(0x82, bytes).see(1)
    }

    /// A close frame with a code.
    pub(super) fn close(self, code: u16, reason: &str) -> Self {
        self.frame(0x88, [&code.to_be_bytes(), reason.as_bytes()].concat())
    }

    /// Reads so many.
    pub(super) fn see(mut self, count: usize) -> Self {
        self.steps.push(Step::See(count));
        self
    }

    /// Goes away without a word.
    pub(super) fn leave(mut self) -> Self {
        self.steps.push(Step::Leave);
        self
    }

    /// The app writes so many lines into its journal, which are part of what comes of it.
    pub(super) fn journal(mut self, lines: usize) -> Self {
        self.journal = lines;
        self
    }

    /// The path.
    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The target, as a report names it.
    pub(super) fn name(&self) -> &str {
        &self.target
    }

    /// Has the talk, as the `number`th of this server, and gives its lines.
    pub(super) fn with(&self, connect: impl Fn() -> Client, number: usize) -> Vec<String> {
        let mark = if self.target.contains('?') { '&' } else { '?' };
        let target = format!("{}{mark}talk={number}", self.target);
        let mut lines = self.talk(connect(), &target);
        if self.journal > 0 {
            let journal = format!("/sockets/journal?talk={number}&until={}", self.journal);
            lines.push(format!("journal {}", connect().get(&journal).text()));
        }
        lines
    }

    fn talk(&self, client: Client, target: &str) -> Vec<String> {
        let mut lines = Vec::new();
        let mut socket = match client.websocket(target, &self.headers) {
            Ok(socket) => socket,
            Err(response) => {
                lines.push(format!("answered {}", response.status));
                lines.extend(headers(&response.headers));
                lines.push(format!("body {}", shown(&response.body)));
                return lines;
            }
        };
        lines.push("accepted".to_owned());
        lines.extend(headers(&socket.head.headers));
        for step in &self.steps {
            match step {
                Step::Write(bytes) => drop(socket.client.send(bytes)),
                Step::See(count) => {
                    for _ in 0..*count {
                        lines.push(line(&socket.see()));
                    }
                }
                Step::Leave => return lines,
            }
        }
        // Whether it is we who have closed: else the close frame has to be answered.
        let closed = self.steps.iter().any(|step| match step {
            Step::Write(bytes) => bytes.first() == Some(&0x88),
            _ => false,
        });
        loop {
            let seen = socket.see();
            lines.push(line(&seen));
            match seen {
                Seen::Close(code, _) if !closed => {
                    socket.close(code.unwrap_or(1000), "");
                }
                Seen::End => return lines,
                _ => {}
            }
        }
    }
}

/// Headers but those of the handshake itself, sorted: their order has no meaning, and neither have their names' cases.
fn headers(all: &[(String, String)]) -> Vec<String> {
    let mut lines: Vec<_> = all
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .filter(|(name, _)| !matches!(name.as_str(), "upgrade" | "sec-websocket-accept"))
        .map(|(name, value)| format!("header {name}: {value}"))
        .collect();
    lines.sort();
    lines
}

fn line(seen: &Seen) -> String {
    match seen {
        Seen::Text(text) => format!("text {}", shown(text.as_bytes())),
        Seen::Bytes(bytes) => format!("bytes {}", shown(bytes)),
        Seen::Ping(bytes) => format!("ping {}", shown(bytes)),
        Seen::Pong(bytes) => format!("pong {}", shown(bytes)),
        Seen::Close(None, _) => "close without a code".to_owned(),
        Seen::Close(Some(code), reason) => format!("close {code} {reason:?}"),
        Seen::End => "end".to_owned(),
    }
}

/// Bytes as text, long ones by their number and sum.
fn shown(bytes: &[u8]) -> String {
    if bytes.len() <= 2_000 {
        return format!("{:?}", String::from_utf8_lossy(bytes));
    }
    let mut text = String::new();
    let sum: u64 = bytes.iter().map(|&byte| u64::from(byte)).sum();
    let _ = write!(text, "{} bytes, sum {sum}", bytes.len());
    text
}
