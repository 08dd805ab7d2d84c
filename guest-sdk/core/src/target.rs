//! A request target as on the wire, cut into what ASGI calls `raw_path`, `path` and `query_string`.

use std::borrow::Cow;

/// The path's bytes and the query's, without the `?` (`H-07`, `H-08`, `H-19`).
pub fn split(target: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = target.splitn(2, |&byte| byte == b'?');
    (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    )
}

/// `path`: percent-decoded, then UTF-8 with U+FFFD for what is none (`H-06`, `H-16`, `H-17`). A `%` without two
/// hexadecimal digits after it stays as it is, and so does `+` (`H-19`).
pub fn decode(path: &[u8]) -> Cow<'_, str> {
    if !path.contains(&b'%') {
        return String::from_utf8_lossy(path);
    }
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, after)) = next(rest) {
        decoded.push(byte);
        rest = after;
    }
    Cow::Owned(match String::from_utf8(decoded) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// The target below a `root_path` (`H-09`), as on the wire, for a router that knows nothing of where it is mounted; none if it is not
/// below that. The host has compared the two decoded, so the target may have written the root, and the slash behind it, in another
/// way.
pub fn below<'a>(target: &'a [u8], root_path: &str) -> Option<Cow<'a, [u8]>> {
    let mut rest = target;
    for byte in root_path.bytes() {
        let (read, after) = next(rest).filter(|_| rest.first() != Some(&b'?'))?;
        if read != byte {
            return None;
        }
        rest = after;
    }
    match (rest.first(), next(rest)) {
        (Some(b'/'), _) => Some(Cow::Borrowed(rest)),
        (None | Some(b'?'), _) => Some(Cow::Owned([b"/", rest].concat())),
        (_, Some((b'/', after))) => Some(Cow::Owned([b"/", after].concat())),
        _ => None,
    }
}

/// The first byte of a path, decoded, and what follows it.
fn next(path: &[u8]) -> Option<(u8, &[u8])> {
    let (&byte, after) = path.split_first()?;
    if byte == b'%'
        && let Some((&[high, low], after)) = after.split_first_chunk()
        && let (Some(high), Some(low)) = (digit(high), digit(low))
    {
        return Some((high << 4 | low, after));
    }
    Some((byte, after))
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_question_mark_cuts_h08_h19() {
        for (target, path, query) in [
            ("/", "/", ""),
            ("/a?", "/a", ""),
            ("/a?b=c", "/a", "b=c"),
            ("/a?b=c?d", "/a", "b=c?d"),
            ("/a%3Fb?+", "/a%3Fb", "+"),
            ("*", "*", ""),
            ("", "", ""),
        ] {
            let parts = split(target.as_bytes());
            assert_eq!(parts, (path.as_bytes(), query.as_bytes()), "{target}");
        }
    }

    #[test]
    fn what_is_below_a_root_is_cut_out_however_it_was_written_h09() {
        for (target, root, local) in [
            ("/x", "", Some("/x")),
            ("/api", "/api", Some("/")),
            ("/api/", "/api", Some("/")),
            ("/api?q", "/api", Some("/?q")),
            ("/api/x%2Fy?q=/api", "/api", Some("/x%2Fy?q=/api")),
            ("/%61pi/x", "/api", Some("/x")),
            ("%2fapi%2Fx%2Fy", "/api", Some("/x%2Fy")),
            ("/api//x", "/api", Some("//x")),
            ("/a%C3%A9/x", "/aé", Some("/x")),
            ("/apis", "/api", None),
            ("/api%20", "/api", None),
            ("/ap", "/api", None),
            ("/%2561pi/x", "/api", None),
            ("/a?pi/x", "/a?pi", None),
            ("*", "/api", None),
            ("", "/api", None),
        ] {
            let cut = below(target.as_bytes(), root);
            assert_eq!(cut.as_deref(), local.map(str::as_bytes), "{target}");
        }
    }

    #[test]
    fn paths_are_decoded_h16_h17_h19() {
        for (raw, path) in [
            ("/plain", "/plain"),
            ("/a%2Fb", "/a/b"),
            ("/%c3%A9", "/é"),
            ("/%ff", "/\u{fffd}"),
            ("/%00", "/\0"),
            ("/a+b", "/a+b"),
            ("/100%", "/100%"),
            ("/%4", "/%4"),
            ("/%zz%41", "/%zzA"),
            ("//a/../b", "//a/../b"),
        ] {
            assert_eq!(decode(raw.as_bytes()), path, "{raw}");
        }
    }

    /// Decoding as one would say it: from the left, each `%XX` is a byte; then UTF-8, each ill-formed sequence U+FFFD.
    fn naive(raw: &[u8]) -> String {
        let (mut bytes, mut at) = (Vec::new(), 0);
        while at < raw.len() {
            let hex = raw.get(at + 1..at + 3).unwrap_or_default();
            if raw[at] == b'%' && hex.len() == 2 && hex.iter().all(u8::is_ascii_hexdigit) {
                let hex = std::str::from_utf8(hex).unwrap();
                bytes.push(u8::from_str_radix(hex, 16).unwrap());
                at += 3;
            } else {
                bytes.push(raw[at]);
                at += 1;
            }
        }
        let (mut text, mut rest) = (String::new(), &bytes[..]);
        loop {
            match std::str::from_utf8(rest) {
                Ok(good) => return text + good,
                Err(error) => {
                    let (good, bad) = rest.split_at(error.valid_up_to());
                    text.push_str(std::str::from_utf8(good).unwrap());
                    text.push('\u{fffd}');
                    rest = &bad[error.error_len().unwrap_or(bad.len())..];
                }
            }
        }
    }

    #[test]
    fn any_target_is_cut_and_decoded_as_a_naive_reader_does_h06_h07_h08() {
        const LETTERS: &[u8] = b"/a%%%%2fF41cC3eE9b8?&+\xc3\xa9\xff\0";
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut below = |end: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % end as u64).unwrap()
        };
        for _ in 0..50_000 {
            let target: Vec<u8> = (0..below(20))
                .map(|_| LETTERS[below(LETTERS.len())])
                .collect();
            let (path, query) = split(&target);
            assert!(!path.contains(&b'?'));
            let mark: &[u8] = if target.contains(&b'?') { b"?" } else { b"" };
            assert_eq!([path, mark, query].concat(), target);
            assert_eq!(decode(path), naive(path), "{}", path.escape_ascii());
            // What is encoded whole comes back whole.
            let encoded: String = path.iter().map(|byte| format!("%{byte:02X}")).collect();
            assert_eq!(decode(encoded.as_bytes()), String::from_utf8_lossy(path));
        }
    }
}
