//! From an accepted socket to an encrypted stream: one deadline over all of it, and nothing of a failure but a line at
//! `debug`.
//!
//! The client's first message is read here and not by rustls's own acceptor, so that a client which speaks plain
//! HTTP gets an answer that it can read.

use std::io::{Error, ErrorKind};
use std::sync::Arc;

use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::StartHandshake;
use tokio_rustls::server::TlsStream;

use super::Tls;
use super::certificate::{self, Certificate};
use super::set::{Choice, Set};
use crate::bindings::types;

/// The first byte of every TLS connection: a record with a handshake message.
const HANDSHAKE: u8 = 0x16;

/// What somebody reads who has typed `http://` for `https://`.
const PLAIN: &str = "HTTP/1.1 400 Bad Request\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 63\r\n\
    connection: close\r\n\
    \r\n\
    This port speaks HTTPS: begin the address with https:// instead";

/// What a plain request's rest may be, so that it does not take the answer down with it.
const PLAIN_BYTES_MAX: u64 = 64 * 1024;

/// An encrypted connection.
pub(in crate::server) struct Accepted<S> {
    pub(in crate::server) stream: TlsStream<S>,
    pub(in crate::server) protocol: Protocol,
    pub(in crate::server) secured: Secured,
    /// What every scope of this connection says (`E-08`).
    pub(in crate::server) facts: types::Tls,
}

/// What the two have agreed on (ALPN). Without a word of the client it is HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Protocol {
    Http1,
    Http2,
}

/// Which certificate a connection began with.
pub(in crate::server) struct Secured {
    set: Arc<Set>,
    choice: Choice,
}

impl Secured {
    /// Whether a request for `authority` (a host, perhaps with a port) belongs on another connection: its host is in
    /// another certificate of ours and not in the one that this client has asked for (RFC 9110, 15.5.20).
    pub(in crate::server) fn misdirects(&self, authority: &str) -> bool {
        let host = match authority.rsplit_once(':') {
            // What follows the last colon of an IPv6 address is no port; but it is no name of a certificate either.
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        };
        self.set
            .is_of_another(self.choice, &host.to_ascii_lowercase())
    }
}

impl Tls {
    /// Shakes hands. None when that fails: the client is gone, speaks no TLS, is too slow (`T-07`), or has no certificate
    /// where one is required. Costs nothing but the socket then.
    pub(in crate::server) async fn accept<S>(&self, mut socket: S) -> Option<Accepted<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let handshake = async {
            match self.hello(&mut socket).await? {
                Hello::Tls(start, secured) => start.finish(socket, secured).await.map(Some),
                Hello::Plain => {
                    answer_plain(&mut socket).await?;
                    Ok::<_, Error>(None)
                }
            }
        };
        match tokio::time::timeout(self.settings.handshake, handshake).await {
            Ok(Ok(accepted)) => return accepted,
            Ok(Err(error)) => tracing::debug!("TLS handshake: {error}"),
            Err(_) => tracing::debug!("TLS handshake: not done in {:?}", self.settings.handshake),
        }
        None
    }

    /// Reads the client's first message and chooses a certificate.
    async fn hello<S>(&self, socket: &mut S) -> Result<Hello, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut acceptor = Acceptor::default();
        let mut buffer = vec![0; 4096];
        let mut first = true;
        loop {
            let read = socket.read(&mut buffer).await?;
            let mut bytes = buffer.get(..read).unwrap_or_default();
            match bytes.first() {
                None => return Err(ErrorKind::UnexpectedEof.into()),
                Some(&HANDSHAKE) => {}
                Some(byte) if first && byte.is_ascii_uppercase() => return Ok(Hello::Plain),
                Some(_) if first => return Err(Error::other("the client speaks no TLS")),
                Some(_) => {}
            }
            first = false;
            while !bytes.is_empty() {
                acceptor.read_tls(&mut bytes)?;
            }
            match acceptor.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => {
                    let set = self.current();
                    let choice = set.choose(&accepted.client_hello());
                    return Ok(Hello::Tls(
                        Box::new(Start(accepted)),
                        Secured { set, choice },
                    ));
                }
                Err((error, mut alert)) => {
                    let mut said = Vec::new();
                    alert.write_all(&mut said)?;
                    socket.write_all(&said).await?;
                    return Err(Error::other(error));
                }
            }
        }
    }
}

/// What a client begins with.
enum Hello {
    Tls(Box<Start>, Secured),
    Plain,
}

struct Start(rustls::server::Accepted);

impl Start {
    async fn finish<S>(self, socket: S, secured: Secured) -> Result<Accepted<S>, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let config = secured.set.config(secured.choice);
        let config = config.ok_or_else(|| Error::other("no such certificate"))?;
        let stream = StartHandshake::from_parts(self.0, socket)
            .into_stream(config)
            .await?;
        let (_, session) = stream.get_ref();
        let protocol = match session.alpn_protocol() {
            Some(b"h2") => Protocol::Http2,
            _ => Protocol::Http1,
        };
        let client = session.peer_certificates().unwrap_or_default();
        let name = client
            .first()
            .and_then(|own| Some(Certificate::parse(own).ok()?.subject()));
        let facts = types::Tls {
            server_cert: secured.set.pem(secured.choice),
            client_cert_chain: client.iter().map(|one| certificate::pem(one)).collect(),
            client_cert_name: name,
            // One that is not accepted ends the handshake.
            client_cert_error: None,
            tls_version: session.protocol_version().map(u16::from),
            cipher_suite: session
                .negotiated_cipher_suite()
                .map(|suite| u16::from(suite.suite())),
        };
        Ok(Accepted {
            stream,
            protocol,
            secured,
            facts,
        })
    }
}

/// Answers a client that speaks plain HTTP, and reads what it still sends: closing a socket with unread bytes in it
/// would throw the answer away.
async fn answer_plain<S>(socket: &mut S) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    tracing::debug!("plain HTTP on a TLS port");
    socket.write_all(PLAIN.as_bytes()).await?;
    socket.shutdown().await?;
    let mut rest = socket.take(PLAIN_BYTES_MAX);
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::PLAIN;

    #[test]
    fn the_answer_to_plain_http_is_as_long_as_it_says() {
        let (head, body) = PLAIN.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}\r\n", body.len())),
            "{}",
            body.len()
        );
    }
}
