//! Control of devices, cards, and of any stream, whoever it belongs to. Each method is one command.
//!
//! All can fail as [`Context::request`] does, and with [`ClientError::Server`]:
//! [`NoEntity`](crate::ErrorCode::NoEntity) where there is none of that index or name,
//! [`Invalid`](crate::ErrorCode::Invalid) where an argument is out of its range,
//! [`Access`](crate::ErrorCode::Access) where the server does not let this client do it.

use sealpulse_protocol::command::{
    KillClient, KillSinkInput, KillSourceOutput, MoveSinkInput, MoveSourceOutput, SetCardProfile,
    SetDefaultSink, SetDefaultSource, SetPortLatencyOffset, SetSinkInputMute, SetSinkInputVolume,
    SetSinkMute, SetSinkPort, SetSinkVolume, SetSourceMute, SetSourceOutputMute, SetSourceOutputVolume,
    SetSourcePort, SetSourceVolume, SuspendSink, SuspendSource,
};
use sealpulse_spec::ChannelVolumes;

use crate::selector::text;
use crate::{ClientError, Context, Selector};

/// # Volumes, and where streams go
///
/// A volume is one for each channel, or a single [`Volume`](crate::Volume) for all. It is cubic:
/// [`Volume::from_linear`](crate::Volume::from_linear) makes one of a factor for the samples.
///
/// ```no_run
/// use sealpulse_client::{Config, Context, Selector, Volume, Wait};
///
/// let context = Context::connect(Config::from_env()?).wait()?;
/// context.set_sink_volume(Selector::DEFAULT_SINK, Volume(Volume::NORM.0 / 2)).wait()?;
/// for stream in context.sink_inputs().wait()? {
///     if stream.properties.get_str("application.name") == Some("mplayer") {
///         context.move_sink_input(stream.index, "headset").wait()?;
///         context.set_sink_input_mute(stream.index, false).wait()?;
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Context {
    /// Sets a sink's volume: one for all channels, or as many as the sink has. PipeWire would take the one for that of
    /// the first channel, so it is looked up first how many there are.
    pub async fn set_sink_volume(
        &self,
        sink: impl Into<Selector>,
        volume: impl Into<ChannelVolumes>,
    ) -> Result<(), ClientError> {
        let (sink, mut volume) = (sink.into(), valid(volume.into())?);
        if volume.channels() == 1 {
            volume = volume.spread(self.sink(sink.clone()).await?.volume.channels());
        }
        let (index, name) = sink.split("sink")?;
        self.request(SetSinkVolume { index, name, volume }).await.map(drop)
    }

    /// Sets a source's volume: one for all channels, or as many as the source has. PipeWire would take the one for that of
    /// the first channel, so it is looked up first how many there are.
    pub async fn set_source_volume(
        &self,
        source: impl Into<Selector>,
        volume: impl Into<ChannelVolumes>,
    ) -> Result<(), ClientError> {
        let (source, mut volume) = (source.into(), valid(volume.into())?);
        if volume.channels() == 1 {
            volume = volume.spread(self.source(source.clone()).await?.volume.channels());
        }
        let (index, name) = source.split("source")?;
        self.request(SetSourceVolume { index, name, volume }).await.map(drop)
    }

    /// Sets a sink input's volume: one for all channels, or as many as the stream has. One that has no volume
    /// (`volume_writable` says so) answers [`BadState`](crate::ErrorCode::BadState).
    pub async fn set_sink_input_volume(
        &self,
        index: u32,
        volume: impl Into<ChannelVolumes>,
    ) -> Result<(), ClientError> {
        let volume = valid(volume.into())?;
        self.request(SetSinkInputVolume { index: Some(index), volume }).await.map(drop)
    }

    /// Sets a source output's volume: one for all channels, or as many as the stream has. Needs version 22.
    pub async fn set_source_output_volume(
        &self,
        index: u32,
        volume: impl Into<ChannelVolumes>,
    ) -> Result<(), ClientError> {
        let volume = valid(volume.into())?;
        self.request(SetSourceOutputVolume { index: Some(index), volume }).await.map(drop)
    }

    /// Mutes a sink, or lets it sound.
    pub async fn set_sink_mute(&self, sink: impl Into<Selector>, mute: bool) -> Result<(), ClientError> {
        let (index, name) = sink.into().split("sink")?;
        self.request(SetSinkMute { index, name, mute }).await.map(drop)
    }

    /// Mutes a source, or lets it sound.
    pub async fn set_source_mute(&self, source: impl Into<Selector>, mute: bool) -> Result<(), ClientError> {
        let (index, name) = source.into().split("source")?;
        self.request(SetSourceMute { index, name, mute }).await.map(drop)
    }

    /// Mutes a sink input, or lets it sound. Needs version 11.
    pub async fn set_sink_input_mute(&self, index: u32, mute: bool) -> Result<(), ClientError> {
        self.request(SetSinkInputMute { index: Some(index), mute }).await.map(drop)
    }

    /// Mutes a source output, or lets it sound. Needs version 22.
    pub async fn set_source_output_mute(&self, index: u32, mute: bool) -> Result<(), ClientError> {
        self.request(SetSourceOutputMute { index: Some(index), mute }).await.map(drop)
    }

    /// Suspends a sink, which stops all that plays on it and lets go of the hardware, or resumes it. Needs
    /// version 11.
    pub async fn suspend_sink(&self, sink: impl Into<Selector>, suspend: bool) -> Result<(), ClientError> {
        let (index, name) = sink.into().split("sink")?;
        self.request(SuspendSink { index, name, suspend }).await.map(drop)
    }

    /// Suspends or resumes a source. A monitor, which goes with its sink, answers
    /// [`Invalid`](crate::ErrorCode::Invalid). Needs version 11.
    pub async fn suspend_source(
        &self,
        source: impl Into<Selector>,
        suspend: bool,
    ) -> Result<(), ClientError> {
        let (index, name) = source.into().split("source")?;
        self.request(SuspendSource { index, name, suspend }).await.map(drop)
    }

    /// Suspends or resumes all sinks. PipeWire cannot, and answers [`NoEntity`](crate::ErrorCode::NoEntity). Needs
    /// version 11.
    pub async fn suspend_all_sinks(&self, suspend: bool) -> Result<(), ClientError> {
        self.request(SuspendSink { index: None, name: ALL, suspend }).await.map(drop)
    }

    /// Suspends or resumes all sources but monitors. PipeWire cannot, and answers
    /// [`NoEntity`](crate::ErrorCode::NoEntity). Needs version 11.
    pub async fn suspend_all_sources(&self, suspend: bool) -> Result<(), ClientError> {
        self.request(SuspendSource { index: None, name: ALL, suspend }).await.map(drop)
    }

    /// Moves a sink input to a sink. One that will not be moved answers [`Invalid`](crate::ErrorCode::Invalid).
    /// Needs version 10.
    pub async fn move_sink_input(&self, index: u32, sink: impl Into<Selector>) -> Result<(), ClientError> {
        let (sink_index, sink_name) = sink.into().split("sink")?;
        self.request(MoveSinkInput { index: Some(index), sink_index, sink_name }).await.map(drop)
    }

    /// Moves a source output to a source. One that will not be moved answers
    /// [`Invalid`](crate::ErrorCode::Invalid). Needs version 10.
    pub async fn move_source_output(
        &self,
        index: u32,
        source: impl Into<Selector>,
    ) -> Result<(), ClientError> {
        let (source_index, source_name) = source.into().split("source")?;
        self.request(MoveSourceOutput { index: Some(index), source_index, source_name }).await.map(drop)
    }

    /// Ends a sink input. Its client is told.
    pub async fn kill_sink_input(&self, index: u32) -> Result<(), ClientError> {
        self.request(KillSinkInput { index: Some(index) }).await.map(drop)
    }

    /// Ends a source output. Its client is told.
    pub async fn kill_source_output(&self, index: u32) -> Result<(), ClientError> {
        self.request(KillSourceOutput { index: Some(index) }).await.map(drop)
    }

    /// Ends a client's connection. This client's own ends too, with or without an answer before.
    pub async fn kill_client(&self, index: u32) -> Result<(), ClientError> {
        self.request(KillClient { index: Some(index) }).await.map(drop)
    }

    /// Makes a sink the default one; `@NONE@` leaves the choice to the server again, where it knows that
    /// (PulseAudio 17, sealpulse).
    pub async fn set_default_sink(&self, name: &str) -> Result<(), ClientError> {
        let name = Some(text("sink", name)?);
        self.request(SetDefaultSink { name }).await.map(drop)
    }

    /// Makes a source the default one; `@NONE@` leaves the choice to the server again, where it knows that
    /// (PulseAudio 17, sealpulse).
    pub async fn set_default_source(&self, name: &str) -> Result<(), ClientError> {
        let name = Some(text("source", name)?);
        self.request(SetDefaultSource { name }).await.map(drop)
    }

    /// Switches a sink to another of its ports, by name. One that has none answers
    /// [`NotImplemented`](crate::ErrorCode::NotImplemented). Needs version 16.
    pub async fn set_sink_port(&self, sink: impl Into<Selector>, port: &str) -> Result<(), ClientError> {
        let ((index, name), port) = (sink.into().split("sink")?, Some(text("port", port)?));
        self.request(SetSinkPort { index, name, port }).await.map(drop)
    }

    /// Switches a source to another of its ports, by name. One that has none answers
    /// [`NotImplemented`](crate::ErrorCode::NotImplemented). Needs version 16.
    pub async fn set_source_port(&self, source: impl Into<Selector>, port: &str) -> Result<(), ClientError> {
        let ((index, name), port) = (source.into().split("source")?, Some(text("port", port)?));
        self.request(SetSourcePort { index, name, port }).await.map(drop)
    }

    /// Switches a card to another of its profiles, by name. Needs version 15.
    pub async fn set_card_profile(
        &self,
        card: impl Into<Selector>,
        profile: &str,
    ) -> Result<(), ClientError> {
        let ((index, name), profile) = (card.into().split("card")?, Some(text("profile", profile)?));
        self.request(SetCardProfile { index, name, profile }).await.map(drop)
    }

    /// Says how many microseconds later than the hardware reports (earlier where negative) sound leaves a card's
    /// port. Needs version 27.
    pub async fn set_port_latency_offset(
        &self,
        card: impl Into<Selector>,
        port: &str,
        offset: i64,
    ) -> Result<(), ClientError> {
        let ((index, name), port) = (card.into().split("card")?, Some(text("port", port)?));
        self.request(SetPortLatencyOffset { index, name, port, offset }).await.map(drop)
    }
}

/// The name that means all devices to the two suspending commands.
const ALL: Option<String> = Some(String::new());

/// Volumes that a server can take.
fn valid(volume: ChannelVolumes) -> Result<ChannelVolumes, ClientError> {
    if volume.is_valid() {
        Ok(volume)
    } else {
        Err(ClientError::Invalid { what: "volume", value: format!("{volume:?}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Volume;

    #[test]
    fn volumes_are_looked_at_before_they_go_out() {
        assert!(valid(Volume::NORM.into()).is_ok());
        assert!(valid(ChannelVolumes::all(0, Volume::NORM)).is_err());
        assert!(valid(Volume(u32::MAX).into()).is_err());
    }
}
