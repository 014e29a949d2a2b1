//! What a stream is made with.

use std::time::Duration;

use sealpulse_protocol::{FormatInfo, PropList};
use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleSpec};

use crate::error::ClientError;

/// Lengths of a stream's buffer, in bytes. [`Buffer::ANY`] leaves one to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Longest that the buffer may get.
    pub maxlength: u32,
    /// Playback: how much the server tries to have in the buffer.
    pub tlength: u32,
    /// Playback: how much has to be there before playing begins; 0: [`trigger`](crate::PlaybackStream::trigger) starts
    /// it.
    pub prebuf: u32,
    /// Playback: the least that the server asks for at a time.
    pub minreq: u32,
    /// Record: how much the server sends at a time.
    pub fragsize: u32,
}

impl Buffer {
    /// Leaves a length to the server.
    pub const ANY: u32 = u32::MAX;
}

impl Default for Buffer {
    fn default() -> Self {
        let any = Self::ANY;
        Buffer { maxlength: any, tlength: any, prebuf: any, minreq: any, fragsize: any }
    }
}

/// Wishes that most streams do not have (`pa_stream_flags_t`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the protocol")]
pub struct StreamFlags {
    /// Channels are matched by their number, not by their position.
    pub no_remap: bool,
    /// Channels that the other side lacks are dropped, not mixed into others.
    pub no_remix: bool,
    /// Take the device's sample format instead.
    pub fix_format: bool,
    /// Take the device's rate instead.
    pub fix_rate: bool,
    /// Take the device's channels instead.
    pub fix_channels: bool,
    /// Never move the stream to another device.
    pub no_move: bool,
    /// The rate will be changed.
    pub variable_rate: bool,
    /// The device's latency is chosen so that the whole comes to what the buffer says.
    pub adjust_latency: bool,
    /// Playback: the server asks as soon as `minreq` fits, rather than for latency's sake.
    pub early_requests: bool,
    /// The stream does not keep the device from being suspended.
    pub dont_inhibit_auto_suspend: bool,
    /// No stream on a suspended device; it ends when the device is suspended.
    pub fail_on_suspend: bool,
    /// The volume is relative to the device's.
    pub relative_volume: bool,
    /// The bytes go to the device as they are.
    pub passthrough: bool,
    /// Record: only the peaks are wanted, the highest sample of each stretch.
    pub peak_detect: bool,
}

/// What a stream of either direction is made with.
///
/// ```
/// use std::time::Duration;
/// use sealpulse_client::{SampleFormat, SampleSpec, StreamOptions};
/// let spec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 48_000 };
/// let options = StreamOptions::new(spec).named("Song").on("speakers").latency(Duration::from_millis(20));
/// assert_eq!(options.latency, Some(Duration::from_millis(20)));
/// ```
#[derive(Clone, Debug)]
pub struct StreamOptions {
    /// The samples.
    pub spec: SampleSpec,
    /// The channels; none: the usual ones for their number.
    pub map: Option<ChannelMap>,
    /// The sink or source by name; none: the configuration's, else the server's choice.
    pub device: Option<String>,
    /// The stream's name, which people see.
    pub name: String,
    /// More properties.
    pub properties: PropList,
    /// Lengths of the buffer.
    pub buffer: Buffer,
    /// How long from the program to the ear, or from the microphone to the program. Sets `tlength` or `fragsize`, and
    /// has the device adjust to it.
    pub latency: Option<Duration>,
    /// The volume to start with; none: the server's choice.
    pub volume: Option<ChannelVolumes>,
    /// Whether to start muted; none: the server's choice.
    pub muted: Option<bool>,
    /// Start corked.
    pub corked: bool,
    /// Other wishes.
    pub flags: StreamFlags,
    /// What the stream can be, the best first; empty: `spec` says it. Needs version 21 (playback) or 22 (record).
    pub formats: Vec<FormatInfo>,
    /// Record: this sink input alone, from its sink's monitor.
    pub sink_input: Option<u32>,
    /// Playback: streams with the same number start and cork together; none: a number of its own.
    pub sync: Option<u32>,
}

impl StreamOptions {
    /// A stream of such samples, and the server's choice otherwise.
    pub fn new(spec: SampleSpec) -> StreamOptions {
        StreamOptions {
            spec,
            map: None,
            device: None,
            name: "stream".into(),
            properties: PropList::new(),
            buffer: Buffer::default(),
            latency: None,
            volume: None,
            muted: None,
            corked: false,
            flags: StreamFlags::default(),
            formats: Vec::new(),
            sink_input: None,
            sync: None,
        }
    }

    /// With this name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// On this sink or source.
    #[must_use]
    pub fn on(mut self, device: impl Into<String>) -> Self {
        self.device = Some(device.into());
        self
    }

    /// With these channels.
    #[must_use]
    pub fn map(mut self, map: ChannelMap) -> Self {
        self.map = Some(map);
        self
    }

    /// With this much latency.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = Some(latency);
        self
    }

    /// With these lengths.
    #[must_use]
    pub fn buffer(mut self, buffer: Buffer) -> Self {
        self.buffer = buffer;
        self
    }

    /// At this volume.
    #[must_use]
    pub fn volume(mut self, volume: ChannelVolumes) -> Self {
        self.volume = Some(volume);
        self
    }

    /// Corked at first.
    #[must_use]
    pub fn corked(mut self) -> Self {
        self.corked = true;
        self
    }

    /// With these wishes.
    #[must_use]
    pub fn flags(mut self, flags: StreamFlags) -> Self {
        self.flags = flags;
        self
    }

    /// Of this sink input alone.
    #[must_use]
    pub fn of_sink_input(mut self, index: u32) -> Self {
        self.sink_input = Some(index);
        self
    }

    pub(crate) fn channels(&self) -> Result<ChannelMap, ClientError> {
        let Self { spec, .. } = self;
        let invalid = |what, value| Err(ClientError::Invalid { what, value });
        if !spec.is_valid() {
            return invalid("sample spec", format!("{spec:?}"));
        }
        let map = self.map.unwrap_or_else(|| ChannelMap::default_for(spec.channels));
        if !map.is_valid() || map.channels() != spec.channels {
            return invalid("channel map", format!("{map:?} for {} channels", spec.channels));
        }
        if let Some(volume) = self.volume.filter(|volume| volume.channels() != spec.channels) {
            return invalid("volume", format!("{volume:?} for {} channels", spec.channels));
        }
        Ok(map)
    }

    /// The buffer as it is asked for, and whether the device adjusts to it.
    pub(crate) fn wanted_buffer(&self) -> (Buffer, bool) {
        let mut buffer = self.buffer;
        let Some(latency) = self.latency else { return (buffer, self.flags.adjust_latency) };
        let usec = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let bytes = self.spec.usec_to_bytes(usec.min(3_600_000_000));
        let frame = self.spec.frame_size() as u64;
        let bytes = u32::try_from(bytes.max(frame)).unwrap_or(Buffer::ANY - 1);
        (buffer.tlength, buffer.fragsize) = (bytes, bytes);
        (buffer, true)
    }
}
