//! Volume and sums.

use sealpulse_spec::CHANNELS_MAX;

/// Adds `input` to `acc`, sample by sample. Nothing clips here; [`crate::encode`] saturates the finished sum.
pub fn mix_into(acc: &mut [f32], input: &[f32]) {
    debug_assert_eq!(acc.len(), input.len());
    for (acc, input) in acc.iter_mut().zip(input) {
        *acc += input;
    }
}

/// Multiplies each channel of interleaved `samples` with its factor in `gains`, one for each of `channels`
/// (1 to 32).
pub fn scale(channels: usize, gains: &[f32], samples: &mut [f32]) {
    let Some(pattern) = Pattern::new(channels, gains) else { return };
    for samples in samples.chunks_mut(pattern.len) {
        for (sample, gain) in samples.iter_mut().zip(pattern.gains()) {
            *sample *= gain;
        }
    }
}

/// Adds `input`, each channel multiplied with its factor in `gains`, to `acc`.
pub fn mix_scaled_into(channels: usize, gains: &[f32], acc: &mut [f32], input: &[f32]) {
    debug_assert_eq!(acc.len(), input.len());
    let Some(pattern) = Pattern::new(channels, gains) else { return };
    for (acc, input) in acc.chunks_mut(pattern.len).zip(input.chunks(pattern.len)) {
        for ((acc, input), gain) in acc.iter_mut().zip(input).zip(pattern.gains()) {
            *acc += input * gain;
        }
    }
}

/// Factors repeated for several frames, so that the loops are long enough to vectorise.
struct Pattern {
    gains: [f32; Self::CAPACITY],
    len: usize,
}

impl Pattern {
    const CAPACITY: usize = 128;

    fn new(channels: usize, gains: &[f32]) -> Option<Self> {
        debug_assert_eq!(channels, gains.len());
        let gains = gains.get(..channels)?;
        if channels == 0 || channels > usize::from(CHANNELS_MAX) {
            return None;
        }
        let len = Self::CAPACITY / channels * channels;
        let mut pattern = Self { gains: [0.0; Self::CAPACITY], len };
        pattern.gains[..channels].copy_from_slice(gains);
        let mut filled = channels;
        while filled < len {
            let more = filled.min(len - filled);
            pattern.gains.copy_within(..more, filled);
            filled += more;
        }
        Some(pattern)
    }

    fn gains(&self) -> &[f32] {
        &self.gains[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_sample_meets_its_channels_factor(
            channels in 1_usize..=32,
            frames in 0_usize..300,
            gains in prop::collection::vec(0.0_f32..4.0, 32),
        ) {
            let input: Vec<f32> = (0..frames * channels).map(|n| (n as f32).sin()).collect();
            let gains = &gains[..channels];
            let expected: Vec<f32> = input.iter().enumerate().map(|(n, x)| x * gains[n % channels]).collect();

            let mut scaled = input.clone();
            scale(channels, gains, &mut scaled);
            prop_assert_eq!(&scaled, &expected);

            let mut mixed = input.clone();
            mix_scaled_into(channels, gains, &mut mixed, &input);
            let mut summed = input.clone();
            mix_into(&mut summed, &expected);
            prop_assert_eq!(mixed, summed);
        }
    }
}
