//! Proxies in front: what they say of a client, and whether they are believed (`F-14`, `G-19`).
//!
//! Two stages, of which each stands alone. `arrive` meets a connection before anything else has read from it: it takes
//! the PROXY protocol's header off, if there has to be one, and says whether the other end may speak for others.
//! `Settings::ends` meets a request: it changes `client`, `scheme` and `server` of its scope as forwarded headers say.
//! The headers themselves stay as they came. Nothing that is malformed is ever an error to a client.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod node;
mod preamble;
mod rfc7239;
mod trusted;
mod walk;
mod x_forwarded;

use std::borrow::Cow;
use std::net::SocketAddr;

use http::header::{self, HeaderMap};
use tokio::io::AsyncRead;

use crate::asgi::scope::{Ends, Server};
use crate::bindings::types::Scheme;
use crate::config::limits::HEAD_READ;
use node::{Host, Name};
use preamble::{End, Preamble};
pub use trusted::{TRUSTED, Trusted};
use walk::{Client, Said, walk};

/// What a server is told of the proxies in front of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whether forwarded headers of a trusted peer count.
    pub headers: bool,
    /// Which of them.
    pub family: Family,
    /// Who is trusted.
    pub trusted: Trusted,
    /// Whether each connection begins with a header of the PROXY protocol.
    pub protocol: bool,
}

impl Default for Settings {
    /// As `wasgi serve` has it: headers of this machine's proxies count.
    fn default() -> Self {
        Self {
            headers: true,
            family: Family::Auto,
            trusted: Trusted::default(),
            protocol: false,
        }
    }
}

/// Which headers a proxy writes. Those that it does not write it may pass on from a client, so that only one family is
/// ever read of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Family {
    /// `X-Forwarded-*` if there is any, else `Forwarded`.
    #[default]
    Auto,
    /// `X-Forwarded-For`, `-Proto`, `-Host`, `-Port`.
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// A connection, as it presents itself before its first request.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub(super) ends: Ends,
    /// The other end is a proxy that may speak for its clients.
    pub(super) proxied: bool,
}

/// Takes the PROXY protocol's header off a connection, if the settings ask for one, and not a byte more. `ends` is what
/// the socket says. None: the connection is not to be served, as the header is missing, malformed or too slow, or the
/// peer has no right to send one.
pub(super) async fn arrive(
    settings: &Settings,
    socket: &mut (impl AsyncRead + Unpin),
    ends: Ends,
) -> Option<Arrival> {
    let trusted = settings.trusted.peer(ends.client.map(|peer| peer.ip()));
    if !settings.protocol {
        return Some(Arrival {
            ends,
            proxied: trusted && settings.headers,
        });
    }
    if !trusted {
        tracing::debug!(
            "closed a connection of {:?}, which may not speak the PROXY protocol",
            ends.client
        );
        return None;
    }
    let read = tokio::time::timeout(HEAD_READ, preamble::read(socket));
    let why = match read.await {
        Ok(Ok(preamble)) => return Some(settings.arrived(preamble, ends)),
        Ok(Err(why)) => why.to_string(),
        Err(_) => "it did not come in time".to_owned(),
    };
    tracing::debug!("closed a connection without a header of the PROXY protocol: {why}");
    None
}

impl Settings {
    fn arrived(&self, preamble: Preamble, mut ends: Ends) -> Arrival {
        let proxied = match preamble {
            // The proxy itself: a health check.
            Preamble::Local => true,
            // Somebody's bytes; nobody says whose.
            Preamble::Unknown => false,
            Preamble::Proxied {
                source,
                destination,
                tls,
            } => {
                if tls {
                    ends.scheme = Scheme::Https;
                }
                ends.client = source.ip();
                match destination {
                    End::Ip(address) => ends.server = Server::Tcp(address),
                    End::Unix(path) if !path.is_empty() => ends.server = Server::Unix(path),
                    End::Unix(_) => {}
                }
                // Whoever is behind the one that has connected: `*` does not speak of them.
                self.trusted.hop(ends.client.map(|client| client.ip()))
            }
        };
        Arrival {
            ends,
            proxied: proxied && self.headers,
        }
    }

    /// The ends of one request of the connection: those of the connection, unless a trusted proxy says otherwise.
    pub(super) fn ends<'a>(&self, arrival: &'a Arrival, headers: &HeaderMap) -> Cow<'a, Ends> {
        let ends = &arrival.ends;
        if !arrival.proxied {
            return Cow::Borrowed(ends);
        }
        let there = Families::of(headers);
        let said = match self.family {
            Family::Auto | Family::XForwarded if there.x_forwarded => {
                x_forwarded::said(headers, &self.trusted)
            }
            Family::Auto | Family::Forwarded if there.forwarded => {
                let lines = headers.get_all(header::FORWARDED).into_iter();
                let elements = rfc7239::elements(lines.map(http::HeaderValue::as_bytes));
                walk(elements, &self.trusted)
            }
            _ => return Cow::Borrowed(ends),
        };
        Cow::Owned(said.over(ends))
    }
}

/// Which of them a request has.
#[derive(Default)]
struct Families {
    x_forwarded: bool,
    forwarded: bool,
}

impl Families {
    /// One pass over the names: cheaper than to look each of them up where none is there.
    fn of(headers: &HeaderMap) -> Self {
        let mut there = Self::default();
        for name in headers.keys() {
            match name.as_str() {
                "forwarded" => there.forwarded = true,
                x_forwarded::FOR | x_forwarded::PROTO | x_forwarded::HOST | x_forwarded::PORT => {
                    there.x_forwarded = true
                }
                _ => {}
            }
        }
        there
    }
}

impl Said {
    /// The ends with what was said in place of what the socket says.
    fn over(self, ends: &Ends) -> Ends {
        let scheme = self.scheme.unwrap_or(ends.scheme);
        Ends {
            client: match self.client {
                Client::Peer => ends.client,
                Client::At(address) => Some(address),
                Client::Hidden => None,
            },
            server: server(self.host, self.port, scheme).unwrap_or_else(|port| {
                match &ends.server {
                    Server::Tcp(address) if port.is_some() => {
                        Server::Tcp(SocketAddr::new(address.ip(), port.unwrap_or_default()))
                    }
                    other => other.clone(),
                }
            }),
            scheme,
            tls: ends.tls.clone(),
        }
    }
}

/// The public address (`H-12`), or at least its port. A port that is named beside the host is the proxy's own, so it
/// goes before that of the host, which is what the client has typed.
fn server(host: Option<Host>, port: Option<u16>, scheme: Scheme) -> Result<Server, Option<u16>> {
    let Some(Host { name, port: typed }) = host else {
        return Err(port);
    };
    let port = port.or(typed).unwrap_or(match scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    });
    Ok(match name {
        Name::Ip(ip) => Server::Tcp(SocketAddr::new(ip, port)),
        Name::Text(name) => Server::Named(name, port),
    })
}

#[cfg(test)]
mod tests;
