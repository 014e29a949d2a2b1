//! Small types that fields have.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

use crate::COOKIE_LENGTH;
use crate::VersionWord;
use crate::field::Field;
use crate::tagstruct::{Reader, TagstructError, Writer, tag};

type Result<T> = std::result::Result<T, TagstructError>;

/// Microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usec(pub u64);

impl Field for Usec {
    fn encode(&self, writer: &mut Writer) {
        writer.usec(self.0);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        reader.usec().map(Self)
    }

    fn absent() -> Self {
        Self(0)
    }
}

/// A time of day, as `gettimeofday` gives it, cut to 32 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timeval {
    /// Seconds since 1970.
    pub seconds: u32,
    /// Microseconds, 0 to 999,999 where the peer is in its senses.
    pub microseconds: u32,
}

impl Timeval {
    /// From microseconds since 1970.
    pub fn from_unix_usec(usec: u64) -> Self {
        Self { seconds: (usec / 1_000_000) as u32, microseconds: (usec % 1_000_000) as u32 }
    }

    /// Microseconds since 1970.
    pub fn to_unix_usec(self) -> u64 {
        u64::from(self.seconds) * 1_000_000 + u64::from(self.microseconds)
    }
}

impl Field for Timeval {
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(&[tag::TIMEVAL]);
        writer.bytes(&self.seconds.to_be_bytes());
        writer.bytes(&self.microseconds.to_be_bytes());
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        reader.tag(tag::TIMEVAL)?;
        Ok(Self { seconds: reader.raw_u32()?, microseconds: reader.raw_u32()? })
    }

    fn absent() -> Self {
        Self::default()
    }
}

/// What a client authenticates with. It is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie(pub [u8; COOKIE_LENGTH]);

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookie(..)")
    }
}

impl Field for Cookie {
    fn encode(&self, writer: &mut Writer) {
        writer.arbitrary(&self.0);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let mut cookie = Self::absent();
        cookie.0.copy_from_slice(reader.arbitrary(COOKIE_LENGTH)?);
        Ok(cookie)
    }

    fn absent() -> Self {
        Self([0; COOKIE_LENGTH])
    }
}

/// Whatever is left of the packet, as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opaque(pub Vec<u8>);

impl Field for Opaque {
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(&self.0);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        Ok(Self(reader.rest().to_vec()))
    }

    fn absent() -> Self {
        Self::default()
    }
}

impl Field for VersionWord {
    fn encode(&self, writer: &mut Writer) {
        writer.u32(self.to_wire());
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        reader.u32().map(Self::from_wire)
    }

    fn absent() -> Self {
        Self::default()
    }
}

/// An enum that keeps values it does not know.
macro_rules! wire_enum {
    (
        $(#[$meta:meta])*
        $name:ident: $wire:ident, absent $absent:expr;
        $($(#[$value_meta:meta])* $variant:ident = $value:literal,)*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$value_meta])* $variant,)*
            /// Any other value.
            Other($wire),
        }

        impl $name {
            /// From the value on the wire.
            pub fn from_wire(value: $wire) -> Self {
                match value {
                    $($value => Self::$variant,)*
                    other => Self::Other(other),
                }
            }

            /// The value on the wire.
            pub fn to_wire(self) -> $wire {
                match self {
                    $(Self::$variant => $value,)*
                    Self::Other(value) => value,
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                $absent
            }
        }

        impl Field for $name {
            fn encode(&self, writer: &mut Writer) {
                writer.$wire(self.to_wire());
            }

            fn decode(reader: &mut Reader<'_>) -> Result<Self> {
                reader.$wire().map(Self::from_wire)
            }

            fn absent() -> Self {
                Self::default()
            }
        }
    };
}

wire_enum! {
    /// How a property list is changed (`pa_update_mode_t`).
    UpdateMode: u32, absent Self::Set;
    /// The new list takes the place of the old one.
    Set = 0,
    /// Properties are added; those that are there stay as they are.
    Merge = 1,
    /// Properties are added; those that are there are overwritten.
    Replace = 2,
}

wire_enum! {
    /// What a sink or source does (`pa_sink_state_t`). Where the version does not say: `Other(u32::MAX)`.
    DeviceState: u32, absent Self::Other(u32::MAX);
    /// Streams play or record.
    Running = 0,
    /// Open, but no stream plays or records.
    Idle = 1,
    /// Closed for a time.
    Suspended = 2,
}

wire_enum! {
    /// Whether something is plugged into a port (`pa_port_available_t`).
    PortAvailable: u32, absent Self::Unknown;
    /// It cannot be found out.
    Unknown = 0,
    /// Nothing is.
    No = 1,
    /// Something is.
    Yes = 2,
}

wire_enum! {
    /// Which way a card's port goes (`pa_direction_t`).
    PortDirection: u8, absent Self::Output;
    /// Sound goes out.
    Output = 1,
    /// Sound comes in.
    Input = 2,
}

wire_enum! {
    /// What a port is (`pa_device_port_type_t`).
    PortType: u32, absent Self::Unknown;
    /// Not known.
    Unknown = 0,
    /// Auxiliary.
    Aux = 1,
    /// Loudspeaker.
    Speaker = 2,
    /// Headphones.
    Headphones = 3,
    /// Line.
    Line = 4,
    /// Microphone.
    Mic = 5,
    /// Headset.
    Headset = 6,
    /// Handset.
    Handset = 7,
    /// Earpiece.
    Earpiece = 8,
    /// S/PDIF.
    Spdif = 9,
    /// HDMI.
    Hdmi = 10,
    /// Television.
    Tv = 11,
    /// Radio.
    Radio = 12,
    /// Video.
    Video = 13,
    /// USB.
    Usb = 14,
    /// Bluetooth.
    Bluetooth = 15,
    /// Portable.
    Portable = 16,
    /// Hands-free.
    Handsfree = 17,
    /// Car.
    Car = 18,
    /// Hi-fi.
    Hifi = 19,
    /// Telephone.
    Phone = 20,
    /// Network.
    Network = 21,
    /// Analogue.
    Analog = 22,
}

/// A set of bits.
macro_rules! flags {
    (
        $(#[$meta:meta])*
        $name:ident;
        $($(#[$value_meta:meta])* $flag:ident = $value:literal,)*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name(pub u32);

        impl $name {
            $($(#[$value_meta])* pub const $flag: Self = Self($value);)*

            /// Whether all bits of `other` are set.
            pub fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// These but those of `other`.
            pub fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }
        }

        impl BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl BitOrAssign for $name {
            fn bitor_assign(&mut self, other: Self) {
                self.0 |= other.0;
            }
        }

        impl Field for $name {
            fn encode(&self, writer: &mut Writer) {
                writer.u32(self.0);
            }

            fn decode(reader: &mut Reader<'_>) -> Result<Self> {
                reader.u32().map(Self)
            }

            fn absent() -> Self {
                Self(0)
            }
        }
    };
}

flags! {
    /// What a sink can do (`pa_sink_flags_t`).
    SinkFlags;
    /// The hardware sets the volume.
    HW_VOLUME_CTRL = 0x1,
    /// The latency can be asked for.
    LATENCY = 0x2,
    /// It is hardware.
    HARDWARE = 0x4,
    /// It is across a network.
    NETWORK = 0x8,
    /// The hardware mutes.
    HW_MUTE_CTRL = 0x10,
    /// Volumes can be told in decibels.
    DECIBEL_VOLUME = 0x20,
    /// The sink's volume is that of its loudest stream.
    FLAT_VOLUME = 0x40,
    /// The latency adapts to the streams.
    DYNAMIC_LATENCY = 0x80,
    /// The formats can be set.
    SET_FORMATS = 0x100,
}

flags! {
    /// What a source can do (`pa_source_flags_t`); not all bits are those of a sink.
    SourceFlags;
    /// The hardware sets the volume.
    HW_VOLUME_CTRL = 0x1,
    /// The latency can be asked for.
    LATENCY = 0x2,
    /// It is hardware.
    HARDWARE = 0x4,
    /// It is across a network.
    NETWORK = 0x8,
    /// The hardware mutes.
    HW_MUTE_CTRL = 0x10,
    /// Volumes can be told in decibels.
    DECIBEL_VOLUME = 0x20,
    /// The latency adapts to the streams.
    DYNAMIC_LATENCY = 0x40,
    /// The source's volume is that of its loudest stream.
    FLAT_VOLUME = 0x80,
}

flags! {
    /// Which events a client wants (`pa_subscription_mask_t`).
    SubscriptionMask;
    /// Sinks.
    SINK = 0x1,
    /// Sources.
    SOURCE = 0x2,
    /// Sink inputs.
    SINK_INPUT = 0x4,
    /// Source outputs.
    SOURCE_OUTPUT = 0x8,
    /// Modules.
    MODULE = 0x10,
    /// Clients.
    CLIENT = 0x20,
    /// The sample cache.
    SAMPLE_CACHE = 0x40,
    /// The server itself, such as its default sink.
    SERVER = 0x80,
    /// Gone; no such event comes.
    AUTOLOAD = 0x100,
    /// Cards.
    CARD = 0x200,
    /// All there are.
    ALL = 0x2ff,
}

impl SubscriptionMask {
    /// Whether it has no bits but those of [`Self::ALL`].
    pub fn is_valid(self) -> bool {
        Self::ALL.contains(self)
    }

    /// Whether events of this facility are wanted.
    pub fn wants(self, facility: Facility) -> bool {
        self.0 & (1 << facility as u32) != 0
    }
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Facility {
    /// A sink.
    Sink = 0,
    /// A source.
    Source = 1,
    /// A sink input.
    SinkInput = 2,
    /// A source output.
    SourceOutput = 3,
    /// A module.
    Module = 4,
    /// A client.
    Client = 5,
    /// A sample.
    SampleCache = 6,
    /// The server; only with [`Operation::Change`].
    Server = 7,
    /// A card.
    Card = 9,
}

/// What happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Operation {
    /// It is there now.
    New = 0,
    /// It is different now.
    Change = 0x10,
    /// It is gone.
    Remove = 0x20,
}

/// What happened to what (`pa_subscription_event_type_t`).
///
/// ```
/// use sealpulse_protocol::{Facility, Operation, SubscriptionEvent};
/// let event = SubscriptionEvent::new(Facility::Card, Operation::Remove);
/// assert_eq!(event.0, 0x29);
/// assert_eq!(event.facility(), Some(Facility::Card));
/// assert_eq!(event.operation(), Some(Operation::Remove));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SubscriptionEvent(pub u32);

impl SubscriptionEvent {
    /// An event.
    pub fn new(facility: Facility, operation: Operation) -> Self {
        Self(facility as u32 | operation as u32)
    }

    /// What it is about; `None` when that is not known.
    pub fn facility(self) -> Option<Facility> {
        Some(match self.0 & 0xf {
            0 => Facility::Sink,
            1 => Facility::Source,
            2 => Facility::SinkInput,
            3 => Facility::SourceOutput,
            4 => Facility::Module,
            5 => Facility::Client,
            6 => Facility::SampleCache,
            7 => Facility::Server,
            9 => Facility::Card,
            _ => return None,
        })
    }

    /// What happened; `None` when that is not known.
    pub fn operation(self) -> Option<Operation> {
        Some(match self.0 & 0x30 {
            0 => Operation::New,
            0x10 => Operation::Change,
            0x20 => Operation::Remove,
            _ => return None,
        })
    }
}

impl Field for SubscriptionEvent {
    fn encode(&self, writer: &mut Writer) {
        writer.u32(self.0);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        reader.u32().map(Self)
    }

    fn absent() -> Self {
        Self(0)
    }
}

wire_enum! {
    /// How a stream's bytes are encoded (`pa_encoding_t`).
    Encoding: u8, absent Self::INVALID;
    /// Any.
    Any = 0,
    /// PCM.
    Pcm = 1,
    /// AC3 in IEC 61937 frames.
    Ac3 = 2,
    /// E-AC3 in IEC 61937 frames.
    Eac3 = 3,
    /// MPEG-1 and MPEG-2 (not AAC) in IEC 61937 frames.
    Mpeg = 4,
    /// DTS in IEC 61937 frames.
    Dts = 5,
    /// MPEG-2 AAC in IEC 61937 frames.
    Mpeg2Aac = 6,
    /// Dolby TrueHD in IEC 61937 frames.
    TrueHd = 7,
    /// DTS-HD Master Audio in IEC 61937 frames.
    DtsHd = 8,
}

impl Encoding {
    /// No encoding (`PA_ENCODING_INVALID`).
    pub const INVALID: Self = Self::Other(0xff);

    /// PulseAudio's name, `ac3-iec61937`; `None` for one that does not exist.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Any => "any",
            Self::Pcm => "pcm",
            Self::Ac3 => "ac3-iec61937",
            Self::Eac3 => "eac3-iec61937",
            Self::Mpeg => "mpeg-iec61937",
            Self::Dts => "dts-iec61937",
            Self::Mpeg2Aac => "mpeg2-aac-iec61937",
            Self::TrueHd => "truehd-iec61937",
            Self::DtsHd => "dtshd-iec61937",
            Self::Other(_) => return None,
        })
    }
}
