//! Volume that moves instead of jumping.

use sealpulse_spec::CHANNELS_MAX;

use crate::mix::scale;

/// The factors of a stream's channels, which go to new values in a straight line so that nothing clicks.
///
/// The factor of a frame depends on how many frames of the way are left and on nothing else: the sound is the
/// same however it is cut into calls. Copying a ramp keeps its state, for rendering the same frames again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ramp {
    channels: usize,
    target: [f32; CHANNELS_MAX as usize],
    /// What each channel's factor is short of its target per frame that is left.
    step: [f32; CHANNELS_MAX as usize],
    left: usize,
}

impl Ramp {
    /// At rest at these factors, one for each channel (at most 32).
    pub fn new(gains: &[f32]) -> Self {
        let channels = gains.len().min(usize::from(CHANNELS_MAX));
        let mut target = [0.0; CHANNELS_MAX as usize];
        target[..channels].copy_from_slice(&gains[..channels]);
        Self { channels, target, step: [0.0; CHANNELS_MAX as usize], left: 0 }
    }

    /// Moves to `gains` within `frames` frames; 0 jumps. A ramp that is under way bends where it is.
    pub fn set(&mut self, gains: &[f32], frames: usize) {
        debug_assert_eq!(gains.len(), self.channels);
        let per_frame = 1.0 / frames.max(1) as f32;
        for (channel, &gain) in gains.iter().take(self.channels).enumerate() {
            let current = self.gain(channel);
            self.target[channel] = gain;
            self.step[channel] = (gain - current) * per_frame;
        }
        self.left = frames;
    }

    /// The factor of the next frame's channel; 0 for a channel that is not there.
    pub fn gain(&self, channel: usize) -> f32 {
        match (self.target.get(channel), self.step.get(channel)) {
            (Some(target), Some(step)) => target - step * self.left as f32,
            _ => 0.0,
        }
    }

    /// Whether the factors have arrived.
    pub fn is_steady(&self) -> bool {
        self.left == 0
    }

    /// Whether samples pass as they are, now and until the next [`Self::set`].
    pub fn is_unity(&self) -> bool {
        self.is_steady() && self.target[..self.channels].iter().all(|&gain| gain == 1.0)
    }

    /// Multiplies interleaved `samples` with the factors and goes on by their frames.
    pub fn apply(&mut self, samples: &mut [f32]) {
        if self.channels == 0 {
            return;
        }
        let moving = self.left.min(samples.len() / self.channels);
        let (ramped, steady) = samples.split_at_mut(moving * self.channels);
        for frame in ramped.chunks_exact_mut(self.channels) {
            for (channel, sample) in frame.iter_mut().enumerate() {
                *sample *= self.target[channel] - self.step[channel] * self.left as f32;
            }
            self.left -= 1;
        }
        if !self.is_unity() {
            scale(self.channels, &self.target[..self.channels], steady);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn goes_in_a_straight_line_and_stays() {
        let mut ramp = Ramp::new(&[0.0, 1.0]);
        ramp.set(&[1.0, 1.0], 4);
        let mut samples = [1.0; 12];
        ramp.apply(&mut samples);
        assert_eq!(samples, [0.0, 1.0, 0.25, 1.0, 0.5, 1.0, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0]);
        assert!(ramp.is_unity());
    }

    #[test]
    fn a_new_target_begins_where_the_ramp_is() {
        let mut ramp = Ramp::new(&[0.0]);
        ramp.set(&[1.0], 100);
        ramp.apply(&mut [0.0; 50]);
        let here = ramp.gain(0);
        ramp.set(&[0.0], 10);
        assert!((ramp.gain(0) - here).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn cutting_into_calls_changes_nothing(length in 1_usize..200, cut in 0_usize..200, frames in 0_usize..100) {
            let cut = cut.min(length);
            let mut ramp = Ramp::new(&[0.3, 0.9]);
            ramp.set(&[1.5, 0.0], frames);
            let mut parts = ramp;
            let mut whole = vec![1.0; length * 2];
            ramp.apply(&mut whole);
            let mut pieces = vec![1.0; length * 2];
            parts.apply(&mut pieces[..cut * 2]);
            parts.apply(&mut pieces[cut * 2..]);
            prop_assert_eq!(whole, pieces);
        }
    }
}
