//! Control of devices and of any stream.

use sealpulse_spec::ChannelVolumes;

use super::define::tagstruct;

tagstruct! {
    /// Sets the volume of a sink, chosen by index or by name.
    SetSinkVolume {
        /// The sink by index.
        index: Option<u32>,
        /// The sink by name.
        name: Option<String>,
        /// One volume for all channels, or one for each.
        volume: ChannelVolumes,
    }

    /// Sets the volume of a source, chosen by index or by name.
    SetSourceVolume {
        /// The source by index.
        index: Option<u32>,
        /// The source by name.
        name: Option<String>,
        /// One volume for all channels, or one for each.
        volume: ChannelVolumes,
    }

    /// Sets the volume of a sink input.
    SetSinkInputVolume {
        /// The sink input.
        index: Option<u32>,
        /// One volume for all channels, or one for each.
        volume: ChannelVolumes,
    }

    /// Sets the volume of a source output.
    SetSourceOutputVolume {
        /// The source output.
        index: Option<u32>,
        /// One volume for all channels, or one for each.
        volume: ChannelVolumes,
    }

    /// Mutes a sink, chosen by index or by name, or lets it sound.
    SetSinkMute {
        /// The sink by index.
        index: Option<u32>,
        /// The sink by name.
        name: Option<String>,
        /// Mute.
        mute: bool,
    }

    /// Mutes a source, chosen by index or by name, or lets it sound.
    SetSourceMute {
        /// The source by index.
        index: Option<u32>,
        /// The source by name.
        name: Option<String>,
        /// Mute.
        mute: bool,
    }

    /// Mutes a sink input, or lets it sound.
    SetSinkInputMute {
        /// The sink input.
        index: Option<u32>,
        /// Mute.
        mute: bool,
    }

    /// Mutes a source output, or lets it sound.
    SetSourceOutputMute {
        /// The source output.
        index: Option<u32>,
        /// Mute.
        mute: bool,
    }

    /// Suspends or resumes a sink, chosen by index or by name; an empty name means all.
    SuspendSink {
        /// The sink by index.
        index: Option<u32>,
        /// The sink by name.
        name: Option<String>,
        /// Suspend.
        suspend: bool,
    }

    /// Suspends or resumes a source, chosen by index or by name; an empty name means all.
    SuspendSource {
        /// The source by index.
        index: Option<u32>,
        /// The source by name.
        name: Option<String>,
        /// Suspend.
        suspend: bool,
    }

    /// Moves a sink input to a sink, chosen by index or by name.
    MoveSinkInput {
        /// The sink input.
        index: Option<u32>,
        /// The sink by index.
        sink_index: Option<u32>,
        /// The sink by name.
        sink_name: Option<String>,
    }

    /// Moves a source output to a source, chosen by index or by name.
    MoveSourceOutput {
        /// The source output.
        index: Option<u32>,
        /// The source by index.
        source_index: Option<u32>,
        /// The source by name.
        source_name: Option<String>,
    }

    /// Makes a sink the default one.
    SetDefaultSink {
        /// The sink; `@NONE@` leaves the choice to the server.
        name: Option<String>,
    }

    /// Makes a source the default one.
    SetDefaultSource {
        /// The source; `@NONE@` leaves the choice to the server.
        name: Option<String>,
    }

    /// Ends a client's connection.
    KillClient {
        /// The client.
        index: Option<u32>,
    }

    /// Ends a sink input.
    KillSinkInput {
        /// The sink input.
        index: Option<u32>,
    }

    /// Ends a source output.
    KillSourceOutput {
        /// The source output.
        index: Option<u32>,
    }

    /// Switches a sink, chosen by index or by name, to another port.
    SetSinkPort {
        /// The sink by index.
        index: Option<u32>,
        /// The sink by name.
        name: Option<String>,
        /// The port's name; NULL is an invalid argument.
        port: Option<String>,
    }

    /// Switches a source, chosen by index or by name, to another port.
    SetSourcePort {
        /// The source by index.
        index: Option<u32>,
        /// The source by name.
        name: Option<String>,
        /// The port's name; NULL is an invalid argument.
        port: Option<String>,
    }

    /// Switches a card, chosen by index or by name, to another profile.
    SetCardProfile {
        /// The card by index.
        index: Option<u32>,
        /// The card by name.
        name: Option<String>,
        /// The profile's name; NULL is an invalid argument.
        profile: Option<String>,
    }

    /// Says how much later, or earlier, sound leaves a card's port than the hardware reports.
    SetPortLatencyOffset {
        /// The card by index.
        index: Option<u32>,
        /// The card by name.
        name: Option<String>,
        /// The port's name; NULL is an invalid argument.
        port: Option<String>,
        /// Microseconds.
        offset: i64,
    }
}
