//! The machine and anything: requests, some of them bad, with some bytes changed, for the fuzz targets.

use super::fuzz::{agrees, hyper_says, wire};
use super::tests::{BAD, GOOD};
use crate::fuzzing::noise::Noise;

/// Requests, some of them bad, and then some bytes changed.
fn anything(noise: &mut Noise) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..=noise.below(3) {
        if noise.below(6) == 0 {
            bytes.extend_from_slice(BAD[noise.below(BAD.len())].1.as_bytes());
        } else {
            bytes.extend_from_slice(GOOD[noise.below(GOOD.len())].as_bytes());
        }
    }
    const ODD: &[u8] = b"\r\n\0\t :;,/*#?0159afghxGH\x7f\xe9\xff\"%";
    for _ in 0..noise.below(4) {
        let at = noise.below(bytes.len());
        let odd = ODD[noise.below(ODD.len())];
        match noise.below(4) {
            0 => bytes[at] = odd,
            1 => bytes.insert(at, odd),
            2 => drop(bytes.remove(at)),
            _ => {
                let to = (at + noise.below(40)).min(bytes.len());
                let again = bytes[at..to].to_vec();
                bytes.splice(to..to, again);
            }
        }
        if bytes.is_empty() {
            bytes.push(odd);
        }
    }
    bytes
}

/// However bytes are cut, the machine says the same of them.
#[test]
fn how_bytes_are_cut_does_not_matter() {
    let mut noise = Noise::new(0x5eed);
    for _ in 0..20_000 {
        wire(&anything(&mut noise));
    }
}

/// What passes is what hyper accepts, cut into the same requests; and hyper accepts the stand-in, too.
#[test]
fn hyper_agrees_with_what_passes() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let bad = hyper_says(b"GET / HTTP/1.1\r\nbad\r\n\r\n");
    assert!(runtime.block_on(bad).1);
    let mut noise = Noise::new(0xd1ce);
    let mut many = 0;
    for _ in 0..10_000 {
        let heads = agrees(&anything(&mut noise));
        many += usize::from(heads.is_some_and(|heads| heads > 1));
    }
    assert!(many > 1000, "{many}");
}
