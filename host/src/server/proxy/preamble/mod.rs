//! The header of HAProxy's PROXY protocol, versions 1 and 2: what a proxy of connections says before their first byte.
//!
//! `proxy/mod.rs` reads one with [`read`]. Parsing is pure: [`parse`] is given what has come so far and says what it is, or
//! how many bytes there are at least to come. So nothing is ever read that is not the header's, and no byte of what
//! follows, TLS or HTTP, has to be kept and given back. Strict, as the specification asks of receivers: a
//! header that is not to the letter ends the connection.

mod crc32c;
mod v1;
mod v2;

use std::fmt;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt};

/// The shortest header: `PROXY UNKNOWN\r\n`.
const SHORTEST: usize = 15;

/// What a proxy says of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Preamble {
    /// It is the proxy's own, for nobody.
    Local,
    /// It is somebody's of whom it says nothing (`UNKNOWN`, `AF_UNSPEC`).
    Unknown,
    /// It is somebody's.
    Proxied {
        source: End,
        destination: End,
        /// They came to the proxy by TLS (`PP2_CLIENT_SSL`).
        tls: bool,
    },
}

/// An end of the connection that the proxy took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Ip(SocketAddr),
    /// The path of a Unix socket, perhaps empty.
    Unix(String),
}

impl End {
    pub(super) fn ip(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

/// How far it is.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// At least so many bytes are missing; never 0.
    Need(usize),
    /// The bytes are a whole header.
    Done(Preamble),
}

/// Why it is none.
#[derive(Debug, PartialEq, Eq)]
struct Bad(&'static str);

/// Why there is none.
#[derive(Debug)]
pub(super) enum Missing {
    Bad(&'static str),
    Io(std::io::Error),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bad(why) => f.write_str(why),
            Self::Io(error) => error.fmt(f),
        }
    }
}

/// Reads one header, and no byte of what follows it.
pub(super) async fn read(socket: &mut (impl AsyncRead + Unpin)) -> Result<Preamble, Missing> {
    let mut bytes = Vec::with_capacity(128);
    loop {
        match parse(&bytes).map_err(|Bad(why)| Missing::Bad(why))? {
            Step::Done(preamble) => return Ok(preamble),
            Step::Need(missing) => {
                let wanted = bytes.len() + missing;
                let mut limited = (&mut *socket).take(missing as u64);
                while bytes.len() < wanted {
                    if limited.read_buf(&mut bytes).await.map_err(Missing::Io)? == 0 {
                        return Err(Missing::Bad("the connection ended within it"));
                    }
                    // What cannot become a header is not waited for.
                    if bytes.len() < SHORTEST {
                        parse(&bytes).map_err(|Bad(why)| Missing::Bad(why))?;
                    }
                }
            }
        }
    }
}

/// What these bytes, the first of a connection, are.
fn parse(bytes: &[u8]) -> Result<Step, Bad> {
    let is_or_may_become = |signature: &[u8]| {
        let common = bytes.len().min(signature.len());
        bytes.get(..common) == signature.get(..common)
    };
    let (one, two) = (
        is_or_may_become(v1::SIGNATURE),
        is_or_may_become(v2::SIGNATURE),
    );
    if !one && !two {
        return Err(Bad("it begins with something else"));
    }
    if bytes.len() < SHORTEST {
        return Ok(Step::Need(SHORTEST - bytes.len()));
    }
    if one {
        v1::parse(bytes)
    } else {
        v2::parse(bytes)
    }
}

#[cfg(test)]
mod tests;
