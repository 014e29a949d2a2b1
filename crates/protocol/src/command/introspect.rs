//! What there is in the server. The commands with `List` ask for all; their reply is a row of the entries.

use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleSpec, Volume};

use super::define::tagstruct;
use crate::values::{DeviceState, PortAvailable, PortDirection, PortType, SinkFlags, SourceFlags, Usec};
use crate::{FormatInfo, PropList};

/// Steps of a volume that has no steps of its own (`PA_VOLUME_NORM + 1`).
const VOLUME_STEPS: u32 = 0x10001;

tagstruct! {
    /// Asks for the index of a sink.
    LookupSink {
        /// The sink; NULL is an invalid argument.
        name: Option<String>,
    }

    /// Asks for the index of a source.
    LookupSource {
        /// The source; NULL is an invalid argument.
        name: Option<String>,
    }

    /// Answers [`LookupSink`] and [`LookupSource`].
    LookupReply {
        /// The index.
        index: u32,
    }

    /// Asks about the server.
    GetServerInfo;

    /// Answers [`GetServerInfo`].
    ServerInfo {
        /// The server's name, `pulseaudio` in PulseAudio.
        package_name: Option<String>,
        /// Its version.
        package_version: Option<String>,
        /// The user that it runs as.
        user_name: Option<String>,
        /// The machine that it runs on.
        host_name: Option<String>,
        /// The default sample spec.
        sample_spec: SampleSpec [as KnownFormat],
        /// The default sink.
        default_sink_name: Option<String>,
        /// The default source.
        default_source_name: Option<String>,
        /// A random number that tells servers apart.
        cookie: u32,
        /// The default channel map.
        channel_map: ChannelMap [since 15],
    }

    /// Asks how much memory the server's blocks take.
    Stat;

    /// Answers [`Stat`]. Sizes are in bytes.
    StatReply {
        /// Blocks that there are.
        allocated_blocks: u32,
        /// Their size.
        allocated_size: u32,
        /// Blocks that there have ever been.
        accumulated_blocks: u32,
        /// Their size.
        accumulated_size: u32,
        /// Size of the sample cache.
        sample_cache_size: u32,
    }

    /// Asks about a sink, chosen by index or by name; neither means the default one.
    GetSinkInfo {
        /// The sink by index.
        index: Option<u32>,
        /// The sink by name.
        name: Option<String>,
    }

    /// Asks about all sinks.
    GetSinkInfoList;

    /// A sink.
    SinkInfo {
        /// Its index.
        index: u32,
        /// Its name.
        name: String,
        /// Its name for people.
        description: Option<String>,
        /// Its samples.
        sample_spec: SampleSpec [as KnownFormat],
        /// Its channels.
        channel_map: ChannelMap,
        /// The module that made it.
        owner_module: Option<u32>,
        /// Its volume.
        volume: ChannelVolumes,
        /// It is muted.
        mute: bool,
        /// The index of its monitor.
        monitor_source_index: Option<u32>,
        /// The name of its monitor.
        monitor_source_name: Option<String>,
        /// How long a sample takes to the ear.
        latency: Usec,
        /// Its driver.
        driver: Option<String>,
        /// What it can do.
        flags: SinkFlags,
        /// Its properties.
        properties: PropList [since 13],
        /// The latency as it is set.
        configured_latency: Usec [since 13],
        /// The volume at which the hardware neither amplifies nor dampens.
        base_volume: Volume [since 15],
        /// What it does.
        state: DeviceState [since 15],
        /// How many volumes the hardware has.
        volume_steps: u32 [since 15 else VOLUME_STEPS],
        /// Its card.
        card_index: Option<u32> [since 15],
        /// Its ports.
        ports: Vec<DevicePort> [since 16 as CountU32],
        /// The name of the port that is in use.
        active_port: Option<String> [since 16],
        /// The formats that it takes, at least one and at most 255; libpulse ends the connection without one.
        formats: Vec<FormatInfo> [since 21 as CountU8],
    }

    /// A port of a sink or source.
    DevicePort {
        /// Its name.
        name: String,
        /// Its name for people.
        description: Option<String>,
        /// The port with the highest is preferred.
        priority: u32,
        /// Something is plugged in.
        available: PortAvailable [since 24],
        /// Ports of the same group cannot be told apart by what is plugged in.
        availability_group: Option<String> [since 34],
        /// What it is.
        port_type: PortType [since 34],
    }

    /// Asks about a source, chosen by index or by name; neither means the default one.
    GetSourceInfo {
        /// The source by index.
        index: Option<u32>,
        /// The source by name.
        name: Option<String>,
    }

    /// Asks about all sources.
    GetSourceInfoList;

    /// A source.
    SourceInfo {
        /// Its index.
        index: u32,
        /// Its name.
        name: String,
        /// Its name for people.
        description: Option<String>,
        /// Its samples.
        sample_spec: SampleSpec [as KnownFormat],
        /// Its channels.
        channel_map: ChannelMap,
        /// The module that made it.
        owner_module: Option<u32>,
        /// Its volume.
        volume: ChannelVolumes,
        /// It is muted.
        mute: bool,
        /// The index of the sink that it monitors.
        monitor_of_sink_index: Option<u32>,
        /// The name of the sink that it monitors.
        monitor_of_sink_name: Option<String>,
        /// How long a sample takes from the microphone.
        latency: Usec,
        /// Its driver.
        driver: Option<String>,
        /// What it can do.
        flags: SourceFlags,
        /// Its properties.
        properties: PropList [since 13],
        /// The latency as it is set.
        configured_latency: Usec [since 13],
        /// The volume at which the hardware neither amplifies nor dampens.
        base_volume: Volume [since 15],
        /// What it does.
        state: DeviceState [since 15],
        /// How many volumes the hardware has.
        volume_steps: u32 [since 15 else VOLUME_STEPS],
        /// Its card.
        card_index: Option<u32> [since 15],
        /// Its ports.
        ports: Vec<DevicePort> [since 16 as CountU32],
        /// The name of the port that is in use.
        active_port: Option<String> [since 16],
        /// The formats that it gives, at least one and at most 255; libpulse ends the connection without one.
        formats: Vec<FormatInfo> [since 22 as CountU8],
    }

    /// Asks about a client.
    GetClientInfo {
        /// The client.
        index: Option<u32>,
    }

    /// Asks about all clients.
    GetClientInfoList;

    /// A client.
    ClientInfo {
        /// Its index.
        index: u32,
        /// Its name.
        name: Option<String>,
        /// The module that made it.
        owner_module: Option<u32>,
        /// Its driver.
        driver: Option<String>,
        /// Its properties.
        properties: PropList [since 13],
    }

    /// Asks about a module.
    GetModuleInfo {
        /// The module.
        index: Option<u32>,
    }

    /// Asks about all modules.
    GetModuleInfoList;

    /// A module.
    ModuleInfo {
        /// Its index.
        index: u32,
        /// Its name.
        name: String,
        /// What it was loaded with.
        argument: Option<String>,
        /// How many things use it; `u32::MAX` when that is not counted.
        used: u32,
        /// Gone; false.
        auto_unload: bool [until 15],
        /// Its properties.
        properties: PropList [since 15],
    }

    /// Asks about a sink input.
    GetSinkInputInfo {
        /// The sink input.
        index: Option<u32>,
    }

    /// Asks about all sink inputs.
    GetSinkInputInfoList;

    /// A sink input: what plays on a sink.
    SinkInputInfo {
        /// Its index.
        index: u32,
        /// Its name.
        name: Option<String>,
        /// The module that made it.
        owner_module: Option<u32>,
        /// The client that made it.
        client_index: Option<u32>,
        /// Its sink.
        sink_index: Option<u32>,
        /// Its samples.
        sample_spec: SampleSpec [as KnownFormat],
        /// Its channels.
        channel_map: ChannelMap,
        /// Its volume, if `has_volume`.
        volume: ChannelVolumes,
        /// How long a sample waits before it comes to the sink.
        buffer_latency: Usec,
        /// The sink's latency.
        sink_latency: Usec,
        /// How it is resampled.
        resample_method: Option<String>,
        /// Its driver.
        driver: Option<String>,
        /// It is muted.
        mute: bool [since 11],
        /// Its properties.
        properties: PropList [since 13],
        /// It is paused.
        corked: bool [since 19],
        /// It has a volume; what is passed through has none.
        has_volume: bool [since 20 else true],
        /// The volume can be set.
        volume_writable: bool [since 20 else true],
        /// Its format.
        format: FormatInfo [since 21],
    }

    /// Asks about a source output.
    GetSourceOutputInfo {
        /// The source output.
        index: Option<u32>,
    }

    /// Asks about all source outputs.
    GetSourceOutputInfoList;

    /// A source output: what records from a source.
    SourceOutputInfo {
        /// Its index.
        index: u32,
        /// Its name.
        name: Option<String>,
        /// The module that made it.
        owner_module: Option<u32>,
        /// The client that made it.
        client_index: Option<u32>,
        /// Its source.
        source_index: Option<u32>,
        /// Its samples.
        sample_spec: SampleSpec [as KnownFormat],
        /// Its channels.
        channel_map: ChannelMap,
        /// How long a sample waits after it has come from the source.
        buffer_latency: Usec,
        /// The source's latency.
        source_latency: Usec,
        /// How it is resampled.
        resample_method: Option<String>,
        /// Its driver.
        driver: Option<String>,
        /// Its properties.
        properties: PropList [since 13],
        /// It is paused.
        corked: bool [since 19],
        /// Its volume, if `has_volume`.
        volume: ChannelVolumes [since 22],
        /// It is muted.
        mute: bool [since 22],
        /// It has a volume; what is passed through has none.
        has_volume: bool [since 22],
        /// The volume can be set.
        volume_writable: bool [since 22],
        /// Its format.
        format: FormatInfo [since 22],
    }

    /// Asks about a card, chosen by index or by name.
    GetCardInfo {
        /// The card by index.
        index: Option<u32>,
        /// The card by name.
        name: Option<String>,
    }

    /// Asks about all cards.
    GetCardInfoList;

    /// A card.
    CardInfo {
        /// Its index.
        index: u32,
        /// Its name.
        name: String,
        /// The module that made it.
        owner_module: Option<u32>,
        /// Its driver.
        driver: Option<String>,
        /// Its profiles.
        profiles: Vec<CardProfile> [as CountU32],
        /// The name of the profile that is in use.
        active_profile: Option<String>,
        /// Its properties.
        properties: PropList,
        /// Its ports.
        ports: Vec<CardPort> [since 26 as CountU32],
    }

    /// A way to use a card.
    CardProfile {
        /// Its name.
        name: String,
        /// Its name for people.
        description: Option<String>,
        /// Sinks that it makes.
        sinks: u32,
        /// Sources that it makes.
        sources: u32,
        /// The profile with the highest is preferred.
        priority: u32,
        /// 0 when it cannot be used.
        available: u32 [since 29 else 1],
    }

    /// A port of a card.
    CardPort {
        /// Its name.
        name: String,
        /// Its name for people.
        description: Option<String>,
        /// The port with the highest is preferred.
        priority: u32,
        /// Something is plugged in.
        available: PortAvailable,
        /// Which way it goes.
        direction: PortDirection,
        /// Its properties.
        properties: PropList,
        /// The names of the profiles that have it.
        profiles: Vec<String> [as CountU32],
        /// Microseconds to add to its latency.
        latency_offset: i64 [since 27],
        /// Ports of the same group cannot be told apart by what is plugged in.
        availability_group: Option<String> [since 34],
        /// What it is.
        port_type: PortType [since 34],
    }
}
