//! WAV files, RF64 once they grow beyond 4 GB.

use std::io::Write;

use sealpulse_spec::{ChannelMap, ChannelPosition, SampleFormat, SampleSpec};

use super::write::{Output, WriteError, Writer};

/// The tail of the sub-formats' GUIDs (`KSDATAFORMAT_SUBTYPE_*`).
const SUBTYPE: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

/// A WAV file.
pub(super) struct Wav {
    file: Output,
    spec: SampleSpec,
    mask: u32,
    data: u64,
}

impl Wav {
    /// Whether there is a WAV format for it.
    pub(super) fn check(spec: SampleSpec) -> Result<(), WriteError> {
        match tag(spec.format) {
            Some(_) => Ok(()),
            None => Err(WriteError::Format { kind: "WAV", format: spec.format }),
        }
    }

    /// Writes the header of an empty file.
    pub(super) fn new(file: Output, spec: SampleSpec, map: &ChannelMap) -> Result<Self, WriteError> {
        Self::check(spec)?;
        let mut wav = Self { file, spec, mask: mask(map), data: 0 };
        // What cannot be told later is told to be endless.
        let length = if wav.file.is_seekable() { 0 } else { u64::from(u32::MAX) };
        let header = wav.header(length);
        wav.file.write_all(&header)?;
        wav.file.flush()?;
        Ok(wav)
    }

    fn header(&self, data: u64) -> Vec<u8> {
        let SampleSpec { format, channels, rate } = self.spec;
        let tag = tag(format).unwrap_or(1);
        let bits = 8 * format.size() as u16;
        let extensible = channels > 2 || bits > 16 && tag == 1;
        let mut chunk = Vec::new();
        let frame = self.spec.frame_size() as u32;
        for word in [if extensible { 0xfffe } else { tag }, u16::from(channels)] {
            chunk.extend(word.to_le_bytes());
        }
        chunk.extend(rate.to_le_bytes());
        chunk.extend(frame.wrapping_mul(rate).to_le_bytes());
        chunk.extend((frame as u16).to_le_bytes());
        chunk.extend(bits.to_le_bytes());
        if extensible {
            chunk.extend(22u16.to_le_bytes());
            chunk.extend(bits.to_le_bytes());
            chunk.extend(self.mask.to_le_bytes());
            chunk.extend(tag.to_le_bytes());
            chunk.extend(SUBTYPE);
        } else if tag != 1 {
            chunk.extend(0u16.to_le_bytes());
        }
        let frames = data / u64::from(frame.max(1));
        let short = |length: u64| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        let mut body = Vec::new();
        let mut add = |name: &[u8; 4], contents: &[u8]| {
            body.extend(name);
            body.extend((contents.len() as u32).to_le_bytes());
            body.extend(contents);
        };
        // "WAVE", three chunks with their heads, and the head of the data.
        let fact = if tag == 1 { 0 } else { 12 };
        let whole = 4 + 36 + 8 + chunk.len() as u64 + fact + 8 + data + data % 2;
        let large = whole > u64::from(u32::MAX) && self.file.is_seekable();
        if large {
            add(
                b"ds64",
                &[&whole.to_le_bytes()[..], &data.to_le_bytes(), &frames.to_le_bytes(), &[0; 4]].concat(),
            );
        } else {
            // Room for the above, should it be needed.
            add(b"JUNK", &[0; 28]);
        }
        add(b"fmt ", &chunk);
        if fact > 0 {
            add(b"fact", &short(frames));
        }
        let (name, whole, data) = if large { (b"RF64", u64::MAX, u64::MAX) } else { (b"RIFF", whole, data) };
        [&name[..], &short(whole), b"WAVE", &body, b"data", &short(data)].concat()
    }
}

impl Writer for Wav {
    fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.file.write_all(bytes)?;
        self.data += bytes.len() as u64;
        Ok(())
    }

    fn update(&mut self) -> Result<(), WriteError> {
        let header = self.header(self.data);
        Ok(self.file.replace_start(&header)?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        if self.data % 2 == 1 {
            self.file.write_all(&[0])?;
        }
        self.update()
    }
}

/// `wFormatTag`, of the formats that WAV knows.
fn tag(format: SampleFormat) -> Option<u16> {
    match format {
        SampleFormat::U8 | SampleFormat::S16Le | SampleFormat::S24Le | SampleFormat::S32Le => Some(1),
        SampleFormat::F32Le => Some(3),
        SampleFormat::Alaw => Some(6),
        SampleFormat::Ulaw => Some(7),
        _ => None,
    }
}

/// `dwChannelMask`; 0, for channels without a place, unless they are all known and in the order of the bits.
fn mask(map: &ChannelMap) -> u32 {
    use ChannelPosition as P;
    const BITS: [P; 18] = [
        P::FRONT_LEFT,
        P::FRONT_RIGHT,
        P::FRONT_CENTER,
        P::LFE,
        P::REAR_LEFT,
        P::REAR_RIGHT,
        P::FRONT_LEFT_OF_CENTER,
        P::FRONT_RIGHT_OF_CENTER,
        P::REAR_CENTER,
        P::SIDE_LEFT,
        P::SIDE_RIGHT,
        P::TOP_CENTER,
        P::TOP_FRONT_LEFT,
        P::TOP_FRONT_CENTER,
        P::TOP_FRONT_RIGHT,
        P::TOP_REAR_LEFT,
        P::TOP_REAR_CENTER,
        P::TOP_REAR_RIGHT,
    ];
    if map.as_slice() == [P::MONO] {
        return 4;
    }
    let mut mask = 0u32;
    for place in map.as_slice() {
        let Some(bit) = BITS.iter().position(|known| known == place) else { return 0 };
        if mask >> bit != 0 {
            return 0;
        }
        mask |= 1 << bit;
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_tells_places_that_are_in_its_order() {
        assert_eq!(mask(&ChannelMap::mono()), 4);
        assert_eq!(mask(&ChannelMap::stereo()), 3);
        let swapped = [ChannelPosition::FRONT_RIGHT, ChannelPosition::FRONT_LEFT];
        assert_eq!(mask(&ChannelMap::from_slice(&swapped).unwrap()), 0);
        assert_eq!(mask(&ChannelMap::from_slice(&[ChannelPosition::AUX0]).unwrap()), 0);
    }
}
