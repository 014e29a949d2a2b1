//! Values for tests, made from arbitrary bytes: the same trait that a field has on the wire, but from entropy.
//! Since the bytes come from proptest, what fails shrinks to small values.

use sealpulse_spec::{ChannelMap, ChannelPosition, ChannelVolumes, SampleFormat, SampleSpec, Volume};

use crate::values::*;
use crate::{FormatInfo, INVALID_INDEX, PropList, VersionWord};

/// Bytes that decide; zeros when they are used up.
pub(crate) struct Entropy<'a> {
    bytes: &'a [u8],
    /// Only what a well-behaved peer sends.
    tame: bool,
}

impl<'a> Entropy<'a> {
    /// For any value.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, tame: false }
    }

    /// For values that a well-behaved peer sends: nothing empty or unknown.
    pub(crate) fn tame(bytes: &'a [u8]) -> Self {
        Self { bytes, tame: true }
    }

    fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((&first, rest)) => {
                self.bytes = rest;
                first
            }
            None => 0,
        }
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    fn below(&mut self, limit: u8) -> u8 {
        self.byte() % limit
    }

    /// A value below `known`, or below `all` if it may be an unknown one.
    fn known(&mut self, known: u8, all: u8) -> u8 {
        let limit = if self.tame { known } else { all };
        self.below(limit)
    }

    /// A number of channels.
    fn channels(&mut self) -> u8 {
        if self.tame { 1 + self.below(32) } else { self.below(33) }
    }

    /// Whether something that can be missing is there.
    fn is_there(&mut self) -> bool {
        self.byte() & 1 != 0 || self.tame
    }
}

/// A type whose values can be made from entropy. Every value that is made survives the wire.
pub(crate) trait Sample: Sized {
    fn sample(entropy: &mut Entropy<'_>) -> Self;

    /// What is left of it for a peer of this version: fields that it lacks have their defaults.
    fn seen_by(self, _version: u32) -> Self {
        self
    }
}

macro_rules! sample {
    ($($ty:ty: |$entropy:ident| $make:expr;)*) => {$(
        impl Sample for $ty {
            fn sample($entropy: &mut Entropy<'_>) -> Self {
                $make
            }
        }
    )*};
}

sample! {
    bool: |entropy| entropy.byte() & 1 != 0;
    u8: |entropy| entropy.byte();
    u32: |entropy| u32::from_be_bytes(entropy.bytes());
    u64: |entropy| u64::from_be_bytes(entropy.bytes());
    i64: |entropy| i64::from_be_bytes(entropy.bytes());
    Usec: |entropy| Usec(u64::sample(entropy));
    Volume: |entropy| {
        let mask = if entropy.tame { Volume::MAX.0 } else { u32::MAX };
        Volume(u32::sample(entropy) & mask)
    };
    Timeval: |entropy| {
        let limit = if entropy.tame { 1_000_000 } else { u32::MAX };
        Timeval { seconds: u32::sample(entropy), microseconds: u32::sample(entropy) % limit }
    };
    Cookie: |entropy| Cookie(entropy.bytes());
    Opaque: |entropy| Opaque((0..entropy.below(20)).map(|_| entropy.byte()).collect());
    VersionWord: |entropy| VersionWord::from_wire(u32::sample(entropy));
    UpdateMode: |entropy| UpdateMode::from_wire(u32::from(entropy.known(3, 5)));
    DeviceState: |entropy| DeviceState::from_wire(u32::from(entropy.known(3, 5)));
    PortAvailable: |entropy| PortAvailable::from_wire(u32::from(entropy.known(3, 5)));
    PortType: |entropy| PortType::from_wire(u32::from(entropy.known(23, 25)));
    PortDirection: |entropy| PortDirection::from_wire(1 + entropy.known(2, 5));
    Encoding: |entropy| Encoding::from_wire(entropy.known(7, 12));
    SinkFlags: |entropy| SinkFlags(u32::sample(entropy));
    SourceFlags: |entropy| SourceFlags(u32::sample(entropy));
    SubscriptionMask: |entropy| SubscriptionMask(u32::sample(entropy));
    SubscriptionEvent: |entropy| SubscriptionEvent(u32::sample(entropy));
    Option<u32>: |entropy| Some(u32::sample(entropy)).filter(|&index| index != INVALID_INDEX);
    String: |entropy| {
        const LETTERS: [char; 8] = ['a', 'Z', '.', ' ', '@', 'é', '→', '𝄞'];
        let length = if entropy.tame { 1 + entropy.below(12) } else { entropy.below(12) };
        (0..length).map(|_| LETTERS[usize::from(entropy.below(8))]).collect()
    };
    Option<String>: |entropy| entropy.is_there().then(|| String::sample(entropy));
    PropList: |entropy| {
        // In the order of their names, which is the only one that the other implementation keeps.
        let mut list = PropList::new();
        for name in ["!", "a", "media.name", "x y"] {
            if entropy.is_there() {
                list.set(name, Opaque::sample(entropy).0);
            }
        }
        list
    };
    FormatInfo: |entropy| FormatInfo {
        encoding: Encoding::sample(entropy),
        properties: PropList::sample(entropy),
    };
    SampleSpec: |entropy| SampleSpec {
        format: SampleFormat::ALL[usize::from(entropy.below(13))],
        channels: entropy.byte(),
        rate: u32::sample(entropy),
    };
    Option<SampleSpec>: |entropy| entropy.is_there().then(|| SampleSpec::sample(entropy));
    ChannelMap: |entropy| {
        let positions: Vec<_> =
            (0..entropy.channels()).filter_map(|_| ChannelPosition::from_wire(entropy.below(51))).collect();
        ChannelMap::from_slice(&positions).unwrap()
    };
    ChannelVolumes: |entropy| {
        let volumes: Vec<_> = (0..entropy.channels()).map(|_| Volume::sample(entropy)).collect();
        ChannelVolumes::from_slice(&volumes).unwrap()
    };
}

impl<T: Sample> Sample for Vec<T> {
    fn sample(entropy: &mut Entropy<'_>) -> Self {
        (0..entropy.below(4)).map(|_| T::sample(entropy)).collect()
    }

    fn seen_by(self, version: u32) -> Self {
        self.into_iter().map(|entry| entry.seen_by(version)).collect()
    }
}
