//! A client that writes bytes and reads HTTP/1, and hides nothing of what was on the wire.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};

use crate::{PATIENCE, Response};

/// One connection.
#[derive(Debug)]
pub struct Client {
    socket: Socket,
    /// Read and not asked for yet.
    buffer: Vec<u8>,
    ended: bool,
    /// The `host` of requests that are not given as bytes.
    pub(crate) host: String,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Socket {
    /// The TCP connection below.
    fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(socket) => Some(socket),
            Self::Tls(stream) => Some(&stream.sock),
            Self::Unix(_) => None,
        }
    }
}

impl Client {
    /// Connects.
    ///
    /// # Panics
    /// When nobody listens.
    #[track_caller]
    pub fn tcp(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).expect("a connection");
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Self::over(Socket::Tcp(socket))
    }

    /// Connects to a Unix socket.
    ///
    /// # Panics
    /// When nobody listens.
    #[track_caller]
    pub fn unix(path: &Path) -> Self {
        let socket = UnixStream::connect(path).expect("a connection");
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Self::over(Socket::Unix(socket))
    }

    /// Speaks HTTP/1 over a TLS connection that is there: see [`Secure`](crate::Secure).
    pub fn tls(stream: StreamOwned<ClientConnection, TcpStream>) -> Self {
        Self::over(Socket::Tls(Box::new(stream)))
    }

    fn over(socket: Socket) -> Self {
        Self {
            socket,
            buffer: Vec::new(),
            ended: false,
            host: "test".to_owned(),
        }
    }

    /// Asks this host from now on; before, it is `test`.
    pub fn at(&mut self, host: &str) -> &mut Self {
        host.clone_into(&mut self.host);
        self
    }

    /// The port that the server sees as the client's.
    ///
    /// # Panics
    /// On a Unix socket.
    pub fn port(&self) -> u16 {
        let socket = self.socket.tcp().expect("a Unix socket has no port");
        socket.local_addr().unwrap().port()
    }

    /// Writes bytes. A server that has closed meanwhile is no error here: the response tells.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let _ = self.write_all(bytes.as_ref());
        self
    }

    /// Writes bytes.
    ///
    /// # Errors
    /// When the server has closed.
    pub fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match &mut self.socket {
            Socket::Tcp(socket) => socket.write_all(bytes),
            Socket::Unix(socket) => socket.write_all(bytes),
            Socket::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// Writes until the server has not taken anything for `calm`, or all has been written; gives the number of bytes.
    ///
    /// # Panics
    /// When the connection breaks.
    pub fn write_until_stalled(
        &mut self,
        bytes: impl Iterator<Item = Vec<u8>>,
        calm: Duration,
    ) -> u64 {
        self.set_write_timeout(calm);
        let mut written = 0;
        'all: for chunk in bytes {
            let mut rest = &chunk[..];
            while !rest.is_empty() {
                let result = match &mut self.socket {
                    Socket::Tcp(socket) => socket.write(rest),
                    Socket::Unix(socket) => socket.write(rest),
                    Socket::Tls(stream) => stream.write(rest),
                };
                match result {
                    Ok(taken) => {
                        written += taken as u64;
                        rest = &rest[taken..];
                    }
                    Err(error)
                        if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                    {
                        break 'all;
                    }
                    Err(error) => panic!("after {written} bytes: {error}"),
                }
            }
        }
        self.set_write_timeout(PATIENCE);
        written
    }

    /// Sends a GET with a `host`.
    pub fn request(&mut self, target: &str) -> &mut Self {
        let host = &self.host;
        self.send(format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n"))
    }

    /// Sends a GET and reads its response.
    #[track_caller]
    pub fn get(&mut self, target: &str) -> Response {
        self.request(target).response()
    }

    /// Sends a POST with a body and reads its response.
    #[track_caller]
    pub fn post(&mut self, target: &str, body: &[u8]) -> Response {
        let (host, length) = (&self.host, body.len());
        let head =
            format!("POST {target} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n\r\n");
        self.send(head).send(body).response()
    }

    /// Sends nothing more: the server reads the end.
    pub fn half_close(&mut self) -> &mut Self {
        let _ = match &self.socket {
            Socket::Tcp(socket) => socket.shutdown(Shutdown::Write),
            Socket::Unix(socket) => socket.shutdown(Shutdown::Write),
            Socket::Tls(stream) => stream.sock.shutdown(Shutdown::Write),
        };
        self
    }

    /// Closes with a RST instead of a FIN.
    ///
    /// # Panics
    /// On a Unix socket.
    pub fn reset(self) {
        let socket = self.socket.tcp().expect("a Unix socket knows no reset");
        socket2::SockRef::from(socket)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }

    /// Reads one response to a GET or POST.
    #[track_caller]
    pub fn response(&mut self) -> Response {
        self.response_to("GET")
    }

    /// Reads one response, which is framed as one to this method; interim responses are left to
    /// [`head`](Self::head).
    ///
    /// # Panics
    /// When it is not HTTP.
    #[track_caller]
    pub fn response_to(&mut self, method: &str) -> Response {
        let mut response = self.head();
        self.body(&mut response, method);
        response
    }

    /// Reads the head of one response.
    ///
    /// # Panics
    /// When none comes, or when it is not HTTP.
    #[track_caller]
    pub fn head(&mut self) -> Response {
        let end = loop {
            if let Some(at) = self
                .buffer
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                break at + 4;
            }
            let got = String::from_utf8_lossy(&self.buffer).into_owned();
            assert!(self.fill(), "the connection ended within a head: {got:?}");
        };
        let raw: Vec<u8> = self.buffer.drain(..end).collect();
        // Latin-1, as HTTP has it: one letter for each byte.
        let text: String = raw.iter().copied().map(char::from).collect();
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        let mut first = lines.next().unwrap().splitn(3, ' ');
        let version = first.next().unwrap().to_owned();
        assert!(
            version == "HTTP/1.1" || version == "HTTP/1.0",
            "not HTTP: {text:?}"
        );
        let status = first
            .next()
            .unwrap_or_default()
            .parse()
            .unwrap_or_else(|_| panic!("no status: {text:?}"));
        let reason = first.next().unwrap_or_default().to_owned();
        let headers = lines.map(|line| {
            assert!(
                !line.contains(['\r', '\n', '\0']),
                "a stray control character: {text:?}"
            );
            let (name, value) = line
                .split_once(':')
                .unwrap_or_else(|| panic!("no header: {line:?}"));
            (name.to_owned(), value.trim().to_owned())
        });
        let headers = headers.collect();
        Response {
            version,
            status,
            reason,
            headers,
            body: Vec::new(),
            trailers: Vec::new(),
            whole: false,
            raw,
        }
    }

    /// Reads what follows the head of a response to this method.
    ///
    /// # Panics
    /// When its framing is broken.
    #[track_caller]
    pub fn body(&mut self, response: &mut Response, method: &str) {
        let chunked = response.header("transfer-encoding").map(str::to_owned);
        let length = response.header("content-length").map(str::to_owned);
        assert!(
            chunked.is_none() || length.is_none(),
            "framed twice: {response:?}"
        );
        if method == "HEAD" || matches!(response.status, 100..=199 | 204 | 304) {
            response.whole = true;
        } else if let Some(coding) = chunked {
            assert_eq!(
                (coding.as_str(), response.version.as_str()),
                ("chunked", "HTTP/1.1")
            );
            response.whole = self.chunks(response);
        } else if let Some(length) = length {
            let length: usize = length.parse().expect("a number of bytes");
            while self.buffer.len() < length && self.fill() {}
            response.whole = self.buffer.len() >= length;
            let body = self.take(length);
            response.raw.extend_from_slice(&body);
            response.body = body;
        } else {
            while self.fill() {}
            // Nothing says where it ends: what there is counts as whole.
            response.whole = true;
            response.body = std::mem::take(&mut self.buffer);
            response.raw.extend_from_slice(&response.body);
        }
    }

    /// Reads body bytes, without their framing, until there are `wanted` of them.
    ///
    /// # Panics
    /// When the body ends before.
    #[track_caller]
    pub fn chunk_bytes(&mut self, response: &mut Response, wanted: usize) {
        while response.body.len() < wanted {
            assert!(
                self.chunk(response).is_some_and(|last| !last),
                "the body ended: {response:?}"
            );
        }
    }

    fn chunks(&mut self, response: &mut Response) -> bool {
        loop {
            match self.chunk(response) {
                Some(false) => {}
                Some(true) => return true,
                None => return false,
            }
        }
    }

    /// One chunk; whether it was the last, or none when the connection has ended within it.
    fn chunk(&mut self, response: &mut Response) -> Option<bool> {
        let line = loop {
            if let Some(at) = self.buffer.windows(2).position(|window| window == b"\r\n") {
                break self.take(at + 2);
            }
            if !self.fill() {
                response.raw.append(&mut self.buffer);
                return None;
            }
        };
        let size = std::str::from_utf8(&line).unwrap().trim();
        let size =
            usize::from_str_radix(size, 16).unwrap_or_else(|_| panic!("a chunk of size {size:?}"));
        response.raw.extend_from_slice(&line);
        if size == 0 {
            return self.trailers(response).then_some(true);
        }
        while self.buffer.len() < size + 2 && self.fill() {}
        let whole = self.buffer.len() >= size + 2;
        let data = self.take(size + 2);
        response.raw.extend_from_slice(&data);
        response
            .body
            .extend_from_slice(&data[..size.min(data.len())]);
        if !whole {
            return None;
        }
        assert!(data.ends_with(b"\r\n"), "a chunk without an end");
        Some(false)
    }

    /// What follows the last chunk; false when the connection has ended within it.
    #[track_caller]
    fn trailers(&mut self, response: &mut Response) -> bool {
        loop {
            let Some(at) = self.buffer.windows(2).position(|window| window == b"\r\n") else {
                if self.fill() {
                    continue;
                }
                return false;
            };
            let line = self.take(at + 2);
            response.raw.extend_from_slice(&line);
            if at == 0 {
                return true;
            }
            let line = String::from_utf8_lossy(&line).into_owned();
            let (name, value) = line.split_once(':').expect("a trailer");
            response
                .trailers
                .push((name.to_owned(), value.trim().to_owned()));
        }
    }

    fn take(&mut self, bytes: usize) -> Vec<u8> {
        let bytes = bytes.min(self.buffer.len());
        self.buffer.drain(..bytes).collect()
    }

    /// Reads some `bytes` or fewer at the end.
    pub fn read_some(&mut self, bytes: usize) -> Vec<u8> {
        while self.buffer.len() < bytes && self.fill() {}
        self.take(bytes)
    }

    /// Reads to the end of the connection.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.buffer)
    }

    /// Whether the server has closed the connection, without a byte more. Waits until it has, or until it answers.
    pub fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && !self.fill()
    }

    /// Whether nothing comes for this time: no byte and no end.
    pub fn is_silent_for(&mut self, time: Duration) -> bool {
        if !self.buffer.is_empty() || self.ended {
            return false;
        }
        self.set_read_timeout(time);
        let mut bytes = [0; 4096];
        let result = self.read(&mut bytes);
        self.set_read_timeout(PATIENCE);
        match result {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                true
            }
            Ok(read) if read > 0 => {
                self.buffer.extend_from_slice(&bytes[..read]);
                false
            }
            _ => {
                self.ended = true;
                false
            }
        }
    }

    /// Whether the connection is still good for another request: `/ok` gets "ok".
    #[track_caller]
    pub fn assert_kept(&mut self) {
        let response = self.get("/ok");
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, "ok"),
            "out of step: {response:?}"
        );
    }

    /// Another handle of the same TCP connection, to write while this one reads.
    ///
    /// # Panics
    /// On a Unix socket.
    pub fn writer(&self) -> TcpStream {
        match &self.socket {
            Socket::Tcp(socket) => socket.try_clone().unwrap(),
            Socket::Unix(_) | Socket::Tls(_) => panic!("not a plain TCP connection"),
        }
    }

    /// More bytes into the buffer; false at the end.
    #[track_caller]
    fn fill(&mut self) -> bool {
        if self.ended {
            return false;
        }
        let mut bytes = vec![0; 64 * 1024];
        match self.read(&mut bytes) {
            Ok(0) => self.ended = true,
            Ok(read) => self.buffer.extend_from_slice(&bytes[..read]),
            // A reset is an end, too: the server may close while bytes of ours are unread.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof
                ) =>
            {
                self.ended = true;
            }
            Err(error) => panic!("waiting for the server: {error}"),
        }
        !self.ended
    }

    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        match &mut self.socket {
            Socket::Tcp(socket) => socket.read(bytes),
            Socket::Unix(socket) => socket.read(bytes),
            Socket::Tls(stream) => stream.read(bytes),
        }
    }

    fn set_read_timeout(&self, time: Duration) {
        match &self.socket {
            Socket::Tcp(socket) => socket.set_read_timeout(Some(time)).unwrap(),
            Socket::Unix(socket) => socket.set_read_timeout(Some(time)).unwrap(),
            Socket::Tls(stream) => stream.sock.set_read_timeout(Some(time)).unwrap(),
        }
    }

    fn set_write_timeout(&self, time: Duration) {
        match &self.socket {
            Socket::Tcp(socket) => socket.set_write_timeout(Some(time)).unwrap(),
            Socket::Unix(socket) => socket.set_write_timeout(Some(time)).unwrap(),
            Socket::Tls(stream) => stream.sock.set_write_timeout(Some(time)).unwrap(),
        }
    }
}
