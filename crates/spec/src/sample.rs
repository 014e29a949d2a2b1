//! Sample formats and sample specs.

use std::fmt;

use crate::{CHANNELS_MAX, RATE_MAX};

/// How one sample is stored. The discriminants are those of `pa_sample_format_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SampleFormat {
    /// Unsigned 8 bit, silence is 128.
    U8 = 0,
    /// ITU-T G.711 A-law.
    Alaw = 1,
    /// ITU-T G.711 µ-law.
    Ulaw = 2,
    /// Signed 16 bit, little endian.
    S16Le = 3,
    /// Signed 16 bit, big endian.
    S16Be = 4,
    /// 32 bit IEEE float, little endian, full scale -1 to 1.
    F32Le = 5,
    /// 32 bit IEEE float, big endian.
    F32Be = 6,
    /// Signed 32 bit, little endian.
    S32Le = 7,
    /// Signed 32 bit, big endian.
    S32Be = 8,
    /// Signed 24 bit in three bytes, little endian.
    S24Le = 9,
    /// Signed 24 bit in three bytes, big endian.
    S24Be = 10,
    /// Signed 24 bit in the low bits of four bytes, little endian.
    S24In32Le = 11,
    /// Signed 24 bit in the low bits of four bytes, big endian.
    S24In32Be = 12,
}

impl SampleFormat {
    /// Every format, in the order of the wire values.
    pub const ALL: [SampleFormat; 13] = [
        Self::U8,
        Self::Alaw,
        Self::Ulaw,
        Self::S16Le,
        Self::S16Be,
        Self::F32Le,
        Self::F32Be,
        Self::S32Le,
        Self::S32Be,
        Self::S24Le,
        Self::S24Be,
        Self::S24In32Le,
        Self::S24In32Be,
    ];

    /// The format with this wire value.
    pub fn from_wire(value: u8) -> Option<Self> {
        Self::ALL.get(usize::from(value)).copied()
    }

    /// The value on the wire.
    pub fn to_wire(self) -> u8 {
        self as u8
    }

    /// Bytes of one sample: 1 to 4.
    pub fn size(self) -> usize {
        match self {
            Self::U8 | Self::Alaw | Self::Ulaw => 1,
            Self::S16Le | Self::S16Be => 2,
            Self::S24Le | Self::S24Be => 3,
            _ => 4,
        }
    }

    /// The byte that silence is made of (0x80, 0xd5 and 0xff for the unsigned and companded formats).
    pub fn silence_byte(self) -> u8 {
        match self {
            Self::U8 => 0x80,
            Self::Alaw => 0xd5,
            Self::Ulaw => 0xff,
            _ => 0,
        }
    }

    /// PulseAudio's name: `s16le`, `float32be`, `aLaw`, …
    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::Alaw => "aLaw",
            Self::Ulaw => "uLaw",
            Self::S16Le => "s16le",
            Self::S16Be => "s16be",
            Self::F32Le => "float32le",
            Self::F32Be => "float32be",
            Self::S32Le => "s32le",
            Self::S32Be => "s32be",
            Self::S24Le => "s24le",
            Self::S24Be => "s24be",
            Self::S24In32Le => "s24-32le",
            Self::S24In32Be => "s24-32be",
        }
    }

    /// The format of this name, as `pa_parse_sample_format` takes it: any case, with the native (`s16`,
    /// `16`) and `re` (other endian) spellings.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let native_little = cfg!(target_endian = "little");
        let pick = |little, little_format, big_format| if little { little_format } else { big_format };
        let stems = [
            ("s16", Self::S16Le, Self::S16Be),
            ("float32", Self::F32Le, Self::F32Be),
            ("s32", Self::S32Le, Self::S32Be),
            ("s24-32", Self::S24In32Le, Self::S24In32Be),
            ("s24", Self::S24Le, Self::S24Be),
        ];
        for (stem, little_format, big_format) in stems {
            if let Some(suffix) = name.strip_prefix(stem) {
                let little = match suffix {
                    "le" => true,
                    "be" => false,
                    "" | "ne" => native_little,
                    "re" => !native_little,
                    _ => continue,
                };
                return Some(pick(little, little_format, big_format));
            }
        }
        match name.as_str() {
            "u8" | "8" => Some(Self::U8),
            "16" => Some(pick(native_little, Self::S16Le, Self::S16Be)),
            "32" => Some(pick(native_little, Self::S32Le, Self::S32Be)),
            "24" => Some(pick(native_little, Self::S24Le, Self::S24Be)),
            "float" => Some(pick(native_little, Self::F32Le, Self::F32Be)),
            "mulaw" | "ulaw" => Some(Self::Ulaw),
            "alaw" => Some(Self::Alaw),
            _ => None,
        }
    }
}

impl fmt::Display for SampleFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Format, channels and rate of a stream or device.
///
/// A spec that came from a peer may hold any number; [`SampleSpec::is_valid`] says whether it can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SampleSpec {
    /// How a sample is stored.
    pub format: SampleFormat,
    /// Channels, 1 to [`CHANNELS_MAX`] in a valid spec.
    pub channels: u8,
    /// Frames per second, 1 to [`RATE_MAX`] in a valid spec.
    pub rate: u32,
}

impl SampleSpec {
    /// Whether channels and rate are within their ranges.
    pub fn is_valid(&self) -> bool {
        (1..=CHANNELS_MAX).contains(&self.channels) && (1..=RATE_MAX).contains(&self.rate)
    }

    /// Bytes of one frame (a sample of each channel).
    pub fn frame_size(&self) -> usize {
        self.format.size() * usize::from(self.channels)
    }

    /// Bytes per second.
    pub fn bytes_per_second(&self) -> u64 {
        self.frame_size() as u64 * u64::from(self.rate)
    }

    /// Microseconds that `bytes` last; part frames do not count, as in `pa_bytes_to_usec`.
    pub fn bytes_to_usec(&self, bytes: u64) -> u64 {
        let frames = bytes / self.frame_size().max(1) as u64;
        self.frames_to_usec(frames)
    }

    /// Microseconds that `frames` last, rounded down.
    pub fn frames_to_usec(&self, frames: u64) -> u64 {
        (u128::from(frames) * 1_000_000 / u128::from(self.rate.max(1))) as u64
    }

    /// Whole frames, in bytes, that fit into `usec` microseconds (`pa_usec_to_bytes`).
    pub fn usec_to_bytes(&self, usec: u64) -> u64 {
        let frames = u128::from(usec) * u128::from(self.rate) / 1_000_000;
        (frames as u64).saturating_mul(self.frame_size() as u64)
    }

    /// Like [`Self::usec_to_bytes`], rounded up to a whole frame (`pa_usec_to_bytes_round_up`).
    pub fn usec_to_bytes_round_up(&self, usec: u64) -> u64 {
        let frames = (u128::from(usec) * u128::from(self.rate)).div_ceil(1_000_000);
        (frames as u64).saturating_mul(self.frame_size() as u64)
    }
}

impl fmt::Display for SampleSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}ch {}Hz", self.format, self.channels, self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_to_its_format() {
        for format in SampleFormat::ALL {
            assert_eq!(SampleFormat::parse(format.name()), Some(format));
            assert_eq!(SampleFormat::from_wire(format.to_wire()), Some(format));
        }
        assert_eq!(SampleFormat::from_wire(13), None);
        assert_eq!(SampleFormat::parse("s24-32"), SampleFormat::parse("s24-32ne"));
    }

    #[test]
    fn huge_lengths_do_not_overflow() {
        let spec = SampleSpec { format: SampleFormat::F32Le, channels: 32, rate: RATE_MAX };
        assert!(spec.usec_to_bytes(u64::MAX) > 0);
        assert!(spec.bytes_to_usec(u64::MAX) > 0);
    }
}
