//! All certificates as they were at one moment, and which of them a client gets.
//!
//! A set never changes: a reload makes another one, and connections keep theirs. Sessions can be resumed only within
//! one set, so that what has been decided on by an authority that is no longer trusted is not taken up again.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{
    ClientHello, NoServerSessionStorage, ProducesTickets, WebPkiClientVerifier,
    danger::ClientCertVerifier,
};
use rustls::sign::SingleCertAndKey;
use rustls::{RootCertStore, ServerConfig};

use super::identity::{self, Identity};
use super::{Clients, Settings};
use crate::error::{Error, Result};

/// In the order in which we like them.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// At least one certificate, by name.
pub(super) struct Set {
    members: Vec<Member>,
    /// By each of their names, `*.` and all; several where one is RSA and one is ECDSA.
    by_name: HashMap<String, Vec<usize>>,
}

/// A certificate of the set, by its number, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    number: usize,
    /// The client has asked for a host, and the certificate has it.
    by_name: bool,
}

struct Member {
    identity: Identity,
    config: Arc<ServerConfig>,
}

impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.members.iter().map(|member| &member.identity.names);
        f.debug_list().entries(names).finish()
    }
}

impl Set {
    pub(super) fn load(settings: &Settings) -> Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let verifier = verifier(&settings.clients, &provider)?;
        let tickets = ring::Ticketer::new()
            .map_err(|error| Error::internal("cannot make keys for TLS sessions").because(error))?;
        let mut set = Self {
            members: Vec::new(),
            by_name: HashMap::new(),
        };
        for pair in &settings.pairs {
            let identity = Identity::load(pair, &provider)?;
            let config = config(&identity, &provider, &verifier, &tickets)?;
            for name in &identity.names {
                let number = set.members.len();
                set.by_name.entry(name.clone()).or_default().push(number);
            }
            set.members.push(Member { identity, config });
        }
        if set.members.is_empty() {
            return Err(Error::user("there is no certificate").hint("name one with --ssl-certfile"));
        }
        Ok(set)
    }

    /// Those that are for this host name, in lower case: exactly, else by `*` in the place of its first part.
    fn named(&self, host: &str) -> &[usize] {
        match self.exactly(host) {
            [] => self.by_wildcard(host),
            exact => exact,
        }
    }

    fn exactly(&self, host: &str) -> &[usize] {
        self.by_name.get(host).map_or(&[], Vec::as_slice)
    }

    fn by_wildcard(&self, host: &str) -> &[usize] {
        let above = host.split_once('.').map(|(_, above)| format!("*.{above}"));
        above.map_or(&[], |wildcard| self.exactly(&wildcard))
    }

    /// Which certificate a client gets: one that has the name it asks for and that it can verify, else any that has the
    /// name, else the first of all.
    pub(super) fn choose(&self, hello: &ClientHello<'_>) -> Choice {
        let asked = hello.server_name().map(str::to_ascii_lowercase);
        let named = asked.as_deref().map_or(&[][..], |name| self.named(name));
        let verifiable = |number: &&usize| {
            self.members.get(**number).is_some_and(|member| {
                let key = &member.identity.key.key;
                key.choose_scheme(hello.signature_schemes()).is_some()
            })
        };
        let best = named.iter().find(verifiable).or(named.first());
        Choice {
            number: best.copied().unwrap_or(0),
            by_name: best.is_some(),
        }
    }

    /// The settings of a handshake with this certificate.
    pub(super) fn config(&self, choice: Choice) -> Option<Arc<ServerConfig>> {
        Some(self.members.get(choice.number)?.config.clone())
    }

    /// The certificate itself.
    pub(super) fn pem(&self, choice: Choice) -> Option<String> {
        Some(self.members.get(choice.number)?.identity.pem.clone())
    }

    /// Whether `host`, in lower case and without a port, is a name of another certificate and not of this one, which the
    /// client has got because it asked for a host that it has. Whoever asks for none, or for one that nobody has heard of,
    /// does not go by names: a health check, or a proxy.
    pub(super) fn is_of_another(&self, choice: Choice, host: &str) -> bool {
        if self.members.len() < 2 || !choice.by_name {
            return false;
        }
        let mut named = self.exactly(host).iter().chain(self.by_wildcard(host));
        let any = named.clone().next().is_some();
        any && !named.any(|number| *number == choice.number)
    }
}

fn config(
    identity: &Identity,
    provider: &Arc<CryptoProvider>,
    verifier: &Arc<dyn ClientCertVerifier>,
    tickets: &Arc<dyn ProducesTickets>,
) -> Result<Arc<ServerConfig>> {
    let mut config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal("cannot settle the versions of TLS").because(error))?
        .with_client_cert_verifier(verifier.clone())
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.key.clone())));
    config.alpn_protocols = ALPN.iter().map(|name| name.to_vec()).collect();
    // Sessions are kept by the clients, encrypted: they cost us no memory, and every thread can resume each.
    config.ticketer = tickets.clone();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Arc::new(config))
}

fn verifier(
    clients: &Clients,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>> {
    let Some(path) = clients.authorities() else {
        return Ok(WebPkiClientVerifier::no_client_auth());
    };
    let builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(authorities(path)?), provider.clone());
    let builder = match clients {
        Clients::Optional(_) => builder.allow_unauthenticated(),
        Clients::Unasked | Clients::Required(_) => builder,
    };
    builder.build().map_err(|error| {
        Error::user(format!(
            "the authorities in `{}` cannot be used",
            path.display()
        ))
        .because(error)
        .hint("give the certificates of those who issue your clients' certificates")
    })
}

fn authorities(path: &Path) -> Result<RootCertStore> {
    let text = identity::read(path, "file of client authorities")?;
    let mut roots = RootCertStore::empty();
    for certificate in identity::certificates(path, &text)? {
        roots.add(certificate).map_err(|error| {
            let shown = path.display();
            Error::user(format!("a certificate in `{shown}` cannot be an authority"))
                .because(error)
                .hint("give the certificates of those who issue your clients' certificates")
        })?;
    }
    Ok(roots)
}
