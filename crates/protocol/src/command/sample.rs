//! The sample cache: sounds that are uploaded once and played by name.

use sealpulse_spec::{ChannelMap, ChannelVolumes, SampleSpec};

use super::define::tagstruct;
use crate::PropList;
use crate::values::Usec;

tagstruct! {
    /// Makes a stream that a sample is uploaded with.
    CreateUploadStream {
        /// The sample's name; since version 13 NULL takes it from the properties (`event.id`, `media.name`).
        name: Option<String>,
        /// Its samples; `None`, a format that is not known, is an invalid argument.
        sample_spec: Option<SampleSpec>,
        /// Its channels.
        channel_map: ChannelMap,
        /// Its length in bytes, whole frames, at most 16 MiB.
        length: u32,
        /// Its properties.
        properties: PropList [since 13],
    }

    /// Answers [`CreateUploadStream`].
    CreateUploadStreamReply {
        /// The channel of the stream's commands and blocks.
        channel: u32,
        /// Bytes that the server expects.
        length: u32,
    }

    /// Gives an upload up.
    DeleteUploadStream {
        /// The stream.
        channel: u32,
    }

    /// Puts what was uploaded into the cache.
    FinishUploadStream {
        /// The stream.
        channel: u32,
    }

    /// Plays a sample on a sink, chosen by index or by name; neither means the default one.
    PlaySample {
        /// The sink by index.
        sink_index: Option<u32>,
        /// The sink by name.
        sink_name: Option<String>,
        /// The value of a volume; `u32::MAX` leaves it to the sample.
        volume: u32,
        /// The sample; NULL is an invalid argument.
        name: Option<String>,
        /// Properties of the sink input.
        properties: PropList [since 13],
    }

    /// Answers [`PlaySample`].
    PlaySampleReply {
        /// The index of the sink input.
        sink_input_index: Option<u32> [since 13],
    }

    /// Removes a sample.
    RemoveSample {
        /// The sample; NULL is an invalid argument.
        name: Option<String>,
    }

    /// Asks about a sample, chosen by index or by name.
    GetSampleInfo {
        /// The sample by index.
        index: Option<u32>,
        /// The sample by name.
        name: Option<String>,
    }

    /// Asks about all samples.
    GetSampleInfoList;

    /// A sample.
    SampleInfo {
        /// Its index.
        index: u32,
        /// Its name.
        name: String,
        /// Its volume; empty when it has none.
        volume: ChannelVolumes,
        /// How long it is; 0 when it is not loaded.
        duration: Usec,
        /// Its samples; all zero when it is not loaded.
        sample_spec: SampleSpec [as KnownFormat],
        /// Its channels.
        channel_map: ChannelMap,
        /// Its length in bytes.
        length: u32,
        /// It is loaded when it is first played.
        lazy: bool,
        /// The file that it is loaded from.
        file_name: Option<String>,
        /// Its properties.
        properties: PropList [since 13],
    }
}
