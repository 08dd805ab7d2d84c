//! `permessage-deflate` in the handshake (RFC 7692 5 and 7.1): which of a client's offers is taken, and with which words.
//!
//! What the server says is always that both begin each message anew (`no_context_takeover`), which it may whatever was
//! offered, and whose word counts for the client, too. `handshake.rs` calls it.

use http::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_EXTENSIONS};

const NAME: &str = "permessage-deflate";

/// What both have agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Agreed {
    /// Of what we compress: 2^9 to 2^15 bytes.
    pub(super) window_bits: u8,
    /// `sec-websocket-extensions` of the answer.
    pub(super) answer: HeaderValue,
}

/// The first offer that can be met, in the client's order; none when there is no such.
pub(super) fn agree(headers: &HeaderMap) -> Option<Agreed> {
    let lines = headers.get_all(SEC_WEBSOCKET_EXTENSIONS);
    let mut offers = lines
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| split(line, ','));
    let window = offers.find_map(window)?;
    let both = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    let (window_bits, answer) = match window {
        None => (15, HeaderValue::from_static(both)),
        Some(bits) => {
            let answer = format!("{both}; server_max_window_bits={bits}");
            (bits, HeaderValue::from_str(&answer).ok()?)
        }
    };
    Some(Agreed {
        window_bits,
        answer,
    })
}

/// What an offer says of our window, if it can be met at all.
#[expect(
    clippy::option_option,
    reason = "no offer, and one that says nothing of it"
)]
fn window(offer: &str) -> Option<Option<u8>> {
    let mut parts = split(offer, ';');
    if !parts.next()?.eq_ignore_ascii_case(NAME) {
        return None;
    }
    let mut window = None;
    let mut seen = [false; 4];
    for part in parts {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (part, None),
        };
        let at = match (name, value) {
            ("server_no_context_takeover", None) => 0,
            ("client_no_context_takeover", None) => 1,
            // zlib has no window of 256 bytes for this form: what would be sent could not be read (RFC 7692 7.1.2.1).
            ("server_max_window_bits", Some(value)) => {
                window = Some(bits(value).filter(|bits| *bits > 8)?);
                2
            }
            // We read any window, so that there is nothing to ask for.
            ("client_max_window_bits", None) => 3,
            ("client_max_window_bits", Some(value)) => {
                bits(value)?;
                3
            }
            _ => return None,
        };
        // One that stands there twice spoils its offer (RFC 7692 7.1).
        if std::mem::replace(seen.get_mut(at)?, true) {
            return None;
        }
    }
    Some(window)
}

/// 8 to 15, in no other form; it may stand between quotes (RFC 6455 9.1).
fn bits(value: &str) -> Option<u8> {
    let quoted = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    match quoted.unwrap_or(value) {
        "8" => Some(8),
        "9" => Some(9),
        "10" => Some(10),
        "11" => Some(11),
        "12" => Some(12),
        "13" => Some(13),
        "14" => Some(14),
        "15" => Some(15),
        _ => None,
    }
}

/// Parts between separators, those in quotes not counted, without the blanks around them.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |letter| {
        quoted ^= letter == '"';
        letter == separator && !quoted
    })
    .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreed(offers: &[&'static str]) -> Option<(u8, String)> {
        let mut headers = HeaderMap::new();
        for offer in offers {
            headers.append(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(offer));
        }
        let agreed = agree(&headers)?;
        Some((
            agreed.window_bits,
            agreed.answer.to_str().unwrap().to_owned(),
        ))
    }

    #[test]
    fn w25_both_begin_each_message_anew_whatever_was_offered() {
        let both = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        for offer in [
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits",
            "Permessage-Deflate ;client_max_window_bits = 10; server_no_context_takeover",
            "x-unknown; a=\"b, permessage-deflate; c\", permessage-deflate",
        ] {
            assert_eq!(agreed(&[offer]), Some((15, both.to_owned())), "{offer}");
        }
    }

    #[test]
    fn w25_a_smaller_window_is_kept_to() {
        let (bits, answer) =
            agreed(&["permessage-deflate; server_max_window_bits=\"10\""]).unwrap();
        assert_eq!(bits, 10);
        assert!(answer.ends_with("; server_max_window_bits=10"), "{answer}");
    }

    #[test]
    fn w25_the_first_offer_that_can_be_met_is_taken() {
        let offers = [
            "permessage-deflate; server_max_window_bits=8, x-deflate",
            "permessage-deflate; server_max_window_bits=9, permessage-deflate",
        ];
        assert_eq!(agreed(&offers).unwrap().0, 9);
    }

    #[test]
    fn w25_what_cannot_be_met_or_read_is_declined() {
        for offer in [
            "",
            "permessage-bzip2",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=8",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=010",
            "permessage-deflate; client_max_window_bits=7",
            "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; unknown",
            "permessage-deflate;",
        ] {
            assert_eq!(agreed(&[offer]), None, "{offer}");
        }
    }
}
