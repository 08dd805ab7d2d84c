//! Does with a WebSocket what its query says, step by step, and writes down what came of it. `tests/python/behaviours` does the
//! same on the same paths.
//!
//! | path | what happens |
//! |---|---|
//! | `/play?STEPS` | the steps below, in their order; then the app returns |
//! | `/echo` | receives connect, accepts with the first subprotocol offered, sends every message back as it came, and returns at the end |
//! | `/push?n=N&size=S` | the same, but for each message sends `N` messages of `S` bytes |
//! | `/room` | the same, but sends each message to everyone in the room of this instance, the sender too |
//! | `GET /lines?tag=TAG` | an ordinary request: the lines of `TAG` until now, one below the other; each is printed, too |
//! | `GET /ok` | an ordinary request: "ok" |
//!
//! | step | what it does | its line |
//! |---|---|---|
//! | `tag=TAG` | names the lines from here on | |
//! | `scope` | | `scope SCHEME HTTP_VERSION PATH SUBPROTOCOL,SUBPROTOCOL…` |
//! | `header=NAME:VALUE` | a header for the `accept` or `deny` to come | |
//! | `receive` (or `receive=N`) | one `receive`, or so many | `receive connect`, `receive text TEXT`, `receive bytes LENGTH`, `receive disconnect CODE REASON` |
//! | `accept` (or `accept=SUBPROTOCOL`) | `websocket.accept` | `accept OUTCOME` |
//! | `send=TEXT` | `websocket.send` of a text | `send OUTCOME` |
//! | `bytes=N` | `websocket.send` of N bytes `x` | `bytes OUTCOME` |
//! | `close=CODE:REASON` | `websocket.close` | `close OUTCOME` |
//! | `deny=STATUS` | `websocket.http.response.start` | `deny OUTCOME` |
//! | `body=TEXT` | `websocket.http.response.body`, with more to come | `body OUTCOME` |
//! | `last=TEXT` | the same, the last one | `last OUTCOME` |
//! | `sleep=MS` | waits | |
//! | `race=N` | `receive` against a timer of 50 ms, so often; the timer should win | `race TIMEOUTS/N` |
//! | `closer=MS:CODE:REASON` | another task closes so much later | `closer OUTCOME` |
//! | `echo` | sends every message back until the end | the line of the disconnect |
//! | `strict` | from here on an error of a step leaves the app | |
//! | `raise=TEXT` | raises | |
//! | `return` | returns | |
//! | `trap` | traps: in Python it ends the process with `os.abort()` | |
//!
//! `OUTCOME` is `ok`, or `error` and what kind of error: `disconnected`, `invalid` for a wrong value, `state` for a wrong moment.
//! An empty reason leaves no space behind the code. Names and values are percent-encoded as in any query.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use wasgi_guests::{number, query, text};
use wasgi_sdk::task::{sleep, spawn, timeout};
use wasgi_sdk::{
    Closed, Error, Event, Handshake, HttpScope, Message, Receive, Scope, Send, SendError, Sender,
    WebSocket, WebSocketScope,
};

thread_local! {
    static LINES: RefCell<BTreeMap<String, String>> = RefCell::default();
    static ROOM: RefCell<Vec<Sender>> = RefCell::default();
}

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    let scope = match scope {
        Scope::WebSocket(scope) => scope,
        other => return request(other.into_http()?, &send).await,
    };
    if scope.path() == "/play" {
        return Play::new(scope.clone(), receive, send)
            .all(&query(&scope))
            .await;
    }
    let known = scope.subprotocols().to_vec();
    let asked = scope.clone();
    let socket = Handshake::new(scope, receive, send)
        .protocols(known)
        .accept()
        .await?;
    match &*asked.path() {
        "/echo" => echo(socket).await,
        "/push" => push(socket, &asked).await,
        "/room" => room(socket).await,
        other => Err(format!("nothing is known of {other}").into()),
    }
}

async fn request(scope: HttpScope, send: &Send) -> Result<(), Error> {
    if scope.path() != "/lines" {
        return text(send, 200, "ok").await;
    }
    let tag = query(&scope).into_iter().find(|(name, _)| name == "tag");
    let tag = String::from_utf8(tag.map(|(_, tag)| tag).unwrap_or_default())?;
    let lines = LINES.with_borrow(|lines| lines.get(&tag).cloned().unwrap_or_default());
    text(send, 200, lines).await
}

async fn echo(mut socket: WebSocket) -> Result<(), Error> {
    while let Some(message) = socket.recv().await {
        socket.send(message).await?;
    }
    Ok(())
}

async fn push(mut socket: WebSocket, scope: &WebSocketScope) -> Result<(), Error> {
    let count = number(scope, "n").unwrap_or(1);
    let size = usize::try_from(number(scope, "size").unwrap_or(1))?;
    let message = Message::binary(vec![b'x'; size]);
    while socket.recv().await.is_some() {
        for _ in 0..count {
            socket.send(message.clone()).await?;
        }
    }
    Ok(())
}

async fn room(mut socket: WebSocket) -> Result<(), Error> {
    ROOM.with_borrow_mut(|room| room.push(socket.sender()));
    while let Some(message) = socket.recv().await {
        for sender in ROOM.with_borrow(Clone::clone) {
            // Who has left need not be told.
            if sender.send(message.clone()).await == Err(SendError::Disconnected) {
                continue;
            }
        }
    }
    Ok(())
}

/// Writes a line down.
fn note(tag: &str, line: &str) {
    println!("{tag}: {line}");
    LINES.with_borrow_mut(|lines| {
        let of_tag = lines.entry(tag.to_owned()).or_default();
        of_tag.push_str(line);
        of_tag.push('\n');
    });
}

/// What came of a `send`, for a line.
fn outcome(result: &Result<(), SendError>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(SendError::Disconnected) => "error disconnected",
        Err(SendError::InvalidEvent(_) | SendError::LimitExceeded(_)) => "error invalid",
        Err(_) => "error state",
    }
}

struct Play {
    scope: WebSocketScope,
    receive: Receive,
    send: Send,
    tag: String,
    headers: Vec<(String, String)>,
    strict: bool,
}

impl Play {
    fn new(scope: WebSocketScope, receive: Receive, send: Send) -> Play {
        Play {
            scope,
            receive,
            send,
            tag: String::new(),
            headers: Vec::new(),
            strict: false,
        }
    }

    async fn all(mut self, steps: &[(String, Vec<u8>)]) -> Result<(), Error> {
        for (step, value) in steps {
            let value = std::str::from_utf8(value)?;
            if step == "return" {
                return Ok(());
            }
            self.step(step, value).await?;
        }
        Ok(())
    }

    async fn step(&mut self, step: &str, value: &str) -> Result<(), Error> {
        let send = self.send.clone();
        match step {
            "tag" => value.clone_into(&mut self.tag),
            "scope" => {
                let scope = &self.scope;
                let offered = scope.subprotocols().join(",");
                let line = format!(
                    "scope {} {} {} {offered}",
                    scope.scheme(),
                    scope.http_version(),
                    scope.path()
                );
                note(&self.tag, line.trim_end());
            }
            "header" => {
                let (name, value) = value.split_once(':').unwrap_or((value, ""));
                self.headers.push((name.to_owned(), value.to_owned()));
            }
            "receive" => {
                for _ in 0..value.parse().unwrap_or(1) {
                    let event = self.receive.next().await;
                    self.received(&event);
                }
            }
            "accept" => {
                let headers = std::mem::take(&mut self.headers);
                let subprotocol = (!value.is_empty()).then_some(value);
                self.said(step, send.accept(subprotocol, headers)).await?;
            }
            "send" => self.said(step, send.message(value)).await?,
            "bytes" => {
                self.said(step, send.message(vec![b'x'; value.parse()?]))
                    .await?;
            }
            "close" => {
                let (code, reason) = close(value)?;
                self.said(step, send.close(code, reason)).await?;
            }
            "deny" => {
                let headers = std::mem::take(&mut self.headers);
                self.said(step, send.start(value.parse()?, headers)).await?;
            }
            "body" | "last" => {
                let body = value.to_owned();
                self.said(step, send.body(body, step == "body")).await?;
            }
            "sleep" => sleep(Duration::from_millis(value.parse()?)).await,
            "race" => self.race(value.parse()?).await,
            "closer" => {
                let (after, rest) = value.split_once(':').unwrap_or((value, ""));
                let after = Duration::from_millis(after.parse()?);
                let (code, reason) = close(rest)?;
                let (tag, reason) = (self.tag.clone(), reason.to_owned());
                spawn(async move {
                    sleep(after).await;
                    let result = send.close(code, reason).await;
                    note(&tag, &format!("closer {}", outcome(&result)));
                });
            }
            "echo" => loop {
                match self.receive.next().await {
                    Event::WebSocketReceive(message) => send.message(message).await?,
                    event @ Event::WebSocketDisconnect(_) => {
                        self.received(&event);
                        break;
                    }
                    _ => {}
                }
            },
            "strict" => self.strict = true,
            "raise" => return Err(value.into()),
            "trap" => panic!("{value}"),
            other => return Err(format!("no step is called {other}").into()),
        }
        Ok(())
    }

    async fn said(
        &self,
        step: &str,
        sending: impl Future<Output = Result<(), SendError>>,
    ) -> Result<(), Error> {
        let result = sending.await;
        note(&self.tag, &format!("{step} {}", outcome(&result)));
        if self.strict {
            result?;
        }
        Ok(())
    }

    fn received(&self, event: &Event) {
        let what = match event {
            Event::WebSocketConnect => "connect".to_owned(),
            Event::WebSocketReceive(Message::Text(text)) => format!("text {text}"),
            Event::WebSocketReceive(Message::Binary(bytes)) => format!("bytes {}", bytes.len()),
            Event::WebSocketDisconnect(Closed { code, reason }) if reason.is_empty() => {
                format!("disconnect {code}")
            }
            Event::WebSocketDisconnect(Closed { code, reason }) => {
                format!("disconnect {code} {reason}")
            }
            other => format!("{other:?}"),
        };
        note(&self.tag, &format!("receive {what}"));
    }

    async fn race(&self, times: u32) {
        let mut timeouts = 0;
        for _ in 0..times {
            match timeout(Duration::from_millis(50), self.receive.next()).await {
                Err(_) => timeouts += 1,
                Ok(event) => self.received(&event),
            }
        }
        note(&self.tag, &format!("race {timeouts}/{times}"));
    }
}

fn close(value: &str) -> Result<(u16, &str), Error> {
    let (code, reason) = value.split_once(':').unwrap_or((value, ""));
    Ok((code.parse()?, reason))
}

wasgi_sdk::app!(app);

fn main() {}
