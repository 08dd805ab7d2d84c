//! The peer: a bare hyper server that answers the bytes of `apps/hello` and of `guests/streams`.
//!
//! It is the measure of all ratios: one thread, HTTP/1.1, no routing, no logs, no timers. What wasgi costs above it is
//! wasgi's. It says on stderr where it listens, as wasgi does, and ends when it is killed.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, SERVER};
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use mimalloc::MiMalloc;
use tokio::net::TcpListener;

/// As in wasgi, so that a ratio says nothing about allocators.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// A piece of the download, as the guest sends it.
const PIECE: &[u8] = &[b'.'; 65_536];

/// 100 MiB.
const PIECES: u64 = 1600;

fn main() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(serve())
}

async fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    eprintln!("bare hyper serves at http://{}", listener.local_addr()?);
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        // A client that goes away ends its connection with an error; nobody has to know.
        tokio::spawn(
            http1::Builder::new().serve_connection(TokioIo::new(socket), service_fn(respond)),
        );
    }
}

async fn respond(request: Request<Incoming>) -> Result<Response<Answer>, Infallible> {
    let answer = match request.uri().path() {
        "/" => Answer::Whole(Some(Bytes::from_static(b"Hello, world!"))),
        "/download" => Answer::Pieces(PIECES),
        "/upload" => match count(request.into_body()).await {
            Ok(read) => Answer::Whole(Some(read.to_string().into())),
            Err(_) => return Ok(status(StatusCode::BAD_REQUEST)),
        },
        _ => return Ok(status(StatusCode::NOT_FOUND)),
    };
    let mut response = Response::new(answer);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(SERVER, HeaderValue::from_static("wasgi"));
    Ok(response)
}

fn status(status: StatusCode) -> Response<Answer> {
    let mut response = Response::new(Answer::Whole(None));
    *response.status_mut() = status;
    response
}

/// Reads a body to its end and throws it away.
async fn count(mut body: Incoming) -> Result<usize, hyper::Error> {
    let mut read = 0;
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        read += frame?.data_ref().map_or(0, Bytes::len);
    }
    Ok(read)
}

/// What is left to send. Its length is known, so hyper writes `content-length`.
enum Answer {
    Whole(Option<Bytes>),
    Pieces(u64),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match self.get_mut() {
            Self::Whole(bytes) => bytes.take(),
            Self::Pieces(0) => None,
            Self::Pieces(left) => {
                *left -= 1;
                Some(Bytes::from_static(PIECE))
            }
        };
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None) | Self::Pieces(0))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::Pieces(left) => left * PIECE.len() as u64,
        })
    }
}
