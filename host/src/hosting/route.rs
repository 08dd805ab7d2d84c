//! A route: where an app answers. A host and a path prefix, as text and as a value.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::host;
use crate::error::{Error, Result};

/// The longest prefix, which bounds what of a path is looked at.
const PREFIX_BYTES_MAX: usize = 1024;

/// Which hosts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// Every host, and requests that name none.
    Any,
    /// This one: a name in lower case or an address.
    Exact(Arc<str>),
    /// Every name below this one, one label or more, and not the name itself: `*.example.com` is held as `example.com`.
    Below(Arc<str>),
}

/// A host and a path prefix, written `example.com/api`, `*.example.com/`, `*/api` or `/` (any host).
///
/// What of a request is compared with it, and which route wins, [`Routes`](super::Routes) says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    host: Host,
    /// Empty, or slashes with a segment behind each.
    prefix: Arc<str>,
}

impl Route {
    /// Every path of every host: the route of a server's only app.
    pub fn everything() -> Self {
        Self {
            host: Host::Any,
            prefix: "".into(),
        }
    }

    /// Which hosts.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The path that everything of it lies below, as `root_path` has it (`H-09`): empty for every path, else without a slash
    /// at its end.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl FromStr for Route {
    type Err = Error;

    /// Reads a route as it [displays](fmt::Display); the `/` for every path of a host may be left out.
    ///
    /// # Errors
    /// When it is none, with what would be.
    fn from_str(text: &str) -> Result<Self> {
        let slash = text.find('/').unwrap_or(text.len());
        let (host, path) = text.split_at_checked(slash).unwrap_or((text, ""));
        let read = || {
            if text.contains("://") {
                return Err((
                    "a route has no scheme: it is for plain and for secured requests".to_owned(),
                    "begin with the host".to_owned(),
                ));
            }
            let host = read_host(host)?;
            let prefix = read_prefix(path)?;
            Ok(Self { host, prefix })
        };
        read().map_err(|(why, hint): (String, String)| {
            Error::user(format!("`{text}` is not a route"))
                .because(why)
                .hint(hint)
        })
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Any => f.write_str("*")?,
            Host::Exact(host) => f.write_str(host)?,
            Host::Below(host) => write!(f, "*.{host}")?,
        }
        f.write_str(if self.prefix.is_empty() {
            "/"
        } else {
            &self.prefix
        })
    }
}

/// Why a text is no route, and what to try.
type Wrong = (String, String);

fn read_host(text: &str) -> Result<Host, Wrong> {
    if text.is_empty() || text == "*" {
        return Ok(Host::Any);
    }
    let (name, below) = match text.strip_prefix("*.") {
        Some(name) => (name, true),
        None => (text, false),
    };
    if !name.is_ascii() {
        return Err((
            "a host is compared as it is on the wire, where it has ASCII letters only".to_owned(),
            "write its labels as they are in DNS: `bücher.example` is `xn--bcher-kva.example`"
                .to_owned(),
        ));
    }
    if name.contains('*') {
        return Err((
            "a wildcard stands for whole labels, and at the beginning".to_owned(),
            "for example `*.example.com`".to_owned(),
        ));
    }
    let Some(host) = host::of(name) else {
        return Err((
            format!("`{name}` is neither a name nor an address"),
            "for example `example.com`, `*.example.com`, `127.0.0.1`, `[::1]`, or `*` for any host"
                .to_owned(),
        ));
    };
    let address = name.starts_with('[');
    if address && !name.ends_with(']') || !address && name.contains(':') {
        return Err((
            "the port of a request is not compared".to_owned(),
            format!("leave it out: `{host}`"),
        ));
    }
    if below && (address || host::is_numeric(&host)) {
        return Err((
            "an address has no names below it".to_owned(),
            format!("`{host}` for the address itself"),
        ));
    }
    Ok(if below {
        Host::Below(host.into())
    } else {
        Host::Exact(host.into())
    })
}

fn read_prefix(path: &str) -> Result<Arc<str>, Wrong> {
    if path.is_empty() || path == "/" {
        return Ok("".into());
    }
    let wrong = |why: &str, hint: String| Err((why.to_owned(), hint));
    if path.len() > PREFIX_BYTES_MAX {
        return wrong(
            "its path is longer than 1024 bytes",
            "mount the app at a shorter one".to_owned(),
        );
    }
    if path.ends_with('/') {
        return wrong(
            "a prefix ends with a segment, and has everything below it",
            format!(
                "without the slash at the end: `{}`",
                path.trim_end_matches('/')
            ),
        );
    }
    let mut segments = path.split('/').skip(1);
    if segments.clone().any(str::is_empty) {
        return wrong(
            "its path has an empty segment",
            "one slash between two segments".to_owned(),
        );
    }
    if segments.any(|segment| segment == "." || segment == "..") {
        return wrong(
            "clients take `.` and `..` out of a path before they ask for it",
            "write the path that they ask for".to_owned(),
        );
    }
    let odd = path.chars().find(|letter| !is_path(*letter));
    match odd {
        None => Ok(path.into()),
        Some(odd) => wrong(
            &format!("its path has `{}` in it", odd.escape_default()),
            "a prefix has ASCII letters, digits and `-._~!$&'()*+,;=:@`; it is compared with the \
             decoded path, so it has no `%`"
                .to_owned(),
        ),
    }
}

/// What stands in a path segment as it is (RFC 3986 3.3), so that there is one way to write a prefix.
fn is_path(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "/-._~!$&'()*+,;=:@".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_read_and_written() {
        for (text, shown) in [
            ("", "*/"),
            ("/", "*/"),
            ("*", "*/"),
            ("*/", "*/"),
            ("/api", "*/api"),
            ("*/api/v1", "*/api/v1"),
            ("example.com", "example.com/"),
            ("Example.COM.", "example.com/"),
            ("example.com/api", "example.com/api"),
            ("*.example.com", "*.example.com/"),
            ("*.Example.com/a", "*.example.com/a"),
            ("*.localhost", "*.localhost/"),
            ("127.0.0.1/", "127.0.0.1/"),
            ("[::1]/x", "[::1]/x"),
            ("[0:0::1]", "[::1]/"),
            ("a.test/~me@x:y;z=1", "a.test/~me@x:y;z=1"),
            ("a.test/...", "a.test/..."),
        ] {
            let route: Route = text.parse().unwrap();
            assert_eq!(route.to_string(), shown, "{text}");
            assert_eq!(shown.parse::<Route>().unwrap(), route);
        }
        assert_eq!("*".parse::<Route>().unwrap(), Route::everything());
    }

    #[test]
    fn what_is_no_route_is_said_with_a_way_out() {
        for (text, why) in [
            ("example.com:8080", "the port"),
            ("[::1]:8080", "the port"),
            ("*.example.com:1/x", "the port"),
            ("user@example.com", "neither a name nor an address"),
            ("exa mple.com", "neither a name nor an address"),
            ("example..com", "neither a name nor an address"),
            ("http://example.com", "no scheme"),
            ("[::1", "neither a name nor an address"),
            ("*.*.example.com", "whole labels"),
            ("a*.example.com", "whole labels"),
            ("**", "whole labels"),
            ("*.", "neither a name nor an address"),
            ("*.0.0.1", "no names below it"),
            ("*.[::1]", "no names below it"),
            ("bücher.example", "ASCII"),
            ("a.test/api/", "ends with a segment"),
            ("a.test//", "ends with a segment"),
            ("a.test//x", "an empty segment"),
            ("a.test/x//y", "an empty segment"),
            ("a.test/x/../y", "take `.` and `..` out"),
            ("a.test/.", "take `.` and `..` out"),
            ("a.test/a%20b", "has `%` in it"),
            ("a.test/a b", "has ` ` in it"),
            ("a.test/a?b", "has `?` in it"),
            ("a.test/é", "has `\\u{e9}` in it"),
            ("a.test/\n", "has `\\n` in it"),
        ] {
            let error = text.parse::<Route>().unwrap_err();
            assert_eq!(error.to_string(), format!("`{text}` is not a route"));
            let because = std::error::Error::source(&error).unwrap().to_string();
            assert!(because.contains(why), "{text}: {because}");
            assert!(!error.hint_text().unwrap().is_empty());
        }
        let long = format!("/{}", "x".repeat(PREFIX_BYTES_MAX));
        assert!(long.parse::<Route>().is_err());
    }
}
