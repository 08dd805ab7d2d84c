//! An HTTP/2 client by prior knowledge, which shows resets for what they are.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// One connection. Needs a runtime: see [`block_on`](crate::block_on).
pub struct H2 {
    sender: SendRequest<Bytes>,
}

/// What came back for one request.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// What stood behind the body; none when the stream ended without.
    pub trailers: Option<HeaderMap>,
    /// How many DATA frames it came in.
    pub frames: usize,
    /// None when the stream has ended as it should; else why it has not.
    pub reset: Option<Reason>,
}

impl Reply {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The values of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers
            .get_all(name)
            .iter()
            .map(|value| value.to_str().unwrap_or("?"))
            .collect()
    }
}

/// No response: the stream was reset, or the connection has ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Gone(pub Option<Reason>);

/// A body that is being received.
#[derive(Debug)]
pub struct Body {
    stream: RecvStream,
}

impl Body {
    /// The next frame; none at the end.
    ///
    /// # Errors
    /// When the stream was reset.
    pub async fn frame(&mut self) -> Option<Result<Bytes, Option<Reason>>> {
        match self.stream.data().await? {
            Ok(bytes) => {
                let _ = self.stream.flow_control().release_capacity(bytes.len());
                Some(Ok(bytes))
            }
            Err(error) => Some(Err(error.reason())),
        }
    }
}

impl H2 {
    /// Connects.
    ///
    /// # Panics
    /// When nobody listens, or speaks no HTTP/2.
    pub async fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.expect("a connection");
        socket.set_nodelay(true).unwrap();
        Self::over(socket).await
    }

    /// Speaks HTTP/2 over a connection that is there.
    ///
    /// # Panics
    /// When the other side speaks no HTTP/2.
    pub async fn over(socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        // Room for the other streams while one is not read.
        let mut builder = h2::client::Builder::new();
        builder.initial_connection_window_size(4 * 1024 * 1024);
        let (sender, connection) = builder.handshake(socket).await.expect("HTTP/2");
        tokio::spawn(async move {
            // Its streams say how it ended.
            let _ = connection.await;
        });
        Self { sender }
    }

    /// A request for a path, to be given more headers.
    pub fn request(method: &str, target: &str) -> http::request::Builder {
        Self::request_at("test", method, target)
    }

    /// A request for a path of a host, which is its `:authority`.
    pub fn request_at(host: &str, method: &str, target: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("http://{host}{target}"))
    }

    /// Waits until the server has said that it takes an extended CONNECT (RFC 8441).
    pub async fn extended_connect(&mut self) {
        while !self.sender.is_extended_connect_protocol_enabled() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }

    /// Sends the head of a request; the body may follow.
    ///
    /// # Panics
    /// When the connection has ended.
    pub async fn open(
        &mut self,
        request: http::request::Builder,
        end: bool,
    ) -> (h2::client::ResponseFuture, SendStream<Bytes>) {
        let mut sender = self
            .sender
            .clone()
            .ready()
            .await
            .expect("an open connection");
        sender
            .send_request(request.body(()).unwrap(), end)
            .expect("a request")
    }

    /// Sends a request and reads its response.
    ///
    /// # Errors
    /// When there is none.
    pub async fn fetch(
        &mut self,
        request: http::request::Builder,
        body: Option<&[u8]>,
    ) -> Result<Reply, Gone> {
        let (response, mut stream) = self.open(request, body.is_none()).await;
        if let Some(body) = body {
            let _ = stream.send_data(Bytes::copy_from_slice(body), true);
        }
        Self::reply(response).await
    }

    /// Sends a GET and reads its response.
    ///
    /// # Panics
    /// When there is none.
    pub async fn get(&mut self, target: &str) -> Reply {
        self.fetch(Self::request("GET", target), None)
            .await
            .expect("a response")
    }

    /// Waits for the head.
    ///
    /// # Errors
    /// When none comes.
    pub async fn head(
        response: h2::client::ResponseFuture,
    ) -> Result<(http::response::Parts, Body), Gone> {
        let response = response.await.map_err(|error| Gone(error.reason()))?;
        let (parts, stream) = response.into_parts();
        Ok((parts, Body { stream }))
    }

    /// Reads a whole response.
    ///
    /// # Errors
    /// When there is none.
    pub async fn reply(response: h2::client::ResponseFuture) -> Result<Reply, Gone> {
        let (parts, mut body) = Self::head(response).await?;
        let mut reply = Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: Vec::new(),
            trailers: None,
            frames: 0,
            reset: None,
        };
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(bytes) => {
                    reply.frames += usize::from(!bytes.is_empty());
                    reply.body.extend_from_slice(&bytes);
                }
                Err(reason) => {
                    reply.reset = Some(reason.unwrap_or(Reason::NO_ERROR));
                    break;
                }
            }
        }
        if reply.reset.is_none() {
            match body.stream.trailers().await {
                Ok(trailers) => reply.trailers = trailers,
                Err(error) => reply.reset = Some(error.reason().unwrap_or(Reason::NO_ERROR)),
            }
        }
        Ok(reply)
    }
}
