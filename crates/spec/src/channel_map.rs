//! Channel positions and channel maps.

use std::fmt;

use crate::CHANNELS_MAX;

/// What a channel is meant for: the number of `pa_channel_position_t`, 0 (`mono`) to 50.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelPosition(u8);

/// Names by number; 12 to 43 are `aux0` to `aux31`.
const NAMES: [&str; 51] = [
    "mono",
    "front-left",
    "front-right",
    "front-center",
    "rear-center",
    "rear-left",
    "rear-right",
    "lfe",
    "front-left-of-center",
    "front-right-of-center",
    "side-left",
    "side-right",
    "aux0",
    "aux1",
    "aux2",
    "aux3",
    "aux4",
    "aux5",
    "aux6",
    "aux7",
    "aux8",
    "aux9",
    "aux10",
    "aux11",
    "aux12",
    "aux13",
    "aux14",
    "aux15",
    "aux16",
    "aux17",
    "aux18",
    "aux19",
    "aux20",
    "aux21",
    "aux22",
    "aux23",
    "aux24",
    "aux25",
    "aux26",
    "aux27",
    "aux28",
    "aux29",
    "aux30",
    "aux31",
    "top-center",
    "top-front-left",
    "top-front-right",
    "top-front-center",
    "top-rear-left",
    "top-rear-right",
    "top-rear-center",
];

macro_rules! positions {
    ($($name:ident = $value:literal, $doc:literal;)*) => {
        #[allow(missing_docs, reason = "the names say it")]
        impl ChannelPosition {
            $(#[doc = $doc] pub const $name: ChannelPosition = ChannelPosition($value);)*
        }
    };
}

positions! {
    MONO = 0, "mono";
    FRONT_LEFT = 1, "front-left";
    FRONT_RIGHT = 2, "front-right";
    FRONT_CENTER = 3, "front-center";
    REAR_CENTER = 4, "rear-center";
    REAR_LEFT = 5, "rear-left";
    REAR_RIGHT = 6, "rear-right";
    LFE = 7, "lfe, the subwoofer";
    FRONT_LEFT_OF_CENTER = 8, "front-left-of-center";
    FRONT_RIGHT_OF_CENTER = 9, "front-right-of-center";
    SIDE_LEFT = 10, "side-left";
    SIDE_RIGHT = 11, "side-right";
    AUX0 = 12, "aux0, the first of 32 channels without a place";
    TOP_CENTER = 44, "top-center";
    TOP_FRONT_LEFT = 45, "top-front-left";
    TOP_FRONT_RIGHT = 46, "top-front-right";
    TOP_FRONT_CENTER = 47, "top-front-center";
    TOP_REAR_LEFT = 48, "top-rear-left";
    TOP_REAR_RIGHT = 49, "top-rear-right";
    TOP_REAR_CENTER = 50, "top-rear-center";
}

impl ChannelPosition {
    /// The position with this wire value.
    pub fn from_wire(value: u8) -> Option<Self> {
        (usize::from(value) < NAMES.len()).then_some(Self(value))
    }

    /// The value on the wire.
    pub fn to_wire(self) -> u8 {
        self.0
    }

    /// `aux0` to `aux31`.
    pub fn aux(number: u8) -> Option<Self> {
        (number < 32).then_some(Self(Self::AUX0.0 + number))
    }

    /// PulseAudio's name, `front-left`.
    pub fn name(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }

    /// The position of this name; `left`, `right`, `center` and `subwoofer` are known too.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "left" => Some(Self::FRONT_LEFT),
            "right" => Some(Self::FRONT_RIGHT),
            "center" => Some(Self::FRONT_CENTER),
            "subwoofer" => Some(Self::LFE),
            _ => NAMES.iter().position(|&known| known == name).map(|index| Self(index as u8)),
        }
    }

    /// One of the positions on the left side.
    pub fn is_left(self) -> bool {
        matches!(self.0, 1 | 5 | 8 | 10 | 45 | 48)
    }

    /// One of the positions on the right side.
    pub fn is_right(self) -> bool {
        matches!(self.0, 2 | 6 | 9 | 11 | 46 | 49)
    }

    /// One of the positions in the middle, `mono` and `lfe` not among them.
    pub fn is_center(self) -> bool {
        matches!(self.0, 3 | 4 | 44 | 47 | 50)
    }

    /// One of the positions in front.
    pub fn is_front(self) -> bool {
        matches!(self.0, 1 | 2 | 3 | 8 | 9 | 45 | 46 | 47)
    }

    /// One of the positions at the rear.
    pub fn is_rear(self) -> bool {
        matches!(self.0, 4 | 5 | 6 | 48 | 49 | 50)
    }

    /// One of the positions at the side, above the listener's head among them (`on_side` in PulseAudio).
    pub fn is_side(self) -> bool {
        matches!(self.0, 10 | 11 | 44)
    }
}

impl fmt::Debug for ChannelPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The position of each channel, in the order of the samples in a frame (`pa_channel_map`).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChannelMap {
    channels: u8,
    positions: [ChannelPosition; CHANNELS_MAX as usize],
}

/// Maps that have a name of their own, as `pa_channel_map_parse` knows them.
const NAMED: [(&str, &[u8]); 8] = [
    ("mono", &[0]),
    ("stereo", &[1, 2]),
    ("surround-21", &[1, 2, 7]),
    ("surround-40", &[1, 2, 5, 6]),
    ("surround-41", &[1, 2, 5, 6, 7]),
    ("surround-50", &[1, 2, 5, 6, 3]),
    ("surround-51", &[1, 2, 5, 6, 3, 7]),
    ("surround-71", &[1, 2, 5, 6, 3, 7, 10, 11]),
];

impl ChannelMap {
    /// From a list; `None` when it has more than [`CHANNELS_MAX`] entries. An empty map is "not given".
    pub fn from_slice(positions: &[ChannelPosition]) -> Option<Self> {
        let mut all = [ChannelPosition::MONO; CHANNELS_MAX as usize];
        all.get_mut(..positions.len())?.copy_from_slice(positions);
        Some(Self { channels: positions.len() as u8, positions: all })
    }

    fn from_wire_slice(values: &[u8]) -> Self {
        let mut positions = [ChannelPosition::MONO; CHANNELS_MAX as usize];
        for (position, &value) in positions.iter_mut().zip(values) {
            *position = ChannelPosition(value);
        }
        Self { channels: values.len() as u8, positions }
    }

    /// One channel, `mono`.
    pub fn mono() -> Self {
        Self::from_wire_slice(&[0])
    }

    /// `front-left`, `front-right`.
    pub fn stereo() -> Self {
        Self::from_wire_slice(&[1, 2])
    }

    /// The default map of this many channels: AIFF's, then `aux` for what it has no place for
    /// (`pa_channel_map_init_extend` with `PA_CHANNEL_MAP_AIFF`). More than [`CHANNELS_MAX`] are cut off.
    pub fn default_for(channels: u8) -> Self {
        let channels = channels.min(CHANNELS_MAX);
        let base: &[u8] = match channels {
            0 => &[],
            1 => &[0],
            2 => &[1, 2],
            3 => &[1, 2, 3],
            4 => &[1, 3, 2, 4],
            5 => &[1, 2, 3, 5, 6],
            _ => &[1, 8, 3, 2, 9, 4],
        };
        let mut map = Self::from_wire_slice(base);
        for (number, position) in map.positions[base.len()..usize::from(channels)].iter_mut().enumerate() {
            *position = ChannelPosition(ChannelPosition::AUX0.0 + number as u8);
        }
        map.channels = channels;
        map
    }

    /// Number of channels, 0 to [`CHANNELS_MAX`].
    pub fn channels(&self) -> u8 {
        self.channels
    }

    /// What people call such channels, in whatever order: `Stereo`, `Surround 5.1`; `None` where there is no word for
    /// them.
    pub fn pretty_name(&self) -> Option<&'static str> {
        use ChannelPosition as P;
        const BOX: [P; 4] = [P::FRONT_LEFT, P::FRONT_RIGHT, P::REAR_LEFT, P::REAR_RIGHT];
        const SIDES: [P; 2] = [P::SIDE_LEFT, P::SIDE_RIGHT];
        let front = &BOX[..2];
        let known: [(&str, &[&[P]]); 7] = [
            ("Mono", &[&[P::MONO]]),
            ("Stereo", &[front]),
            ("Surround 4.0", &[&BOX]),
            ("Surround 4.1", &[&BOX, &[P::LFE]]),
            ("Surround 5.0", &[&BOX, &[P::FRONT_CENTER]]),
            ("Surround 5.1", &[&BOX, &[P::FRONT_CENTER, P::LFE]]),
            ("Surround 7.1", &[&BOX, &[P::FRONT_CENTER, P::LFE], &SIDES]),
        ];
        let has = |position: &P| self.as_slice().contains(position);
        let found = known.iter().find(|(_, parts)| {
            let count: usize = parts.iter().map(|part| part.len()).sum();
            count == self.as_slice().len() && parts.iter().all(|part| part.iter().all(has))
        });
        found.map(|(name, _)| *name)
    }

    /// The positions, a slice of [`Self::channels`] entries.
    pub fn as_slice(&self) -> &[ChannelPosition] {
        &self.positions[..usize::from(self.channels)]
    }

    /// Whether there is a channel (`pa_channel_map_valid`).
    pub fn is_valid(&self) -> bool {
        self.channels > 0
    }

    /// A comma-separated list of positions, or the name of a map (`stereo`, `surround-51`, …).
    ///
    /// ```
    /// use sealpulse_spec::ChannelMap;
    /// assert_eq!(ChannelMap::parse("left,right"), Some(ChannelMap::stereo()));
    /// assert_eq!(ChannelMap::parse("surround-51").map(|map| map.channels()), Some(6));
    /// assert_eq!(ChannelMap::parse("nowhere"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((_, values)) = NAMED.iter().find(|(name, _)| *name == text) {
            return Some(Self::from_wire_slice(values));
        }
        let positions: Vec<_> = text
            .split(',')
            .take(usize::from(CHANNELS_MAX) + 1)
            .map(ChannelPosition::parse)
            .collect::<Option<_>>()?;
        Self::from_slice(&positions)
    }
}

impl fmt::Display for ChannelMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, position) in self.as_slice().iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{}", position.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for ChannelMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_channels_have_a_name_in_any_order() {
        let name = |text: &str| ChannelMap::parse(text).unwrap().pretty_name();
        assert_eq!(name("front-right,front-left"), Some("Stereo"));
        assert_eq!(name("surround-51"), Some("Surround 5.1"));
        assert_eq!(name("surround-71"), Some("Surround 7.1"));
        assert_eq!(name("mono"), Some("Mono"));
        assert_eq!(name("front-left"), None);
        assert_eq!(name("front-left,front-right,front-center"), None);
    }

    #[test]
    fn every_default_map_reads_back_from_its_text() {
        for channels in 1..=CHANNELS_MAX {
            let map = ChannelMap::default_for(channels);
            assert_eq!(map.channels(), channels);
            assert_eq!(ChannelMap::parse(&map.to_string()), Some(map));
        }
    }

    #[test]
    fn positions_are_pulseaudios_numbers() {
        assert_eq!(ChannelPosition::parse("aux31").map(ChannelPosition::to_wire), Some(43));
        assert_eq!(ChannelPosition::parse("top-rear-center").map(ChannelPosition::to_wire), Some(50));
        assert_eq!(ChannelPosition::from_wire(51), None);
        assert_eq!(ChannelPosition::aux(32), None);
    }

    #[test]
    fn a_map_of_33_channels_is_refused() {
        assert!(ChannelMap::from_slice(&[ChannelPosition::MONO; 33]).is_none());
        assert!(ChannelMap::parse(&["mono"; 33].join(",")).is_none());
    }
}
