//! Headers of the server's own, on every response, refusals included: `date`, `server`, and what its operator adds (`F-10`).
//!
//! A name that a response has already stays as the app said it: nothing is ever there twice. `request.rs` adds them; `date`
//! is hyper's to write, and `connection.rs` tells it whether to.

use http::header::{self, Entry, HeaderMap, HeaderName, HeaderValue};

/// What the server adds to every response that does not have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnHeaders {
    /// `date`, unless one is among the others.
    pub(super) date: bool,
    /// Values of one name stand together, in the order in which they were given.
    named: Vec<(HeaderName, Vec<HeaderValue>)>,
}

impl Default for OwnHeaders {
    fn default() -> Self {
        Self::new(true, true, &[])
    }
}

impl OwnHeaders {
    /// `date` and `server` as wanted, and those of the operator; a `date` or `server` among them goes before ours.
    pub fn new(date: bool, server: bool, more: &[(HeaderName, HeaderValue)]) -> Self {
        let mut own = Self {
            date,
            named: Vec::new(),
        };
        for (name, value) in more {
            match own.named.iter_mut().find(|(other, _)| other == name) {
                Some((_, values)) => values.push(value.clone()),
                None => own.named.push((name.clone(), vec![value.clone()])),
            }
        }
        if server && own.named.iter().all(|(name, _)| name != header::SERVER) {
            let value = HeaderValue::from_static("wasgi");
            own.named.push((header::SERVER, vec![value]));
        }
        own
    }

    /// Reads `NAME:VALUE`, as of `--header`.
    ///
    /// # Errors
    /// What is wrong with it, for who has typed it.
    pub fn parse(text: &str) -> Result<(HeaderName, HeaderValue), String> {
        let (name, value) = text.split_once(':').ok_or("it has the form `name:value`")?;
        let name: HeaderName = name
            .parse()
            .map_err(|_| format!("`{}` is no header name", name.escape_debug()))?;
        // Of these the server itself says what is true of each message and connection.
        if matches!(
            name,
            header::CONNECTION
                | header::CONTENT_LENGTH
                | header::TE
                | header::TRAILER
                | header::TRANSFER_ENCODING
                | header::UPGRADE
        ) || matches!(name.as_str(), "keep-alive" | "proxy-connection")
        {
            return Err(format!("`{name}` is for the server to say"));
        }
        let value = Some(value.trim())
            .filter(|value| value.is_ascii())
            .and_then(|value| HeaderValue::from_str(value).ok())
            .ok_or("the value is visible ASCII, spaces and tabs")?;
        Ok((name, value))
    }

    /// Adds those that are not there.
    pub(super) fn add_to(&self, headers: &mut HeaderMap) {
        for (name, values) in &self.named {
            let Entry::Vacant(entry) = headers.entry(name) else {
                continue;
            };
            if let Some((first, others)) = values.split_first() {
                let mut entry = entry.insert_entry(first.clone());
                for other in others {
                    entry.append(other.clone());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(own: &OwnHeaders, there: &[(&'static str, &'static str)]) -> Vec<(String, String)> {
        let mut map = HeaderMap::new();
        for (name, value) in there {
            map.append(*name, HeaderValue::from_static(value));
        }
        own.add_to(&mut map);
        let pairs = map.iter().map(|(name, value)| {
            let value = value.to_str().unwrap();
            (name.to_string(), value.to_owned())
        });
        pairs.collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    fn own(headers: &[&str]) -> OwnHeaders {
        let parsed: Vec<_> = headers
            .iter()
            .map(|text| OwnHeaders::parse(text).unwrap())
            .collect();
        OwnHeaders::new(true, true, &parsed)
    }

    #[test]
    fn f10_only_what_is_absent_is_added() {
        assert_eq!(on(&own(&[]), &[]), [pair("server", "wasgi")]);
        assert_eq!(on(&own(&[]), &[("server", "app")]), [pair("server", "app")]);
        assert_eq!(on(&OwnHeaders::new(true, false, &[]), &[]), []);
        let two = own(&["X-A: 1", "x-b:2", "x-a:3"]);
        assert_eq!(
            on(&two, &[("x-b", "app")]),
            [
                pair("x-b", "app"),
                pair("x-a", "1"),
                pair("x-a", "3"),
                pair("server", "wasgi")
            ]
        );
    }

    #[test]
    fn f10_the_operators_server_goes_before_ours() {
        assert_eq!(on(&own(&["Server: mine"]), &[]), [pair("server", "mine")]);
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for text in [
            "",
            "x",
            ":x",
            "x y:1",
            ":status:1",
            "x:a\r\ny: b",
            "x:a\nb",
            "x:\0",
            "x: \u{e9}",
            "Content-Length: 5",
            "transfer-encoding: chunked",
            "connection: close",
            "keep-alive: 5",
        ] {
            assert!(OwnHeaders::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(
            OwnHeaders::parse("X-A:  b: c ").unwrap(),
            ("x-a".parse().unwrap(), "b: c".parse().unwrap())
        );
        assert!(OwnHeaders::parse("x:").unwrap().1.is_empty());
    }
}
