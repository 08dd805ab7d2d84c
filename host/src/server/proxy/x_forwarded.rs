//! `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`, as nearly every proxy writes them.
//!
//! Pure: headers in, values out. The lists have no quoting, so that reading from the right is splitting at commas.

use http::header::HeaderMap;

use super::node::{self, Host, Node};
use super::trusted::Trusted;
use super::walk::{Element, Malformed, Said, walk};

pub(super) const FOR: &str = "x-forwarded-for";
pub(super) const PROTO: &str = "x-forwarded-proto";
pub(super) const HOST: &str = "x-forwarded-host";
pub(super) const PORT: &str = "x-forwarded-port";

/// What the headers say, as far as trusted hops have vouched for it.
pub(super) fn said(headers: &HeaderMap, trusted: &Trusted) -> Said {
    let mut said = walk(values(headers, FOR).map(element), trusted);
    // A proxy that adds to the list of addresses adds to the others, too, or writes a single value for all.
    let back = said.hops.max(1);
    said.scheme = nth_from_right(headers, PROTO, back).and_then(node::scheme);
    said.host = nth_from_right(headers, HOST, back).and_then(Host::read);
    said.port = nth_from_right(headers, PORT, back).and_then(node::port);
    said
}

fn element(value: &[u8]) -> Result<Element, Malformed> {
    Ok(Element {
        node: Some(Node::read(value).ok_or(Malformed)?),
        ..Element::default()
    })
}

/// The values of all lines, last first, without empty ones.
fn values<'a>(headers: &'a HeaderMap, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(name).into_iter().rev();
    lines
        .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|value| !value.is_empty())
}

/// The value that belongs to the hop, or the last that there is on the way to it.
fn nth_from_right<'a>(headers: &'a HeaderMap, name: &'static str, back: usize) -> Option<&'a [u8]> {
    values(headers, name).take(back).last()
}
