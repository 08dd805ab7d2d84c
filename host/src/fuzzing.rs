//! What fuzzers drive: each target takes any bytes, and panics when the host does not keep its word.
//!
//! Compiled for tests and with the feature `fuzzing`, never into the server. Each target's body stands beside what it drives.
//! `tests/fuzz` hands them to libFuzzer; the tests below hand them thousands of inputs with a stable compiler: the files of
//! `tests/fuzz/seeds`, the same with some bytes changed, and noise. What a fuzzer finds becomes a file among the seeds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a target says what it has found"
)]

pub(crate) mod noise;

pub use crate::asgi::call::fuzz::call;
pub use crate::server::proxy::fuzz::proxy;
pub use crate::server::websocket::fuzz::frames;
pub use crate::server::wire::fuzz::{beside_hyper, wire};
pub use crate::wasm::batch;

use crate::asgi::MARK;
use crate::bindings::types::{
    Extensions, FieldLength, Fields, HttpScope, HttpVersion, Method, Scheme,
};

/// Decisions, read off bytes until there are none left. Then all of them are 0.
#[derive(Debug)]
pub(crate) struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    /// Below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let mut number = usize::from(self.byte());
        if bound > 256 {
            number = number << 8 | usize::from(self.byte());
        }
        if bound > 65_536 {
            number = number << 8 | usize::from(self.byte());
        }
        number % bound
    }

    pub(crate) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == many - 1
    }

    pub(crate) fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    /// How long a body is: often short, often about a bound.
    pub(crate) fn size(&mut self) -> usize {
        match self.below(8) {
            0 => 0,
            1..=3 => self.below(100),
            4 => self.below(MARK),
            5 => MARK + 2 - self.below(4),
            6 => self.below(3 * MARK),
            _ => crate::asgi::ACTION_BYTES_MAX + 1 - self.below(2),
        }
    }

    pub(crate) fn text(&mut self, length_max: usize) -> Vec<u8> {
        let length = self.below(length_max + 1).min(self.0.len());
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        text.to_vec()
    }

    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((byte, rest)) => {
                self.0 = rest;
                *byte
            }
            None => 0,
        }
    }
}

/// Fields whose lengths do not lie.
pub(crate) fn fields(pairs: &[(&[u8], &[u8])]) -> Fields {
    let length = |text: &[u8]| u32::try_from(text.len()).unwrap();
    let lengths = pairs.iter().map(|(name, value)| FieldLength {
        name: length(name),
        value: length(value),
    });
    Fields {
        lengths: lengths.collect(),
        text: pairs.concat_text(),
    }
}

trait Text {
    fn concat_text(&self) -> Vec<u8>;
}

impl Text for [(&[u8], &[u8])] {
    fn concat_text(&self) -> Vec<u8> {
        self.iter()
            .flat_map(|(name, value)| [*name, *value])
            .flatten()
            .copied()
            .collect()
    }
}

/// A scope of which only this matters.
/// What every WebSocket's client offers.
pub(crate) const SUBPROTOCOL: &str = "chat";

pub(crate) fn scope(method: Method, extensions: Extensions) -> HttpScope {
    HttpScope {
        request_id: 1,
        version: HttpVersion::Http11,
        scheme: Scheme::Http,
        method,
        target: b"/".to_vec(),
        root_path: None,
        headers: fields(&[]),
        client: None,
        server: None,
        extensions,
        tls: None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::noise::Noise;

    /// The files of a target's folder: what it begins with, and what was found.
    fn seeds(target: &str) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../tests/fuzz/seeds")
            .join(target);
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        assert!(!paths.is_empty(), "no seeds of {target}");
        paths
            .iter()
            .map(|path| std::fs::read(path).unwrap())
            .collect()
    }

    /// Changes some bytes, as a fuzzer does.
    fn change(bytes: &mut Vec<u8>, others: &[Vec<u8>], noise: &mut Noise) {
        for _ in 0..=noise.below(4) {
            let at = noise.below(bytes.len() + 1);
            let to = (at + noise.below(20)).min(bytes.len());
            match noise.below(5) {
                0 if at < bytes.len() => bytes[at] = u8::try_from(noise.below(256)).unwrap(),
                1 => bytes.insert(at, u8::try_from(noise.below(256)).unwrap()),
                2 => drop(bytes.drain(at..to)),
                3 => {
                    let again = bytes[at..to].to_vec();
                    bytes.splice(to..to, again);
                }
                _ => {
                    let other = &others[noise.below(others.len())];
                    let from = noise.below(other.len() + 1);
                    bytes.truncate(at);
                    bytes.extend_from_slice(&other[from..]);
                }
            }
        }
    }

    /// Every seed as it is, `cases` that were changed, and as many of noise.
    fn drive(name: &str, target: fn(&[u8]), cases: usize) {
        let seeds = seeds(name);
        for seed in &seeds {
            target(seed);
        }
        let mut noise = Noise::new(0x5eed);
        let letters: Vec<u8> = (0..=255).collect();
        for _ in 0..cases {
            let mut bytes = seeds[noise.below(seeds.len())].clone();
            change(&mut bytes, &seeds, &mut noise);
            target(&bytes);
            target(&noise.text(&letters, 200));
        }
    }

    #[test]
    fn any_bytes_of_a_client_are_framed_alike_however_they_are_cut() {
        drive("wire", super::wire, 10_000);
    }

    #[test]
    fn hyper_takes_any_bytes_that_pass_for_the_same_requests() {
        drive("hyper", super::beside_hyper, 2000);
    }

    #[test]
    fn what_any_proxy_says_is_read_from_the_right() {
        drive("proxy", super::proxy, 10_000);
    }

    #[test]
    fn any_bytes_of_a_websocket_are_the_same_messages_however_they_are_cut() {
        drive("frames", super::frames, 10_000);
    }

    #[test]
    fn whatever_both_ends_do_in_whatever_order_a_call_keeps_its_word() {
        drive("call", super::call, 20_000);
    }

    #[test]
    fn whatever_a_guest_says_costs_no_more_than_its_instance() {
        drive("batch", super::batch, 10_000);
    }
}
