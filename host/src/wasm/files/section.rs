//! Finds the `wasgi:files` section of a component without reading the rest of it.
//!
//! `files.rs` asks it when an app is loaded. A component is a row of sections, each with its length in front, so that
//! 40 MiB of code are a hundred seeks. It believes nothing: whatever does not parse is left to the compiler to complain
//! about.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

/// The name of the custom section.
pub const SECTION: &str = "wasgi:files";

/// A component has a few hundred sections.
const SECTIONS_MAX: usize = 1_000_000;

/// The component's magic number and version.
const PREAMBLE_BYTES: u64 = 8;

/// A custom section.
const CUSTOM: u8 = 0;

/// The section that holds `archive`, to be appended to a finished component.
pub fn section(archive: &[u8]) -> Vec<u8> {
    let mut payload_head = Vec::new();
    leb(&mut payload_head, SECTION.len());
    payload_head.extend_from_slice(SECTION.as_bytes());
    let mut bytes = vec![CUSTOM];
    leb(&mut bytes, payload_head.len() + archive.len());
    bytes.extend_from_slice(&payload_head);
    bytes.extend_from_slice(archive);
    bytes
}

fn leb(bytes: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}

/// Whether the component at `path` brings files, as those do that are made from Python.
pub fn are_in(path: &Path) -> bool {
    File::open(path)
        .and_then(|mut file| find(&mut file))
        .is_ok_and(|found| !found.is_empty())
}

/// Where the archives of the component `file` lie: one for each section of our name.
pub(super) fn find(file: &mut File) -> io::Result<Vec<Range<u64>>> {
    let end = file.metadata()?.len();
    file.seek(SeekFrom::Start(PREAMBLE_BYTES))?;
    let mut reader = Reader {
        inner: BufReader::with_capacity(64, file),
        at: PREAMBLE_BYTES,
    };
    let mut found = Vec::new();
    for _ in 0..SECTIONS_MAX {
        if reader.at >= end {
            return Ok(found);
        }
        let id = reader.byte()?;
        let length = reader.number()?;
        let Some(next) = reader.at.checked_add(length).filter(|next| *next <= end) else {
            break;
        };
        if id == CUSTOM && reader.names_us(next)? {
            found.push(reader.at..next);
        }
        reader.skip_to(next)?;
    }
    Err(io::ErrorKind::InvalidData.into())
}

struct Reader<'a> {
    inner: BufReader<&'a mut File>,
    at: u64,
}

impl Reader<'_> {
    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.inner.read_exact(&mut byte)?;
        self.at += 1;
        Ok(byte[0])
    }

    /// An unsigned 32-bit LEB128.
    fn number(&mut self) -> io::Result<u64> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(io::ErrorKind::InvalidData.into())
    }

    /// Whether the custom section that ends at `end` has our name; its payload follows.
    fn names_us(&mut self, end: u64) -> io::Result<bool> {
        let length = self.number()?;
        if length != SECTION.len() as u64 || self.at + length > end {
            return Ok(false);
        }
        let mut name = [0; SECTION.len()];
        self.inner.read_exact(&mut name)?;
        self.at += length;
        Ok(name == *SECTION.as_bytes())
    }

    fn skip_to(&mut self, next: u64) -> io::Result<()> {
        let by = next
            .checked_sub(self.at)
            .and_then(|by| i64::try_from(by).ok())
            .ok_or(io::ErrorKind::InvalidData)?;
        self.inner.seek_relative(by)?;
        self.at = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn found(bytes: &[u8]) -> io::Result<Vec<Range<u64>>> {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("wasgi-section-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .unwrap();
        std::fs::remove_file(&path).unwrap();
        file.write_all(bytes).unwrap();
        find(&mut file)
    }

    #[test]
    fn a_section_is_found_among_others() {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        // Another custom section, of a name as long as ours, and a section of code.
        bytes.extend_from_slice(b"\0\x0d\x0bother:files!");
        bytes.extend_from_slice(&[1, 3, 9, 9, 9]);
        assert_eq!(found(&bytes).unwrap(), []);
        let start = bytes.len() as u64;
        for length in [0, 5, 300, 70_000] {
            let mut bytes = bytes.clone();
            bytes.extend_from_slice(&section(&vec![7; length]));
            let end = bytes.len() as u64;
            let archive = end - length as u64..end;
            assert_eq!(found(&bytes).unwrap(), vec![archive], "{start}");
            bytes.extend_from_slice(&section(b"again"));
            assert_eq!(found(&bytes).unwrap().len(), 2);
        }
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        bytes.extend_from_slice(&section(b"archive"));
        for cut in 9..bytes.len() {
            assert!(found(&bytes[..cut]).is_err(), "{cut}");
        }
        bytes.extend_from_slice(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        assert!(found(&bytes).is_err());
    }
}
