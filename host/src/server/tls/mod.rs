//! TLS between the socket and HTTP: certificates, their reload, and the handshake (`T-07`, `E-08`).
//!
//! The command line makes a [`Tls`] before any port is bound; `server/thread.rs` hands it each accepted socket and gets
//! back the encrypted stream, the protocol that was agreed on, and what scopes say of it (`handshake`). Nothing in here
//! knows of requests; the one question that a request asks is `Secured::misdirects`.

mod certificate;
mod handshake;
mod identity;
mod set;
mod watch;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

pub(super) use handshake::{Protocol, Secured};
use set::Set;

use crate::config::limits::TLS_HANDSHAKE;
use crate::error::Result;

/// What TLS is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// At least one. A client gets the one that has the name it asks for, any other client the first.
    pub pairs: Vec<Pair>,
    /// Whether clients are asked for certificates.
    pub clients: Clients,
    /// From the accepted socket to the end of the handshake (`T-07`).
    pub handshake: Duration,
}

impl Settings {
    /// One certificate, no client certificates, the default deadline.
    pub fn new(pair: Pair) -> Self {
        Self {
            pairs: vec![pair],
            clients: Clients::Unasked,
            handshake: TLS_HANDSHAKE,
        }
    }
}

/// A certificate and its key, in files.
#[derive(Clone, Debug)]
pub struct Pair {
    /// PEM: the server's own certificate first, then those that lead from it to a root.
    pub certificate: PathBuf,
    /// PEM. None when it stands in the certificate's file.
    pub key: Option<PathBuf>,
}

/// Whether clients are asked for certificates, and the file of those (PEM) that may have issued them.
#[derive(Clone, Debug)]
pub enum Clients {
    /// No client is asked.
    Unasked,
    /// A client may have none; one that is not accepted ends the handshake.
    Optional(PathBuf),
    /// A client without a certificate that is accepted does not get past the handshake.
    Required(PathBuf),
}

impl Clients {
    fn authorities(&self) -> Option<&PathBuf> {
        match self {
            Self::Unasked => None,
            Self::Optional(file) | Self::Required(file) => Some(file),
        }
    }
}

/// The certificates that are in use, and where they come from.
#[derive(Debug)]
pub struct Tls {
    settings: Settings,
    /// Replaced whole; a connection keeps the one that it began with.
    current: RwLock<Arc<Set>>,
    /// Held over a reload: one at a time, so that an older one never takes the place of a newer.
    reloading: Mutex<()>,
}

impl Tls {
    /// Reads the certificates, keys and authorities, and checks that they can serve.
    ///
    /// # Errors
    /// When a file is missing or has nothing of its kind in it, a key is encrypted or does not belong to its certificate,
    /// the certificates are in the wrong order, or one has no names.
    pub fn load(settings: Settings) -> Result<Arc<Self>> {
        let set = Set::load(&settings)?;
        Ok(Arc::new(Self {
            settings,
            current: RwLock::new(Arc::new(set)),
            reloading: Mutex::default(),
        }))
    }

    /// Reads all files again. New connections use what they say now; those that exist go on.
    ///
    /// # Errors
    /// As [`load`](Self::load): then everything stays as it was.
    pub fn reload(&self) -> Result<()> {
        let _one_at_a_time = self
            .reloading
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let set = Arc::new(Set::load(&self.settings)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = set;
        Ok(())
    }

    fn current(&self) -> Arc<Set> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Every file that was read.
    fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let pairs = self.settings.pairs.iter();
        pairs
            .flat_map(|pair| std::iter::once(&pair.certificate).chain(&pair.key))
            .chain(self.settings.clients.authorities())
    }
}
