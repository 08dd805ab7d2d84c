//! One certificate with its key: read, checked against each other, and complained about in words.
//!
//! What cannot work is an error here, before any port is bound; what works but will surprise somebody is a warning.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::InconsistentKeys;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey};

use super::Pair;
use super::certificate::{self, Age, Certificate};
use crate::error::{Error, Result};

/// A bundle of every public authority is a quarter of this.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// A certificate that this server can prove to be its own.
pub(super) struct Identity {
    pub(super) key: Arc<CertifiedKey>,
    /// The certificate itself, for the scope (`E-08`).
    pub(super) pem: String,
    /// Host names in lower case, `*.` in front of some.
    pub(super) names: Vec<String>,
}

impl Identity {
    pub(super) fn load(pair: &Pair, provider: &CryptoProvider) -> Result<Self> {
        let shown = pair.certificate.display();
        let text = read(&pair.certificate, "certificate")?;
        let chain = certificates(&pair.certificate, &text)?;
        let key_file = pair.key.as_deref().unwrap_or(&pair.certificate);
        let key = match &pair.key {
            Some(path) => private_key(path, &read(path, "private key")?)?,
            None => private_key(&pair.certificate, &text)?,
        };
        let key = provider
            .key_provider
            .load_private_key(key)
            .map_err(|error| {
                Error::user(format!(
                    "the private key in `{}` cannot be used",
                    key_file.display()
                ))
                .because(error)
                .hint(
                    "RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, and Ed25519 can be",
                )
            })?;
        belongs(&pair.certificate, key_file, &chain, &key)?;

        let unreadable = |error| {
            Error::user(format!("the certificate in `{shown}` cannot be read"))
                .because(error)
                .hint("look at it with `openssl x509 -noout -text`; it has to be X.509 version 3")
        };
        let Some(own) = chain.first() else {
            return Err(Error::internal(format!(
                "there is no certificate in `{shown}`"
            )));
        };
        let certificate = Certificate::parse(own).map_err(unreadable)?;
        let Some(names) = certificate.host_names() else {
            return Err(Error::user(format!("the certificate in `{shown}` has no names"))
                .because("it has no subjectAltName, and clients look nowhere else")
                .hint("make it again with names: `openssl req -x509 … -addext subjectAltName=DNS:example.org`"));
        };
        warn_of_age(&pair.certificate, &certificate);
        warn_of_order(&pair.certificate, &chain);
        Ok(Self {
            pem: certificate::pem(own),
            key: Arc::new(CertifiedKey::new(chain, key)),
            names,
        })
    }
}

/// The certificates of a file, at least one.
pub(super) fn certificates(path: &Path, text: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let shown = path.display();
    let found: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(text).collect();
    let found = found.map_err(|error| damaged(path, error))?;
    if !found.is_empty() {
        return Ok(found);
    }
    let none = Error::user(format!("there is no certificate in `{shown}`"));
    Err(if contains(text, b"PRIVATE KEY-----") {
        none.because("there is a private key in it")
            .hint("are --ssl-certfile and --ssl-keyfile the wrong way round?")
    } else if text.first() == Some(&0x30) {
        none.because("it looks like DER").hint(format!(
            "make PEM of it: `openssl x509 -inform der -in {shown} -out {shown}.pem`"
        ))
    } else {
        none.because("it has no line `-----BEGIN CERTIFICATE-----`")
            .hint("give a PEM file; of Let's Encrypt's it is fullchain.pem")
    })
}

fn private_key(path: &Path, text: &[u8]) -> Result<PrivateKeyDer<'static>> {
    let shown = path.display();
    if contains(text, b"ENCRYPTED PRIVATE KEY-----") || contains(text, b"Proc-Type: 4,ENCRYPTED") {
        return Err(
            Error::user(format!("the private key in `{shown}` is encrypted")).hint(format!(
                "a server that starts by itself cannot ask for a password: `openssl pkey -in {shown} -out plain.key`, \
                 readable by the server's user only"
            )),
        );
    }
    let error = match PrivateKeyDer::from_pem_slice(text) {
        Ok(key) => return Ok(key),
        Err(pem::Error::NoItemsFound) => {
            Error::user(format!("there is no private key in `{shown}`"))
        }
        Err(error) => return Err(damaged(path, error)),
    };
    Err(if contains(text, b"BEGIN CERTIFICATE-----") {
        error
            .because("there is a certificate in it")
            .hint("give the key with --ssl-keyfile, one for each --ssl-certfile in the same order")
    } else if text.first() == Some(&0x30) {
        error.because("it looks like DER").hint(format!(
            "make PEM of it: `openssl pkey -inform der -in {shown} -out {shown}.pem`"
        ))
    } else {
        error
            .because("it has no line `-----BEGIN PRIVATE KEY-----`")
            .hint("give a PEM file; of Let's Encrypt's it is privkey.pem")
    })
}

/// The key has to be that of the first certificate.
fn belongs(
    path: &Path,
    key_file: &Path,
    chain: &[CertificateDer<'static>],
    key: &Arc<dyn SigningKey>,
) -> Result<()> {
    let fits = |one: &CertificateDer<'static>| {
        CertifiedKey::new(vec![one.clone()], key.clone()).keys_match()
    };
    let Some((own, others)) = chain.split_first() else {
        return Ok(());
    };
    let shown = path.display();
    match fits(own) {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(()),
        Err(rustls::Error::InconsistentKeys(_)) if others.iter().any(|one| fits(one).is_ok()) => {
            Err(
                Error::user(format!("the certificates in `{shown}` are in the wrong order"))
                    .because("the one that the key belongs to is not the first")
                    .hint("first the server's own certificate, then the one that issued it, and so on"),
            )
        }
        Err(rustls::Error::InconsistentKeys(_)) => Err(Error::user(format!(
            "the private key in `{}` does not belong to the certificate in `{shown}`",
            key_file.display()
        ))
        .because("their public keys differ")
        .hint("give the n-th --ssl-keyfile for the n-th --ssl-certfile; a renewed certificate may have a new key")),
        Err(error) => Err(
            Error::user(format!("the certificate in `{shown}` cannot be used"))
                .because(error)
                .hint("look at it with `openssl x509 -noout -text`; it has to be X.509 version 3"),
        ),
    }
}

/// Reads a file that an operator has named.
pub(super) fn read(path: &Path, what: &str) -> Result<Vec<u8>> {
    let shown = path.display();
    let failed = |error: std::io::Error| {
        Error::user(format!("cannot read the {what} `{shown}`"))
            .because(error)
            .hint("check the path, and that the server's user may read it")
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(
            Error::user(format!("`{shown}` is too large to be a {what}"))
                .because(format!("it has more than {FILE_BYTES_MAX} bytes"))
                .hint("check the path"),
        );
    }
    Ok(bytes)
}

fn damaged(path: &Path, error: pem::Error) -> Error {
    Error::user(format!("`{}` is damaged", path.display()))
        .because(error)
        .hint("it is PEM, but cut off or edited; copy it again")
}

fn warn_of_age(path: &Path, certificate: &Certificate) {
    let shown = path.display();
    match certificate.age(SystemTime::now()) {
        Age::Valid => {}
        Age::Expired(date) => {
            tracing::warn!(
                "the certificate in `{shown}` has expired on {date}: clients will refuse it"
            );
        }
        Age::TooYoung(date) => {
            tracing::warn!(
                "the certificate in `{shown}` is valid from {date} on: clients will refuse it until then"
            );
        }
    }
}

/// Clients of TLS 1.3 put the rest in order by themselves, others do not.
fn warn_of_order(path: &Path, chain: &[CertificateDer<'_>]) {
    let read: Vec<_> = chain
        .iter()
        .filter_map(|one| Certificate::parse(one).ok())
        .collect();
    for (number, pair) in read.windows(2).enumerate() {
        if let [one, next] = pair
            && !one.names_as_issuer(next)
        {
            tracing::warn!(
                "in `{}` certificate {} was not issued by certificate {}, which follows it: some clients will refuse them",
                path.display(),
                number + 1,
                number + 2
            );
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
