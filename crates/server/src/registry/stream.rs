//! Sink inputs and source outputs: the streams of clients and modules.

use sealpulse_engine::{PlaybackId, RecordId};
use sealpulse_protocol::{FormatInfo, PropList};
use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleSpec};

use crate::buffer_attr::{LatencyMode, PlaybackAttr, RecordAttr};
use crate::session::SessionKey;

/// What a client asked for when it made a stream, as far as it matters later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamFlags {
    pub(crate) variable_rate: bool,
    pub(crate) dont_move: bool,
    pub(crate) kill_on_suspend: bool,
    pub(crate) passthrough: bool,
    /// It does not keep its device from being suspended when nobody else uses it.
    pub(crate) dont_inhibit_auto_suspend: bool,
    /// Who made it said on which device.
    pub(crate) device_requested: bool,
    /// For lists alone, as all that follow.
    pub(crate) start_corked: bool,
    pub(crate) no_remap: bool,
    pub(crate) no_remix: bool,
    pub(crate) fix_format: bool,
    pub(crate) fix_rate: bool,
    pub(crate) fix_channels: bool,
}

impl StreamFlags {
    /// Their names as PulseAudio lists them, each with a space behind it. What ends when its device is suspended is not
    /// made on a suspended one either; that is called `not_made`.
    pub(crate) fn names(self, not_made: &'static str) -> String {
        let all = [
            (self.variable_rate, "VARIABLE_RATE "),
            (self.dont_move, "DONT_MOVE "),
            (self.start_corked, "START_CORKED "),
            (self.no_remap, "NO_REMAP "),
            (self.no_remix, "NO_REMIX "),
            (self.fix_format, "FIX_FORMAT "),
            (self.fix_rate, "FIX_RATE "),
            (self.fix_channels, "FIX_CHANNELS "),
            (self.dont_inhibit_auto_suspend, "DONT_INHIBIT_AUTO_SUSPEND "),
            (self.kill_on_suspend, not_made),
            (self.kill_on_suspend, "KILL_ON_SUSPEND "),
            (self.passthrough, "PASSTHROUGH "),
        ];
        all.into_iter().filter_map(|(set, name)| set.then_some(name)).collect()
    }
}

/// What of a device or a stream its user has set, or was remembered: modules keep that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ByUser {
    pub(crate) volume: bool,
    pub(crate) muted: bool,
}

/// Whose a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A client's, who calls it `channel`.
    Client { session: SessionKey, channel: u32 },
    /// The module's that the stream names, for a client of the module's own protocol if `client` is one.
    Module { client: Option<u32> },
    /// Nobody's: a sample that is played, which ends by itself.
    Sample,
}

impl Owner {
    /// The client and what it calls the stream.
    pub(crate) fn client(self) -> Option<(SessionKey, u32)> {
        match self {
            Self::Client { session, channel } => Some((session, channel)),
            Self::Module { .. } | Self::Sample => None,
        }
    }

    /// The index of the client that shows as the stream's.
    pub(crate) fn client_index(self) -> Option<u32> {
        match self {
            Self::Client { session, .. } => Some(session.client()),
            Self::Module { client } => client,
            Self::Sample => None,
        }
    }

    pub(crate) fn is_module(self) -> bool {
        matches!(self, Self::Module { .. })
    }

    /// The client.
    pub(crate) fn session(self) -> Option<SessionKey> {
        self.client().map(|(session, _)| session)
    }
}

/// A playback stream.
#[derive(Debug)]
pub(crate) struct SinkInput {
    pub(crate) owner: Owner,
    /// The module that made it, or by whose socket its client came.
    pub(crate) module: Option<u32>,
    /// Source file name in PulseAudio.
    pub(crate) driver: &'static str,
    pub(crate) sink: u32,
    pub(crate) stream: PlaybackId,
    pub(crate) spec: SampleSpec,
    pub(crate) map: ChannelMap,
    pub(crate) format: FormatInfo,
    pub(crate) proplist: PropList,
    pub(crate) volume: ChannelVolumes,
    /// What modules, by their index, turn it up or down by.
    pub(crate) factors: Vec<(u32, ChannelVolumes)>,
    pub(crate) muted: bool,
    pub(crate) by_user: ByUser,
    pub(crate) corked: bool,
    pub(crate) flags: StreamFlags,
    /// Streams of one client with the same `syncid` start, cork and flush together.
    pub(crate) syncid: u32,
    pub(crate) resample_method: Option<&'static str>,
    pub(crate) latency_mode: LatencyMode,
    /// What the client asked for; a move works it out again.
    pub(crate) asked_attr: PlaybackAttr,
    pub(crate) attr: PlaybackAttr,
    /// The part of the latency that the sink has, in microseconds.
    pub(crate) latency_usec: u64,
    /// The sink that a user moved it to, by name.
    pub(crate) preferred_sink: Option<String>,
    /// The tag of the drain that waits for its end.
    pub(crate) drain: Option<u32>,
    /// Gaps that could be heard.
    pub(crate) underruns: u64,
    /// Source outputs that listen to this stream alone.
    pub(crate) direct_outputs: Vec<u32>,
    /// The sink whose sound it carries on (a remapped or combined one): it must not end up there.
    pub(crate) origin_sink: Option<u32>,
}

/// What a source output listens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordOrigin {
    /// All of a source.
    Source,
    /// One sink input (`direct_on_input`).
    SinkInput(u32),
}

/// A record stream.
#[derive(Debug)]
pub(crate) struct SourceOutput {
    pub(crate) owner: Owner,
    /// The module that made it, or by whose socket its client came.
    pub(crate) module: Option<u32>,
    /// Source file name in PulseAudio.
    pub(crate) driver: &'static str,
    pub(crate) source: u32,
    pub(crate) origin: RecordOrigin,
    pub(crate) stream: RecordId,
    pub(crate) spec: SampleSpec,
    pub(crate) map: ChannelMap,
    pub(crate) format: FormatInfo,
    pub(crate) proplist: PropList,
    pub(crate) volume: ChannelVolumes,
    pub(crate) muted: bool,
    pub(crate) by_user: ByUser,
    pub(crate) corked: bool,
    pub(crate) flags: StreamFlags,
    pub(crate) resample_method: Option<&'static str>,
    pub(crate) peak_detect: bool,
    pub(crate) latency_mode: LatencyMode,
    pub(crate) asked_attr: RecordAttr,
    pub(crate) attr: RecordAttr,
    /// The source that carries on what it records: it must not end up there.
    pub(crate) destination_source: Option<u32>,
    /// The source's part of the latency in microseconds; 0 where the client does not mind.
    pub(crate) latency_usec: u64,
    pub(crate) preferred_source: Option<String>,
    /// Bytes that were sent to the client.
    pub(crate) sent: u64,
    /// Bytes that were lost since the client did not take them.
    pub(crate) lost: u64,
    /// Blocks that the engine has, to fill.
    pub(crate) supplied: usize,
}
