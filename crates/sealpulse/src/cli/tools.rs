//! The options of the tools that ask and control a server.

use clap::{Args, ValueEnum};

use super::VolumeValue;

/// Which server.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ServerOption {
    /// The server, such as unix:/run/a/native, /run/a/native or tcp:host:4713 [default: $PULSE_SERVER, else the user's
    /// own]
    // The first releases of `status` called it --socket.
    #[arg(long, value_name = "SERVER", alias = "socket")]
    pub(crate) server: Option<String>,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sealpulse status                      who plays, and how
  sealpulse status --json | jq '.clients[] | select(.underruns > 0)'
                                        programs that had gaps
  sealpulse status --server /run/a/native
                                        the same of another server

Also asks PulseAudio and pipewire-pulse, which leave columns empty (null in JSON).")]
pub(crate) struct StatusOptions {
    /// Print the whole status as JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: ServerOption,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Keys:
  up, down, k, j    choose a line           Tab, Shift-Tab  go to the next table
  +, -, right, left volume by 5 %           m               mute
  v                 move the stream         x, Delete       end the stream or client
  d                 make it the default     a               show monitors too
  ?, h              help                    q, Ctrl-C       quit

Examples:
  sealpulse top
  sealpulse top --server unix:/run/a/native")]
pub(crate) struct TopOptions {
    #[command(flatten)]
    pub(crate) server: ServerOption,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum ListKind {
    /// Devices that play
    Sinks,
    /// Devices that record
    Sources,
    /// Streams that play
    SinkInputs,
    /// Streams that record
    SourceOutputs,
    /// Programs that are connected
    Clients,
    /// Loaded modules
    Modules,
    /// Sounds in the sample cache
    Samples,
    /// Sound cards
    Cards,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sealpulse list                        everything there is
  sealpulse list sinks                  the devices that play
  sealpulse list sink-inputs --json | jq -r '.[].properties[\"application.name\"]'
                                        the names of the programs that play")]
pub(crate) struct ListOptions {
    /// What to list [default: all]
    pub(crate) kind: Option<ListKind>,

    /// Print everything that is known as JSON; the keys are those of `pactl --format=json`
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: ServerOption,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Prints the index of the new module.

Examples:
  sealpulse load null-sink sink_name=meeting rate=48000
  sealpulse load module-null-sink 'sink_properties=device.description=\"My sink\"'
                                        values with spaces are quoted for the server")]
pub(crate) struct LoadOptions {
    /// The module; `module-` may be left out
    #[arg(value_name = "MODULE")]
    pub(crate) module: String,

    /// Its arguments, such as sink_name=a
    #[arg(value_name = "NAME=VALUE")]
    pub(crate) arguments: Vec<String>,

    /// Print {"index": N}
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: ServerOption,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sealpulse unload 7                    the module with this index
  sealpulse unload meeting              the module that made the device `meeting`
  sealpulse unload null-sink --all      all modules of this name")]
pub(crate) struct UnloadOptions {
    /// The module by index, by name, or by the name of a device that it made
    #[arg(value_name = "MODULE")]
    pub(crate) module: String,

    /// If the name fits several modules, unload them all
    #[arg(long)]
    pub(crate) all: bool,

    #[command(flatten)]
    pub(crate) server: ServerOption,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sealpulse move Firefox headphones     all by name, as far as that is enough to tell them apart
  sealpulse move sink-input/7 @DEFAULT_SINK@
  sealpulse move 12 alsa_input.usb-mic  what records moves to sources")]
pub(crate) struct MoveOptions {
    /// The stream: index, application's name, title, or sink-input/INDEX, source-output/INDEX
    #[arg(value_name = "STREAM")]
    pub(crate) stream: String,

    /// Where to: name, index, description, @DEFAULT_SINK@, @DEFAULT_SOURCE@, @DEFAULT_MONITOR@
    #[arg(value_name = "DEVICE")]
    pub(crate) device: String,

    #[command(flatten)]
    pub(crate) server: ServerOption,
}

/// Which default device.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum DeviceKind {
    /// Where programs play
    Sink,
    /// From where programs record
    Source,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sealpulse default                     show both
  sealpulse default sink                show where programs play
  sealpulse default sink headphones     let them play there
  sealpulse default source meeting.monitor")]
pub(crate) struct DefaultOptions {
    /// Which [default: both]
    #[arg(value_name = "KIND")]
    pub(crate) kind: Option<DeviceKind>,

    /// The new default device: name, index or description
    #[arg(value_name = "NAME", requires = "kind")]
    pub(crate) name: Option<String>,

    /// Print {"default_sink_name": NAME, "default_source_name": NAME}
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: ServerOption,
}

const TARGETS: &str = "\
A target is a name (of a device, an application, or what it plays), a part of one that fits nothing else, an index,
or KIND/NAME or KIND/INDEX, where KIND is sink, source, sink-input or source-output. @DEFAULT_SINK@, @DEFAULT_SOURCE@
and @DEFAULT_MONITOR@ are the default devices.";

#[derive(Args, Debug)]
#[command(after_help = format!("\
Volumes: 50% sets, +5% and -3dB change, 0dB and =-20dB set, as do numbers from 0 to 65536 (100 %). A change keeps the
balance. 100%,50% is for the left and the right channel.

{TARGETS}

Examples:
  sealpulse volume @DEFAULT_SINK@       show it
  sealpulse volume @DEFAULT_SINK@ 50%
  sealpulse volume Firefox +5%
  sealpulse volume sink-input/7 -3dB
  sealpulse volume headphones 100%,80%"))]
pub(crate) struct VolumeOptions {
    /// The device or stream
    #[arg(value_name = "TARGET")]
    pub(crate) target: String,

    /// The new volume: 50%, +5%, -3dB, 0dB, 0 to 65536 [default: show it]
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    pub(crate) value: Option<VolumeValue>,

    /// Print the volume as JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: ServerOption,
}

/// What to do about the sound.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum MuteState {
    /// Silent
    On,
    /// Sounds
    Off,
    /// The other of both
    Toggle,
}

#[derive(Args, Debug)]
#[command(after_help = format!("\
{TARGETS}

Examples:
  sealpulse mute Firefox
  sealpulse mute Firefox off
  sealpulse mute @DEFAULT_SOURCE@ toggle"))]
pub(crate) struct MuteOptions {
    /// The device or stream
    #[arg(value_name = "TARGET")]
    pub(crate) target: String,

    /// Silent or not
    #[arg(value_name = "STATE", value_enum, default_value_t = MuteState::On)]
    pub(crate) state: MuteState,

    #[command(flatten)]
    pub(crate) server: ServerOption,
}
