//! Version 2: 16 bytes, then addresses and typed values (TLVs) of an announced length.
//!
//! Of the values two mean something here: `PP2_TYPE_SSL`, whose `PP2_CLIENT_SSL` says that the client came by TLS, and
//! `PP2_TYPE_CRC32C`, which is checked where it is there. All others are skipped.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Bad, End, Preamble, Step, crc32c};
use crate::config::limits::PROXY_HEADER_BYTES_MAX;

pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version and command, family and transport, length.
const FIXED: usize = 16;

const TYPE_CRC32C: u8 = 0x03;
const TYPE_SSL: u8 = 0x20;
const CLIENT_SSL: u8 = 0x01;

/// A path of a Unix socket, padded with zeros.
const UNIX_BYTES: usize = 108;

pub(super) fn parse(bytes: &[u8]) -> Result<Step, Bad> {
    let fixed = bytes.get(SIGNATURE.len()..).unwrap_or_default();
    let Some((&[command, family, high, low], rest)) = fixed.split_first_chunk() else {
        return Ok(Step::Need(FIXED - bytes.len()));
    };
    let local = match command {
        0x20 => true,
        0x21 => false,
        _ => return Err(Bad("its version or command is none")),
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > PROXY_HEADER_BYTES_MAX {
        return Err(Bad("it is too long"));
    }
    if rest.len() < length {
        return Ok(Step::Need(length - rest.len()));
    }
    if rest.len() > length {
        return Err(Bad("more was read than it has"));
    }
    if local {
        return Ok(Step::Done(Preamble::Local));
    }
    proxied(bytes, family, rest).map(Step::Done)
}

fn proxied(all: &[u8], family: u8, rest: &[u8]) -> Result<Preamble, Bad> {
    const SHORT: Bad = Bad("it is too short for its addresses");
    let (family, transport) = (family >> 4, family & 0x0f);
    if transport > 2 {
        return Err(Bad("its transport is none"));
    }
    let (source, destination, values) = match family {
        0 => return Ok(Preamble::Unknown),
        1 => {
            let (addresses, values) = rest.split_first_chunk::<12>().ok_or(SHORT)?;
            let [a, b, c, d, e, f, g, h, ports @ ..] = *addresses;
            let [from, to] = [Ipv4Addr::new(a, b, c, d), Ipv4Addr::new(e, f, g, h)];
            let (from, to) = ends(from.into(), to.into(), ports);
            (from, to, values)
        }
        2 => {
            let (from, after) = rest.split_first_chunk::<16>().ok_or(SHORT)?;
            let (to, after) = after.split_first_chunk::<16>().ok_or(SHORT)?;
            let (ports, values) = after.split_first_chunk::<4>().ok_or(SHORT)?;
            let [from, to] = [Ipv6Addr::from(*from), Ipv6Addr::from(*to)];
            let (from, to) = ends(from.into(), to.into(), *ports);
            (from, to, values)
        }
        3 => {
            let (from, after) = rest.split_first_chunk::<UNIX_BYTES>().ok_or(SHORT)?;
            let (to, values) = after.split_first_chunk::<UNIX_BYTES>().ok_or(SHORT)?;
            (unix(from)?, unix(to)?, values)
        }
        _ => return Err(Bad("its family is none")),
    };
    let tls = tls(all, values)?;
    if transport == 0 {
        return Ok(Preamble::Unknown);
    }
    Ok(Preamble::Proxied {
        source,
        destination,
        tls,
    })
}

fn ends(from: IpAddr, to: IpAddr, [a, b, c, d]: [u8; 4]) -> (End, End) {
    let end = |address, port| End::Ip(SocketAddr::new(address, u16::from_be_bytes(port)));
    (end(from, [a, b]), end(to, [c, d]))
}

fn unix(padded: &[u8]) -> Result<End, Bad> {
    let path = padded.split(|byte| *byte == 0).next().unwrap_or_default();
    match str::from_utf8(path) {
        Ok(path) => Ok(End::Unix(path.to_owned())),
        Err(_) => Err(Bad("the path of a Unix socket is not UTF-8")),
    }
}

/// Walks over the values: whether the client came by TLS.
fn tls(all: &[u8], mut values: &[u8]) -> Result<bool, Bad> {
    let (mut tls, mut summed) = (false, false);
    while !values.is_empty() {
        const CUT: Bad = Bad("a value is longer than the header");
        let (&[kind, high, low], after) = values.split_first_chunk().ok_or(CUT)?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (value, next) = after.split_at_checked(length).ok_or(CUT)?;
        match kind {
            TYPE_SSL => {
                // Client, verify, and then values of its own.
                let (&[client, ..], _) = value.split_first_chunk::<5>().ok_or(CUT)?;
                tls = client & CLIENT_SSL != 0;
            }
            TYPE_CRC32C => {
                let told = value.try_into().map(u32::from_be_bytes).ok();
                let before = all.len() - next.len() - value.len();
                let (before, rest) = all.split_at_checked(before).ok_or(CUT)?;
                let after = rest.get(value.len()..).unwrap_or_default();
                // It was made with zeros in its own place.
                let sum = crc32c::of([before, &[0; 4], after]);
                if told != Some(sum) || std::mem::replace(&mut summed, true) {
                    return Err(Bad("its checksum is wrong"));
                }
            }
            _ => {}
        }
        values = next;
    }
    Ok(tls)
}
