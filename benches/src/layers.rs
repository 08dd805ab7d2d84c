//! What lies between the socket and the request: nothing, TLS, HTTP/2, or both; and a certificate to measure with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// What a connection is made of.
#[derive(Clone, Default)]
pub(crate) struct Layers {
    /// Trusts the certificate that is measured with.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) http2: bool,
}

/// A connection, whatever it is made of.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Layers {
    /// TLS 1.3 on a connection, if there is to be any.
    pub(crate) async fn over(&self, socket: TcpStream) -> anyhow::Result<Box<dyn Stream>> {
        let Some(config) = &self.tls else {
            return Ok(Box::new(socket));
        };
        let mut config = ClientConfig::clone(config);
        let spoken: &[u8] = if self.http2 { b"h2" } else { b"http/1.1" };
        config.alpn_protocols = vec![spoken.to_vec()];
        let name = ServerName::try_from("localhost")?;
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Box::new(connector.connect(name, socket).await?))
    }
}

/// A certificate for `localhost`, in files.
pub(crate) struct Certificate {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// For clients that trust it.
    pub(crate) config: Arc<ClientConfig>,
}

impl Certificate {
    /// Makes one, ECDSA on P-256 as most are, and writes it into a folder.
    pub(crate) fn make(folder: &Path) -> anyhow::Result<Self> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let (certificate, key) = (folder.join("localhost.pem"), folder.join("localhost.key"));
        std::fs::write(&certificate, made.cert.pem()).context("cannot write a certificate")?;
        std::fs::write(&key, made.signing_key.serialize_pem()).context("cannot write a key")?;
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            certificate,
            key,
            config: Arc::new(config),
        })
    }
}
