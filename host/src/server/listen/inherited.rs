//! Sockets that somebody else has bound: a descriptor by its number (`--fd`), or what systemd has passed.
//!
//! `cli/serve` asks for one before it opens anything; [`Listeners::inherited`](super::Listeners::inherited) clones it for
//! the threads. Whoever passed the socket keeps it: connections that come while nobody serves wait in it, and its file is
//! not ours to remove.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;

use rustix::io::{FdFlags, fcntl_setfd};
use socket2::{Socket, Type};

use super::Address;
use crate::error::{Error, Result};

/// The first descriptor that systemd passes (`sd_listen_fds(3)`).
const FIRST: RawFd = 3;

const HINT: &str = "pass a listening TCP or Unix stream socket, for example from a systemd .socket unit with ListenStream=";

/// A listening stream socket that has been passed to this process.
#[derive(Debug)]
pub struct Inherited {
    pub(super) socket: Socket,
    pub(super) address: Address,
}

impl Inherited {
    /// Takes over a descriptor: 0, or one from 3 on. To be called once for each, before the process opens anything.
    ///
    /// # Errors
    /// When it is not open, no socket, or none that connections of streams can be accepted from.
    pub fn descriptor(number: RawFd) -> Result<Self> {
        let wrong = |why: &str| Err(Error::user(format!("descriptor {number} {why}")).hint(HINT));
        if matches!(number, 1 | 2) || number < 0 {
            return wrong("is not one to listen on: 1 and 2 are for output");
        }
        // Asked of the system by name, so that nothing is taken that is not there.
        match fs::metadata(format!("/dev/fd/{number}")) {
            Ok(found) if found.file_type().is_socket() => {}
            Ok(_) => return wrong("is not a socket"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return wrong("is not open"),
            Err(error) => {
                return Err(Error::user(format!("descriptor {number} cannot be used"))
                    .because(error)
                    .hint(HINT));
            }
        }
        let failed = |error: io::Error| {
            Error::user(format!("descriptor {number} cannot be used"))
                .because(error)
                .hint(HINT)
        };
        let socket = Socket::from(take(number).map_err(failed)?);
        if socket.r#type().map_err(failed)? != Type::STREAM {
            return wrong("is a socket of another type than stream");
        }
        #[cfg(target_os = "linux")]
        if !socket.is_listener().map_err(failed)? {
            return wrong("is a socket that does not listen");
        }
        let bound = socket.local_addr().map_err(failed)?;
        let address = match (bound.as_socket(), bound.is_unix()) {
            (Some(address), _) => Address::Tcp(address),
            (None, true) => Address::Unix(match bound.as_abstract_namespace() {
                Some(name) => OsStr::from_bytes(&[b"@", name].concat()).into(),
                None => bound.as_pathname().unwrap_or("".as_ref()).to_owned(),
            }),
            (None, false) => {
                return wrong("is a socket of another family than IPv4, IPv6 and Unix");
            }
        };
        Ok(Self { socket, address })
    }

    /// Whether systemd has passed any.
    #[must_use]
    pub fn is_activated() -> bool {
        !Passed::to_us().0.is_empty()
    }

    /// Takes over what systemd has passed: the socket with this name, or the only one. None if it has passed nothing.
    ///
    /// # Errors
    /// When there are several and no name says which, or none has the name; else as [`descriptor`](Self::descriptor).
    pub fn activated(name: Option<&str>) -> Result<Option<Self>> {
        match (Passed::to_us().pick(name)?, name) {
            (Some(number), _) => Self::descriptor(number).map(Some),
            (None, None) => Ok(None),
            (None, Some(name)) => Err(Error::user(format!(
                "there is no socket `{name}`: systemd has passed none"
            ))
            .hint("start it by its .socket unit, or give the number of an open descriptor")),
        }
    }
}

/// The descriptor as our own, which no program that we start gets.
#[expect(
    unsafe_code,
    reason = "a number of the command line becomes a descriptor"
)]
fn take(number: RawFd) -> io::Result<OwnedFd> {
    if number < FIRST {
        // The standard library's for ever: ours is another.
        return io::stdin().as_fd().try_clone_to_owned();
    }
    // SAFETY: it is open, and owned by nobody in this process: whoever started us opened it, says so, and the caller has
    // opened nothing of its own yet that could have the number.
    let taken = unsafe { OwnedFd::from_raw_fd(number) };
    fcntl_setfd(&taken, FdFlags::CLOEXEC)?;
    Ok(taken)
}

/// What `sd_listen_fds(3)` finds in the environment: the names of the descriptors from 3 on.
#[derive(Debug, Default, PartialEq, Eq)]
struct Passed(Vec<String>);

impl Passed {
    fn to_us() -> Self {
        Self::of(std::process::id(), |name| std::env::var_os(name))
    }

    /// Nothing unless the variables are for this process.
    fn of(process: u32, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let number = |name| variable(name)?.to_str()?.parse::<u32>().ok();
        if number("LISTEN_PID") != Some(process) {
            return Self::default();
        }
        let count = number("LISTEN_FDS").unwrap_or(0).min(1024);
        let names = variable("LISTEN_FDNAMES").unwrap_or_default();
        let names = names.to_string_lossy();
        let mut names = names.split(':');
        let name = |_| match names.next() {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => "unknown".to_owned(),
        };
        Self((0..count).map(name).collect())
    }

    fn pick(&self, name: Option<&str>) -> Result<Option<RawFd>> {
        let mut fitting = (FIRST..)
            .zip(&self.0)
            .filter(|(_, own)| name.is_none_or(|name| name == *own));
        match (fitting.next(), fitting.next()) {
            (Some((number, _)), None) => Ok(Some(number)),
            (None, _) if self.0.is_empty() => Ok(None),
            (None, _) => Err(Error::user(format!(
                "systemd has passed no socket `{}`, but {}",
                name.unwrap_or_default(),
                self
            ))
            .hint("FileDescriptorName= in the .socket unit names it")),
            (Some(_), Some(_)) => Err(Error::user(format!(
                "systemd has passed several sockets: {self}"
            ))
            .hint("say which with --fd NAME, or by its number: the first is 3")),
        }
    }
}

impl std::fmt::Display for Passed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (number, name) in self.0.iter().enumerate() {
            write!(f, "{}`{name}`", if number > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(variables: &[(&str, &str)]) -> Passed {
        Passed::of(42, |wanted| {
            let found = variables.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| value.into())
        })
    }

    #[test]
    fn what_systemd_says_is_for_the_process_that_it_names() {
        let ours = ("LISTEN_PID", "42");
        assert_eq!(passed(&[]), Passed(vec![]));
        assert_eq!(passed(&[("LISTEN_FDS", "1")]), Passed(vec![]));
        let others = [("LISTEN_PID", "43"), ("LISTEN_FDS", "1")];
        assert_eq!(passed(&others), Passed(vec![]));
        assert_eq!(passed(&[ours, ("LISTEN_FDS", "no")]), Passed(vec![]));
        assert_eq!(passed(&[ours, ("LISTEN_FDS", "1")]).0, ["unknown"]);
        let named = [ours, ("LISTEN_FDS", "3"), ("LISTEN_FDNAMES", "http::admin")];
        assert_eq!(passed(&named).0, ["http", "unknown", "admin"]);
    }

    #[test]
    fn one_socket_is_picked_or_it_is_said_why_not() {
        let passed = |names: &[&str]| Passed(names.iter().map(ToString::to_string).collect());
        assert_eq!(passed(&[]).pick(None).unwrap(), None);
        assert_eq!(passed(&[]).pick(Some("http")).unwrap(), None);
        assert_eq!(passed(&["x"]).pick(None).unwrap(), Some(3));
        assert_eq!(passed(&["x", "http"]).pick(Some("http")).unwrap(), Some(4));
        let several = passed(&["x", "http"]).pick(None).unwrap_err().to_string();
        assert_eq!(several, "systemd has passed several sockets: `x`, `http`");
        let none = passed(&["x"]).pick(Some("http")).unwrap_err().to_string();
        assert_eq!(none, "systemd has passed no socket `http`, but `x`");
        assert!(passed(&["x", "x"]).pick(Some("x")).is_err());
    }
}
