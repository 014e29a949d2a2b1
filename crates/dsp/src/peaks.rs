//! Levels for meters.

use sealpulse_spec::{CHANNELS_MAX, RATE_MAX};

/// The greatest magnitude of each channel within each output frame's span of input (`PA_STREAM_PEAK_DETECT`).
///
/// Output frame *n* covers the input frames from *n·from/to* to before *(n+1)·from/to*, rounded down, and comes
/// out together with the last of them. Where `to` is above `from`, frames that cover no input repeat the one before.
#[derive(Clone, Debug)]
pub struct PeakDetector {
    channels: usize,
    from: u64,
    to: u64,
    /// Input and output frames since the counters last went around.
    taken: u64,
    given: u64,
    peaks: [f32; CHANNELS_MAX as usize],
    fresh: bool,
}

impl PeakDetector {
    /// For 1 to 32 `channels`, input at `from` Hz, output at `to` Hz; values beyond the ranges are clamped.
    pub fn new(channels: usize, from: u32, to: u32) -> Self {
        Self {
            channels: channels.clamp(1, usize::from(CHANNELS_MAX)),
            from: u64::from(from.clamp(1, RATE_MAX)),
            to: u64::from(to.clamp(1, RATE_MAX)),
            taken: 0,
            given: 0,
            peaks: [0.0; CHANNELS_MAX as usize],
            fresh: true,
        }
    }

    /// Output frames that come out when `input_frames` more are pushed.
    pub fn output_ready(&self, input_frames: usize) -> usize {
        // Frames n with (n + 1)·from/to, rounded down, at or below all input.
        let end = self.taken + input_frames as u64;
        (((end + 1) * self.to - 1) / self.from).saturating_sub(self.given) as usize
    }

    /// Input frames that are needed so that `output_frames` more are ready.
    pub fn input_needed(&self, output_frames: usize) -> usize {
        if output_frames == 0 {
            return 0;
        }
        ((self.given + output_frames as u64) * self.from / self.to).saturating_sub(self.taken) as usize
    }

    /// Takes all of the interleaved `input` and writes what is ready to `output`, which has room for
    /// [`Self::output_ready`] frames. Returns the frames written.
    pub fn push(&mut self, input: &[f32], output: &mut [f32]) -> usize {
        let mut input = input.chunks_exact(self.channels);
        let ready = self.output_ready(input.len());
        debug_assert!(output.len() >= ready * self.channels);
        for output in output.chunks_exact_mut(self.channels).take(ready) {
            let needed = self.input_needed(1);
            self.gather(&mut input, needed);
            output.copy_from_slice(&self.peaks[..self.channels]);
            self.given += 1;
            self.fresh = true;
        }
        self.gather(&mut input, usize::MAX);
        let turns = self.taken / self.from;
        self.taken -= turns * self.from;
        self.given = self.given.saturating_sub(turns * self.to);
        ready
    }

    /// Forgets what was pushed.
    pub fn reset(&mut self) {
        self.taken = 0;
        self.given = 0;
        self.peaks = [0.0; CHANNELS_MAX as usize];
        self.fresh = true;
    }

    fn gather(&mut self, input: &mut std::slice::ChunksExact<'_, f32>, frames: usize) {
        for frame in input.take(frames) {
            if self.fresh {
                self.peaks = [0.0; CHANNELS_MAX as usize];
                self.fresh = false;
            }
            for (peak, sample) in self.peaks.iter_mut().zip(frame) {
                *peak = peak.max(sample.abs());
            }
            self.taken += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_frame_is_the_greatest_magnitude_of_its_span() {
        let mut detector = PeakDetector::new(2, 8, 2);
        let input = [0.1, 0.0, -0.7, 0.2, 0.3, 0.0, 0.0, -0.9, 0.0, 0.5, 0.0, 0.0, 0.25, 0.0, 0.0, 0.0];
        let mut output = [0.0; 4];
        assert_eq!(detector.push(&input, &mut output), 2);
        assert_eq!(output, [0.7, 0.9, 0.25, 0.5]);
    }

    #[test]
    fn spans_end_where_pulseaudios_do() {
        // 10 to 3: the spans end before input frames 3, 6 and 10.
        let mut detector = PeakDetector::new(1, 10, 3);
        let mut ends = Vec::new();
        for frame in 1..=20 {
            let mut output = [0.0; 2];
            if detector.push(&[frame as f32], &mut output) == 1 {
                ends.push(frame);
                assert_eq!(output[0], frame as f32);
            }
        }
        assert_eq!(ends, [3, 6, 10, 13, 16, 20]);
    }

    proptest! {
        #[test]
        fn cutting_into_calls_changes_nothing(
            from in 1_u32..300,
            to in 1_u32..300,
            cuts in prop::collection::vec(0_usize..40, 1..20),
        ) {
            let frames: usize = cuts.iter().sum();
            let input: Vec<f32> = (0..frames).map(|n| (n as f32 * 1.7).sin()).collect();
            let mut detector = PeakDetector::new(1, from, to);
            let mut parts = detector.clone();
            let mut whole = vec![0.0; detector.output_ready(frames)];
            prop_assert_eq!(whole.len() as u64, ((frames as u64 + 1) * u64::from(to) - 1) / u64::from(from));
            detector.push(&input, &mut whole);
            let mut pieces = Vec::new();
            let mut rest = &input[..];
            for cut in cuts {
                let mut output = vec![0.0; parts.output_ready(cut)];
                parts.push(&rest[..cut], &mut output);
                pieces.extend(output);
                rest = &rest[cut..];
            }
            prop_assert_eq!(whole, pieces);
        }
    }
}
