//! The table of routes: what a request is for.
//!
//! Of all routes whose host and whose prefix match a request the best one wins: an exact host before a wildcard, the longer
//! wildcard before the shorter, any host last; among those of one host the longest prefix.
//!
//! A prefix matches on segment boundaries of the path *as apps see it* (`H-06`, `H-16`): percent-decoded, `%2F` and all, so
//! that `/%61dmin%2Fx` is below `/admin` and no other app is ever shown a `path` that begins with `/admin/`. Nothing else is done to a
//! path: `.`, `..` and empty segments are segments as any other (`H-18`), for the routes and for the app alike, so
//! `/x/../admin` is not below `/admin`, and `/admin/../x` is. Letters keep their case. A request without a path (`OPTIONS *`)
//! is for the prefix of every path only.
//!
//! Finding takes a hash for each label of the host and for each segment of the path that a route may have, however many routes there are.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;

use super::host;
use super::route::{Host, Route};
use crate::error::{Error, Result};

/// What each route leads to. Never changes.
#[derive(Clone, Debug)]
pub struct Routes<V> {
    exact: HashMap<Box<str>, Paths<V>>,
    /// By the name that they are below.
    below: HashMap<Box<str>, Paths<V>>,
    any: Paths<V>,
    /// The longest name in `below`.
    below_bytes_max: usize,
    /// The longest prefix.
    prefix_bytes_max: usize,
}

/// The prefixes of one host.
#[derive(Clone, Debug)]
struct Paths<V> {
    /// Of every path.
    root: Option<V>,
    longer: HashMap<Box<[u8]>, V>,
    /// Of the prefix that has most.
    segments_max: usize,
}

impl<V: Display> Routes<V> {
    /// The table of these routes.
    ///
    /// # Errors
    /// When two are the same. The error names both values, which is for the operator: they may be of two tenants.
    pub fn of(routes: impl IntoIterator<Item = (Route, V)>) -> Result<Self> {
        let mut table = Self {
            exact: HashMap::new(),
            below: HashMap::new(),
            any: Paths::new(),
            below_bytes_max: 0,
            prefix_bytes_max: 0,
        };
        for (route, value) in routes {
            table.add(&route, value)?;
        }
        Ok(table)
    }

    fn add(&mut self, route: &Route, value: V) -> Result<()> {
        let prefix = route.prefix().as_bytes();
        self.prefix_bytes_max = self.prefix_bytes_max.max(prefix.len());
        let paths = match route.host() {
            Host::Any => &mut self.any,
            Host::Exact(host) => Paths::of(&mut self.exact, host),
            Host::Below(host) => {
                self.below_bytes_max = self.below_bytes_max.max(host.len());
                Paths::of(&mut self.below, host)
            }
        };
        match paths.add(prefix, value) {
            Ok(()) => Ok(()),
            Err((first, second)) => Err(Error::user(format!("two apps have the route `{route}`"))
                .because(format!("both `{first}` and `{second}` are to answer there"))
                .hint("give one of them another host or a longer path")),
        }
    }
}

impl<V> Routes<V> {
    /// What a request is for: of its authority (`:authority`, that of an absolute target, or `Host`) and its path as it is on the
    /// wire, without the query.
    pub fn find(&self, authority: Option<&str>, path: &str) -> Option<&V> {
        let path = decoded(path, self.prefix_bytes_max);
        let host = authority.and_then(host::of);
        let named = host.and_then(|host| self.named(&host, &path));
        named.or_else(|| self.any.find(&path))
    }

    fn named(&self, host: &str, path: &[u8]) -> Option<&V> {
        if let Some(value) = self.exact.get(host).and_then(|paths| paths.find(path)) {
            return Some(value);
        }
        let mut rest = host;
        while let Some((_, name)) = rest.split_once('.') {
            if name.len() <= self.below_bytes_max
                && let Some(value) = self.below.get(name).and_then(|paths| paths.find(path))
            {
                return Some(value);
            }
            rest = name;
        }
        None
    }

    /// What everything is for, where there is one route and it is that.
    pub fn only(&self) -> Option<&V> {
        let others =
            !self.exact.is_empty() || !self.below.is_empty() || !self.any.longer.is_empty();
        self.any.root.as_ref().filter(|_| !others)
    }
}

impl<V> Paths<V> {
    fn new() -> Self {
        Self {
            root: None,
            longer: HashMap::new(),
            segments_max: 0,
        }
    }

    fn of<'a>(hosts: &'a mut HashMap<Box<str>, Self>, host: &str) -> &'a mut Self {
        hosts.entry(host.into()).or_insert_with(Self::new)
    }

    /// Gives both values back when the prefix has one.
    fn add(&mut self, prefix: &[u8], value: V) -> Result<(), (V, V)> {
        let before = if prefix.is_empty() {
            self.root.take()
        } else {
            self.longer.remove(prefix)
        };
        if let Some(before) = before {
            return Err((before, value));
        }
        if prefix.is_empty() {
            self.root = Some(value);
        } else {
            self.segments_max = self.segments_max.max(slashes(prefix).count());
            self.longer.insert(prefix.into(), value);
        }
        Ok(())
    }

    fn find(&self, path: &[u8]) -> Option<&V> {
        // Each place where a prefix may end, the longest last: before a slash, or with the path.
        let ends = slashes(path).skip(1).chain([path.len()]);
        let found = ends
            .take(self.segments_max)
            .filter_map(|end| self.longer.get(path.get(..end)?));
        found.last().or(self.root.as_ref())
    }
}

/// Where the slashes are.
fn slashes(path: &[u8]) -> impl Iterator<Item = usize> {
    path.iter()
        .enumerate()
        .filter_map(|(at, byte)| (*byte == b'/').then_some(at))
}

/// The path as apps see it, as far as a prefix of `bytes_max` reaches. The rest of it may be missing. What is no UTF-8 is
/// not replaced (`H-17`): a prefix is ASCII, which a replacement neither makes nor takes.
fn decoded(path: &str, bytes_max: usize) -> Cow<'_, [u8]> {
    let bytes = path.as_bytes();
    if bytes_max == 0 || !bytes.contains(&b'%') {
        return Cow::Borrowed(bytes);
    }
    let mut decoded = Vec::with_capacity(bytes.len().min(bytes_max + 1));
    let mut rest = bytes;
    // One byte more shows whether the segment goes on.
    while decoded.len() <= bytes_max
        && let Some((&byte, after)) = rest.split_first()
    {
        let digits = after.split_first_chunk().filter(|_| byte == b'%');
        let escaped = digits.and_then(|(&[high, low], after)| {
            let digit = |byte| char::from(byte).to_digit(16)?.try_into().ok();
            let (high, low): (u8, u8) = (digit(high)?, digit(low)?);
            Some((high << 4 | low, after))
        });
        let (byte, after) = escaped.unwrap_or((byte, after));
        decoded.push(byte);
        rest = after;
    }
    Cow::Owned(decoded)
}

#[cfg(test)]
mod tests;
