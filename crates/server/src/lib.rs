//! The control thread of the sound server: everything that is not sound.
//!
//! One event loop with one state owns the listening sockets, the sessions of clients, the objects that they see
//! (clients, sinks, sources, sink inputs, source outputs, modules), the policy of what plays where, and the
//! status. It decodes commands, answers them as PulseAudio 16 does, and drives the
//! [engine](sealpulse_engine), which does the sound on threads of its own.
//!
//! The control thread never touches a sample: audio goes by as [chunks](sealpulse_memory::Chunk) and blocks. It
//! never blocks on a client or a sound thread: what only those know is answered when they have said it. Nothing
//! that a client sends ends anything but its own connection. While nobody plays and nobody asks, it does not wake.
//!
//! ```no_run
//! use sealpulse_server::{Config, SocketConfig, default_socket, run};
//!
//! let sockets = vec![SocketConfig::new(default_socket()?)];
//! run(Config { sockets, ..Config::default() })?;
//! # Ok::<(), sealpulse_server::ServerError>(())
//! ```
//!
//! # A turn
//!
//! The loop wakes for a socket, a ring, the engine or a signal ([`run`]). Each command changes the state at once and
//! queues its answer. At the end of the turn modules that were to go are unloaded, subscribers are told, all that
//! is queued is sent, and the engine is told in one go ([`Server::run`]).
//!
//! # Status
//!
//! Object messages to `/sealpulse` say what the server does: `pactl send-message /sealpulse status` prints a
//! [`status::Status`] as JSON.
#![forbid(unsafe_code)]

mod access;
mod activation;
mod buffer_attr;
mod config;
mod connections;
mod cookie;
mod error;
mod host;
mod listen;
mod listeners;
mod log_control;
mod modules;
mod policy;
mod queries;
mod ready;
mod registry;
mod run;
mod runtime;
mod script;
mod session;
mod sound_file;
mod state;
pub mod status;
mod store;
mod subscribe;
mod timers;
mod warn;

pub use activation::PassedSocket;
pub use config::{Config, CookieSource, Limits, SocketConfig, StartStep, default_socket, state_directory};
pub use error::ServerError;
pub use log_control::LogControl;
pub use modules::{ArgumentInfo, ArgumentValue, ModuleError, ModuleInfo, modules};
pub use run::{RunningServer, Server, run};
pub use runtime::runtime_directory;
pub use script::ScriptError;
pub use sound_file::{DecodeFailure, OpenSoundFile, SoundFile};
