//! The flags of HTTPS, from what was typed to certificates that have been read and checked.
//!
//! `serve` calls it before it binds anything.

use std::sync::Arc;
use std::time::Duration;

use wasgi::error::{Error, Result};
use wasgi::server::tls::{Clients, Pair, Settings, Tls};

use crate::cli::{CertReqs, TlsArgs};

/// None when no certificate was given: plain HTTP.
pub(super) fn load(args: &TlsArgs) -> Result<Option<Arc<Tls>>> {
    settings(args)?.map(Tls::load).transpose()
}

fn settings(args: &TlsArgs) -> Result<Option<Settings>> {
    let (certificates, keys) = (&args.ssl_certfile, &args.ssl_keyfile);
    if certificates.is_empty() {
        let without = if !keys.is_empty() {
            "--ssl-keyfile"
        } else if args.ssl_ca_certs.is_some() {
            "--ssl-ca-certs"
        } else {
            return Ok(None);
        };
        return Err(Error::user(format!("{without} without a certificate"))
            .because("a server proves who it is before it asks clients")
            .hint("give the server's certificate with --ssl-certfile"));
    }
    if !keys.is_empty() && keys.len() != certificates.len() {
        return Err(Error::user(format!(
            "there are {} certificates and {} keys",
            certificates.len(),
            keys.len()
        ))
        .because("each --ssl-certfile has its --ssl-keyfile, in the same order")
        .hint("give as many of one as of the other, or no keys if they stand in the certificates' files"));
    }
    let keys = keys.iter().cloned().map(Some);
    let pairs = certificates
        .iter()
        .cloned()
        .zip(keys.chain(std::iter::repeat(None)))
        .map(|(certificate, key)| Pair { certificate, key });
    Ok(Some(Settings {
        pairs: pairs.collect(),
        clients: clients(args)?,
        handshake: Duration::from_secs(args.timeout_tls_handshake),
    }))
}

fn clients(args: &TlsArgs) -> Result<Clients> {
    match (args.ssl_cert_reqs, &args.ssl_ca_certs) {
        (None | Some(CertReqs::None), None) | (Some(CertReqs::None), Some(_)) => {
            Ok(Clients::Unasked)
        }
        (None | Some(CertReqs::Required), Some(file)) => Ok(Clients::Required(file.clone())),
        (Some(CertReqs::Optional), Some(file)) => Ok(Clients::Optional(file.clone())),
        (Some(CertReqs::Optional | CertReqs::Required), None) => Err(Error::user(
            "--ssl-cert-reqs asks clients for certificates, and nobody is trusted to issue them",
        )
        .hint("give the certificates of those who issue them with --ssl-ca-certs FILE")),
    }
}
