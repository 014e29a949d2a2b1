//! What the server is told at its start.

use std::env;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use sealpulse_engine::EngineConfig;
use sealpulse_spec::{ChannelMap, SampleFormat, SampleSpec};

use crate::log_control::LogControl;
use crate::sound_file::OpenSoundFile;
use crate::{PassedSocket, ServerError, runtime_directory};

/// A socket to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketConfig {
    /// Where the socket is made. Its directory is made too (mode 0700) where it is missing.
    pub path: PathBuf,
    /// Whether everybody who can connect may use the server (`auth-anonymous` of
    /// `module-native-protocol-unix`).
    pub auth_anonymous: bool,
}

impl SocketConfig {
    /// A socket that asks for the usual authentication.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), auth_anonymous: false }
    }
}

/// Something that is carried out at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartStep {
    /// A script, as `default.pa`.
    File(PathBuf),
    /// One line of a script, as `load-module module-null-sink`.
    Command(String),
    /// A module, and where the configuration asks for it.
    Module {
        /// Its name.
        name: String,
        /// Its arguments, as `load-module` takes them.
        arguments: String,
        /// `FILE:LINE`, for messages.
        origin: String,
    },
}

/// Where the 256 bytes are that a client of another user proves itself with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CookieSource {
    /// PulseAudio's rules: `$PULSE_COOKIE`, else `cookie` in the configuration directory
    /// (`$XDG_CONFIG_HOME/pulse` or `~/.config/pulse`), else `~/.pulse-cookie`; made where there is none.
    #[default]
    Default,
    /// This file; made where it is missing.
    File(PathBuf),
    /// No cookie is accepted.
    Disabled,
}

/// How much of the server one client, or all of them, can take. Reaching a limit is an error to that client
/// alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Clients at once; further ones are closed as soon as they connect. PulseAudio stops at 64, too few for
    /// meeting recorders and game sessions; each client holds about eight file descriptors.
    pub clients: usize,
    /// Playback and record streams of one client (`PA_ERR_TOOLARGE`).
    pub streams_per_client: usize,
    /// Streams on one sink, and on one source (`PA_ERR_TOOLARGE`). PulseAudio stops at 256.
    pub streams_per_device: usize,
    /// Bytes of all samples in the cache, those that are being sent, and their properties (`PA_ERR_TOOLARGE`). A single
    /// sample may have 16 MiB, as in PulseAudio, which has no limit for all.
    pub sample_bytes: usize,
    /// Loaded modules (`PA_ERR_MODINITFAILED`).
    pub modules: usize,
    /// Bytes that wait for a client that does not read. Beyond that it is disconnected: it either hangs or
    /// means harm. Recorded sound stops being queued far earlier.
    pub queued_bytes: usize,
    /// Bytes of all keys and values of one property list (`PA_ERR_TOOLARGE`): a value may have 64 KiB, as in
    /// PulseAudio, and each stream has a copy of its client's list.
    pub proplist_bytes: usize,
    /// Questions of one client that wait for a sound thread (latency, lists): far more than a well-behaved
    /// client asks at once. Beyond that it gets `PA_ERR_BUSY`.
    pub pending_queries: usize,
    /// Time that a client has for its authentication (`AUTH_TIMEOUT`).
    pub auth_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 1024,
            streams_per_client: 1024,
            streams_per_device: 2048,
            sample_bytes: 128 << 20,
            modules: 256,
            queued_bytes: 8 << 20,
            proplist_bytes: 128 << 10,
            pending_queries: 256,
            auth_timeout: Duration::from_secs(60),
        }
    }
}

/// Everything that [`crate::run`] needs to know.
#[derive(Debug)]
pub struct Config {
    /// Where clients connect. The first is the main one: `pid` is written beside it.
    pub sockets: Vec<SocketConfig>,
    /// Listening sockets that were there before the server (socket activation). One of them is used wherever a socket
    /// at its path or port is asked for, by [`Config::sockets`] or by a module.
    pub passed_sockets: Vec<PassedSocket>,
    /// The authentication cookie.
    pub cookie: CookieSource,
    /// A group whose members are let in by sockets that do not say (`auth-group` of `module-native-protocol-unix`).
    pub auth_group: Option<String>,
    /// Gets one newline as soon as the server accepts connections, and is closed then.
    pub ready_fd: Option<OwnedFd>,
    /// Whether to tell the service manager over `$NOTIFY_SOCKET` (sd_notify).
    pub notify: bool,
    /// Whether SIGTERM and SIGINT end the server. Leave it off where the server is one thread among others.
    pub handle_signals: bool,
    /// Where modules keep what outlives the server: volumes, restore rules, default devices. It is made (mode 0700)
    /// when something is saved. `None` forgets all at the end.
    pub state_directory: Option<PathBuf>,
    /// What is carried out at the start: scripts and commands of PulseAudio's script language, in their order.
    pub start: Vec<StartStep>,
    /// Whether the server does not start where one of them fails; otherwise that is logged.
    pub start_strictly: bool,
    /// Where the `pid` file goes where there is no configured socket to put it beside.
    pub pid_file: Option<PathBuf>,
    /// The server ends when nobody has been connected for so long; `None` for never.
    pub exit_idle_time: Option<Duration>,
    /// Opens the sound files that scripts load and play; `None` refuses them.
    pub open_sound_file: Option<OpenSoundFile>,
    /// The log of the program that the server runs in, as far as scripts change it; `None` where they cannot.
    pub log: Option<Box<dyn LogControl>>,
    /// How long a lazily loaded sample stays in memory when it is not played (`scache-idle-time`).
    pub sample_idle_time: Duration,
    /// Whether a null sink is there from the start, as if by `load-module module-null-sink` with these
    /// arguments.
    pub null_sink: Option<String>,
    /// Format, rate and channels of devices that do not say (`default-sample-format`, …).
    pub default_spec: SampleSpec,
    /// Channel map of devices that do not say.
    pub default_map: ChannelMap,
    /// The other rate that an unused device may switch to when a stream fits it better
    /// (`alternate-sample-rate`).
    pub alternate_rate: u32,
    /// Whether clients may end the server (`pactl exit`).
    pub allow_exit: bool,
    /// Whether clients may load and unload modules.
    pub allow_module_loading: bool,
    /// SCHED_RR priority of the control thread, 1 to 99, below that of the sound threads: between a sound thread's
    /// request and a client's answer it must not wait for whatever else the machine does. Where the kernel refuses
    /// it, or for `None`, there is the nice level.
    pub realtime_priority: Option<u8>,
    /// The nice level of the control thread, -20 (first in line) to 19: what clients write must not wait for
    /// whatever else the machine does. Where the kernel refuses it, the level stays as it is.
    pub nice_level: Option<i32>,
    /// Limits of clients.
    pub limits: Limits,
    /// The sound threads.
    pub engine: EngineConfig,
}

impl Default for Config {
    /// No socket yet, nothing kept, a null sink, PulseAudio's defaults (s16le, two channels, 44,100 Hz).
    fn default() -> Self {
        Self {
            sockets: Vec::new(),
            passed_sockets: Vec::new(),
            cookie: CookieSource::Default,
            auth_group: None,
            ready_fd: None,
            notify: true,
            handle_signals: true,
            state_directory: None,
            start: Vec::new(),
            start_strictly: true,
            pid_file: None,
            exit_idle_time: None,
            open_sound_file: None,
            log: None,
            sample_idle_time: Duration::from_secs(20),
            null_sink: Some(String::new()),
            default_spec: SampleSpec { format: NATIVE_S16, channels: 2, rate: 44_100 },
            default_map: ChannelMap::stereo(),
            alternate_rate: 48_000,
            allow_exit: true,
            allow_module_loading: true,
            realtime_priority: Some(1),
            // PulseAudio's.
            nice_level: Some(-11),
            limits: Limits::default(),
            engine: EngineConfig::default(),
        }
    }
}

/// Signed 16 bit in the byte order of this machine.
const NATIVE_S16: SampleFormat =
    if cfg!(target_endian = "little") { SampleFormat::S16Le } else { SampleFormat::S16Be };

/// The default socket, `native` in [`runtime_directory`].
///
/// # Errors
/// As [`runtime_directory`].
pub fn default_socket() -> Result<PathBuf, ServerError> {
    Ok(runtime_directory()?.join("native"))
}

/// The usual directory for what outlives the server: `sealpulse` in `$XDG_STATE_HOME`, else in `~/.local/state`;
/// `None` where neither that variable nor `HOME` is set.
pub fn state_directory() -> Option<PathBuf> {
    let base = path_variable("XDG_STATE_HOME").filter(|path| path.is_absolute());
    let base = base.or_else(|| path_variable("HOME").map(|home| home.join(".local/state")));
    base.map(|base| base.join("sealpulse"))
}

/// A variable of the environment that holds a path; empty is as good as not set.
pub(crate) fn path_variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
