//! What the server tells without being asked. All of it goes out with the tag [`NO_TAG`](crate::NO_TAG).

use super::define::tagstruct;
use crate::PropList;
use crate::values::{SubscriptionEvent, SubscriptionMask, Usec};

tagstruct! {
    /// A playback stream wants more.
    Request {
        /// The stream.
        channel: u32,
        /// Bytes, on top of what was asked for before.
        bytes: u32,
    }

    /// A playback stream's buffer was full, and something was dropped.
    Overflow {
        /// The stream.
        channel: u32,
    }

    /// A playback stream ran dry.
    Underflow {
        /// The stream.
        channel: u32,
        /// The read index at which it did, in bytes.
        offset: i64 [since 23],
    }

    /// A playback stream that had been dry plays again.
    Started {
        /// The stream.
        channel: u32,
    }

    /// The server ended a playback stream.
    PlaybackStreamKilled {
        /// The stream.
        channel: u32,
    }

    /// The server ended a record stream.
    RecordStreamKilled {
        /// The stream.
        channel: u32,
    }

    /// A playback stream's sink was suspended or resumed.
    PlaybackStreamSuspended {
        /// The stream.
        channel: u32,
        /// Suspended.
        suspended: bool,
    }

    /// A record stream's source was suspended or resumed.
    RecordStreamSuspended {
        /// The stream.
        channel: u32,
        /// Suspended.
        suspended: bool,
    }

    /// A playback stream has another sink. Lengths are in bytes.
    PlaybackStreamMoved {
        /// The stream.
        channel: u32,
        /// The new sink's index.
        sink_index: u32,
        /// The new sink's name.
        sink_name: Option<String>,
        /// The new sink is suspended.
        suspended: bool,
        /// Longest the buffer may get.
        maxlength: u32 [since 13],
        /// How much the server tries to have in the buffer.
        tlength: u32 [since 13],
        /// How much has to be there before playing begins.
        prebuf: u32 [since 13],
        /// The least that the server asks for.
        minreq: u32 [since 13],
        /// The sink's latency as it is set.
        sink_latency: Usec [since 13],
    }

    /// A record stream has another source. Lengths are in bytes.
    RecordStreamMoved {
        /// The stream.
        channel: u32,
        /// The new source's index.
        source_index: u32,
        /// The new source's name.
        source_name: Option<String>,
        /// The new source is suspended.
        suspended: bool,
        /// Longest the buffer may get.
        maxlength: u32 [since 13],
        /// How much the server sends at a time.
        fragsize: u32 [since 13],
        /// The source's latency as it is set.
        source_latency: Usec [since 13],
    }

    /// The lengths of a playback stream changed. They are in bytes.
    PlaybackBufferAttrChanged {
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
        /// The sink's latency as it is set.
        sink_latency: Usec,
    }

    /// The lengths of a record stream changed. They are in bytes.
    RecordBufferAttrChanged {
        /// The stream.
        channel: u32,
        /// Longest the buffer may get.
        maxlength: u32,
        /// How much the server sends at a time.
        fragsize: u32,
        /// The source's latency as it is set.
        source_latency: Usec,
    }

    /// Something happened to a playback stream, such as a request to cork.
    PlaybackStreamEvent {
        /// The stream.
        channel: u32,
        /// What, such as `request-cork`.
        event: Option<String>,
        /// More about it.
        properties: PropList,
    }

    /// Something happened to a record stream, such as a request to cork.
    RecordStreamEvent {
        /// The stream.
        channel: u32,
        /// What, such as `request-cork`.
        event: Option<String>,
        /// More about it.
        properties: PropList,
    }

    /// Something happened to the client.
    ClientEvent {
        /// What.
        event: Option<String>,
        /// More about it.
        properties: PropList,
    }

    /// Asks for [`SubscribeEvent`]s.
    Subscribe {
        /// Of what; none ends them.
        mask: SubscriptionMask,
    }

    /// Something happened to an object.
    SubscribeEvent {
        /// What, to which kind of object.
        event: SubscriptionEvent,
        /// The object's index; `None` for the server.
        index: Option<u32>,
    }
}
