//! The way to a server: the socket, and the first two commands.

use std::future::poll_fn;
use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use sealpulse_protocol::command::{Auth, AuthReply, SetClientName};
use sealpulse_protocol::{
    COOKIE_LENGTH, CommandCode, Cookie, MIN_VERSION, VERSION, VersionWord, decode_reply, encode_command,
};
use sealpulse_protocol::{NO_TAG, command::RegisterMemfdShmid};
use sealpulse_transport::{Link, LinkConfig, Side, TransportKind};

use crate::address::ServerAddress;
use crate::config::Config;
use crate::connection::{Connection, Inner, State};
use crate::context;
use crate::error::ClientError;
use crate::pending::Kind;
use crate::reactor::lock;

/// Bytes of a block of the shared pool: the largest that PulseAudio sends.
pub(crate) const SLOT_SIZE: usize = 64 * 1024;

/// As many blocks as the server can hold at a time, and a few to fill meanwhile; and what the configuration may make
/// of it.
const SLOTS: usize = 160;
const SLOTS_MIN: usize = 2;
const SLOTS_MAX: usize = 4096;

/// How long to try one address of a host.
const TCP_TIMEOUT: Duration = Duration::from_secs(10);

/// First versions that tell by a flag whether shared memory is possible, and that have any.
const SHM_FLAG_SINCE: u32 = 13;
const SHM_SINCE: u32 = 10;

/// Connects to the first server that answers, and introduces us.
pub(crate) async fn establish(connection: &Arc<Connection>) -> Result<(), ClientError> {
    let result = introduce(connection).await;
    if let Err(error) = &result {
        connection.fail(error.clone());
    }
    result
}

async fn introduce(connection: &Arc<Connection>) -> Result<(), ClientError> {
    let config = &connection.config;
    for warning in &config.warnings {
        tracing::warn!(%warning, "left out of the configuration");
    }
    let (link, server) = open_any(config).await?;
    let local = matches!(server, ServerAddress::Unix(_));
    connection.with(|inner, _| inner.start(link, server))?;
    let version = config.max_version.clamp(MIN_VERSION, VERSION);
    let shm = local && config.shm && version >= SHM_FLAG_SINCE;
    let version = VersionWord { version, shm, memfd: shm && config.memfd };
    let cookie = config.cookie.clone().unwrap_or(Cookie([0; COOKIE_LENGTH]));
    connection.call(&Auth { version, cookie }, Kind::Authentication, true)?.await?;

    let properties = config.client_properties();
    let name = properties.get_str("application.name").map(str::to_owned);
    let reply = context::ask(connection, SetClientName { name, properties }, true).await?;
    connection.with(|inner, turn| {
        inner.client_index = reply.client_index;
        inner.set_state(State::Ready, turn);
        Ok(())
    })
}

impl Inner {
    /// The server let us in: agrees on the version and on shared memory, before anything else is looked at.
    pub(crate) fn authenticated(
        &mut self,
        content: &[u8],
        server_uid: Option<u32>,
    ) -> Result<(), ClientError> {
        let broken = |error| ClientError::Reply { command: CommandCode::Auth, error };
        let reply: AuthReply = decode_reply(content, VERSION).map_err(broken)?;
        let word = reply.version;
        if word.version < MIN_VERSION {
            return Err(ClientError::Version { version: word.version });
        }
        self.version = word.version.min(self.config.max_version.clamp(MIN_VERSION, VERSION));
        let local = matches!(self.server, Some(ServerAddress::Unix(_)));
        // Only with a server of our own user, whose memory it is anyway.
        let own = server_uid == Some(rustix::process::getuid().as_raw());
        // Versions without the flag take shared memory for granted.
        let wanted = self.config.shm || self.version < SHM_FLAG_SINCE;
        let offered = word.shm || (SHM_SINCE..SHM_FLAG_SINCE).contains(&self.version);
        if !(local && own && wanted && offered) {
            return Ok(());
        }
        let memfd = self.config.memfd && word.memfd;
        let kind = if memfd { TransportKind::Memfd } else { TransportKind::PosixShm };
        let Some(link) = &mut self.link else { return Ok(()) };
        link.enable(kind);
        for (shm_id, fd) in link.pools_to_register()? {
            let packet = encode_command(NO_TAG, &RegisterMemfdShmid { shm_id }, self.version);
            link.send_packet_with_fds(packet, vec![fd]);
        }
        Ok(())
    }
}

async fn open_any(config: &Config) -> Result<(Link, ServerAddress), ClientError> {
    let mut last = ClientError::NoServer;
    let slots = config.shm_size.map_or(SLOTS, |size| (size as usize / SLOT_SIZE).clamp(SLOTS_MIN, SLOTS_MAX));
    let link_config = LinkConfig { side: Side::Client, slot_size: SLOT_SIZE, slots, ..LinkConfig::default() };
    for server in &config.servers {
        let opened = match server {
            ServerAddress::Unix(path) => open_unix(path, config.timeout).await,
            ServerAddress::Tcp { .. } => {
                let server = server.clone();
                elsewhere(move || open_tcp(&server)).await
            }
        };
        match opened.and_then(|stream| Link::new(stream, &link_config)) {
            Ok(link) => return Ok((link, server.clone())),
            Err(error) => {
                last = ClientError::Connect { server: server.clone(), error: Arc::new(error) };
            }
        }
    }
    Err(last)
}

async fn open_unix(path: &Path, timeout: Duration) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    match connect(&socket, &SocketAddrUnix::new(path)?) {
        Ok(()) => Ok(socket),
        // So many wait to be let in that the server's queue is full.
        Err(Errno::AGAIN) => {
            let path = path.to_owned();
            elsewhere(move || open_unix_patiently(&path, timeout)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Waits until the server lets somebody in.
fn open_unix_patiently(path: &Path, timeout: Duration) -> io::Result<OwnedFd> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // For connecting, too. None at all would mean for ever.
    let timeout = timeout.max(Duration::from_millis(1));
    sockopt::set_socket_timeout(&socket, Timeout::Send, Some(timeout))?;
    match connect(&socket, &SocketAddrUnix::new(path)?) {
        Err(Errno::AGAIN) => Err(io::ErrorKind::TimedOut.into()),
        connected => Ok(connected.map(|()| socket)?),
    }
}

fn open_tcp(server: &ServerAddress) -> io::Result<OwnedFd> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in server.resolve()? {
        match TcpStream::connect_timeout(&address, TCP_TIMEOUT) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream.into());
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Does what may block on a thread of its own.
async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    struct Slot<T> {
        result: Option<io::Result<T>>,
        waker: Option<Waker>,
    }
    let slot = Arc::new(Mutex::new(Slot { result: None, waker: None }));
    let there = Arc::clone(&slot);
    std::thread::Builder::new().name("sealpulse-connect".into()).spawn(move || {
        let result = work();
        let waker = {
            let mut slot = lock(&there);
            slot.result = Some(result);
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    })?;
    poll_fn(|context| {
        let mut slot = lock(&slot);
        match slot.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                slot.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    })
    .await
}
