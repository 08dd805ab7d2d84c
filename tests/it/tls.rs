//! HTTPS: the handshake (`T-07`), certificates and their reload, client certificates, and what scopes say (`H-05`, `E-08`).
//!
//! What is wrong with a file is in `tls/files`, what the real program does about reload in `cli/https`.

mod clients;
mod files;
mod handshake;
mod names;
mod reload;

use wasgi::server::tls::{Clients, Pair, Settings};
use wasgi_tests::{Authority, Folder, Guest, Response, Running, Secure, Serve};

/// A server with a certificate for `localhost`, and whom a client has to trust.
pub(crate) struct Site {
    pub(crate) server: Running,
    pub(crate) authority: Authority,
    pub(crate) folder: Folder,
    /// The server's certificate, as PEM.
    pub(crate) pem: String,
}

impl Site {
    pub(crate) fn of(guest: Guest) -> Self {
        Self::serving(Serve::guest(guest), |_, settings| settings)
    }

    pub(crate) fn serving(
        serve: Serve,
        change: impl FnOnce(&Folder, Settings) -> Settings,
    ) -> Self {
        let folder = Folder::new("tls");
        let authority = Authority::new("wasgi tests");
        let own = authority.server(&["localhost", "127.0.0.1"]);
        let settings = change(&folder, Settings::new(own.write(&folder, "own")));
        Self {
            server: serve.tls(settings).start(),
            authority,
            folder,
            pem: own.pem,
        }
    }

    pub(crate) fn trusting(&self) -> Secure {
        Secure::trusting(&self.authority)
    }

    /// One GET on a connection of its own.
    #[track_caller]
    pub(crate) fn get(&self, client: &Secure, target: &str) -> Response {
        let connected = client.client(self.server.address());
        connected.expect("a handshake").get(target)
    }
}

/// More certificates beside the first.
pub(crate) fn and(mut settings: Settings, pairs: impl IntoIterator<Item = Pair>) -> Settings {
    settings.pairs.extend(pairs);
    settings
}

/// Asks clients for certificates.
pub(crate) fn asking(mut settings: Settings, clients: Clients) -> Settings {
    settings.clients = clients;
    settings
}
