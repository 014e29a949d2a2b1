//! Volumes: PulseAudio's cubic scale, one value per channel.

use crate::CHANNELS_MAX;

/// How loud one channel is. [`Volume::NORM`] leaves samples as they are; the scale is cubic, so that half of
/// it sounds about half as loud (`pa_sw_volume_to_linear`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Volume(pub u32);

impl Volume {
    /// Silence (-∞ dB).
    pub const MUTED: Volume = Volume(0);
    /// Unchanged, 0 dB, 100 %.
    pub const NORM: Volume = Volume(0x10000);
    /// The loudest that is valid (`PA_VOLUME_MAX`).
    pub const MAX: Volume = Volume(u32::MAX / 2);

    /// Whether the value is within PulseAudio's range.
    pub fn is_valid(self) -> bool {
        self <= Self::MAX
    }

    /// The factor that samples are multiplied with: the cube of the volume relative to [`Volume::NORM`].
    ///
    /// ```
    /// use sealpulse_spec::Volume;
    /// assert_eq!(Volume::NORM.to_linear(), 1.0);
    /// assert_eq!(Volume(0x8000).to_linear(), 0.125);
    /// ```
    pub fn to_linear(self) -> f64 {
        let relative = f64::from(self.0) / f64::from(Self::NORM.0);
        relative * relative * relative
    }

    /// The volume of this factor, rounded to the nearest (`pa_sw_volume_from_linear`).
    pub fn from_linear(linear: f64) -> Volume {
        if linear <= 0.0 || linear.is_nan() {
            return Self::MUTED;
        }
        let value = (linear.cbrt() * f64::from(Self::NORM.0)).round();
        Volume(value.min(f64::from(Self::MAX.0)) as u32)
    }

    /// The volume of so many decibels, where 0 leaves samples as they are (`pa_sw_volume_from_dB`).
    pub fn from_decibels(decibels: f64) -> Volume {
        Self::from_linear(10f64.powf(decibels / 20.0))
    }

    /// A volume as people write it: `50%`, `-20dB` or a number of its scale (`pa_parse_volume`).
    ///
    /// ```
    /// use sealpulse_spec::Volume;
    /// assert_eq!(Volume::parse("50%"), Some(Volume(0x8000)));
    /// assert_eq!(Volume::parse("0dB"), Some(Volume::NORM));
    /// assert_eq!(Volume::parse("65536"), Some(Volume::NORM));
    /// assert_eq!(Volume::parse("loud"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Volume> {
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        if let Some(percent) = text.strip_suffix('%') {
            let value = number(percent)? / 100.0 * f64::from(Self::NORM.0);
            return (0.0..=f64::from(Self::MAX.0)).contains(&value).then_some(Volume(value as u32));
        }
        let lower = text.to_ascii_lowercase();
        if let Some(decibels) = lower.strip_suffix("db") {
            let volume = Self::from_decibels(number(decibels)?);
            return (volume < Self::MAX).then_some(volume);
        }
        text.parse().ok().map(Volume).filter(|volume| volume.is_valid())
    }

    /// Both volumes one after the other (`pa_sw_volume_multiply`).
    pub fn multiply(self, other: Volume) -> Volume {
        let product =
            (u64::from(self.0) * u64::from(other.0) + u64::from(Self::NORM.0) / 2) / u64::from(Self::NORM.0);
        Volume(product.min(u64::from(Self::MAX.0)) as u32)
    }
}

/// A volume for each channel (`pa_cvolume`).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChannelVolumes {
    channels: u8,
    values: [Volume; CHANNELS_MAX as usize],
}

impl ChannelVolumes {
    /// `channels` channels, all at `volume`; more than [`CHANNELS_MAX`] are cut off.
    pub fn all(channels: u8, volume: Volume) -> Self {
        let channels = channels.min(CHANNELS_MAX);
        let mut values = [Volume::MUTED; CHANNELS_MAX as usize];
        values[..usize::from(channels)].fill(volume);
        Self { channels, values }
    }

    /// All channels at [`Volume::NORM`].
    pub fn norm(channels: u8) -> Self {
        Self::all(channels, Volume::NORM)
    }

    /// From a list; `None` with more than [`CHANNELS_MAX`] entries. An empty list is "not given".
    pub fn from_slice(volumes: &[Volume]) -> Option<Self> {
        let mut values = [Volume::MUTED; CHANNELS_MAX as usize];
        values.get_mut(..volumes.len())?.copy_from_slice(volumes);
        Some(Self { channels: volumes.len() as u8, values })
    }

    /// Number of channels, 0 to [`CHANNELS_MAX`].
    pub fn channels(&self) -> u8 {
        self.channels
    }

    /// The volumes, a slice of [`Self::channels`] entries.
    pub fn as_slice(&self) -> &[Volume] {
        &self.values[..usize::from(self.channels)]
    }

    /// Whether there is a channel and each volume is in range (`pa_cvolume_valid`).
    pub fn is_valid(&self) -> bool {
        self.channels > 0 && self.as_slice().iter().all(|volume| volume.is_valid())
    }

    /// Whether every channel is at [`Volume::NORM`].
    pub fn is_norm(&self) -> bool {
        self.as_slice().iter().all(|&volume| volume == Volume::NORM)
    }

    /// Each channel multiplied by that of `factor`; channels that `factor` does not have stay.
    pub fn scaled_by(&self, factor: &ChannelVolumes) -> Self {
        let mut scaled = *self;
        for (volume, factor) in scaled.values[..usize::from(self.channels)].iter_mut().zip(factor.as_slice())
        {
            *volume = volume.multiply(*factor);
        }
        scaled
    }

    /// The loudest channel; muted where there is none.
    pub fn max(&self) -> Volume {
        self.as_slice().iter().copied().max().unwrap_or(Volume::MUTED)
    }

    /// The same volume for another number of channels: the loudest for all, as PulseAudio does where maps
    /// cannot be matched.
    pub fn spread(&self, channels: u8) -> Self {
        if channels == self.channels { *self } else { Self::all(channels, self.max()) }
    }
}

/// One channel, which PulseAudio takes for all channels where a volume is set.
impl From<Volume> for ChannelVolumes {
    fn from(volume: Volume) -> Self {
        Self::all(1, volume)
    }
}

impl std::fmt::Debug for ChannelVolumes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.as_slice().iter().map(|volume| volume.0)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_and_back_is_the_same_volume() {
        for value in [0, 1, 100, 0x8000, 0x10000, 0x18000, 0x7fff_ffff] {
            assert_eq!(Volume::from_linear(Volume(value).to_linear()), Volume(value));
        }
        assert_eq!(Volume::from_linear(f64::NAN), Volume::MUTED);
        assert_eq!(Volume::MAX.multiply(Volume::MAX), Volume::MAX);
    }

    #[test]
    fn too_many_channels_are_refused() {
        assert!(ChannelVolumes::from_slice(&[Volume::NORM; 33]).is_none());
        assert!(!ChannelVolumes::from_slice(&[]).unwrap().is_valid());
    }
}
