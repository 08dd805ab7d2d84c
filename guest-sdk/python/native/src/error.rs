//! Why a `send` fails (`G-08`), in ASGI's own words. The exception of each is in `python/errors.rs`.

use std::borrow::Cow;

use wasgi_sdk_core::{HeaderFault, Misplaced, Refused};

/// The words for the app's author.
pub(crate) fn describe(refused: &Refused) -> Cow<'static, str> {
    match refused {
        Refused::Disconnected => "the client is gone".into(),
        Refused::Misplaced(misplaced) => misplaced_event(*misplaced).into(),
        Refused::Status(status) => {
            format!("http.response.start: \"status\" must be within 200..=999, not {status}").into()
        }
        Refused::Header { name, fault } => header(name, *fault).into(),
        Refused::HeaderBytes => "more than 65536 bytes of headers".into(),
        Refused::Link => "http.response.early_hint: a link has a line break or a NUL in it".into(),
        Refused::LinkBytes => "more than 65536 bytes of links".into(),
        Refused::Path => {
            "http.response.pathsend: \"path\" must be absolute and have at most 4096 bytes".into()
        }
        Refused::ContentLength { announced, got } => {
            let how = if got > announced { "more" } else { "less" };
            format!(
                "{how} response body than content-length announced: {got} bytes instead of {announced}"
            )
            .into()
        }
        Refused::Subprotocol(chosen) => {
            let chosen = clip(chosen);
            format!("websocket.accept: the client has not offered the subprotocol {chosen:?}").into()
        }
        Refused::CloseCode(code) => format!(
            "websocket.close: \"code\" must be 1000, 1001, 1003, 1007 to 1014 or 3000 to 4999, not {code}"
        )
        .into(),
        Refused::CloseReason(bytes) => {
            format!("websocket.close: \"reason\" has at most 123 bytes in UTF-8, not {bytes}").into()
        }
        Refused::NotOffered(event) => {
            format!("the scope does not offer {event:?} in its extensions, so it must not be sent")
                .into()
        }
    }
}

fn misplaced_event(misplaced: Misplaced) -> &'static str {
    match misplaced {
        Misplaced::SecondStart => "http.response.start was sent already; a response starts once",
        Misplaced::BodyBeforeStart => "http.response.body was sent before http.response.start",
        Misplaced::BodyAfterLast => {
            "http.response.body was sent after the last one, where http.response.trailers is expected"
        }
        Misplaced::TrailersBeforeEnd => {
            "http.response.trailers was sent before the end of the body"
        }
        Misplaced::TrailersUnannounced => {
            "http.response.trailers was sent, but http.response.start had no \"trailers\": True"
        }
        Misplaced::HintAfterStart => "http.response.early_hint was sent after http.response.start",
        Misplaced::Pathsend => {
            "http.response.pathsend is for right after http.response.start, in place of any body"
        }
        Misplaced::MessageBeforeAccept => "websocket.send was sent before websocket.accept",
        Misplaced::SecondAnswer => {
            "the handshake was answered already; a WebSocket is accepted or denied once"
        }
        Misplaced::AfterDenial => {
            "websocket.http.response.start was sent already; no websocket event may follow it"
        }
        Misplaced::AfterClose => {
            "websocket.close was sent already, or a complete response in place of websocket.accept"
        }
    }
}

fn header(name: &[u8], fault: HeaderFault) -> String {
    let name = clip(&String::from_utf8_lossy(name));
    let what = match fault {
        HeaderFault::Name => "is no legal header name",
        HeaderFault::Value => "has a value with a control character in it (a line break, a NUL …)",
        HeaderFault::Length => "has a value that is no length in bytes",
        HeaderFault::SecondLength => "is there twice, with different values",
        HeaderFault::Trailer => "has to stand in front of the body and cannot be a trailer",
        HeaderFault::Handshake => {
            "is the server's part of the handshake; a subprotocol goes into \"subprotocol\""
        }
    };
    format!("the header {name:?} {what}")
}

/// What an author has given, in a message of bearable length.
fn clip(text: &str) -> String {
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut() {
        let text = describe(&Refused::Header {
            name: vec![b'('; 1_000],
            fault: HeaderFault::Name,
        });
        assert!(text.len() < 150 && text.contains('…'), "{text}");
    }

    #[test]
    fn a_mismatch_says_which_way() {
        let mismatch = |announced, got| describe(&Refused::ContentLength { announced, got });
        assert!(mismatch(5, 6).starts_with("more"));
        assert!(mismatch(6, 5).starts_with("less"));
    }
}
