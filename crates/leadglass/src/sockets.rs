//! Sockets that are bound before the walls stand and listen once the role answers: until then a caller is refused, and afterwards the
//! role makes no socket any more.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// A socket with its address, not yet listening.
pub struct Bound {
    socket: OwnedFd,
}

impl Bound {
    /// At a TCP address; port 0 picks one.
    pub fn tcp(address: SocketAddr) -> io::Result<Self> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        // connections of the run before may still be closing
        sockopt::set_socket_reuseaddr(&socket, true)?;
        rustix::net::bind(&socket, &address)?;
        Ok(Self { socket })
    }

    /// At a path, for its owner only. A dead socket is replaced; one that answers is somebody else's.
    pub fn unix(path: &Path) -> io::Result<Self> {
        if UnixStream::connect(path).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        Ok(Self { socket })
    }

    /// Its TCP address, with the port that was picked.
    pub fn address(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::try_from(rustix::net::getsockname(&self.socket)?)?)
    }

    /// Listens from now on.
    pub fn listen_tcp(self) -> io::Result<TcpListener> {
        rustix::net::listen(&self.socket, BACKLOG)?;
        Ok(TcpListener::from(self.socket))
    }

    /// Listens from now on.
    pub fn listen_unix(self) -> io::Result<UnixListener> {
        rustix::net::listen(&self.socket, BACKLOG)?;
        Ok(UnixListener::from(self.socket))
    }
}
