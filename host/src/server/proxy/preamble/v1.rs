//! Version 1: a line of text. `PROXY TCP4 192.0.2.1 192.0.2.2 4711 443\r\n`.

use std::net::{IpAddr, SocketAddr};

use super::{Bad, End, Preamble, Step};

pub(super) const SIGNATURE: &[u8] = b"PROXY ";

/// The longest line with its end, as the specification counts it.
const LINE_MAX: usize = 107;

/// Spaces of a line with addresses.
const SPACES: usize = 5;

pub(super) fn parse(bytes: &[u8]) -> Result<Step, Bad> {
    if let Some(line) = bytes.strip_suffix(b"\r\n") {
        return line_of(line).map(Step::Done);
    }
    let unfinished = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    if unfinished.iter().any(|byte| !matches!(byte, b' '..=b'~')) {
        return Err(Bad("a control character in its line"));
    }
    let missing = if unfinished.len() < bytes.len() {
        1
    } else if unfinished.starts_with(b"PROXY UNKNOWN") {
        2
    } else {
        // Each field is one character at least, and each has a space before it.
        let spaces = bytes.iter().filter(|byte| **byte == b' ').count();
        2 + 2 * SPACES.saturating_sub(spaces)
    };
    if bytes.len() + missing > LINE_MAX {
        return Err(Bad("its line is longer than 107 bytes"));
    }
    Ok(Step::Need(missing))
}

fn line_of(line: &[u8]) -> Result<Preamble, Bad> {
    let line = str::from_utf8(line).map_err(|_| Bad("its line is not ASCII"))?;
    let mut words = line.split(' ').skip(1);
    let family = words.next().unwrap_or_default();
    if family == "UNKNOWN" {
        return Ok(Preamble::Unknown);
    }
    let mut word = || words.next().ok_or(Bad("fields are missing"));
    let (source, destination) = (word()?, word()?);
    let (source_port, destination_port) = (word()?, word()?);
    if words.next().is_some() {
        return Err(Bad("there are too many fields"));
    }
    Ok(Preamble::Proxied {
        source: end(family, source, source_port)?,
        destination: end(family, destination, destination_port)?,
        tls: false,
    })
}

fn end(family: &str, address: &str, port: &str) -> Result<End, Bad> {
    let address = match family {
        "TCP4" => address.parse().map(IpAddr::V4),
        "TCP6" => address.parse().map(IpAddr::V6),
        _ => return Err(Bad("its family is none of TCP4, TCP6 and UNKNOWN")),
    };
    let address = address.map_err(|_| Bad("an address is none"))?;
    Ok(End::Ip(SocketAddr::new(address, number(port)?)))
}

/// Digits without zeros in front.
fn number(port: &str) -> Result<u16, Bad> {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || (port.len() > 1 && port.starts_with('0')) {
        return Err(Bad("a port is none"));
    }
    port.parse().map_err(|_| Bad("a port is none"))
}
