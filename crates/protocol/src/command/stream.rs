//! Playback and record streams: what a client does with its own.

use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleSpec};

use super::define::tagstruct;
use crate::values::{Timeval, UpdateMode, Usec};
use crate::{FormatInfo, PropList};

tagstruct! {
    /// Makes a playback stream.
    ///
    /// Lengths are in bytes; `u32::MAX` (and, since version 13, 0) leaves the choice to the server.
    CreatePlaybackStream {
        /// The stream's name; later versions have it in the properties (`media.name`).
        name: Option<String> [until 13],
        /// The samples; `None` where `formats` says it.
        sample_spec: Option<SampleSpec>,
        /// The channels; may be empty where `formats` says it.
        channel_map: ChannelMap,
        /// The sink by index.
        sink_index: Option<u32>,
        /// The sink by name.
        sink_name: Option<String>,
        /// Longest the buffer may get.
        maxlength: u32,
        /// The stream starts corked.
        corked: bool,
        /// How much the server tries to have in the buffer.
        tlength: u32,
        /// How much has to be there before playing begins.
        prebuf: u32,
        /// The least that the server asks for.
        minreq: u32,
        /// Streams with the same number start and cork together.
        sync_id: u32,
        /// The volume, if `volume_set`.
        volume: ChannelVolumes,
        /// Channels are matched by their number, not by their position.
        no_remap: bool [since 12],
        /// Channels that the sink lacks are dropped, not mixed into others.
        no_remix: bool [since 12],
        /// Take the sink's sample format instead.
        fix_format: bool [since 12],
        /// Take the sink's rate instead.
        fix_rate: bool [since 12],
        /// Take the sink's channels instead.
        fix_channels: bool [since 12],
        /// Never move the stream to another sink.
        no_move: bool [since 12],
        /// The rate will be changed.
        variable_rate: bool [since 12],
        /// The stream starts muted, if `muted_set`.
        muted: bool [since 13],
        /// The sink's latency is chosen so that the whole comes to `tlength`.
        adjust_latency: bool [since 13],
        /// The stream's properties.
        properties: PropList [since 13],
        /// `volume` counts.
        volume_set: bool [since 14 else true],
        /// The server asks as soon as `minreq` fits, rather than for latency's sake.
        early_requests: bool [since 14],
        /// `muted` counts; PulseAudio takes a set `muted` for this too.
        muted_set: bool [since 15],
        /// The stream does not keep the sink from being suspended.
        dont_inhibit_auto_suspend: bool [since 15],
        /// No stream on a suspended sink; it ends when the sink is suspended.
        fail_on_suspend: bool [since 15],
        /// `volume` is relative to the sink's.
        relative_volume: bool [since 17],
        /// The bytes go to the device as they are.
        passthrough: bool [since 18],
        /// What the stream can be, the best first; empty: `sample_spec` says it.
        formats: Vec<FormatInfo> [since 21 as CountU8],
    }

    /// Answers [`CreatePlaybackStream`].
    CreatePlaybackStreamReply {
        /// The channel of the stream's commands and blocks.
        channel: u32,
        /// The index of the sink input.
        sink_input_index: u32,
        /// Bytes that the server asks for at once.
        missing: u32,
        /// Longest the buffer may get, in bytes.
        maxlength: u32 [since 9],
        /// How much the server tries to have in the buffer, in bytes.
        tlength: u32 [since 9],
        /// How much has to be there before playing begins, in bytes.
        prebuf: u32 [since 9],
        /// The least that the server asks for, in bytes.
        minreq: u32 [since 9],
        /// The samples as they are now.
        sample_spec: Option<SampleSpec> [since 12],
        /// The channels as they are now.
        channel_map: ChannelMap [since 12],
        /// The sink's index.
        sink_index: Option<u32> [since 12],
        /// The sink's name.
        sink_name: Option<String> [since 12],
        /// The sink is suspended.
        suspended: bool [since 12],
        /// The sink's latency as it is set.
        sink_latency: Usec [since 13],
        /// The format as it was negotiated.
        format: FormatInfo [since 21],
    }

    /// Makes a record stream.
    ///
    /// Lengths are in bytes; `u32::MAX` (and, since version 13, 0) leaves the choice to the server.
    CreateRecordStream {
        /// The stream's name; later versions have it in the properties (`media.name`).
        name: Option<String> [until 13],
        /// The samples; `None` where `formats` says it.
        sample_spec: Option<SampleSpec>,
        /// The channels; may be empty where `formats` says it.
        channel_map: ChannelMap,
        /// The source by index.
        source_index: Option<u32>,
        /// The source by name.
        source_name: Option<String>,
        /// Longest the buffer may get.
        maxlength: u32,
        /// The stream starts corked.
        corked: bool,
        /// How much the server sends at a time.
        fragsize: u32,
        /// Channels are matched by their number, not by their position.
        no_remap: bool [since 12],
        /// Channels that the stream lacks are dropped, not mixed into others.
        no_remix: bool [since 12],
        /// Take the source's sample format instead.
        fix_format: bool [since 12],
        /// Take the source's rate instead.
        fix_rate: bool [since 12],
        /// Take the source's channels instead.
        fix_channels: bool [since 12],
        /// Never move the stream to another source.
        no_move: bool [since 12],
        /// The rate will be changed.
        variable_rate: bool [since 12],
        /// Only the peaks are wanted: the highest sample of each stretch.
        peak_detect: bool [since 13],
        /// The source's latency is chosen so that it comes to `fragsize`.
        adjust_latency: bool [since 13],
        /// The stream's properties.
        properties: PropList [since 13],
        /// Record this sink input alone, from its sink's monitor.
        direct_on_input: Option<u32> [since 13],
        /// Fragments of `fragsize` for the sake of their size, not of latency.
        early_requests: bool [since 14],
        /// The stream does not keep the source from being suspended.
        dont_inhibit_auto_suspend: bool [since 15],
        /// No stream on a suspended source; it ends when the source is suspended.
        fail_on_suspend: bool [since 15],
        /// What the stream can be, the best first; empty: `sample_spec` says it.
        formats: Vec<FormatInfo> [since 22 as CountU8],
        /// The volume, if `volume_set`.
        volume: ChannelVolumes [since 22],
        /// The stream starts muted, if `muted_set`.
        muted: bool [since 22],
        /// `volume` counts.
        volume_set: bool [since 22],
        /// `muted` counts.
        muted_set: bool [since 22],
        /// `volume` is relative to the source's.
        relative_volume: bool [since 22],
        /// The bytes come from the device as they are.
        passthrough: bool [since 22],
    }

    /// Answers [`CreateRecordStream`].
    CreateRecordStreamReply {
        /// The channel of the stream's commands and blocks.
        channel: u32,
        /// The index of the source output.
        source_output_index: u32,
        /// Longest the buffer may get, in bytes.
        maxlength: u32 [since 9],
        /// How much the server sends at a time, in bytes.
        fragsize: u32 [since 9],
        /// The samples as they are now.
        sample_spec: Option<SampleSpec> [since 12],
        /// The channels as they are now.
        channel_map: ChannelMap [since 12],
        /// The source's index.
        source_index: Option<u32> [since 12],
        /// The source's name.
        source_name: Option<String> [since 12],
        /// The source is suspended.
        suspended: bool [since 12],
        /// The source's latency as it is set.
        source_latency: Usec [since 13],
        /// The format as it was negotiated.
        format: FormatInfo [since 22],
    }

    /// Ends a playback stream.
    DeletePlaybackStream {
        /// The stream.
        channel: u32,
    }

    /// Ends a record stream.
    DeleteRecordStream {
        /// The stream.
        channel: u32,
    }

    /// Answered when all that is in the buffer has been played.
    DrainPlaybackStream {
        /// The stream.
        channel: u32,
    }

    /// Asks for the timing of a playback stream.
    GetPlaybackLatency {
        /// The stream.
        channel: u32,
        /// The client's time; comes back in the reply.
        time: Timeval,
    }

    /// Answers [`GetPlaybackLatency`].
    PlaybackLatency {
        /// From the stream's queue to the ear.
        sink_latency: Usec,
        /// Always 0.
        source_latency: Usec,
        /// The stream plays.
        playing: bool,
        /// The client's time, from the request.
        local_time: Timeval,
        /// The server's time.
        remote_time: Timeval,
        /// Bytes written since the stream began.
        write_index: i64,
        /// Bytes read since the stream began.
        read_index: i64,
        /// Bytes that the sink wanted since the stream ran dry.
        underrun_for: u64 [since 13],
        /// Bytes played since the stream last ran dry.
        playing_for: u64 [since 13],
    }

    /// Asks for the timing of a record stream.
    GetRecordLatency {
        /// The stream.
        channel: u32,
        /// The client's time; comes back in the reply.
        time: Timeval,
    }

    /// Answers [`GetRecordLatency`].
    RecordLatency {
        /// The latency of the sink, if the source is its monitor.
        monitor_latency: Usec,
        /// From the microphone to the stream's queue.
        source_latency: Usec,
        /// The stream records.
        recording: bool,
        /// The client's time, from the request.
        local_time: Timeval,
        /// The server's time.
        remote_time: Timeval,
        /// Bytes written since the stream began.
        write_index: i64,
        /// Bytes read since the stream began.
        read_index: i64,
    }

    /// Pauses a playback stream, or lets it go on.
    CorkPlaybackStream {
        /// The stream.
        channel: u32,
        /// Pause.
        cork: bool,
    }

    /// Drops what is in a playback stream's buffer.
    FlushPlaybackStream {
        /// The stream.
        channel: u32,
    }

    /// Starts a playback stream before its `prebuf` is there.
    TriggerPlaybackStream {
        /// The stream.
        channel: u32,
    }

    /// Stops a playback stream until its `prebuf` is there.
    PrebufPlaybackStream {
        /// The stream.
        channel: u32,
    }

    /// Pauses a record stream, or lets it go on.
    CorkRecordStream {
        /// The stream.
        channel: u32,
        /// Pause.
        cork: bool,
    }

    /// Drops what a record stream has not sent yet.
    FlushRecordStream {
        /// The stream.
        channel: u32,
    }

    /// Names a playback stream.
    SetPlaybackStreamName {
        /// The stream.
        channel: u32,
        /// The name; NULL is an invalid argument.
        name: Option<String>,
    }

    /// Names a record stream.
    SetRecordStreamName {
        /// The stream.
        channel: u32,
        /// The name; NULL is an invalid argument.
        name: Option<String>,
    }

    /// Changes the lengths of a playback stream, in bytes as in [`CreatePlaybackStream`].
    SetPlaybackStreamBufferAttr {
        /// The stream.
        channel: u32,
        /// Longest the buffer may get.
        maxlength: u32,
        /// How much the server tries to have in the buffer.
        tlength: u32,
        /// How much has to be there before playing begins.
        prebuf: u32,
        /// The least that the server asks for.
        minreq: u32,
        /// As in [`CreatePlaybackStream`].
        adjust_latency: bool [since 13],
        /// As in [`CreatePlaybackStream`].
        early_requests: bool [since 14],
    }

    /// Answers [`SetPlaybackStreamBufferAttr`] with what was chosen, in bytes.
    SetPlaybackStreamBufferAttrReply {
        /// Longest the buffer may get.
        maxlength: u32,
        /// How much the server tries to have in the buffer.
        tlength: u32,
        /// How much has to be there before playing begins.
        prebuf: u32,
        /// The least that the server asks for.
        minreq: u32,
        /// The sink's latency as it is set.
        sink_latency: Usec [since 13],
    }

    /// Changes the lengths of a record stream, in bytes as in [`CreateRecordStream`].
    SetRecordStreamBufferAttr {
        /// The stream.
        channel: u32,
        /// Longest the buffer may get.
        maxlength: u32,
        /// How much the server sends at a time.
        fragsize: u32,
        /// As in [`CreateRecordStream`].
        adjust_latency: bool [since 13],
        /// As in [`CreateRecordStream`].
        early_requests: bool [since 14],
    }

    /// Answers [`SetRecordStreamBufferAttr`] with what was chosen, in bytes.
    SetRecordStreamBufferAttrReply {
        /// Longest the buffer may get.
        maxlength: u32,
        /// How much the server sends at a time.
        fragsize: u32,
        /// The source's latency as it is set.
        source_latency: Usec [since 13],
    }

    /// Changes the rate of a playback stream that was made with `variable_rate`.
    UpdatePlaybackStreamSampleRate {
        /// The stream.
        channel: u32,
        /// Hz.
        rate: u32,
    }

    /// Changes the rate of a record stream that was made with `variable_rate`.
    UpdateRecordStreamSampleRate {
        /// The stream.
        channel: u32,
        /// Hz.
        rate: u32,
    }

    /// Changes the properties of a playback stream.
    UpdatePlaybackStreamProplist {
        /// The stream.
        channel: u32,
        /// How.
        mode: UpdateMode,
        /// The properties.
        properties: PropList,
    }

    /// Changes the properties of a record stream.
    UpdateRecordStreamProplist {
        /// The stream.
        channel: u32,
        /// How.
        mode: UpdateMode,
        /// The properties.
        properties: PropList,
    }

    /// Removes properties of a playback stream.
    RemovePlaybackStreamProplist {
        /// The stream.
        channel: u32,
        /// The names, at most 4,096.
        names: Vec<String> [as NullEnded],
    }

    /// Removes properties of a record stream.
    RemoveRecordStreamProplist {
        /// The stream.
        channel: u32,
        /// The names, at most 4,096.
        names: Vec<String> [as NullEnded],
    }
}
