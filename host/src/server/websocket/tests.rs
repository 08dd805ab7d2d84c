//! Tests of the codec: any split of the bytes, and the bad input of `W-23` and `W-24`, one frame at a time.

use super::Fault;
use super::frame::{write_close, write_control};
use super::fuzz::{MESSAGE_BYTES_MAX, Run, Say, mask, run, write};
use crate::fuzzing::noise::Noise;

/// A client's frame: its first byte and a payload, masked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u16::try_from(payload.len()) {
        Ok(short @ ..126) => frame.push(u8::try_from(short).unwrap()),
        Ok(length) => {
            frame.push(126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    mask(&frame)
}

fn read(bytes: &[u8]) -> Run {
    let at_once = run(bytes, false, |left| left);
    assert_eq!(run(bytes, false, |_| 1), at_once);
    at_once
}

fn fault(bytes: &[u8]) -> Fault {
    read(bytes).fault.expect("a fault")
}

fn text(text: &str) -> Say {
    Say::Text(text.to_owned())
}

#[test]
fn w22_fragments_are_one_message_and_control_frames_stand_between() {
    let bytes = [
        frame(0x01, b"a\xe2\x82"),
        frame(0x89, b"ping"),
        frame(0x00, b""),
        frame(0x8a, b""),
        frame(0x80, b"\xacb"),
        frame(0x82, b""),
        frame(0x81, b""),
        frame(0x88, b"\x0f\xa0bye"),
        frame(0x81, b"nobody's"),
    ];
    let run = read(&bytes.concat());
    let said = [
        Say::Ping(b"ping".to_vec()),
        Say::Pong(Vec::new()),
        text("a€b"),
        Say::Bytes(Vec::new()),
        text(""),
        Say::Close(4000, "bye".to_owned()),
    ];
    assert_eq!(run.said, said);
    assert_eq!(run.fault, None);
}

#[test]
fn w24_frames_that_nobody_may_send_are_1002() {
    let mut too_long = frame(0x89, &[0; 126]);
    let unmasked = [0x81, 0x01, b'a'];
    let not_shortest = [0x81, 0xfe, 0, 1, 0, 0, 0, 0, b'a'];
    let negative = [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    too_long.extend(frame(0x81, b"a"));
    for (what, bytes) in [
        ("unmasked", &unmasked[..]),
        ("RSV1 where nothing was agreed on", &frame(0xc1, b"a")),
        ("RSV2", &frame(0xa1, b"a")),
        ("RSV3", &frame(0x91, b"a")),
        ("opcode 3", &frame(0x83, b"a")),
        ("opcode 7", &frame(0x87, b"a")),
        ("opcode 11", &frame(0x8b, b"a")),
        ("opcode 15", &frame(0x8f, b"a")),
        ("a fragmented ping", &frame(0x09, b"a")),
        ("a ping of 126 bytes", &too_long),
        ("a length that is not the shortest", &not_shortest),
        ("a length with its first bit", &negative),
        ("a continuation of nothing", &frame(0x80, b"a")),
        (
            "a message inside of a message",
            &[frame(0x01, b"a"), frame(0x81, b"b")].concat(),
        ),
        ("half a close code", &frame(0x88, b"\x03")),
    ] {
        let fault = fault(bytes);
        assert_eq!(fault.code, 1002, "{what}: {fault:?}");
    }
}

#[test]
fn w24_close_codes_that_nobody_may_send_are_1002() {
    let close = |code: u16| frame(0x88, &code.to_be_bytes());
    for code in [
        0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535,
    ] {
        assert_eq!(fault(&close(code)).code, 1002, "{code}");
    }
    for code in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000,
        4999,
    ] {
        assert_eq!(read(&close(code)).said, [Say::Close(code, String::new())]);
    }
    assert_eq!(
        read(&frame(0x88, b"")).said,
        [Say::Close(1005, String::new())]
    );
}

#[test]
fn w24_bad_utf_8_is_1007_before_its_frame_is_whole() {
    let not_utf_8 = |bytes: &[u8]| assert_eq!(fault(bytes), Fault::NOT_UTF_8);
    let mut open = frame(0x81, b"ok\xff and so on");
    open.truncate(2 + 4 + 3);
    not_utf_8(&open);
    not_utf_8(&[frame(0x01, b"\xf0\x9f"), frame(0x80, b"a")].concat());
    not_utf_8(&frame(0x81, b"\xf0\x9f\x98"));
    not_utf_8(&frame(0x88, b"\x03\xe8\xff"));
    assert_eq!(read(&frame(0x82, b"\xff")).fault, None);
}

#[test]
fn w23_a_message_too_large_is_1009_however_it_comes() {
    let max = vec![b'a'; MESSAGE_BYTES_MAX];
    let more = vec![b'a'; MESSAGE_BYTES_MAX + 1];
    assert_eq!(read(&frame(0x82, &max)).said, [Say::Bytes(max.clone())]);
    // From its header: of its payload nothing has come.
    assert_eq!(fault(&frame(0x82, &more)[..8]), Fault::TOO_BIG);
    let (first, rest) = max.split_at(1000);
    let parts = |rest: &[u8]| [frame(0x01, first), frame(0x80, rest)].concat();
    assert_eq!(read(&parts(rest)).fault, None);
    let rest = [rest, b"a"].concat();
    assert_eq!(fault(&parts(&rest)), Fault::TOO_BIG);
}

#[test]
fn w23_a_bomb_stops_at_the_limit() {
    let limit = |length: usize| {
        let message = [Say::Bytes(vec![0; length])];
        let bytes = mask(&write(&message, Some(15), 1000));
        assert!(bytes.len() < 100);
        (message, run(&bytes, true, |_| 1))
    };
    let (message, whole) = limit(MESSAGE_BYTES_MAX);
    assert_eq!(whole.said, message);
    let (_, bomb) = limit(MESSAGE_BYTES_MAX + 1);
    assert_eq!(bomb.fault, Some(Fault::TOO_BIG));
    assert!(bomb.said.is_empty());
}

#[test]
fn w25_what_rfc_7692_shows_is_read() {
    let hello = [
        // 7.2.3.1, 7.2.3.3 (no compression), 7.2.3.4 (a last block).
        frame(0xc1, b"\xf2\x48\xcd\xc9\xc9\x07\x00"),
        frame(0xc1, b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"),
        frame(0xc1, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"),
        // 7.2.3.5 (two blocks), and the first in two frames.
        frame(
            0xc1,
            b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
        ),
        frame(0x41, b"\xf2\x48\xcd"),
        frame(0x89, b""),
        frame(0x80, b"\xc9\xc9\x07\x00"),
        frame(0x81, b"Hello"),
    ];
    for cut in [1, 3, 1000] {
        let run = run(&hello.concat(), true, |left| left.min(cut));
        let said: Vec<_> = run
            .said
            .iter()
            .filter(|said| **said != Say::Ping(Vec::new()))
            .collect();
        assert_eq!(said, [&text("Hello"); 6]);
        assert_eq!(run.fault, None);
    }
}

#[test]
fn w25_what_cannot_be_decompressed_is_1002_and_what_is_no_text_1007() {
    let fault = |bytes: &[u8]| run(bytes, true, |left| left).fault.map(|fault| fault.code);
    assert_eq!(fault(&frame(0xc1, b"\xff\xff\xff")), Some(1002));
    assert_eq!(fault(&frame(0xc0, b"a")), Some(1002));
    assert_eq!(fault(&frame(0xc9, b"a")), Some(1002));
    let stored = frame(0xc1, b"\x00\x01\x00\xfe\xff\xff\x00");
    assert_eq!(fault(&stored), Some(1007));
}

#[test]
fn w25_small_messages_and_those_that_do_not_shrink_are_sent_as_they_are() {
    let first = |message: Vec<u8>| write(&[Say::Bytes(message)], Some(15), 1000)[0];
    assert_eq!(first(vec![0; 1023]), 0x82);
    assert_eq!(first(vec![0; 1024]), 0xc2);
    let mut noise = Noise::new(7);
    let random = (0..100_000).map(|_| u8::try_from(noise.below(256)).unwrap());
    assert_eq!(first(random.collect()), 0x82);
}

#[test]
fn w25_a_large_message_is_compressed_frame_by_frame_and_comes_back() {
    let words = "many words, and all of them are the same; ".repeat(10_000);
    let message = [text(&words)];
    for bits in [9, 12, 15] {
        let bytes = write(&message, Some(bits), 1);
        assert_eq!(bytes[0], 0x41, "a first frame that is not the last");
        assert!(bytes.len() < words.len() / 4);
        let mut reader = super::read::Reader::new(1 << 20, true);
        let mut bytes = mask(&bytes);
        let mut rest = &mut bytes[..];
        let said = loop {
            let step = reader.read(rest).unwrap();
            rest = &mut rest[step.read..];
            if step.said.is_some() {
                break step.said;
            }
        };
        let Some(super::read::Said::Message(crate::bindings::types::Payload::Text(came))) = said
        else {
            panic!("{said:?}");
        };
        assert!(came == words);
    }
}

#[test]
fn what_is_written_of_a_close_fits_and_says_no_code_that_may_not_be_said() {
    let close = |code, reason: &str| {
        let mut out = Vec::new();
        write_close(&mut out, code, reason);
        read(&mask(&out)).said
    };
    assert_eq!(close(1000, ""), [Say::Close(1000, String::new())]);
    assert_eq!(close(4001, "why"), [Say::Close(4001, "why".to_owned())]);
    assert_eq!(close(1005, ""), [Say::Close(1005, String::new())]);
    assert_eq!(close(1006, "lost"), [Say::Close(1005, String::new())]);
    let long = "€".repeat(50);
    assert_eq!(close(1000, &long), [Say::Close(1000, "€".repeat(41))]);
}

#[test]
fn a_control_frame_is_never_longer_than_it_may_be() {
    let mut out = Vec::new();
    let pong = tungstenite::protocol::frame::coding::Control::Pong;
    write_control(&mut out, pong, &[1; 200]);
    assert_eq!(read(&mask(&out)).said, [Say::Pong(vec![1; 125])]);
}
