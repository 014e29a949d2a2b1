//! Why the server does not start, or stops.

use std::io;
use std::path::PathBuf;

use sealpulse_engine::EngineError;

/// Why the server cannot start or go on. What clients do never ends in one of these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// Neither `PULSE_RUNTIME_PATH` nor `XDG_RUNTIME_DIR` is set, no socket was given, and we have no home.
    #[error(
        "neither PULSE_RUNTIME_PATH nor XDG_RUNTIME_DIR is set, and there is no home: say where the socket goes"
    )]
    NoRuntimeDirectory,
    /// The configuration has no socket.
    #[error("there is no socket to listen at")]
    NoSocket,
    /// The directory of a socket cannot be made, or others own it.
    #[error("cannot use the directory {path}: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The directory of a socket belongs to another user.
    #[error("the directory {path} belongs to user {owner}, not to us (user {user})")]
    ForeignDirectory {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        user: u32,
    },
    /// Another server answers at the socket.
    #[error("a server is running at {path} already{}", pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    AlreadyRunning {
        /// The socket.
        path: PathBuf,
        /// Its process, where the `pid` file tells.
        pid: Option<u32>,
    },
    /// There is something at the socket's path that is not a socket.
    #[error("{path} exists and is not a socket")]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// The socket cannot be made.
    #[error("cannot listen at {path}: {source}")]
    Listen {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A descriptor that was passed as a listening socket is something else.
    #[error("the passed descriptor {number} is no stream socket that listens in the file system or on TCP")]
    NotListening {
        /// Its number.
        number: i32,
    },
    /// The cookie file cannot be read or made.
    #[error("cannot use the cookie {path}: {source}")]
    Cookie {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no place for a cookie, since `HOME` is not set.
    #[error("there is no place for the cookie: HOME is not set")]
    NoHome,
    /// The null sink that was asked for cannot be made.
    #[error("cannot make the null sink from `{arguments}`: {source}")]
    NullSink {
        /// Its module arguments.
        arguments: String,
        /// What is wrong with them.
        source: crate::modules::ModuleError,
    },
    /// A script that is carried out at the start has failed.
    #[error(transparent)]
    Script(#[from] crate::script::ScriptError),
    /// Nothing was loaded: the server could not be reached, ever.
    #[error("no module is loaded: nobody could use the server")]
    NoModules,
    /// The sound threads do not start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The event loop failed.
    #[error("the event loop failed: {0}")]
    EventLoop(#[from] calloop::Error),
    /// The kernel refused something that the event loop needs.
    #[error("cannot set up the event loop: {0}")]
    Io(#[from] io::Error),
}

impl From<rustix::io::Errno> for ServerError {
    fn from(errno: rustix::io::Errno) -> Self {
        Self::Io(errno.into())
    }
}
