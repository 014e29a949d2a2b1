//! What can go wrong between a program and its sound server.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use sealpulse_memory::MemoryError;
use sealpulse_protocol::tagstruct::TagstructError;
use sealpulse_protocol::{CommandCode, DecodeError, ErrorCode};
use sealpulse_transport::LinkError;
use thiserror::Error;

use crate::address::ServerAddress;

/// Why something that was asked of a server did not happen. Cheap to clone: all that waits on a connection is told the
/// same.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The configuration names no server that this machine could connect to.
    #[error("no server to connect to; set PULSE_SERVER or XDG_RUNTIME_DIR")]
    NoServer,
    /// No server answered at the last of the addresses.
    #[error("cannot connect to {server}: {error}")]
    Connect {
        /// Where.
        server: ServerAddress,
        /// What the system said.
        error: Arc<io::Error>,
    },
    /// The system gives no thread, or nothing to wait on.
    #[error("cannot start the client's thread: {0}")]
    Reactor(Arc<io::Error>),
    /// The server refused a command.
    #[error("{command}: {code}")]
    Server {
        /// The command.
        command: CommandCode,
        /// The server's answer.
        code: ErrorCode,
    },
    /// The server speaks a version of the protocol that is too old altogether.
    #[error("the server speaks version {version} of the protocol, at least 8 is needed")]
    Version {
        /// The server's.
        version: u32,
    },
    /// The server speaks a version of the protocol that does not have the command.
    #[error("{command} needs version {needs} of the protocol, the connection has {version}")]
    Unsupported {
        /// The command.
        command: CommandCode,
        /// The first version that has it.
        needs: u32,
        /// The version that was agreed on.
        version: u32,
    },
    /// The server sent a packet that makes no sense. The connection has failed.
    #[error("the server broke the protocol: {0}")]
    Protocol(#[from] DecodeError),
    /// The server sent an answer that makes no sense. The connection has failed.
    #[error("the server's answer to {command} makes no sense: {error}")]
    Reply {
        /// The command.
        command: CommandCode,
        /// What is wrong.
        error: TagstructError,
    },
    /// The server sent something at a moment when it makes no sense. The connection has failed.
    #[error("the server sent {command}, which does not belong there")]
    Unexpected {
        /// What it sent.
        command: CommandCode,
    },
    /// The connection broke, or its shared memory is not as it has to be. The connection has failed.
    #[error("the connection broke: {0}")]
    Transport(Arc<LinkError>),
    /// The server asks for more and more, and reads none of it. The connection has failed.
    #[error("the server does not read: {bytes} bytes wait")]
    NotRead {
        /// Bytes that wait to be sent.
        bytes: usize,
    },
    /// The server closed the connection.
    #[error("the server closed the connection")]
    Disconnected,
    /// The server did not answer in time.
    #[error("{command}: no answer within {} s", after.as_secs_f32())]
    Timeout {
        /// The command.
        command: CommandCode,
        /// How long it was waited.
        after: Duration,
    },
    /// The server ended the stream.
    #[error("the server ended the stream")]
    Killed,
    /// Nothing is connected: [`Context::reconnect`](crate::Context::reconnect) was not called, or is not done.
    #[error("not connected")]
    NotConnected,
    /// The callback of the stream panicked; the stream has ended.
    #[error("the stream's callback panicked")]
    CallbackPanicked,
    /// The samples do not fit where they were put.
    #[error(transparent)]
    Memory(Arc<MemoryError>),
    /// A sample spec, a channel map or a length that no server would take.
    #[error("{what} is not valid: {value}")]
    Invalid {
        /// What.
        what: &'static str,
        /// What it was.
        value: String,
    },
}

impl From<LinkError> for ClientError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Closed => Self::Disconnected,
            other => Self::Transport(Arc::new(other)),
        }
    }
}

impl From<MemoryError> for ClientError {
    fn from(error: MemoryError) -> Self {
        Self::Memory(Arc::new(error))
    }
}

impl From<ClientError> for io::Error {
    fn from(error: ClientError) -> Self {
        let kind = match &error {
            ClientError::Disconnected | ClientError::NotConnected => io::ErrorKind::NotConnected,
            ClientError::Killed | ClientError::CallbackPanicked => io::ErrorKind::BrokenPipe,
            ClientError::Timeout { .. } => io::ErrorKind::TimedOut,
            ClientError::Invalid { .. } | ClientError::Memory(_) => io::ErrorKind::InvalidInput,
            ClientError::Connect { error, .. } => error.kind(),
            ClientError::Server { code: ErrorCode::Access, .. } => io::ErrorKind::PermissionDenied,
            ClientError::Server { code: ErrorCode::NoEntity, .. } => io::ErrorKind::NotFound,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}
