//! What the control thread tells a sound thread. Everything that needs memory is made before it is sent.

use sealpulse_dsp::RemixMatrix;
use sealpulse_memory::Block;

use crate::bus::Bus;
use crate::device::Device;
use crate::gains::Gains;
use crate::link::{Fit, Link};
use crate::playback::Playback;
use crate::queue::Room;
use crate::record::{Attachment, Converter, Record};
use crate::types::{Data, QueueAttr, Seek};

/// Which volume of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeviceVolume {
    Sink,
    Monitor,
}

/// One change of the sound thread's world. Numbers are slots.
pub(crate) enum Command {
    AddDevice(Box<Device>),
    RemoveDevice(u32),
    SetDeviceGains(u32, DeviceVolume, Box<Gains>),
    SuspendDevice(u32, bool),

    AddBus(Box<Bus>),
    RemoveBus(u32),

    AddPlayback(Box<Playback>, Option<u32>),
    RemovePlayback(u32),
    Playback(u32, PlaybackCommand),

    AddRecord(Box<Record>),
    RemoveRecord(u32),
    Record(u32, RecordCommand),

    /// A link and its ends.
    AddLink(Box<Link>, Box<Record>, Box<Playback>),
    /// The ends of a link have moved to other rates.
    FitLink(u32, Fit),
}

/// A change of one playback stream.
pub(crate) enum PlaybackCommand {
    Write {
        seek: Seek,
        offset: i64,
        data: Data,
    },
    Grow(Room),
    Cork(bool),
    Flush,
    Trigger,
    Prebuf,
    Drain(u64),
    SetAttr(QueueAttr, u64),
    SetGains(Box<Gains>),
    /// A new rate, and room for what the bus then sums at once.
    SetRate(u32, Vec<f32>),
    Move {
        bus: u32,
        remix: Option<Box<RemixMatrix>>,
        raw_ok: bool,
    },
    Query(u64),
}

/// A change of one record stream.
pub(crate) enum RecordCommand {
    Supply(Block),
    Cork(bool),
    Flush,
    SetAttr { fragsize: usize, latency_usec: u64 },
    SetGains(Box<Gains>),
    SetRate(u32),
    Move { attachment: Attachment, converter: Box<Converter>, raw_ok: bool },
    Query(u64),
}
