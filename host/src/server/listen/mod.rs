//! Sockets: bound before anything is started, listening only once the app is ready (`L-03`).
//!
//! Each server thread accepts from a socket of its own (`SO_REUSEPORT`), so that a connection stays on the thread
//! that took it; a Unix socket is cloned per thread, and so is one that has been passed to us.

mod inherited;

use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, Socket, Type};

use crate::error::{Error, Result};
pub use inherited::Inherited;

/// Connections that the kernel keeps while all threads are busy.
const BACKLOG: i32 = 1024;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// TCP.
    Tcp(SocketAddr),
    /// A Unix socket at this path.
    Unix(PathBuf),
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Bound sockets, one for each server thread.
#[derive(Debug)]
pub struct Listeners {
    /// The address, with the port that the system chose if it was 0.
    pub address: Address,
    /// Empty once they have been given to the threads: a copy here would accept for a thread that no longer does.
    sockets: Vec<Socket>,
    file: Option<SocketFile>,
    /// They listen already, as whoever passed them wanted it.
    listening: bool,
}

/// Removes the file of a Unix socket when the server is done, unless it is another server's by now.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    id: (u64, u64),
}

impl SocketFile {
    fn at(path: &Path) -> std::io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            id: file_id(path)?,
        })
    }

    fn is_ours(&self) -> bool {
        file_id(&self.path).is_ok_and(|id| id == self.id)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_ours() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Which file is at this path: device and inode.
fn file_id(path: &Path) -> std::io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

impl Listeners {
    /// Binds `host`, a name or an address, for `threads` threads. Of the addresses of a name it takes one, IPv4 first.
    ///
    /// # Errors
    /// When the name is unknown, the address not ours, or the port in use.
    pub fn tcp(host: &str, port: u16, threads: usize) -> Result<Self> {
        let found = (host, port).to_socket_addrs().and_then(|found| {
            found
                .min_by_key(SocketAddr::is_ipv6)
                .ok_or_else(|| std::io::ErrorKind::NotFound.into())
        });
        let address = found.map_err(|error| {
            Error::user(format!("the host `{host}` is unknown"))
                .because(error)
                .hint("give an address of this machine, for example 127.0.0.1 or 0.0.0.0")
        })?;
        let failed = |error: std::io::Error| tcp_error(address, error);
        if threads <= 1 {
            let socket = bind_tcp(address, false).map_err(failed)?;
            return Self::of_tcp(vec![socket]).map_err(failed);
        }
        // A socket that shares its port would share it with a stranger's server, too: see first whether it is free.
        drop(bind_tcp(address, false).map_err(failed)?);
        let mut sockets = vec![bind_tcp(address, true).map_err(failed)?];
        let mut bound = address;
        if let Some(first) = sockets.first() {
            bound = tcp_address(first).map_err(failed)?;
        }
        while sockets.len() < threads {
            sockets.push(bind_tcp(bound, true).map_err(failed)?);
        }
        Self::of_tcp(sockets).map_err(failed)
    }

    /// Binds a Unix socket at `path`. A file that a dead server has left there is replaced.
    ///
    /// # Errors
    /// When somebody answers there, something else than a socket is there, or the folder is not ours to write.
    pub fn unix(path: &Path, threads: usize) -> Result<Self> {
        let shown = path.display();
        let failed = |error: std::io::Error| {
            Error::user(format!("cannot listen on the Unix socket `{shown}`"))
                .because(error)
                .hint("check that its folder exists and is yours to write, and that the path is short")
        };
        if let Ok(found) = std::fs::symlink_metadata(path) {
            if !found.file_type().is_socket() {
                return Err(
                    Error::user(format!("`{shown}` is in the way: it is not a socket"))
                        .hint("choose another path for --uds, or remove the file"),
                );
            }
            if UnixStream::connect(path).is_ok() {
                return Err(Error::user(format!(
                    "another server listens on the Unix socket `{shown}`"
                ))
                .hint("stop it, or choose another path for --uds"));
            }
            std::fs::remove_file(path).map_err(failed)?;
        }
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(failed)?;
        socket
            .bind(&socket2::SockAddr::unix(path).map_err(failed)?)
            .map_err(failed)?;
        let file = SocketFile::at(path).map_err(failed)?;
        Ok(Self {
            address: Address::Unix(path.to_owned()),
            sockets: clones(socket, threads).map_err(failed)?,
            file: Some(file),
            listening: false,
        })
    }

    /// Sets who may connect to the Unix socket, as a mode of its file: writing is connecting. Nobody can before it listens.
    ///
    /// # Errors
    /// When the file is no longer ours.
    pub fn permit(self, mode: u32) -> Result<Self> {
        if let Some(file) = &self.file {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&file.path, permissions).map_err(|error| {
                let shown = file.path.display();
                Error::user(format!(
                    "cannot set the permissions of the Unix socket `{shown}`"
                ))
                .because(error)
                .hint("leave out --uds-permissions, or choose another path for --uds")
            })?;
        }
        Ok(self)
    }

    /// Takes a socket that somebody else has bound and listens on, for `threads` threads.
    ///
    /// # Errors
    /// When the system gives no further descriptor.
    pub fn inherited(given: Inherited, threads: usize) -> Result<Self> {
        let Inherited { socket, address } = given;
        let sockets = clones(socket, threads).map_err(|error| {
            Error::user(format!("cannot accept on {address}"))
                .because(error)
                .hint("raise the limit of open files (ulimit -n)")
        })?;
        Ok(Self {
            address,
            sockets,
            file: None,
            listening: true,
        })
    }

    /// How many threads these are for. None any more once the server listens.
    pub fn threads(&self) -> usize {
        self.sockets.len()
    }

    /// Starts to listen and gives each thread its socket. None is kept here: when the threads have closed theirs, the
    /// system refuses further connections.
    pub(super) fn listen(&mut self) -> std::io::Result<Vec<Listener>> {
        if self.file.as_ref().is_some_and(|file| !file.is_ours()) {
            // While it is only bound, the socket looks like a dead server's to another that starts.
            return Err(std::io::Error::other(
                "another server has taken its place while this one started",
            ));
        }
        let mut listeners = Vec::with_capacity(self.sockets.len());
        for socket in self.sockets.drain(..) {
            if !self.listening {
                socket.listen(BACKLOG)?;
            }
            socket.set_nonblocking(true)?;
            listeners.push(match self.address {
                Address::Tcp(_) => Listener::Tcp(socket.into()),
                Address::Unix(_) => Listener::Unix(socket.into()),
            });
        }
        Ok(listeners)
    }

    fn of_tcp(sockets: Vec<Socket>) -> std::io::Result<Self> {
        let address = match sockets.first() {
            Some(socket) => tcp_address(socket)?,
            None => return Err(std::io::ErrorKind::InvalidInput.into()),
        };
        Ok(Self {
            address: Address::Tcp(address),
            sockets,
            file: None,
            listening: false,
        })
    }
}

/// The same socket once for each thread.
fn clones(socket: Socket, threads: usize) -> std::io::Result<Vec<Socket>> {
    let mut sockets = Vec::with_capacity(threads.max(1));
    for _ in 1..threads {
        sockets.push(socket.try_clone()?);
    }
    sockets.push(socket);
    Ok(sockets)
}

/// A listening socket that has not been given to a runtime yet.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

fn bind_tcp(address: SocketAddr, shared: bool) -> std::io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A restarted server may bind while connections of its predecessor still linger; on Linux this does not let two
    // listeners share a port.
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

fn tcp_address(socket: &Socket) -> std::io::Result<SocketAddr> {
    socket
        .local_addr()?
        .as_socket()
        .ok_or_else(|| std::io::ErrorKind::AddrNotAvailable.into())
}

fn tcp_error(address: SocketAddr, error: std::io::Error) -> Error {
    let (what, hint) = match error.kind() {
        std::io::ErrorKind::AddrInUse => (
            format!("port {} is in use at {}", address.port(), address.ip()),
            "stop the program that uses it, or choose another with --port (0 takes any)",
        ),
        std::io::ErrorKind::AddrNotAvailable => (
            format!("{} is not an address of this machine", address.ip()),
            "use --host 127.0.0.1 for this machine only, or --host 0.0.0.0 for all its addresses",
        ),
        std::io::ErrorKind::PermissionDenied => (
            format!("port {} may not be used by this user", address.port()),
            "choose a port of 1024 or more with --port",
        ),
        _ => (
            format!("cannot listen on {address}"),
            "check --host and --port",
        ),
    };
    Error::user(what).because(error).hint(hint)
}
