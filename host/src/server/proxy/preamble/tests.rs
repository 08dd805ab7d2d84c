use super::*;
use crate::fuzzing::noise::Noise;

/// Reads a header byte by byte, as `read` does but from a slice: what it is, and how many bytes it has taken.
fn taken(bytes: &[u8]) -> Result<(Preamble, usize), Bad> {
    let mut at = 0;
    loop {
        match parse(&bytes[..at])? {
            Step::Done(preamble) => return Ok((preamble, at)),
            Step::Need(missing) => {
                assert_ne!(missing, 0);
                at += missing;
                if at > bytes.len() {
                    return Err(Bad("cut"));
                }
            }
        }
    }
}

/// It is this, alone and before other bytes, of which none is taken; and wherever it is cut.
#[track_caller]
fn is(header: &[u8], expected: &Preamble) {
    for rest in ["", "GET / HTTP/1.1\r\n\r\n", "\r\n", "\n"] {
        let all = [header, rest.as_bytes()].concat();
        assert_eq!(
            taken(&all),
            Ok((expected.clone(), header.len())),
            "{header:?}"
        );
    }
    for cut in 0..header.len() {
        match parse(&header[..cut]) {
            Ok(Step::Need(missing)) => assert!(cut + missing <= header.len(), "at {cut}"),
            other => panic!("at {cut}: {other:?}"),
        }
    }
}

fn proxied(source: &str, destination: &str, tls: bool) -> Preamble {
    Preamble::Proxied {
        source: End::Ip(source.parse().unwrap()),
        destination: End::Ip(destination.parse().unwrap()),
        tls,
    }
}

#[test]
fn lines_of_version_1() {
    for (line, expected) in [
        (
            "PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n",
            proxied("203.0.113.9:4711", "192.0.2.1:443", false),
        ),
        (
            "PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n",
            proxied("0.0.0.0:0", "0.0.0.0:0", false),
        ),
        (
            "PROXY TCP6 2001:db8::1 ::1 65535 80\r\n",
            proxied("[2001:db8::1]:65535", "[::1]:80", false),
        ),
        ("PROXY UNKNOWN\r\n", Preamble::Unknown),
        (
            "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n",
            Preamble::Unknown,
        ),
    ] {
        is(line.as_bytes(), &expected);
    }
}

#[test]
fn lines_that_are_not_to_the_letter() {
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
    assert_eq!(long.len(), 108);
    is(
        format!("PROXY UNKNOWN {}\r\n", "x".repeat(91)).as_bytes(),
        &Preamble::Unknown,
    );
    for line in [
        "GET / HTTP/1.1\r\n",
        "proxy TCP4 203.0.113.9 192.0.2.1 4711 443\r\n",
        "PROXY  TCP4 203.0.113.9 192.0.2.1 4711 443\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 4711\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 4711 443 1\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 4711 443 \r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1\t4711 443\r\n",
        "PROXY TCP4 203.0.113.09 192.0.2.1 4711 443\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 04711 443\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 +4711 443\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 65536 443\r\n",
        "PROXY TCP4 2001:db8::1 ::1 4711 443\r\n",
        "PROXY TCP6 203.0.113.9 192.0.2.1 4711 443\r\n",
        "PROXY TCP5 203.0.113.9 192.0.2.1 4711 443\r\n",
        "PROXY UDP4 203.0.113.9 192.0.2.1 4711 443\r\n",
        "PROXY UNKNOWN\r\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r GET / HTTP/1.1\r\n\r\n",
        "PROXY TCP4 203.0.113.9\r\n",
        "PROXY UNKNOWN\n\r\n",
        "PROXY UNKNOWN \u{e9}\r\n",
        &long,
    ] {
        assert!(taken(line.as_bytes()).is_err(), "{line:?}");
    }
}

/// A header of version 2; its length is that of what follows.
fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [v2::SIGNATURE, &[command, family], &length, rest].concat()
}

fn value(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&[kind], &length[..], value].concat()
}

const V4: [u8; 12] = [203, 0, 113, 9, 192, 0, 2, 1, 0x12, 0x67, 0x01, 0xbb];

fn v6() -> Vec<u8> {
    let mut bytes = vec![0; 36];
    bytes[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    bytes[15] = 1;
    bytes[31] = 1;
    bytes[32..].copy_from_slice(&[0x12, 0x67, 0x01, 0xbb]);
    bytes
}

fn with_values(values: &[u8]) -> Vec<u8> {
    v2(0x21, 0x11, &[&V4[..], values].concat())
}

#[test]
fn headers_of_version_2() {
    let v4 = |tls| proxied("203.0.113.9:4711", "192.0.2.1:443", tls);
    let mut unix = vec![0; 216];
    unix[108..116].copy_from_slice(b"/run/x.s");
    for (header, expected) in [
        (v2(0x21, 0x11, &V4), v4(false)),
        (v2(0x21, 0x12, &V4), v4(false)),
        (v2(0x21, 0x10, &V4), Preamble::Unknown),
        (
            v2(0x21, 0x21, &v6()),
            proxied("[2001:db8::1]:4711", "[::1]:443", false),
        ),
        (
            v2(0x21, 0x31, &unix),
            Preamble::Proxied {
                source: End::Unix(String::new()),
                destination: End::Unix("/run/x.s".to_owned()),
                tls: false,
            },
        ),
        (v2(0x20, 0x00, &[]), Preamble::Local),
        (v2(0x20, 0x11, &V4), Preamble::Local),
        (v2(0x20, 0xff, b"whatever"), Preamble::Local),
        (v2(0x21, 0x00, &[]), Preamble::Unknown),
        (v2(0x21, 0x01, b"whatever"), Preamble::Unknown),
        (with_values(&value(0x02, b"shop.example")), v4(false)),
        (with_values(&value(0x04, &[0; 3000])), v4(false)),
        (
            with_values(&[value(0xee, b""), value(0x20, &[1, 0, 0, 0, 0])].concat()),
            v4(true),
        ),
        (with_values(&value(0x20, &[0xfe, 0, 0, 0, 0])), v4(false)),
        (
            with_values(&value(
                0x20,
                &[&[7, 0, 0, 0, 0][..], &value(0x21, b"TLSv1.3")].concat(),
            )),
            v4(true),
        ),
    ] {
        is(&header, &expected);
    }
}

#[test]
fn checksums_are_checked_where_there_are_any() {
    let mut header = with_values(&[value(0x03, &[0; 4]), value(0x02, b"shop")].concat());
    let sum = crc32c::of([&header]).to_be_bytes();
    header[31..35].copy_from_slice(&sum);
    is(
        &header,
        &proxied("203.0.113.9:4711", "192.0.2.1:443", false),
    );
    for at in 16..header.len() {
        let mut broken = header.clone();
        broken[at] ^= 0x40;
        let broken_is = taken(&broken);
        // A type that is no longer a checksum's is skipped, as any other.
        assert!(broken_is.is_err() || at == 28, "{at}: {broken_is:?}");
    }
}

#[test]
fn headers_that_are_not_to_the_letter() {
    let twice = {
        let mut header = with_values(&[value(0x03, &[0; 4]), value(0x03, &[0; 4])].concat());
        let sum = crc32c::of([&header]).to_be_bytes();
        header[31..35].copy_from_slice(&sum);
        header
    };
    for header in [
        v2(0x11, 0x11, &V4),
        v2(0x22, 0x11, &V4),
        v2(0x2f, 0x11, &V4),
        v2(0x21, 0x13, &V4),
        v2(0x21, 0x41, &V4),
        v2(0x21, 0x11, &V4[..11]),
        v2(0x21, 0x21, &V4),
        v2(0x21, 0x21, &v6()[..35]),
        v2(0x21, 0x31, &[0; 215]),
        v2(0x21, 0x31, &[0xff; 216]),
        v2(0x21, 0x11, &[0; 17_000]),
        with_values(&[0x02]),
        with_values(&[0x02, 0, 1]),
        with_values(&value(0x20, &[1, 0, 0, 0])),
        with_values(&value(0x03, &[0; 4])),
        with_values(&value(0x03, &[0; 3])),
        twice,
    ] {
        assert!(taken(&header).is_err(), "{header:?}");
    }
}

/// No bytes make it panic, and none of them make it wait for more than the bound.
#[test]
fn any_bytes_are_a_header_or_none() {
    let mut noise = Noise::new(2);
    for round in 0..30_000 {
        let start: &[u8] = match round % 4 {
            0 => b"PROXY TCP4 1.2.3.4 ",
            1 => b"PROXY ",
            2 => &[v2::SIGNATURE, &[0x21, 0x11, 0, 40]].concat(),
            _ => v2::SIGNATURE,
        };
        let letters: &[u8] = b"\0\x01\x02\x03\x04\x05\x11\x20\x21 .:0123456789\r\n\xff";
        let bytes = [start, &noise.text(letters, 80)].concat();
        for cut in 0..=bytes.len() {
            if let Ok(Step::Need(missing)) = parse(&bytes[..cut]) {
                assert!(missing > 0 && cut + missing <= 16 + 16 * 1024);
            }
        }
        let _ = taken(&bytes);
    }
}

/// The bytes behind it stay in the socket, however it comes in.
#[test]
fn reading_takes_the_header_and_nothing_else() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let header = with_values(&value(0x02, b"shop.example"));
    for header in [
        &b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n"[..],
        &header,
    ] {
        for piece in [1, 2, 7, 1000] {
            runtime.block_on(async {
                let (mut near, mut far) = tokio::io::duplex(piece);
                let all = [header, b"\x16\x03\x01 GET"].concat();
                let writing = async move {
                    tokio::io::AsyncWriteExt::write_all(&mut near, &all)
                        .await
                        .unwrap();
                };
                let reading = async move {
                    let read = read(&mut far).await.unwrap();
                    assert_eq!(read, proxied("203.0.113.9:4711", "192.0.2.1:443", false));
                    let mut rest = Vec::new();
                    far.read_to_end(&mut rest).await.unwrap();
                    assert_eq!(rest, b"\x16\x03\x01 GET");
                };
                tokio::join!(writing, reading);
            });
        }
    }
}

/// Who speaks HTTP at once need not send 15 bytes to hear that this is wrong.
#[test]
fn what_cannot_become_a_header_is_refused_at_its_first_byte() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (mut near, mut far) = tokio::io::duplex(64);
        tokio::io::AsyncWriteExt::write_all(&mut near, b"GET")
            .await
            .unwrap();
        assert!(matches!(read(&mut far).await, Err(Missing::Bad(_))));
    });
}
