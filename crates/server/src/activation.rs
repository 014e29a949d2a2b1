//! Sockets that were bound before the server was started, by the service manager: they are listened at instead of ones
//! that would be made, and stay when the server goes.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, SocketType, sockopt};

use crate::ServerError;

/// A listening socket that was there before the server.
#[derive(Debug)]
pub struct PassedSocket {
    kind: Kind,
    used: bool,
}

#[derive(Debug)]
enum Kind {
    Unix(PathBuf, UnixListener),
    Tcp(SocketAddr, TcpListener),
}

impl PassedSocket {
    /// Looks at a descriptor: it has to be a stream socket that listens, in the file system or on TCP.
    ///
    /// # Errors
    /// [`ServerError::NotListening`] where it is anything else.
    pub fn new(fd: OwnedFd) -> Result<PassedSocket, ServerError> {
        let number = std::os::fd::AsRawFd::as_raw_fd(&fd);
        let other = |_| ServerError::NotListening { number };
        if sockopt::socket_type(&fd).map_err(other)? != SocketType::STREAM
            || !sockopt::socket_acceptconn(&fd).map_err(other)?
        {
            return Err(ServerError::NotListening { number });
        }
        let kind = match sockopt::socket_domain(&fd).map_err(other)? {
            AddressFamily::UNIX => {
                let listener = UnixListener::from(fd);
                let address = listener.local_addr()?;
                let path = address.as_pathname().ok_or(ServerError::NotListening { number })?.to_owned();
                // As with those that are made: who sent the first packet must be known.
                sockopt::set_socket_passcred(&listener, true)?;
                listener.set_nonblocking(true)?;
                Kind::Unix(path, listener)
            }
            AddressFamily::INET | AddressFamily::INET6 => {
                let listener = TcpListener::from(fd);
                listener.set_nonblocking(true)?;
                Kind::Tcp(listener.local_addr()?, listener)
            }
            _ => return Err(ServerError::NotListening { number }),
        };
        Ok(PassedSocket { kind, used: false })
    }

    /// Where it is in the file system.
    pub fn path(&self) -> Option<&Path> {
        match &self.kind {
            Kind::Unix(path, _) => Some(path),
            Kind::Tcp(..) => None,
        }
    }
}

/// The sockets that were passed. They stay open as long as the server runs, so that a module can come back to one.
#[derive(Debug, Default)]
pub(crate) struct Passed(Vec<PassedSocket>);

impl Passed {
    pub(crate) fn new(sockets: Vec<PassedSocket>) -> Passed {
        Passed(sockets)
    }

    /// The socket at a path, if it was passed.
    pub(crate) fn unix(&mut self, path: &Path) -> Option<UnixListener> {
        self.0.iter_mut().find_map(|socket| match &socket.kind {
            Kind::Unix(at, listener) if at == path => {
                socket.used = true;
                listener.try_clone().ok()
            }
            _ => None,
        })
    }

    /// The sockets of a port, if any were passed, at this address or at all.
    pub(crate) fn tcp(&mut self, port: u16, address: Option<SocketAddr>) -> Vec<TcpListener> {
        self.0
            .iter_mut()
            .filter_map(|socket| match &socket.kind {
                Kind::Tcp(at, listener)
                    if at.port() == port && address.is_none_or(|address| *at == address) =>
                {
                    socket.used = true;
                    listener.try_clone().ok()
                }
                _ => None,
            })
            .collect()
    }

    /// Names those that nobody listens at: who connects there would wait for ever.
    pub(crate) fn name_unused(&self) {
        for socket in self.0.iter().filter(|socket| !socket.used) {
            match &socket.kind {
                Kind::Unix(path, _) => {
                    tracing::warn!(path = %path.display(), "no module listens at this passed socket");
                }
                Kind::Tcp(address, _) => {
                    tracing::warn!(%address, "no module listens at this passed socket");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_sockets_are_found_by_where_they_are() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("native");
        let unix = UnixListener::bind(&path).unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        let sockets = [OwnedFd::from(unix), OwnedFd::from(tcp)];
        let mut passed = Passed::new(sockets.into_iter().map(|fd| PassedSocket::new(fd).unwrap()).collect());
        assert!(passed.unix(&path).is_some());
        assert!(passed.unix(&path).is_some(), "a module may come back to it");
        assert!(passed.unix(Path::new("/nowhere")).is_none());
        assert_eq!(passed.tcp(address.port(), None).len(), 1);
        assert_eq!(passed.tcp(address.port(), Some(address)).len(), 1);
        assert!(passed.tcp(address.port(), Some(([127, 0, 0, 2], address.port()).into())).is_empty());
    }

    #[test]
    fn what_does_not_listen_is_refused() {
        let (stream, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let datagram = std::os::unix::net::UnixDatagram::unbound().unwrap();
        let file = std::fs::File::open("/dev/null").unwrap();
        for fd in [OwnedFd::from(stream), datagram.into(), file.into()] {
            assert!(matches!(PassedSocket::new(fd), Err(ServerError::NotListening { .. })));
        }
    }
}
