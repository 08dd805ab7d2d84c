//! Becoming another user: `--user`.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;

use wasgi::error::{Error, Result};

/// Who is in which file, one a line, with colons between what it says of them.
const USERS: &str = "/etc/passwd";
const GROUPS: &str = "/etc/group";

/// A user and its group.
pub(super) struct User {
    id: u32,
    group: u32,
    pub(super) home: Option<PathBuf>,
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.id, self.group)
    }
}

impl User {
    /// `NAME`, `NAME:GROUP`, or numbers in their places. A user that is a number, and no user of the system, needs a group.
    pub(super) fn find(text: &str) -> Result<Self> {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        Self::of(text, &read(USERS), &read(GROUPS)).ok_or_else(|| {
            Error::user(format!("there is no user `{text}`"))
                .because(format!("it is looked up in {USERS} and {GROUPS}"))
                .hint("give NAME or NAME:GROUP, or numbers: --user 1000:1000")
        })
    }

    fn of(text: &str, users: &str, groups: &str) -> Option<Self> {
        let (name, group) = match text.split_once(':') {
            Some((name, group)) => (name, Some(group)),
            None => (text, None),
        };
        // name:password:id:group:comment:home:shell
        let user = entry(users, name);
        let field = |at| user.as_ref()?.get(at).copied();
        let id = number(field(2).unwrap_or(name))?;
        let group = match group {
            // name:password:id:members
            Some(group) => entry(groups, group).map_or(number(group), |found| {
                number(found.get(2).copied().unwrap_or_default())
            })?,
            None => number(field(3)?)?,
        };
        Some(Self {
            id,
            group,
            home: field(5).map(PathBuf::from),
        })
    }

    /// Becomes it, in all threads of the process and for good.
    #[allow(
        unsafe_code,
        reason = "the C library does it for all threads; what is safe does it for one"
    )]
    pub(super) fn become_it(&self) -> Result<()> {
        let done = |code| match code {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        };
        // SAFETY: an empty list of groups is not read from.
        let became = done(unsafe { libc::setgroups(0, std::ptr::null()) })
            // SAFETY: plain numbers.
            .and_then(|()| done(unsafe { libc::setresgid(self.group, self.group, self.group) }))
            // SAFETY: plain numbers.
            .and_then(|()| done(unsafe { libc::setresuid(self.id, self.id, self.id) }));
        became.map_err(|error| {
            Error::user(format!("cannot become the user {self}"))
                .because(error)
                .hint("--user needs root; without it, start wasgi as that user")
        })
    }
}

/// The fields of the line of this name.
fn entry<'a>(file: &'a str, name: &str) -> Option<Vec<&'a str>> {
    let mut lines = file.lines().map(|line| line.split(':').collect::<Vec<_>>());
    lines.find(|fields| fields.first() == Some(&name))
}

/// Not the number that means "leave it as it is".
fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|id| *id != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_names_or_numbers_with_or_without_a_group() {
        let users = "root:x:0:0:root:/root:/bin/sh\nwww:x:33:34::/var/www:/bin/false\n";
        let groups = "root:x:0:\nweb:x:40:www\n";
        let of = |text| {
            let user = User::of(text, users, groups)?;
            Some((user.to_string(), user.home.is_some()))
        };
        let is = |text: &str, home| Some((text.to_owned(), home));
        assert_eq!(of("www"), is("33:34", true));
        assert_eq!(of("www:web"), is("33:40", true));
        assert_eq!(of("www:7"), is("33:7", true));
        assert_eq!(of("1000:1001"), is("1000:1001", false));
        for wrong in [
            "1000",
            "nobody-here",
            "www:no-such",
            "",
            ":web",
            "4294967295:1",
            "-1:0",
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
