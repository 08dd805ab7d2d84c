//! The walk from our end towards the client: over every hop that is trusted, to the first that is not.
//!
//! Pure. Both families of headers come to it as elements, nearest first: each is what one proxy says of whoever asked it.
//! Only an element of a trusted proxy is looked at, so what a client has put in front counts for nothing (`F-14`).

use std::net::SocketAddr;

use super::node::{Host, Node};
use super::trusted::Trusted;
use crate::bindings::types::Scheme;

/// Proxies in a row that are believed. More is no deployment but an attack, and the rest is left unread.
const HOPS_MAX: usize = 32;

/// What one proxy says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) node: Option<Node>,
    pub(super) scheme: Option<Scheme>,
    pub(super) host: Option<Host>,
}

/// An element that cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// What all of them say together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) client: Client,
    pub(super) scheme: Option<Scheme>,
    pub(super) host: Option<Host>,
    pub(super) port: Option<u16>,
    /// How many elements count.
    pub(super) hops: usize,
}

/// Whom they name as the client.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Client {
    /// Nobody: it is who has connected.
    #[default]
    Peer,
    At(SocketAddr),
    /// It has one that a trusted proxy does not tell.
    Hidden,
}

/// Walks over elements, nearest first.
pub(super) fn walk(
    elements: impl Iterator<Item = Result<Element, Malformed>>,
    trusted: &Trusted,
) -> Said {
    let mut said = Said::default();
    for element in elements.take(HOPS_MAX) {
        let Ok(element) = element else {
            tracing::debug!(
                "a forwarded header is malformed; what it says from there on is ignored"
            );
            break;
        };
        said.hops += 1;
        said.scheme = element.scheme.or(said.scheme);
        said.host = element.host.or(said.host);
        match element.node {
            None => break,
            Some(Node::Hidden) => {
                said.client = Client::Hidden;
                break;
            }
            Some(Node::At(address)) => {
                said.client = Client::At(address);
                if !trusted.hop(Some(address.ip())) {
                    break;
                }
            }
        }
    }
    said
}
