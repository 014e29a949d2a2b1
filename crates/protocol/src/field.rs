//! How each type of a field stands on the wire.

use sealpulse_spec::{
    CHANNELS_MAX, ChannelMap, ChannelPosition, ChannelVolumes, SampleFormat, SampleSpec, Volume,
};

use crate::INVALID_INDEX;
use crate::tagstruct::{Reader, TagstructError, Writer, tag};

type Result<T> = std::result::Result<T, TagstructError>;

/// A value of a packet, or a whole packet's content: all commands, replies and what they consist of.
pub trait Field: Sized {
    /// Appends the value, with those parts that the writer's version has.
    fn encode(&self, writer: &mut Writer);
    /// Reads the value, with those parts that the reader's version has.
    fn decode(reader: &mut Reader<'_>) -> Result<Self>;
    /// What a reader sees where its version does not have the field.
    fn absent() -> Self;
}

/// Another way than [`Field`]'s to put a type on the wire; named by `as` in a field list.
pub(crate) trait Codec<T> {
    fn encode(value: &T, writer: &mut Writer);
    fn decode(reader: &mut Reader<'_>) -> Result<T>;

    /// What is left of a value for a peer of this version.
    #[cfg(test)]
    fn seen_by(value: T, version: u32) -> T
    where
        T: crate::testing::Sample,
    {
        value.seen_by(version)
    }
}

/// The type's own way.
pub(crate) struct Plain;

/// A list after its length as a byte; what is beyond 255 entries is left out.
pub(crate) struct CountU8;

/// A list after its length as a word.
pub(crate) struct CountU32;

/// A list of strings that NULL ends.
pub(crate) struct NullEnded;

/// A sample spec in words that the peer knows: before version 12 there were no 32 bit integers, before 15 no
/// 24 bit ones. PulseAudio shows them as floats of the same byte order there, and so does this.
pub(crate) struct KnownFormat;

/// Most strings in a [`NullEnded`] list; keeps what a packet costs in proportion to its size.
const NULL_ENDED_MAX: usize = 4096;

impl<T: Field> Codec<T> for Plain {
    fn encode(value: &T, writer: &mut Writer) {
        value.encode(writer);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<T> {
        T::decode(reader)
    }
}

impl<T: Field> Codec<Vec<T>> for CountU8 {
    fn encode(list: &Vec<T>, writer: &mut Writer) {
        let count = u8::try_from(list.len()).unwrap_or(u8::MAX);
        writer.u8(count);
        for entry in list.iter().take(usize::from(count)) {
            entry.encode(writer);
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Vec<T>> {
        let count = reader.u8()?;
        (0..count).map(|_| T::decode(reader)).collect()
    }
}

impl<T: Field> Codec<Vec<T>> for CountU32 {
    fn encode(list: &Vec<T>, writer: &mut Writer) {
        let count = u32::try_from(list.len()).unwrap_or(u32::MAX);
        writer.u32(count);
        for entry in list.iter().take(count as usize) {
            entry.encode(writer);
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Vec<T>> {
        // Grows with what is really there: nothing is reserved for a peer's number.
        let count = reader.u32()?;
        let mut list = Vec::new();
        for _ in 0..count {
            list.push(T::decode(reader)?);
        }
        Ok(list)
    }
}

impl Codec<Vec<String>> for NullEnded {
    fn encode(list: &Vec<String>, writer: &mut Writer) {
        for text in list {
            writer.string(Some(text));
        }
        writer.string(None);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Vec<String>> {
        let mut list = Vec::new();
        loop {
            let offset = reader.position();
            let Some(text) = reader.string()? else { return Ok(list) };
            if list.len() == NULL_ENDED_MAX {
                let length = NULL_ENDED_MAX + 1;
                return Err(TagstructError::Length { offset, length, limit: NULL_ENDED_MAX });
            }
            list.push(text.to_owned());
        }
    }
}

impl Codec<SampleSpec> for KnownFormat {
    fn encode(spec: &SampleSpec, writer: &mut Writer) {
        known_format(*spec, writer.version()).encode(writer);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<SampleSpec> {
        SampleSpec::decode(reader)
    }

    #[cfg(test)]
    fn seen_by(spec: SampleSpec, version: u32) -> SampleSpec {
        known_format(spec, version)
    }
}

fn known_format(spec: SampleSpec, version: u32) -> SampleSpec {
    use SampleFormat::*;
    let format = match spec.format {
        S32Le if version < 12 => F32Le,
        S32Be if version < 12 => F32Be,
        S24Le | S24In32Le if version < 15 => F32Le,
        S24Be | S24In32Be if version < 15 => F32Be,
        other => other,
    };
    SampleSpec { format, ..spec }
}

/// A list without a length: it goes on to the end of the packet.
impl<T: Field> Field for Vec<T> {
    fn encode(&self, writer: &mut Writer) {
        for entry in self {
            entry.encode(writer);
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let mut list = Vec::new();
        while !reader.is_empty() {
            let offset = reader.position();
            list.push(T::decode(reader)?);
            // An entry of no bytes would never come to the end.
            if reader.position() == offset {
                break;
            }
        }
        Ok(list)
    }

    fn absent() -> Self {
        Self::new()
    }
}

macro_rules! scalar_fields {
    ($($ty:ty, $method:ident;)*) => {$(
        impl Field for $ty {
            fn encode(&self, writer: &mut Writer) {
                writer.$method(*self);
            }

            fn decode(reader: &mut Reader<'_>) -> Result<Self> {
                reader.$method()
            }

            fn absent() -> Self {
                Self::default()
            }
        }
    )*};
}

scalar_fields! {
    bool, boolean;
    u8, u8;
    u32, u32;
    u64, u64;
    i64, s64;
}

/// An index, or none.
impl Field for Option<u32> {
    fn encode(&self, writer: &mut Writer) {
        writer.u32(self.unwrap_or(INVALID_INDEX));
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let index = reader.u32()?;
        Ok((index != INVALID_INDEX).then_some(index))
    }

    fn absent() -> Self {
        None
    }
}

/// A string that may be NULL.
impl Field for Option<String> {
    fn encode(&self, writer: &mut Writer) {
        writer.string(self.as_deref());
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        Ok(reader.string()?.map(str::to_owned))
    }

    fn absent() -> Self {
        None
    }
}

/// A string that is never NULL.
impl Field for String {
    fn encode(&self, writer: &mut Writer) {
        writer.string(Some(self));
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let offset = reader.position();
        reader.string()?.map(str::to_owned).ok_or(TagstructError::NullString { offset })
    }

    fn absent() -> Self {
        Self::new()
    }
}

/// The format that stands for none (`PA_SAMPLE_INVALID`).
const NO_SAMPLE_FORMAT: u8 = 0xff;

/// A sample spec, or none: its format is not known, as when a client leaves the choice to a list of formats.
impl Field for Option<SampleSpec> {
    fn encode(&self, writer: &mut Writer) {
        let (format, channels, rate) = match self {
            Some(spec) => (spec.format.to_wire(), spec.channels, spec.rate),
            None => (NO_SAMPLE_FORMAT, 0, 0),
        };
        writer.bytes(&[tag::SAMPLE_SPEC, format, channels]);
        writer.bytes(&rate.to_be_bytes());
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        Ok(sample_spec(reader)?.1)
    }

    fn absent() -> Self {
        None
    }
}

/// A sample spec whose format is known; channels and rate may be any number.
impl Field for SampleSpec {
    fn encode(&self, writer: &mut Writer) {
        Some(*self).encode(writer);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let offset = reader.position() + 1;
        let (value, spec) = sample_spec(reader)?;
        spec.ok_or(TagstructError::SampleFormat { offset, value })
    }

    /// What PulseAudio gives for a sample that is not loaded yet: all zero.
    fn absent() -> Self {
        SampleSpec { format: SampleFormat::U8, channels: 0, rate: 0 }
    }
}

fn sample_spec(reader: &mut Reader<'_>) -> Result<(u8, Option<SampleSpec>)> {
    reader.tag(tag::SAMPLE_SPEC)?;
    let value = reader.raw_u8()?;
    let channels = reader.raw_u8()?;
    let rate = reader.raw_u32()?;
    let format = SampleFormat::from_wire(value);
    Ok((value, format.map(|format| SampleSpec { format, channels, rate })))
}

/// A channel map. One with a position that does not exist reads as an empty one, which is not valid either.
impl Field for ChannelMap {
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(&[tag::CHANNEL_MAP, self.channels()]);
        for position in self.as_slice() {
            writer.bytes(&[position.to_wire()]);
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        reader.tag(tag::CHANNEL_MAP)?;
        let channels = channels(reader)?;
        let mut positions = [ChannelPosition::MONO; CHANNELS_MAX as usize];
        let mut known = true;
        for (position, &value) in positions.iter_mut().zip(reader.bytes(channels)?) {
            match ChannelPosition::from_wire(value) {
                Some(found) => *position = found,
                None => known = false,
            }
        }
        let positions = positions.get(..channels).filter(|_| known).unwrap_or_default();
        Ok(ChannelMap::from_slice(positions).unwrap_or_else(Self::absent))
    }

    fn absent() -> Self {
        ChannelMap::default_for(0)
    }
}

/// A volume for each channel, of any value.
impl Field for ChannelVolumes {
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(&[tag::CVOLUME, self.channels()]);
        for volume in self.as_slice() {
            writer.bytes(&volume.0.to_be_bytes());
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        reader.tag(tag::CVOLUME)?;
        let channels = channels(reader)?;
        let mut volumes = [Volume::MUTED; CHANNELS_MAX as usize];
        for volume in volumes.iter_mut().take(channels) {
            *volume = Volume(reader.raw_u32()?);
        }
        let volumes = volumes.get(..channels).unwrap_or_default();
        Ok(ChannelVolumes::from_slice(volumes).unwrap_or_else(Self::absent))
    }

    fn absent() -> Self {
        ChannelVolumes::all(0, Volume::NORM)
    }
}

/// Number of channels, 0 to [`CHANNELS_MAX`].
fn channels(reader: &mut Reader<'_>) -> Result<usize> {
    let offset = reader.position();
    let length = usize::from(reader.raw_u8()?);
    let limit = usize::from(CHANNELS_MAX);
    if length > limit {
        return Err(TagstructError::Length { offset, length, limit });
    }
    Ok(length)
}

impl Field for Volume {
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(&[tag::VOLUME]);
        writer.bytes(&self.0.to_be_bytes());
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        reader.tag(tag::VOLUME)?;
        reader.raw_u32().map(Volume)
    }

    fn absent() -> Self {
        Volume::NORM
    }
}
