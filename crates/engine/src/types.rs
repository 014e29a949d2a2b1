//! What the control thread and the sound threads tell each other: configurations, attributes, events, timing.

use sealpulse_memory::{Block, Chunk};
use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleSpec};

/// A virtual device: a sink and its monitor, or a source that nothing feeds (silence).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(pub(crate) u32);

/// A playback stream (the sound side of a sink input).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlaybackId(pub(crate) u32);

/// A record stream (the sound side of a source output).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId(pub(crate) u32);

/// Shortest cycle of a virtual device in microseconds.
pub const MIN_LATENCY_USEC: u64 = 500;

/// Longest cycle of a virtual device in microseconds.
pub const MAX_LATENCY_USEC: u64 = 2_000_000;

/// Longest time in microseconds that recorded sound waits for a fragment to fill.
pub const MAX_CAPTURE_USEC: u64 = 100_000;

/// Longest delay in microseconds that a link can have.
pub const MAX_LINK_USEC: u64 = 30_000_000;

/// How the engine runs.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Ask the kernel for SCHED_RR at this priority (1 to 99) for sound threads. Where that is refused the
    /// threads run at normal priority and [`ThreadStats::realtime`] says so.
    pub realtime_priority: Option<u8>,
    /// Most streams (playback and record together) and devices.
    pub max_objects: u32,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self { realtime_priority: Some(5), max_objects: 4096 }
    }
}

/// What a device plays: everything that reaches its monitor is in this spec.
#[derive(Clone, Debug)]
pub struct DeviceConfig {
    /// Format, channels and rate.
    pub spec: SampleSpec,
    /// Positions of the channels; as many as `spec.channels`.
    pub map: ChannelMap,
}

/// How channels that differ between a stream and its device are matched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Remix {
    /// By position, mixing up and down (PulseAudio's default).
    #[default]
    Full,
    /// By position, without mixing (`PA_STREAM_NO_REMIX_CHANNELS`).
    NamesOnly,
    /// By index (`PA_STREAM_NO_REMAP_CHANNELS`).
    ByIndex,
}

/// Sizes of a stream's queue in bytes (`pa_buffer_attr`, playback side).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueAttr {
    /// Most that is held.
    pub maxlength: usize,
    /// What the server asks the client to keep filled.
    pub tlength: usize,
    /// What must be there before playback starts.
    pub prebuf: usize,
    /// Least amount that is asked for at once.
    pub minreq: usize,
}

/// A playback stream to be.
#[derive(Clone, Debug)]
pub struct PlaybackConfig {
    /// What the client sends.
    pub spec: SampleSpec,
    /// Positions of its channels.
    pub map: ChannelMap,
    /// Sizes, already made consistent by [`QueueAttr::sanitize`].
    pub attr: QueueAttr,
    /// Longest cycle of the device that the stream can stand, in microseconds.
    pub latency_usec: u64,
    /// Volume of each channel of the stream.
    pub volume: ChannelVolumes,
    /// Whether it starts muted.
    pub muted: bool,
    /// Whether it starts corked.
    pub corked: bool,
    /// How its channels are matched to the device's.
    pub remix: Remix,
    /// Whether [`crate::Engine::set_rate`] may be used (a resampler of its own).
    pub variable_rate: bool,
    /// A stream whose read index this one starts with (`syncid`).
    pub sync: Option<PlaybackId>,
    /// Whether it plays only while its device runs for another reason than this stream and others like it.
    pub passive: bool,
}

/// Where a record stream listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordFrom {
    /// What the device plays.
    Monitor(DeviceId),
    /// What one stream contributes to its device, after its volume (`direct_on_input`).
    Playback(PlaybackId),
}

/// A record stream to be.
#[derive(Clone, Debug)]
pub struct RecordConfig {
    /// Where it listens.
    pub from: RecordFrom,
    /// What the client wants.
    pub spec: SampleSpec,
    /// Positions of its channels.
    pub map: ChannelMap,
    /// Bytes that are handed over at once, a multiple of the frame size. It can be more when the last block that
    /// was supplied is being filled.
    pub fragsize: usize,
    /// Longest time that sound may wait before it is handed over, in microseconds; clamped to
    /// [`MIN_LATENCY_USEC`]..=[`MAX_CAPTURE_USEC`].
    pub latency_usec: u64,
    /// Volume of each channel of the stream.
    pub volume: ChannelVolumes,
    /// Whether it starts muted.
    pub muted: bool,
    /// Whether it starts corked.
    pub corked: bool,
    /// How the device's channels are matched to the stream's.
    pub remix: Remix,
    /// Whether only the peaks are wanted (`PA_STREAM_PEAK_DETECT`).
    pub peak_detect: bool,
    /// Whether [`crate::Engine::set_record_rate`] may be used.
    pub variable_rate: bool,
    /// Whether it hears what the device plays while that runs, but does not make it run.
    pub passive: bool,
}

/// Where the next bytes of a playback stream go (`pa_seek_mode_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seek {
    /// From the write index.
    Relative,
    /// From the start of the stream.
    Absolute,
    /// From the read index.
    RelativeOnRead,
    /// From the end of what is queued.
    RelativeEnd,
}

/// What a client wrote.
#[derive(Debug)]
pub enum Data {
    /// Sound, whole frames of it.
    Chunk(Chunk),
    /// So many bytes that could not be had: they are silence.
    Hole(usize),
}

/// What the sound threads tell the control thread.
#[derive(Debug)]
pub enum Event {
    /// So many more bytes should be written.
    Request {
        /// The stream.
        stream: PlaybackId,
        /// Bytes, a multiple of the frame size.
        bytes: usize,
    },
    /// The stream has run dry.
    Underflow {
        /// The stream.
        stream: PlaybackId,
        /// Where, in bytes.
        read_index: i64,
    },
    /// The client wrote more than the queue holds; what did not fit is lost.
    Overflow {
        /// The stream.
        stream: PlaybackId,
    },
    /// Playback starts, or goes on after it had stopped.
    Started {
        /// The stream.
        stream: PlaybackId,
        /// Whether it had run dry while it should have played: a gap that could be heard.
        after_underrun: bool,
    },
    /// Everything that was queued has been played.
    Drained {
        /// The stream.
        stream: PlaybackId,
        /// What [`crate::Engine::drain`] was given.
        token: u64,
    },
    /// Answer to [`crate::Engine::query_playback`].
    PlaybackTiming {
        /// The stream.
        stream: PlaybackId,
        /// What the query was given.
        token: u64,
        /// The state at that moment.
        timing: PlaybackTiming,
    },
    /// A block was filled.
    Recorded {
        /// The stream.
        stream: RecordId,
        /// The block.
        block: Block,
        /// Bytes of it that hold sound.
        length: usize,
    },
    /// No block was there to be filled: so many bytes are lost.
    RecordOverrun {
        /// The stream.
        stream: RecordId,
        /// Bytes of the stream's own format.
        bytes: u64,
    },
    /// Answer to [`crate::Engine::query_record`].
    RecordTiming {
        /// The stream.
        stream: RecordId,
        /// What the query was given.
        token: u64,
        /// The state at that moment.
        timing: RecordTiming,
    },
}

/// Where a playback stream stands (`GET_PLAYBACK_LATENCY`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlaybackTiming {
    /// Time between the read index and the loudspeaker, in microseconds.
    pub sink_usec: u64,
    /// Whether sound is being played.
    pub playing: bool,
    /// Bytes written so far.
    pub write_index: i64,
    /// Bytes consumed so far.
    pub read_index: i64,
    /// Bytes of silence since the stream ran dry; `u64::MAX` where it never played.
    pub underrun_for: u64,
    /// Bytes played since it last started.
    pub playing_for: u64,
}

/// Where a record stream stands (`GET_RECORD_LATENCY`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordTiming {
    /// How old the sound at the write index is, in microseconds.
    pub source_usec: u64,
    /// Bytes captured so far, those in a block that is not yet full and those that were lost among them.
    pub write_index: u64,
    /// Bytes that were handed over in [`Event::Recorded`].
    pub handed_over: u64,
}

/// What a device is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DeviceStats {
    /// Length of a cycle in microseconds; 0 while nothing plays or records.
    pub cycle_usec: u64,
    /// Playback streams that are not corked.
    pub streams: u32,
    /// Rate buses.
    pub buses: u32,
    /// Share of the time that rendering takes, 0 to 1, over the last cycles.
    pub load: f32,
}

/// What a sound thread is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadStats {
    /// Its name.
    pub name: &'static str,
    /// Its number in the kernel; `None` until it runs.
    pub tid: Option<i32>,
    /// How often it woke since it started.
    pub wakeups: u64,
    /// Whether it has real-time priority.
    pub realtime: bool,
}

/// What the engine can refuse.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// All slots are taken.
    #[error("no room for another object: {limit} are in use")]
    Full {
        /// How many there can be.
        limit: u32,
    },
    /// The kernel refused something that the engine needs to start.
    #[error("cannot start a sound thread: {0}")]
    Start(#[from] std::io::Error),
    /// A spec or map that cannot be played.
    #[error("cannot handle {spec} with {map_channels} channel positions")]
    BadSpec {
        /// The spec.
        spec: SampleSpec,
        /// Channels of the map.
        map_channels: u8,
    },
}
