//! Volumes as factors.

use sealpulse_spec::{CHANNELS_MAX, ChannelVolumes};

/// A factor for each channel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Gains {
    values: [f32; CHANNELS_MAX as usize],
    channels: usize,
    unity: bool,
}

impl Gains {
    /// The factors for `channels` channels; where the volumes are of another number, their loudest for all.
    pub(crate) fn new(volume: &ChannelVolumes, muted: bool, channels: u8) -> Self {
        let channels = channels.min(CHANNELS_MAX);
        let volume = volume.spread(channels);
        let mut values = [0.0; CHANNELS_MAX as usize];
        if !muted {
            for (value, volume) in values.iter_mut().zip(volume.as_slice()) {
                *value = volume.to_linear() as f32;
            }
        }
        Self { values, channels: usize::from(channels), unity: !muted && volume.is_norm() }
    }

    /// Leaves everything as it is.
    pub(crate) fn unity(channels: u8) -> Self {
        Self::new(&ChannelVolumes::norm(channels), false, channels)
    }

    pub(crate) fn is_unity(&self) -> bool {
        self.unity
    }

    /// Scales interleaved samples.
    pub(crate) fn apply(&self, samples: &mut [f32]) {
        if !self.unity {
            sealpulse_dsp::scale(self.channels, &self.values[..self.channels], samples);
        }
    }
}
