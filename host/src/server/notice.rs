//! A page that answers every request in the place of an app, for its author: why the last build failed.
//!
//! Only `wasgi serve --reload` shows one (`Server::show`): it is the one place where a client reads error text. A
//! browser gets HTML, everybody else plain text, and nothing in the text becomes markup.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode};

use super::access::Access;
use super::body::ResponseBody;
use crate::telemetry::is_control;

/// What of a text is shown; the whole of it is in the terminal.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Above and below the text of an HTML page.
const PAGE: (&str, &str) = (
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>wasgi: the app does not run</title><style>\
     body{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:70rem;padding:0 1rem;color-scheme:light dark}\
     pre{font:14px/1.45 ui-monospace,monospace;padding:1rem;overflow:auto;border:1px solid #8888;border-left:4px solid #d33}\
     </style></head><body>\n<h1>",
    "</pre>\n<p>Save a file to try again; then load this page once more.</p>\n</body></html>\n",
);

/// Why there is no app.
pub struct Notice {
    pub(super) app: Arc<str>,
    title: String,
    text: String,
}

impl Notice {
    /// A notice for the author of `app`: one line, and all there is to say.
    pub fn new(app: &str, title: &str, text: &str) -> Self {
        Self {
            app: app.into(),
            title: legible(title),
            text: legible(text),
        }
    }

    pub(super) fn respond(&self, html: bool, mut access: Access) -> Response<ResponseBody> {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        access.status(status);
        access.outcome("notice");
        let (kind, text) = if html {
            ("text/html; charset=utf-8", self.html())
        } else {
            (
                "text/plain; charset=utf-8",
                format!("{}\n\n{}\n", self.title, self.text.trim_end()),
            )
        };
        let mut response = Response::new(ResponseBody::whole(Bytes::from(text), access));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        let policy = "default-src 'none'; style-src 'unsafe-inline'";
        for (name, value) in [
            (header::CONTENT_TYPE, kind),
            (header::CACHE_CONTROL, "no-store"),
            (header::CONTENT_SECURITY_POLICY, policy),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }

    fn html(&self) -> String {
        let (above, below) = PAGE;
        let (title, text) = (Escaped(&self.title), Escaped(&self.text));
        format!("{above}{title}</h1>\n<pre>{text}{below}")
    }
}

/// Whether whoever asks is a browser that loads a page.
pub(super) fn wants_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).into_iter();
    accepted
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.to_ascii_lowercase().contains("text/html"))
}

/// Without escape sequences and other control characters, and not longer than it may be.
fn legible(text: &str) -> String {
    let mut legible = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if legible.len() >= TEXT_BYTES_MAX {
            legible.push_str("\n… (the whole of it is in the terminal)");
            break;
        }
        if letter == '\u{1b}' && letters.next_if_eq(&'[').is_some() {
            // A colour or a move of the cursor: up to its letter.
            while letters
                .next()
                .is_some_and(|part| !part.is_ascii_alphabetic())
            {}
        } else if letter == '\n' || letter == '\t' || !is_control(letter) {
            legible.push(letter);
        } else if letter != '\r' {
            legible.push('\u{fffd}');
        }
    }
    legible
}

struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                letter => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_becomes_markup() {
        let notice = Notice::new("a", "<b>", "</pre><script>alert('\"&')</script>");
        let html = notice.html();
        assert!(html.contains("<h1>&lt;b&gt;</h1>"), "{html}");
        assert!(
            html.contains("&lt;/pre&gt;&lt;script&gt;alert(&#39;&quot;&amp;&#39;)"),
            "{html}"
        );
        assert!(!html.contains("<script"));
    }

    #[test]
    fn colours_are_taken_out_and_long_texts_cut() {
        assert_eq!(
            legible("\x1b[1m\x1b[31merror\x1b[0m: a\r\n\tb\x07"),
            "error: a\n\tb\u{fffd}"
        );
        assert_eq!(legible("\x1b["), "");
        let long = legible(&"x".repeat(1_000_000));
        assert!(long.len() < TEXT_BYTES_MAX + 100 && long.ends_with("terminal)"));
    }
}
