//! All settings, declared.

use sealpulse_server::{CookieSource, SocketConfig, StartStep};
use tracing::Level;

use super::Configuration;
use super::setting::{Kind, Setting};

/// Settings that stand together, as `[name]`.
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
    pub(super) settings: &'static [Setting<Configuration>],
}

const fn setting<T>(
    key: &'static str,
    kind: Kind<T>,
    default: &'static str,
    text: &'static str,
) -> Setting<T> {
    Setting { key, kind, default, text }
}

const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];

const LEVEL_VALUES: [Level; 5] = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];

pub(super) static SECTIONS: &[Section] = &[
    Section {
        name: "server",
        text: "The server as a whole.",
        settings: &[
            setting(
                "null-sink",
                Kind::Boolean(|to, yes| to.server.null_sink = yes.then(String::new)),
                "true",
                "Whether a null sink is there from the start, before the modules below.",
            ),
            setting(
                "scripts",
                Kind::Paths(|to, paths| to.server.start.extend(paths.into_iter().map(StartStep::File))),
                "[]",
                "Scripts in PulseAudio's language, as `default.pa`, carried out after the modules below are loaded.",
            ),
            setting(
                "exit-idle-time",
                Kind::TimeOrNever(|to, time| to.server.exit_idle_time = time),
                "\"never\"",
                "The server ends when no client has been connected for so long.",
            ),
            setting(
                "allow-exit",
                Kind::Boolean(|to, yes| to.server.allow_exit = yes),
                "true",
                "Whether clients may end the server (`pactl exit`).",
            ),
            setting(
                "allow-module-loading",
                Kind::Boolean(|to, yes| to.server.allow_module_loading = yes),
                "true",
                "Whether clients may load and unload modules.",
            ),
            setting(
                "cookie",
                Kind::PathOrNone(|to, path| {
                    to.server.cookie = path.map_or(CookieSource::Disabled, CookieSource::File);
                }),
                "`$PULSE_COOKIE`, else `~/.config/pulse/cookie`",
                "The file by which clients of other users get in; `false` keeps them out.",
            ),
            setting(
                "state-directory",
                Kind::PathOrNone(|to, path| to.server.state_directory = path),
                "`$XDG_STATE_HOME/sealpulse`, else `~/.local/state/sealpulse`",
                "Where volumes, restore rules and default devices are kept; `false` forgets them at the end.",
            ),
            setting(
                "log-level",
                Kind::Word(LEVELS, |to, place| to.log_level = LEVEL_VALUES[place]),
                "\"warn\"",
                "What to log, to standard error.",
            ),
        ],
    },
    Section {
        name: "devices",
        text: "What devices are that do not say.",
        settings: &[
            setting(
                "format",
                Kind::Format(|to, format| to.server.default_spec.format = format),
                "\"s16le\"",
                "Sample format; by default in the byte order of the machine.",
            ),
            setting(
                "rate",
                Kind::Number(1, sealpulse_spec::RATE_MAX as i64, |to, rate| {
                    to.server.default_spec.rate = u32::try_from(rate).unwrap_or(sealpulse_spec::RATE_MAX);
                }),
                "44100",
                "Sample rate in Hz.",
            ),
            setting(
                "alternate-rate",
                Kind::Number(1, sealpulse_spec::RATE_MAX as i64, |to, rate| {
                    to.server.alternate_rate = u32::try_from(rate).unwrap_or(sealpulse_spec::RATE_MAX);
                }),
                "48000",
                "The other rate, to which an unused device may switch where a stream fits it better.",
            ),
            setting(
                "channels",
                Kind::Number(1, sealpulse_spec::CHANNELS_MAX as i64, |to, channels| {
                    to.channels = u8::try_from(channels).ok();
                }),
                "2",
                "Number of channels.",
            ),
            setting(
                "channel-map",
                Kind::Map(|to, map| to.map = Some(map)),
                "the usual one",
                "Positions of the channels.",
            ),
        ],
    },
    Section {
        name: "threads",
        text: "How the threads run. Where the kernel refuses what is asked for, they run at normal priority; `sealpulse status` shows it.",
        settings: &[
            setting(
                "nice-level",
                Kind::Number(-20, 19, |to, level| to.server.nice_level = i32::try_from(level).ok()),
                "-11",
                "Nice level of the control thread.",
            ),
            setting(
                "realtime-priority",
                Kind::Number(2, 99, |to, priority| {
                    to.server.engine.realtime_priority = u8::try_from(priority).ok();
                }),
                "5",
                "Priority (`SCHED_RR`) of the sound threads; the control thread has 1.",
            ),
            setting(
                "realtime",
                Kind::Boolean(|to, yes| {
                    if !yes {
                        (to.server.realtime_priority, to.server.engine.realtime_priority) = (None, None);
                    }
                }),
                "true",
                "Whether to ask for realtime priority at all.",
            ),
        ],
    },
    Section {
        name: "limits",
        text: "How much of the server one client, or all of them, can take. Reaching a limit is an error to that client alone.",
        settings: &[
            setting(
                "clients",
                Kind::Count(|to, count| to.server.limits.clients = count),
                "1024",
                "Clients at once; each holds about eight file descriptors.",
            ),
            setting(
                "streams-per-client",
                Kind::Count(|to, count| to.server.limits.streams_per_client = count),
                "1024",
                "Playback and record streams of one client.",
            ),
            setting(
                "streams-per-device",
                Kind::Count(|to, count| to.server.limits.streams_per_device = count),
                "2048",
                "Streams on one sink, and on one source.",
            ),
            setting(
                "modules",
                Kind::Count(|to, count| to.server.limits.modules = count),
                "256",
                "Loaded modules.",
            ),
            setting(
                "objects",
                Kind::Number(16, 65_536, |to, count| {
                    to.server.engine.max_objects = u32::try_from(count).unwrap_or(u32::MAX);
                }),
                "4096",
                "Streams and devices of the whole server.",
            ),
            setting(
                "samples",
                Kind::Size(|to, bytes| to.server.limits.sample_bytes = bytes),
                "\"128 MiB\"",
                "All samples in the cache, and those that are being sent.",
            ),
            setting(
                "properties",
                Kind::Size(|to, bytes| to.server.limits.proplist_bytes = bytes),
                "\"128 KiB\"",
                "Keys and values of one property list.",
            ),
            setting(
                "queue",
                Kind::Size(|to, bytes| to.server.limits.queued_bytes = bytes),
                "\"8 MiB\"",
                "What waits for a client that does not read, before it is disconnected.",
            ),
            setting(
                "pending-queries",
                Kind::Count(|to, count| to.server.limits.pending_queries = count),
                "256",
                "Questions of one client that wait for a sound thread.",
            ),
            setting(
                "auth-timeout",
                Kind::Time(|to, time| to.server.limits.auth_timeout = time),
                "\"60s\"",
                "Time that a client has to prove who it is.",
            ),
        ],
    },
];

/// Settings of a `[[socket]]`.
pub(super) static SOCKET: &[Setting<SocketConfig>] = &[
    setting(
        "path",
        Kind::Path(|to, path| to.path = path),
        "required",
        "Where the socket is made; its folder is made too (mode 0700) where it is missing.",
    ),
    setting(
        "anonymous",
        Kind::Boolean(|to, yes| to.auth_anonymous = yes),
        "false",
        "Whether everybody gets in who can connect.",
    ),
];
