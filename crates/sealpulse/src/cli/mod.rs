//! The command line. The build script compiles these files too, for man pages and completions, so they use clap and
//! nothing else of the program.

mod media;
mod sound;
pub(crate) mod time;
mod tools;
mod value;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::media::PlotOptions;
pub(crate) use self::sound::{PlayOptions, RecordOptions};
pub(crate) use self::tools::{
    DefaultOptions, DeviceKind, ListKind, ListOptions, LoadOptions, MoveOptions, MuteOptions, MuteState,
    ServerOption, StatusOptions, TopOptions, UnloadOptions, VolumeOptions,
};
pub(crate) use self::value::{Step, VolumeValue};

/// A sound server for PulseAudio applications, whose audio travels in sealed memory.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  sealpulse serve                       serve at $XDG_RUNTIME_DIR/pulse/native, with a null sink
  sealpulse serve --socket /run/a/native --auth-anonymous
                                        serve whoever can connect to that socket
  sealpulse top                         watch who plays, and how
  sealpulse volume Firefox 50%          make an application quieter
  sealpulse move Firefox headphones     let it play elsewhere
  sealpulse load null-sink sink_name=a  make a device
  PULSE_SERVER=unix:/run/a/native paplay sound.wav
                                        play to a server at a path of its own";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the sound server until SIGTERM or SIGINT
    Serve(ServeOptions),
    /// Say what is wrong with a configuration, without starting anything
    CheckConfig(CheckConfigOptions),
    /// Show clients, devices and streams of a running server
    Status(StatusOptions),
    /// Watch devices, streams and clients, full-screen
    Top(TopOptions),
    /// List devices, streams, clients, modules
    List(ListOptions),
    /// Load a module
    Load(LoadOptions),
    /// Unload a module
    Unload(UnloadOptions),
    /// Move a stream to another device
    Move(MoveOptions),
    /// Show or set the default devices
    Default(DefaultOptions),
    /// Show or set the volume of a device or stream
    Volume(VolumeOptions),
    /// Mute a device or stream
    Mute(MuteOptions),
    /// Start a private server and have six real applications play to it at once
    Demo(DemoOptions),
    /// Play audio files
    Play(PlayOptions),
    /// Record a device, what a sink plays, or one application
    Record(RecordOptions),
    /// Draw a recording's waveform and spectrogram
    Plot(PlotOptions),
}

#[derive(Debug, Args)]
#[command(after_help = "\
The command line wins over the configuration, which docs/configuration.md describes.")]
pub(crate) struct ServeOptions {
    /// Read this configuration [default: sealpulse/config.toml in ~/.config, else in /etc]
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    pub(crate) config: Option<PathBuf>,

    /// Read no configuration
    #[arg(long)]
    pub(crate) no_config: bool,

    /// Listen at this path instead of $PULSE_RUNTIME_PATH/native or $XDG_RUNTIME_DIR/pulse/native; may be repeated
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Vec<PathBuf>,

    /// Let everybody in who can connect to the sockets
    #[arg(long)]
    pub(crate) auth_anonymous: bool,

    /// Keep the authentication cookie in this file [default: $PULSE_COOKIE, else ~/.config/pulse/cookie]
    #[arg(long, value_name = "FILE", conflicts_with = "no_cookie")]
    pub(crate) cookie: Option<PathBuf>,

    /// Accept no cookie: only clients of the same user get in
    #[arg(long)]
    pub(crate) no_cookie: bool,

    /// Write a newline to this inherited file descriptor when clients can connect
    #[arg(long, value_name = "N")]
    pub(crate) ready_fd: Option<i32>,

    /// Have a null sink with these module arguments from the start [default: one without arguments]
    #[arg(long, value_name = "ARGUMENTS", conflicts_with = "no_null_sink")]
    pub(crate) null_sink: Option<String>,

    /// Start without the null sink
    #[arg(long)]
    pub(crate) no_null_sink: bool,

    /// Do not let clients load and unload modules
    #[arg(long)]
    pub(crate) disallow_module_loading: bool,

    /// Do not let clients end the server
    #[arg(long)]
    pub(crate) disallow_exit: bool,

    /// Run sound threads at normal priority
    #[arg(long)]
    pub(crate) no_realtime: bool,

    /// What to log, to standard error [default: warn]
    #[arg(long, value_enum)]
    pub(crate) log_level: Option<LogLevel>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Debug, Args)]
pub(crate) struct CheckConfigOptions {
    /// The file [default: what `sealpulse serve` reads]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Print a configuration to start from: all settings with their defaults, as comments
    #[arg(long, conflicts_with_all = ["file", "json"])]
    pub(crate) template: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DemoOptions {
    /// Seconds that each application plays, about
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) seconds: u64,

    /// Keep the recording of the monitor in this file
    #[arg(long, value_name = "FILE.wav")]
    pub(crate) keep_recording: Option<PathBuf>,

    /// Exit after the summary even on a terminal
    #[arg(long)]
    pub(crate) exit: bool,
}
