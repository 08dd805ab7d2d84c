//! Certificates made for one test, and clients that trust some of them.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, IpAddr, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, SignatureScheme, StreamOwned,
    SupportedProtocolVersion,
};
use tokio_rustls::TlsConnector;
use wasgi::server::tls::Pair;

use crate::{Client, Folder, H2, PATIENCE};

/// Somebody who issues certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub pem: String,
}

/// A certificate and its key, as PEM.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate.
    pub pem: String,
    /// Its key.
    pub key: String,
}

impl Authority {
    /// A new one.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    /// A server's certificate with these names.
    pub fn server(&self, names: &[&str]) -> Certificate {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        self.issue(CertificateParams::new(names).unwrap())
    }

    /// A client's certificate.
    pub fn client(&self, organisation: &str, name: &str) -> Certificate {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        let dn = &mut params.distinguished_name;
        dn.push(DnType::OrganizationName, organisation);
        dn.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params)
    }

    /// A certificate of any kind.
    ///
    /// # Panics
    /// When there can be none like it.
    pub fn issue(&self, params: CertificateParams) -> Certificate {
        self.issue_for(&params, &KeyPair::generate().unwrap())
    }

    /// As [`issue`](Self::issue), for a key that is there.
    ///
    /// # Panics
    /// When there can be none like it.
    pub fn issue_for(&self, params: &CertificateParams, key: &KeyPair) -> Certificate {
        let certificate = params.signed_by(key, &self.issuer).unwrap();
        Certificate {
            pem: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    /// Its certificate in a file.
    pub fn write(&self, folder: &Folder, name: &str) -> PathBuf {
        folder.write(name, &self.pem)
    }
}

impl Certificate {
    /// Writes `NAME.pem` and `NAME.key`.
    pub fn write(&self, folder: &Folder, name: &str) -> Pair {
        Pair {
            certificate: folder.write(&format!("{name}.pem"), &self.pem),
            key: Some(folder.write(&format!("{name}.key"), &self.key)),
        }
    }

    fn chain(&self) -> Vec<CertificateDer<'static>> {
        let chain = CertificateDer::pem_slice_iter(self.pem.as_bytes());
        chain.map(Result::unwrap).collect()
    }
}

/// How a client speaks TLS.
#[derive(Clone)]
pub struct Secure {
    roots: Arc<RootCertStore>,
    versions: Vec<&'static SupportedProtocolVersion>,
    certificate: Option<Certificate>,
    alpn: Vec<Vec<u8>>,
    name: ServerName<'static>,
    /// With the sessions of earlier connections in it.
    remembered: Option<Arc<ClientConfig>>,
    ed25519: bool,
}

impl Secure {
    /// A client that trusts one authority, asks for `localhost`, and says nothing of what it speaks above TLS.
    ///
    /// # Panics
    /// Never: the authority's certificate is one.
    pub fn trusting(authority: &Authority) -> Self {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap())
            .unwrap();
        Self {
            roots: Arc::new(roots),
            versions: rustls::ALL_VERSIONS.to_vec(),
            certificate: None,
            alpn: Vec::new(),
            name: "localhost".try_into().unwrap(),
            remembered: None,
            ed25519: true,
        }
    }

    /// Asks for another host.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.to_owned().try_into().unwrap();
        self
    }

    /// Asks for an address, and so for no name.
    #[must_use]
    pub fn unnamed(mut self) -> Self {
        self.name = ServerName::IpAddress(IpAddr::try_from("127.0.0.1").unwrap());
        self
    }

    /// Shows a certificate when it is asked.
    #[must_use]
    pub fn showing(mut self, certificate: &Certificate) -> Self {
        self.certificate = Some(certificate.clone());
        self
    }

    /// What it speaks, the best first.
    #[must_use]
    pub fn speaking(mut self, protocols: &[&str]) -> Self {
        self.alpn = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        self
    }

    /// With this version of TLS and no other.
    #[must_use]
    pub fn version(mut self, version: &'static SupportedProtocolVersion) -> Self {
        self.versions = vec![version];
        self
    }

    /// Knows nothing of Ed25519.
    #[must_use]
    pub fn without_ed25519(mut self) -> Self {
        self.ed25519 = false;
        self
    }

    /// From now on its connections know of each other.
    #[must_use]
    pub fn remembering(mut self) -> Self {
        self.remembered = Some(self.config());
        self
    }

    fn config(&self) -> Arc<ClientConfig> {
        if let Some(config) = &self.remembered {
            return config.clone();
        }
        let mut provider = ring::default_provider();
        if !self.ed25519 {
            let algorithms = &mut provider.signature_verification_algorithms;
            let mapping = algorithms.mapping.iter().copied();
            let mapping = mapping.filter(|(scheme, _)| *scheme != SignatureScheme::ED25519);
            algorithms.mapping = Box::leak(mapping.collect());
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&self.versions)
            .unwrap()
            .with_root_certificates(self.roots.clone());
        let mut config = match &self.certificate {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(own.chain(), key).unwrap()
            }
        };
        config.alpn_protocols.clone_from(&self.alpn);
        Arc::new(config)
    }

    /// Connects and shakes hands.
    ///
    /// # Errors
    /// When one of the two does not like the other. With TLS 1.3 a server says what it thinks of a client's certificate
    /// only afterwards.
    pub fn stream(
        &self,
        address: SocketAddr,
    ) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        self.over(TcpStream::connect(address)?)
    }

    /// Shakes hands on a connection that exists, and on which the client may have said something already.
    ///
    /// # Errors
    /// As [`stream`](Self::stream).
    pub fn over(
        &self,
        mut socket: TcpStream,
    ) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let mut session =
            ClientConnection::new(self.config(), self.name.clone()).map_err(io::Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut socket)?;
        }
        Ok(StreamOwned::new(session, socket))
    }

    /// Connects, for HTTP/1.
    ///
    /// # Errors
    /// As [`stream`](Self::stream).
    pub fn client(&self, address: SocketAddr) -> io::Result<Client> {
        self.stream(address).map(Client::tls)
    }

    /// Connects, for HTTP/2.
    ///
    /// # Panics
    /// When it fails, or the server speaks something else.
    pub async fn h2(&self, address: SocketAddr) -> H2 {
        let socket = tokio::net::TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let config = self.clone().speaking(&["h2"]).config();
        let stream = TlsConnector::from(config)
            .connect(self.name.clone(), socket)
            .await
            .expect("a handshake");
        let (_, session) = stream.get_ref();
        assert_eq!(session.alpn_protocol(), Some(&b"h2"[..]));
        H2::over(stream).await
    }
}
