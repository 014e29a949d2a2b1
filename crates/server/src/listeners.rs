//! Listening sockets: how they are made and given up, and who comes by them.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use calloop::generic::Generic;
use calloop::{Interest, Mode, PostAction, RegistrationToken};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use crate::ServerError;
use crate::access::Access;
use crate::activation::Passed;
use crate::config::SocketConfig;
use crate::listen::Socket;
use crate::session::SessionKey;
use crate::state::State;
use crate::timers::Alarm;

/// How long nobody is accepted when there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Clients that are accepted in one turn.
const ACCEPTS_PER_TURN: usize = 16;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;

/// A socket that is bound and does not listen by the event loop yet.
pub(crate) enum Bound {
    /// `None` for one that was passed, which stays.
    Unix(#[expect(dead_code, reason = "its file goes when it does")] Option<Socket>, UnixListener),
    Tcp(TcpListener),
}

impl Bound {
    /// A socket in the file system: the one that was passed, else a new one.
    pub(crate) fn unix(passed: &mut Passed, path: &Path) -> Result<Bound, ServerError> {
        if let Some(listener) = passed.unix(path) {
            tracing::info!(path = %path.display(), "using the passed socket");
            return Ok(Bound::Unix(None, listener));
        }
        Socket::bind(path).map(|(socket, listener)| Bound::Unix(Some(socket), listener))
    }

    /// A TCP socket at an address, of IPv6 alone where it is one of those. `None` for the port takes any.
    pub(crate) fn tcp(address: SocketAddr) -> io::Result<Bound> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        if address.is_ipv6() {
            sockopt::set_ipv6_v6only(&socket, true)?;
        }
        rustix::net::bind(&socket, &address)?;
        rustix::net::listen(&socket, BACKLOG)?;
        Ok(Bound::Tcp(TcpListener::from(socket)))
    }

    /// TCP sockets of a port at all addresses, of both families where the kernel has both.
    pub(crate) fn tcp_any(port: u16) -> io::Result<Vec<Bound>> {
        let v6 = Bound::tcp(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port));
        // Both have the same port, even where any would do.
        let port = match &v6 {
            Ok(Bound::Tcp(listener)) => listener.local_addr()?.port(),
            _ => port,
        };
        let v4 = Bound::tcp(SocketAddr::new([0, 0, 0, 0].into(), port));
        match (v4, v6) {
            (Ok(v4), Ok(v6)) => Ok(vec![v4, v6]),
            (Ok(only), Err(_)) | (Err(_), Ok(only)) => Ok(vec![only]),
            (Err(error), Err(_)) => Err(error),
        }
    }
}

impl AsFd for Bound {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Bound::Unix(_, listener) => listener.as_fd(),
            Bound::Tcp(listener) => listener.as_fd(),
        }
    }
}

/// Who has come by a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Unix,
    Tcp(SocketAddr),
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix => f.write_str("UNIX socket client"),
            Self::Tcp(address) => write!(f, "TCP/IP client from {}:{}", address.ip(), address.port()),
        }
    }
}

/// Whom those who come by a socket talk to.
#[derive(Clone, Debug)]
pub(crate) enum Greeting {
    /// The native protocol.
    Native(Rc<Access>),
    /// The module whose socket it is ([`crate::modules::Instance::accepted`]).
    Module,
}

/// Sockets of one module that listen.
pub(crate) struct Listener {
    pub(crate) module: u32,
    tokens: Vec<RegistrationToken>,
}

impl State {
    /// Listens at a configured socket.
    pub(crate) fn add_listener(&mut self, config: &SocketConfig) -> Result<(), ServerError> {
        let bound = Bound::unix(&mut self.passed, &config.path)?;
        let access = Access {
            anonymous: config.auth_anonymous,
            group: self.settings.auth_group,
            cookie: self.cookie.clone(),
            srbchannel: true,
            ..Access::default()
        };
        let place = self.listeners.len();
        let module = self.add_protocol_module(place);
        self.listen(module, vec![bound], &Greeting::Native(Rc::new(access)))?;
        Ok(())
    }

    /// Listens at sockets for a module; their place.
    pub(crate) fn listen(
        &mut self,
        module: u32,
        sockets: Vec<Bound>,
        greeting: &Greeting,
    ) -> Result<usize, ServerError> {
        let place = self.listeners.len();
        let mut tokens = Vec::new();
        for socket in sockets {
            let greeting = greeting.clone();
            let source = Generic::new(socket, Interest::READ, Mode::Level);
            let inserted = self.handle.insert_source(source, move |_, socket, state: &mut State| {
                Ok(state.accept(socket, place, &greeting))
            });
            match inserted {
                Ok(token) => tokens.push(token),
                Err(error) => {
                    tokens.into_iter().for_each(|token| self.handle.remove(token));
                    return Err(error.error.into());
                }
            }
        }
        self.listeners.push(Some(Listener { module, tokens }));
        Ok(place)
    }

    /// Stops listening and ends the sessions that came by this socket.
    pub(crate) fn close_listener(&mut self, place: usize) {
        let Some(listener) = self.listeners.get_mut(place).and_then(Option::take) else { return };
        for token in listener.tokens {
            self.handle.remove(token);
        }
        for key in self.sessions.keys() {
            if self.sessions.get(key).is_some_and(|session| session.listener == place) {
                self.close_session(key);
            }
        }
        while self.listeners.last().is_some_and(Option::is_none) {
            self.listeners.pop();
        }
    }

    /// The module that owns what a session makes.
    pub(crate) fn session_module(&self, key: SessionKey) -> u32 {
        let place = self.sessions.get(key).map_or(0, |session| session.listener);
        self.listeners.get(place).and_then(Option::as_ref).map_or(0, |listener| listener.module)
    }

    fn accept(&mut self, socket: &Bound, place: usize, greeting: &Greeting) -> PostAction {
        for _ in 0..ACCEPTS_PER_TURN {
            match rustix::net::accept_with(socket, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                Ok(stream) => self.welcome(stream, place, greeting),
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(error) => {
                    // Out of descriptors or memory: trying again at once would only burn time.
                    if self.warnings.allow() {
                        tracing::warn!(%error, "cannot accept a client; pausing");
                    }
                    self.timers.set(ACCEPT_PAUSE, Alarm::Accept(place));
                    return PostAction::Disable;
                }
            }
        }
        PostAction::Continue
    }

    fn welcome(&mut self, stream: OwnedFd, place: usize, greeting: &Greeting) {
        let peer = match rustix::net::getpeername(&stream) {
            Ok(Some(address)) => SocketAddr::try_from(address).map_or(Peer::Unix, Peer::Tcp),
            _ => Peer::Unix,
        };
        if matches!(peer, Peer::Tcp(_)) {
            // Commands are short and waited for.
            let _ = sockopt::set_tcp_nodelay(&stream, true);
        }
        match greeting {
            Greeting::Native(access) => self.open_session(stream, place, peer, access),
            Greeting::Module => {
                let Some(listener) = self.listeners.get(place).and_then(Option::as_ref) else { return };
                let module = listener.module;
                self.with_module(module, |instance, state| instance.accepted(state, module, stream, peer));
            }
        }
    }

    /// Clients are accepted again.
    pub(crate) fn resume_listener(&mut self, place: usize) {
        let Some(listener) = self.listeners.get(place).and_then(Option::as_ref) else { return };
        for token in &listener.tokens {
            if let Err(error) = self.handle.enable(token) {
                tracing::error!(%error, "cannot listen any more");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_named_as_in_pulseaudio() {
        assert_eq!(Peer::Unix.to_string(), "UNIX socket client");
        let address = "127.0.0.1:4713".parse().unwrap();
        assert_eq!(Peer::Tcp(address).to_string(), "TCP/IP client from 127.0.0.1:4713");
    }

    #[test]
    fn any_address_means_both_families_at_one_port() {
        let ports: Vec<u16> = Bound::tcp_any(0)
            .unwrap()
            .iter()
            .map(|bound| match bound {
                Bound::Tcp(listener) => listener.local_addr().unwrap().port(),
                Bound::Unix(..) => 0,
            })
            .collect();
        assert!(!ports.is_empty() && ports.iter().all(|&port| port == ports[0] && port != 0));
    }
}
