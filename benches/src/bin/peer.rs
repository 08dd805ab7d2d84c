//! The peer: a bare hyper server that answers the bytes of `apps/hello` and of `guests/streams`.
//!
//! It is the measure of all ratios: one thread, HTTP/1.1 (with `--http2` nothing else, with a certificate and a key what the client
//! names), no routing, no logs, no timers. What wasgi costs above it is
//! wasgi's. It says on stderr where it listens, as wasgi does, and ends when it is killed.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, SERVER};
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mimalloc::MiMalloc;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

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
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let (tls, http2) = match args.as_slice() {
        [] => (None, false),
        [certificate, key] => (Some(acceptor(certificate, key)?), false),
        _ => (None, true),
    };
    let scheme = if tls.is_some() { "https" } else { "http" };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    eprintln!("bare hyper serves at {scheme}://{}", listener.local_addr()?);
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        // A client that goes away ends its connection with an error; nobody has to know.
        match &tls {
            None if http2 => drop(tokio::spawn(speak_http2(socket))),
            None => drop(tokio::spawn(speak_http1(socket))),
            Some(tls) => {
                let accept = tls.accept(socket);
                tokio::spawn(async move {
                    let Ok(stream) = accept.await else {
                        return;
                    };
                    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                        speak_http2(stream).await;
                    } else {
                        speak_http1(stream).await;
                    }
                });
            }
        }
    }
}

async fn speak_http1(io: impl AsyncRead + AsyncWrite + Unpin) {
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(io), service_fn(respond))
        .await;
}

async fn speak_http2(io: impl AsyncRead + AsyncWrite + Unpin) {
    let _ = http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(io), service_fn(respond))
        .await;
}

/// As wasgi has it: rustls with ring.
fn acceptor(certificate: &OsStr, key: &OsStr) -> anyhow::Result<TlsAcceptor> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate)?.collect();
    let key = PrivateKeyDer::from_pem_file(key)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain?, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
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
