//! Walls around the process: what a guest that broke out of its sandbox would find.
//!
//! A second line. `serve` calls [`Walls::begin`] before there are threads, [`Walls::leave_root`] when ports and keys are open,
//! and [`Walls::close`] when the app has been loaded and before any of it runs. A wall that the system does not grant is
//! a warning, since containers often have walls of their own; another user that was asked for and cannot be had is an error.

#[cfg(target_os = "linux")]
mod capabilities;
#[cfg(target_os = "linux")]
pub(super) mod filter;
#[cfg(target_os = "linux")]
mod user;

use std::path::{Path, PathBuf};

use clap::{Args, builder::BoolishValueParser};
use wasgi::error::Result;

/// What `serve` gives up.
#[derive(Args)]
#[command(next_help_heading = "Walls around the process (Linux)")]
pub(crate) struct WallArgs {
    /// Become this user when ports and keys are open, before anything of the app is read: names or numbers. Needs root
    #[arg(long, env = "WASGI_USER", value_name = "NAME[:GROUP]")]
    user: Option<String>,

    /// Leave the system calls that no server needs allowed
    #[arg(long, env = "WASGI_NO_SECCOMP", value_parser = BoolishValueParser::new())]
    no_seccomp: bool,

    /// Keep root's capabilities when started as root
    #[arg(long, env = "WASGI_KEEP_CAPABILITIES", value_parser = BoolishValueParser::new())]
    keep_capabilities: bool,

    /// Let programs that are started gain privileges, as sudo does
    #[arg(long, env = "WASGI_ALLOW_NEW_PRIVILEGES", value_parser = BoolishValueParser::new())]
    allow_new_privileges: bool,
}

impl WallArgs {
    /// Whether another user is asked for.
    pub(crate) fn is_other_user(&self) -> bool {
        self.user.is_some()
    }
}

/// Which programs the process may start from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Programs {
    /// None: all that is needed runs.
    None,
    /// Toolchains and compilers, since the app is built again when it changes.
    Any,
}

/// What stands, for one line of the log.
#[derive(Debug, Default)]
pub(crate) struct Walls {
    standing: Vec<String>,
    open: Vec<&'static str>,
    /// Asked for, and not granted.
    #[cfg(target_os = "linux")]
    refused: Vec<String>,
}

impl Walls {
    /// To be called while there is one thread: what it gives up here, all threads after it have given up.
    #[cfg(target_os = "linux")]
    pub(crate) fn begin(args: &WallArgs) -> Self {
        let mut walls = Self::default();
        if args.allow_new_privileges {
            walls.open.push("--allow-new-privileges");
        } else {
            match rustix::thread::set_no_new_privs(true) {
                Ok(()) => walls.standing.push("no new privileges".to_owned()),
                Err(error) => walls
                    .refused
                    .push(format!("new privileges are possible: {error}")),
            }
        }
        walls
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn begin(_args: &WallArgs) -> Self {
        Self::default()
    }

    /// Becomes the user that was asked for, in all threads. Its home, if it has one.
    ///
    /// # Errors
    /// When there is no such user, or this one may not become it.
    #[cfg(target_os = "linux")]
    pub(crate) fn leave_root(&mut self, args: &WallArgs) -> Result<Option<PathBuf>> {
        let Some(name) = &args.user else {
            return Ok(None);
        };
        let user = user::User::find(name)?;
        user.become_it()?;
        self.standing.push(format!("user {name} ({user})"));
        Ok(user.home)
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn leave_root(&mut self, args: &WallArgs) -> Result<Option<PathBuf>> {
        match args.user {
            None => Ok(None),
            Some(_) => {
                Err(wasgi::error::Error::user("--user needs Linux")
                    .hint("start wasgi as that user"))
            }
        }
    }

    /// Gives up the rest, in all threads, and says what stands. `data` is the folder that the app writes to.
    #[cfg(target_os = "linux")]
    pub(crate) fn close(mut self, args: &WallArgs, programs: Programs, data: Option<&Path>) {
        // A build in a folder of somebody else's needs what root may do.
        if args.keep_capabilities {
            self.open.push("--keep-capabilities");
        } else if programs == Programs::Any {
            self.open.push("capabilities, for builds (--reload)");
        } else {
            match capabilities::drop_everywhere() {
                Ok(()) => self.standing.push("no capabilities".to_owned()),
                Err(error) => self.refused.push(format!("capabilities are kept: {error}")),
            }
        }
        if let Some(folder) = data
            && rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_err()
        {
            tracing::warn!(
                "the app cannot write to its data folder `{}`, which belongs to somebody else: change its owner, \
                 or pass --keep-capabilities",
                folder.display()
            );
        }
        if args.no_seccomp {
            self.open.push("--no-seccomp");
        } else {
            match filter::close_server(programs, !args.allow_new_privileges) {
                Ok(()) if programs == Programs::None => {
                    self.standing
                        .push("seccomp (starts no programs)".to_owned());
                }
                Ok(()) => self
                    .standing
                    .push("seccomp (may start programs: --reload)".to_owned()),
                Err(error) => self.refused.push(format!("no seccomp filter: {error}")),
            }
        }
        if !self.refused.is_empty() {
            tracing::warn!(
                "not every wall around the process could be put up, perhaps since a container has its own: {}",
                self.refused.join("; ")
            );
        }
        tracing::info!("walls around the process: {self}");
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn close(self, _args: &WallArgs, _programs: Programs, _data: Option<&Path>) {
        tracing::info!("walls around the process: {self}");
    }
}

impl std::fmt::Display for Walls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.standing.is_empty() {
            f.write_str("none")?;
        } else {
            f.write_str(&self.standing.join(", "))?;
        }
        if !self.open.is_empty() {
            write!(f, "; open: {}", self.open.join(", "))?;
        }
        Ok(())
    }
}
